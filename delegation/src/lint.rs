//! The structural lint: a token is exactly one of our shapes, or nothing. It runs on the protobuf, before any
//! Datalog, and costs time in proportion to the token's bytes.
//!
//! A whitelist, for what could be harmful has no end: scopes that trust other blocks, rules that derive forever,
//! `check if` that passes on one of two operations, `reject if` that passes without a fact. None of it can be
//! written in these shapes.

use std::{collections::BTreeSet, ops::RangeInclusive};

use biscuit_auth::{
    datalog::SymbolTable,
    format::schema::{self, check, op, op_binary, proof, public_key, term},
};
use vocabulary::{Repository, SessionId, Timestamp};

use crate::{
    AgentVerb, Denial, Grant, HolderPublicKey, PathGlobs, Repositories, scope::ANY_REPOSITORY, token::Parts,
};

pub(crate) mod shape;

/// The versions of Datalog whose words our shapes are made of mean the same (`SPECIFICATIONS.md` of Biscuit, "Versions").
const VERSIONS: RangeInclusive<u32> = 3..=6;

/// From which of them on a check says of what kind it is.
const KINDS_OF_CHECKS: u32 = 4;

/// What a token is.
pub(crate) enum Shape {
    /// One block, open to attenuation.
    Delegation(Grant),
    /// A delegation, and what one session gets of it; sealed.
    Session(Grant, Share),
    /// A delegation, and a check that never holds; sealed.
    Witness(Grant),
}

/// What all blocks after the first leave of a delegation.
pub(crate) struct Share {
    pub(crate) session: SessionId,
    pub(crate) holder: HolderPublicKey,
    pub(crate) verbs: BTreeSet<AgentVerb>,
    pub(crate) expires_at: Timestamp,
}

/// What no token of ours has around its blocks: a third party's signature, a key that is not Ed25519.
pub(crate) fn envelope(parts: &Parts) -> Result<(), Denial> {
    let signed = std::iter::once(&parts.token.authority).chain(&parts.token.blocks);
    for (index, block) in signed.enumerate() {
        let forbid = |what| Err(Denial::ForbiddenStructure { block: index, what });
        if block.external_signature.is_some() {
            return forbid("a third party's signature");
        }
        if block.next_key.algorithm != public_key::Algorithm::Ed25519 as i32 {
            return forbid("a key that is not Ed25519");
        }
    }
    Ok(())
}

/// Tells what a token is.
///
/// # Errors
/// [`Denial`] where it is none of our shapes.
pub(crate) fn lint(parts: &Parts) -> Result<Shape, Denial> {
    envelope(parts)?;
    let mut symbols = SymbolTable::new();
    let mut blocks = parts.blocks.iter().enumerate();
    let Some((_, authority)) = blocks.next() else {
        return Err(Denial::TokenMalformed("it has no block"));
    };
    let grant = Block::new(0, authority, &mut symbols)?.grant()?;
    let sealed = matches!(parts.token.proof.content, Some(proof::Content::FinalSignature(_)));
    let mut shares = Vec::new();
    for (index, raw) in blocks {
        let block = Block::new(index, raw, &mut symbols)?;
        if block.is_witness() {
            let only = parts.blocks.len() == 2 && sealed;
            return if only {
                Ok(Shape::Witness(grant))
            } else {
                Err(block.forbid("a witness among other blocks"))
            };
        }
        shares.push(block.share()?);
    }
    let Some(mut share) = shares.pop() else {
        return if sealed {
            Err(Denial::ForbiddenStructure {
                block: 0,
                what: "a seal and nothing that it seals",
            })
        } else {
            Ok(Shape::Delegation(grant))
        };
    };
    if !sealed {
        return Err(Denial::ForbiddenStructure {
            block: parts.blocks.len() - 1,
            what: "no seal after it",
        });
    }
    for outer in shares {
        if outer.session != share.session || outer.holder != share.holder {
            return Err(Denial::HolderMismatch);
        }
        share.verbs.retain(|verb| outer.verbs.contains(verb));
        share.expires_at = share.expires_at.min(outer.expires_at);
    }
    share.verbs.retain(|verb| grant.verbs.contains(verb));
    share.expires_at = share.expires_at.min(grant.expires_at);
    Ok(Shape::Session(grant, share))
}

/// One block, its symbols resolved.
struct Block<'a> {
    index: usize,
    raw: &'a schema::Block,
    symbols: &'a SymbolTable,
}

impl<'a> Block<'a> {
    fn new(index: usize, raw: &'a schema::Block, symbols: &'a mut SymbolTable) -> Result<Self, Denial> {
        let forbid = |what| Err(Denial::ForbiddenStructure { block: index, what });
        if !raw.version.is_some_and(|version| VERSIONS.contains(&version)) {
            return Err(Denial::TokenMalformed(
                "a block's Datalog is of an unknown version",
            ));
        }
        for symbol in &raw.symbols {
            let before = symbols.current_offset();
            symbols.insert(symbol);
            // Biscuit refuses a symbol that stands twice; so do we, or positions would not be the library's.
            if symbols.current_offset() == before {
                return forbid("a symbol twice");
            }
        }
        if raw.context.is_some() {
            return forbid("a context");
        }
        if !raw.rules.is_empty() {
            return forbid("a rule");
        }
        if !raw.scope.is_empty() || !raw.public_keys.is_empty() {
            return forbid("a scope");
        }
        if index > 0 && !raw.facts.is_empty() {
            return forbid("a fact");
        }
        Ok(Self { index, raw, symbols })
    }

