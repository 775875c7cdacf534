//! The shapes as they are written; [`super`] reads exactly these.

use std::collections::BTreeSet;

use biscuit_auth::builder::{Binary, Check, CheckKind, Expression, Fact, Op, Predicate, Rule, Term};

use crate::AgentVerb;

/// `name(term)`.
pub(crate) fn fact(name: &str, term: Term) -> Fact {
    Fact::new(name.to_owned(), vec![term])
}

/// `check if name(term)`.
pub(crate) fn is(name: &str, term: Term) -> Check {
    check(CheckKind::One, predicate(name, term), Vec::new())
}

/// `check if time($t), $t < seconds`.
pub(crate) fn before(seconds: u64) -> Check {
    let ops = vec![
        variable("t"),
        Op::Value(Term::Date(seconds)),
        Op::Binary(Binary::LessThan),
    ];
    check(
        CheckKind::One,
        predicate("time", Term::Variable("t".to_owned())),
        vec![Expression { ops }],
    )
}

/// `check all operation($o), {verbs}.contains($o)`. All, and not one: with two operations present, `check if`
/// would be satisfied by the better of them.
pub(crate) fn one_of(verbs: &BTreeSet<AgentVerb>) -> Check {
    let set = verbs
        .iter()
        .map(|verb| Term::Str(verb.as_str().to_owned()))
        .collect();
    let ops = vec![
        Op::Value(Term::Set(set)),
        variable("o"),
        Op::Binary(Binary::Contains),
    ];
    check(
        CheckKind::All,
        predicate("operation", Term::Variable("o".to_owned())),
        vec![Expression { ops }],
    )
}

fn check(kind: CheckKind, body: Predicate, expressions: Vec<Expression>) -> Check {
    let head = Predicate::new("query".to_owned(), Vec::<Term>::new());
    Check {
        queries: vec![Rule::new(head, vec![body], expressions, Vec::new())],
        kind,
    }
}

fn predicate(name: &str, term: Term) -> Predicate {
    Predicate::new(name.to_owned(), vec![term])
}

fn variable(name: &str) -> Op {
    Op::Value(Term::Variable(name.to_owned()))
}
