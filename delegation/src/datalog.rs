//! What a token's own Datalog says, asked of the library's engine, block by block as the library's authorizer asks it:
//! each block trusts the first one, itself and who asks (`SPECIFICATIONS.md` of Biscuit, "Authorizer").
//!
//! There is no rule, so that there is nothing to run first, and nothing to limit: each check is one match of one
//! predicate, and the policy of two, over as many facts as fit into a token. The lint has seen to that, and what would
//! take more is refused here once more: nothing of a block is passed over.

use biscuit_auth::{
    builder::CheckKind,
    datalog::{self, Fact, Origin, Predicate, SymbolTable, Term, TrustedOrigins, World},
    error,
    format::{
        convert::{proto_check_to_token_check, proto_fact_to_token_fact},
        schema,
    },
};
use vocabulary::{SessionId, Timestamp};

use crate::{AgentVerb, HolderPublicKey};

/// The library's number for who asks.
const ASKER: usize = usize::MAX;

/// What is stated of one operation: exactly one verb, the time, the session and its holder.
pub(crate) struct Stated<'a> {
    pub(crate) verb: AgentVerb,
    pub(crate) session: SessionId,
    pub(crate) holder: &'a HolderPublicKey,
    pub(crate) now: Timestamp,
}

/// Why nothing was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unasked {
    /// There is more to it than facts and checks, or it writes a name down again.
    #[error("block {0} has {1}")]
    More(usize, &'static str),
    /// The library cannot read it.
    #[error(transparent)]
    Read(#[from] error::Format),
    /// The library cannot evaluate it.
    #[error(transparent)]
    Evaluated(#[from] error::Execution),
}

/// Whether every check of every block holds, and the one policy: `allow if operation($o), verb($o)`, where the verb has
/// to stand in the first block, for no other is trusted.
///
/// # Errors
/// [`Unasked`]; nothing is allowed then.
pub(crate) fn allows(blocks: &[schema::Block], stated: &Stated<'_>) -> Result<bool, Unasked> {
    let mut world = World::new();
    let mut symbols = SymbolTable::new();
    let mut checks = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(more) = beyond(block) {
            return Err(Unasked::More(index, more));
        }
        for symbol in &block.symbols {
            if symbols.get(symbol).is_some() {
                return Err(Unasked::More(index, "a name that is written down already"));
            }
            symbols.insert(symbol);
        }
        let origin = Origin::from_iter([index]);
        for fact in &block.facts {
            world.add_fact(&origin, proto_fact_to_token_fact(fact)?);
        }
        for check in &block.checks {
            let check = proto_check_to_token_check(check, block.version.unwrap_or_default())?;
            checks.push((index, check));
        }
    }
    state(stated, &mut world, &mut symbols);
    let policy = lent(&mut symbols);
    for (index, check) in checks {
        if !holds(&world, &symbols, index, check)? {
            return Ok(false);
        }
    }
    let trusted = TrustedOrigins::from_iter([0, ASKER]);
    Ok(world.query_match(policy, ASKER, &trusted, &symbols)?)
}

/// What a block has that is not asked here: the answer could be wider or narrower without it.
fn beyond(block: &schema::Block) -> Option<&'static str> {
    let scoped = |check: &schema::Check| check.queries.iter().any(|query| !query.scope.is_empty());
    if !block.rules.is_empty() {
        Some("a rule")
    } else if !block.scope.is_empty() || block.checks.iter().any(scoped) {
        Some("a scope of its own")
    } else if !block.public_keys.is_empty() {
        Some("a key")
    } else {
        None
    }
}

fn state(stated: &Stated<'_>, world: &mut World, symbols: &mut SymbolTable) {
    let verb = symbols.add(stated.verb.as_str());
    let session = symbols.add(&stated.session.to_string());
    let origin = Origin::from_iter([ASKER]);
    for (name, term) in [
        ("operation", verb),
        ("time", Term::Date(stated.now.unix_seconds())),
        ("session", session),
        ("holder", Term::Bytes(stated.holder.as_bytes().to_vec())),
    ] {
        world.add_fact(&origin, Fact::new(symbols.insert(name), &[term]));
    }
}

fn holds(
    world: &World,
    symbols: &SymbolTable,
    index: usize,
    check: datalog::Check,
) -> Result<bool, error::Execution> {
    let trusted = TrustedOrigins::from_iter([0, index, ASKER]);
    for query in check.queries {
        let holds = match check.kind {
            CheckKind::One => world.query_match(query, index, &trusted, symbols)?,
            CheckKind::All => world.query_match_all(query, &trusted, symbols)?,
            CheckKind::Reject => !world.query_match(query, index, &trusted, symbols)?,
        };
        if holds {
            return Ok(true);
        }
    }
    Ok(false)
}

fn lent(symbols: &mut SymbolTable) -> datalog::Rule {
    let operation = datalog::var(symbols, "o");
    let one = |name| Predicate::new(name, std::slice::from_ref(&operation));
    let body = [one(symbols.insert("operation")), one(symbols.insert("verb"))];
    datalog::rule::<Term, Predicate>(symbols.insert("query"), &[], &body)
}

#[cfg(test)]
mod tests;