    fn forbid(&self, what: &'static str) -> Denial {
        Denial::ForbiddenStructure {
            block: self.index,
            what,
        }
    }

    fn grant(&self) -> Result<Grant, Denial> {
        let mut said = Said::default();
        for fact in &self.raw.facts {
            self.fact(&fact.predicate, &mut said)?;
        }
        let [check] = self.raw.checks.as_slice() else {
            return Err(self.forbid("another number of checks than one"));
        };
        let repositories = match said.repositories.as_slice() {
            [only] if only == ANY_REPOSITORY => Repositories::Any,
            names => {
                let parsed: Result<BTreeSet<Repository>, _> = names.iter().map(|name| name.parse()).collect();
                let parsed = parsed.map_err(|_| self.forbid("a repository that is none"))?;
                if parsed.len() != names.len()
                    || parsed
                        .iter()
                        .zip(names)
                        .any(|(kept, given)| kept.as_str() != given)
                {
                    return Err(self.forbid("a repository that is not in its one form"));
                }
                Repositories::Only(parsed)
            }
        };
        let paths = PathGlobs::parse(&said.paths).map_err(|_| self.forbid("a path that is none"))?;
        if paths.names() != said.paths {
            return Err(self.forbid("a path that is not in its one form"));
        }
        let missing = || self.forbid("less than a delegation says");
        if said.verbs.is_empty() || said.repositories.is_empty() {
            return Err(missing());
        }
        Ok(Grant {
            id: parse(said.delegation.as_deref()).ok_or_else(missing)?,
            on_behalf_of: parse(said.on_behalf_of.as_deref()).ok_or_else(missing)?,
            agent: parse(said.agent.as_deref()).ok_or_else(missing)?,
            risk_ceiling: parse(said.risk_ceiling.as_deref()).ok_or_else(missing)?,
            verbs: said.verbs,
            repositories,
            paths,
            expires_at: self.before(check)?,
        })
    }

    fn fact(&self, fact: &schema::Predicate, said: &mut Said) -> Result<(), Denial> {
        let [term] = fact.terms.as_slice() else {
            return Err(self.forbid("a fact of another form"));
        };
        let Some(term::Content::String(text)) = term.content else {
            return Err(self.forbid("a fact of another form"));
        };
        let text = self.symbol(text)?;
        let once = |slot: &mut Option<String>| match slot.replace(text.to_owned()) {
            None => Ok(()),
            Some(_) => Err(self.forbid("a fact twice")),
        };
        match self.symbol(fact.name)? {
            "delegation" => once(&mut said.delegation),
            "on_behalf_of" => once(&mut said.on_behalf_of),
            "agent" => once(&mut said.agent),
            "risk_ceiling" => once(&mut said.risk_ceiling),
            "verb" => {
                let verb = text
                    .parse()
                    .map_err(|_| self.forbid("a verb that no agent can be lent"))?;
                if said.verbs.insert(verb) {
                    Ok(())
                } else {
                    Err(self.forbid("a fact twice"))
                }
            }
            "repository" => {
                said.repositories.push(text.to_owned());
                Ok(())
            }
            "path" => {
                said.paths.push(text.to_owned());
                Ok(())
            }
            _ => Err(self.forbid("a fact outside the vocabulary")),
        }
    }

    fn is_witness(&self) -> bool {
        match self.raw.checks.as_slice() {
            [check] => self
                .constant(check, "witness")
                .is_ok_and(|term| matches!(term, term::Content::Bool(true))),
            _ => false,
        }
    }

    fn share(&self) -> Result<Share, Denial> {
        let [session, holder, verbs, expiry] = self.raw.checks.as_slice() else {
            return Err(self.forbid("other checks than those of a session"));
        };
        let session = match self.constant(session, "session")? {
            term::Content::String(text) => parse(Some(self.symbol(*text)?)),
            _ => None,
        };
        let holder = match self.constant(holder, "holder")? {
            term::Content::Bytes(bytes) => HolderPublicKey::from_bytes(bytes),
            _ => None,
        };
        Ok(Share {
            session: session.ok_or_else(|| self.forbid("a session that is none"))?,
            holder: holder.ok_or_else(|| self.forbid("a holder's key that is none"))?,
            verbs: self.one_of(verbs)?,
            expires_at: self.before(expiry)?,
        })
    }

