//! What a token's own Datalog says, asked of the library's engine, block by block as the library's authorizer asks it:
//! each block trusts the first one, itself and who asks (`SPECIFICATIONS.md` of Biscuit, "Authorizer").
//!
//! The lint has seen to it that there is no rule, so that there is nothing to run first and nothing to limit: each
//! check is one match of one predicate over as many facts as fit into a token.

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

/// Whether every check of every block holds, and the one policy: `allow if operation($o), verb($o)`, where the verb has
/// to stand in the first block, for no other is trusted.
///
/// # Errors
/// The library's, for what it cannot read or evaluate; nothing is allowed then.
pub(crate) fn allows(blocks: &[schema::Block], stated: &Stated<'_>) -> Result<bool, error::Token> {
    let mut world = World::new();
    let mut symbols = SymbolTable::new();
    let mut checks = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        for symbol in &block.symbols {
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
) -> Result<bool, error::Token> {
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
mod tests {
    use time::Duration;
    use vocabulary::{DelegationId, MemberId, Risk};

    use super::*;
    use crate::{
        Grant, HolderKey, Narrowing, PathGlobs, Repositories, RootKey, mint,
        token::{Parts, decode},
    };

    /// A session that was lent one verb of two, and everything that it may be asked.
    #[test]
    fn each_check_alone_refuses() {
        let now = Timestamp::from_unix_micros(1_795_000_000_000_000).unwrap();
        let grant = Grant {
            id: DelegationId::new(1, [1; 10]),
            on_behalf_of: MemberId::new(1, [1; 10]),
            agent: "codex".parse().unwrap(),
            verbs: [AgentVerb::ReadTrace, AgentVerb::ProposeWorkItem].into(),
            repositories: Repositories::Any,
            paths: PathGlobs::parse(&["**"]).unwrap(),
            risk_ceiling: Risk::Low,
            expires_at: now.saturating_add(Duration::hours(2)),
        };
        let holder = HolderKey::from_entropy([2; 32]).public();
        let stranger = HolderKey::from_entropy([3; 32]).public();
        let (session, other) = (SessionId::new(1, [4; 10]), SessionId::new(1, [5; 10]));
        let narrowing = Narrowing {
            session,
            holder,
            verbs: [AgentVerb::ReadTrace, AgentVerb::AppendTraceNote].into(),
            expires_at: now.saturating_add(Duration::hours(1)),
        };
        let wide = mint(&RootKey::from_secret(&[6; 32].into()), 1, &grant, [7; 32]).unwrap();
        let token = wide.attenuate(&narrowing, [8; 32]).unwrap();
        let blocks = Parts::read(&decode(token.as_str()).unwrap()).unwrap().blocks;
        let said = |verb, session, holder: &HolderPublicKey, now| {
            let stated = Stated {
                verb,
                session,
                holder,
                now,
            };
            allows(&blocks, &stated).unwrap()
        };
        let verb = AgentVerb::ReadTrace;
        assert!(said(verb, session, &holder, now));
        assert!(
            !said(AgentVerb::ProposeWorkItem, session, &holder, now),
            "not for this session"
        );
        assert!(
            !said(AgentVerb::AppendTraceNote, session, &holder, now),
            "not lent"
        );
        assert!(!said(AgentVerb::RecordEvidence, session, &holder, now), "neither");
        assert!(!said(verb, other, &holder, now), "another session");
        assert!(!said(verb, session, &stranger, now), "another holder");
        let later = |hours| now.saturating_add(Duration::hours(hours));
        assert!(!said(verb, session, &holder, later(1)), "the session is over");
        let first = &blocks[..1];
        let stated = |now| Stated {
            verb,
            session,
            holder: &holder,
            now,
        };
        assert!(allows(first, &stated(later(1))).unwrap());
        assert!(
            !allows(first, &stated(later(2))).unwrap(),
            "the delegation is over"
        );
        assert!(!allows(&[], &stated(now)).unwrap(), "nothing lends nothing");
    }
}