    /// `check if name(constant)`.
    fn constant(&self, check: &'a schema::Check, name: &str) -> Result<&'a term::Content, Denial> {
        let other = || self.forbid("a check of another form");
        let query = self.query(check, check::Kind::One)?;
        let ([predicate], []) = (query.body.as_slice(), query.expressions.as_slice()) else {
            return Err(other());
        };
        match predicate.terms.as_slice() {
            [
                schema::Term {
                    content: Some(term::Content::Variable(_)),
                },
            ] => Err(other()),
            [
                schema::Term {
                    content: Some(content),
                },
            ] if self.symbol(predicate.name)? == name => Ok(content),
            _ => Err(other()),
        }
    }

    /// `check if time($t), $t < date`.
    fn before(&self, check: &schema::Check) -> Result<Timestamp, Denial> {
        let other = || self.forbid("a check of another form");
        let query = self.query(check, check::Kind::One)?;
        let variable = self.variable(query, "time")?;
        let [expression] = query.expressions.as_slice() else {
            return Err(other());
        };
        match expression.ops.as_slice() {
            [left, right, operator]
                if value(left) == Some(&term::Content::Variable(variable))
                    && binary(operator) == Some(op_binary::Kind::LessThan as i32) =>
            {
                match value(right) {
                    Some(term::Content::Date(seconds)) => seconds
                        .checked_mul(1_000_000)
                        .and_then(|micros| Timestamp::from_unix_micros(micros).ok())
                        .ok_or_else(|| self.forbid("a date that is none")),
                    _ => Err(other()),
                }
            }
            _ => Err(other()),
        }
    }

    /// `check all operation($o), {verbs}.contains($o)`.
    fn one_of(&self, check: &schema::Check) -> Result<BTreeSet<AgentVerb>, Denial> {
        let other = || self.forbid("a check of another form");
        let query = self.query(check, check::Kind::All)?;
        let variable = self.variable(query, "operation")?;
        let [expression] = query.expressions.as_slice() else {
            return Err(other());
        };
        match expression.ops.as_slice() {
            [left, right, operator]
                if value(right) == Some(&term::Content::Variable(variable))
                    && binary(operator) == Some(op_binary::Kind::Contains as i32) =>
            {
                let Some(term::Content::Set(set)) = value(left) else {
                    return Err(other());
                };
                let mut verbs = BTreeSet::new();
                for member in &set.set {
                    let Some(term::Content::String(text)) = member.content else {
                        return Err(other());
                    };
                    let verb = self.symbol(text)?.parse();
                    verbs.insert(verb.map_err(|_| self.forbid("a verb that no agent can be lent"))?);
                }
                Ok(verbs)
            }
            _ => Err(other()),
        }
    }

    /// The one query of a check of this kind, with nothing that is not ours.
    fn query(&self, check: &'a schema::Check, kind: check::Kind) -> Result<&'a schema::Rule, Denial> {
        let is = check.kind.unwrap_or(check::Kind::One as i32);
        if check.kind.is_some() && self.raw.version < Some(KINDS_OF_CHECKS) {
            return Err(self.forbid("a check of a kind that its version of Datalog has not"));
        }
        match check.queries.as_slice() {
            [query] if is == kind as i32 => {
                let ours = query.scope.is_empty()
                    && query.head.terms.is_empty()
                    && self.symbol(query.head.name)? == "query";
                if ours {
                    Ok(query)
                } else {
                    Err(self.forbid("a check of another form"))
                }
            }
            [_] => Err(self.forbid("a check of another kind")),
            _ => Err(self.forbid("a check with branches")),
        }
    }

    /// The variable of `name($v)`, the only predicate of a query.
    fn variable(&self, query: &schema::Rule, name: &str) -> Result<u32, Denial> {
        match query.body.as_slice() {
            [predicate] if self.symbol(predicate.name)? == name => match predicate.terms.as_slice() {
                [
                    schema::Term {
                        content: Some(term::Content::Variable(variable)),
                    },
                ] => {
                    self.symbol(u64::from(*variable))?;
                    Ok(*variable)
                }
                _ => Err(self.forbid("a check of another form")),
            },
            _ => Err(self.forbid("a check of another form")),
        }
    }

    fn symbol(&self, index: u64) -> Result<&'a str, Denial> {
        self.symbols
            .get_symbol(index)
            .ok_or_else(|| self.forbid("a name that is not in its table"))
    }
}

#[derive(Default)]
struct Said {
    delegation: Option<String>,
    on_behalf_of: Option<String>,
    agent: Option<String>,
    risk_ceiling: Option<String>,
    verbs: BTreeSet<AgentVerb>,
    repositories: Vec<String>,
    paths: Vec<String>,
}

/// A text in the one form in which its value is written.
fn parse<T: std::str::FromStr + std::fmt::Display>(text: Option<&str>) -> Option<T> {
    let text = text?;
    text.parse::<T>().ok().filter(|value| value.to_string() == text)
}

fn value(op: &schema::Op) -> Option<&term::Content> {
    match &op.content {
        Some(op::Content::Value(schema::Term {
            content: Some(content),
        })) => Some(content),
        _ => None,
    }
}

fn binary(op: &schema::Op) -> Option<i32> {
    match &op.content {
        Some(op::Content::Binary(schema::OpBinary { kind, ffi_name: None })) => Some(*kind),
        _ => None,
    }
}
