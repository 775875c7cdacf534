use proptest::prelude::*;
use serde_json::json;
use vocabulary::{RepoPath, Risk, WorkItemId};

use super::{Code, Lent, Verdict, judge};
use crate::{
    ApprovedItem, ApprovedWork, Effect, Policy, effect_of,
    path::testing::{self, around},
};

fn id(number: u64) -> WorkItemId {
    WorkItemId::new(number, [7; 10])
}

fn item(number: u64, paths: &[&str], risk: Risk) -> ApprovedItem {
    let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
    ApprovedItem {
        id: id(number),
        paths,
        risk,
    }
}

fn risk_of(path: &RepoPath) -> Risk {
    if path.as_str().starts_with("src/auth") {
        Risk::Critical
    } else if path.as_str().starts_with("docs") {
        Risk::Low
    } else {
        Risk::Medium
    }
}

fn of(tool: &str, input: serde_json::Value) -> Effect {
    let look = testing::disk;
    effect_of(tool, &input, &around(&look), &Policy::default())
}

fn write(path: &str) -> Effect {
    of("Write", json!({ "file_path": path }))
}

fn run(command: &str) -> Effect {
    of("Bash", json!({ "command": command }))
}

fn verdict(effect: &Effect, items: &[ApprovedItem]) -> Verdict {
    let lent = Lent {
        covers: &|path| !path.as_str().starts_with("private"),
        ceiling: Risk::Critical,
    };
    judge(effect, &lent, &ApprovedWork::new(items.to_vec()), &risk_of)
}

fn code(effect: &Effect, items: &[ApprovedItem]) -> Option<Code> {
    match verdict(effect, items) {
        Verdict::Denied(denial) => Some(denial.code),
        Verdict::Free | Verdict::Covered { .. } => None,
    }
}

#[test]
fn reading_is_free_without_anything_approved() {
    assert_eq!(verdict(&run("rg foo | head"), &[]), Verdict::Free);
    assert_eq!(verdict(&run("touch /tmp/x"), &[]), Verdict::Free);
}

#[test]
fn a_write_is_covered_by_what_plans_it_at_its_risk() {
    let items = [
        item(1, &["src/**"], Risk::Medium),
        item(2, &["docs/a.md"], Risk::Low),
    ];
    assert_eq!(
        verdict(&write("src/a"), &items),
        Verdict::Covered { by: vec![id(1)] }
    );
    assert_eq!(
        verdict(&run("touch src/a docs/a.md"), &items),
        Verdict::Covered {
            by: vec![id(1), id(2)]
        }
    );
    assert_eq!(
        verdict(&run("cargo test"), &items),
        Verdict::Covered { by: vec![id(2)] }
    );
    assert_eq!(
        verdict(&run("git commit -am x && git push"), &items),
        Verdict::Covered { by: vec![id(2)] }
    );
}

#[test]
fn each_rule_has_its_code() {
    let some = [item(1, &["src/**", "private/**"], Risk::Medium)];
    for (effect, items, expected) in [
        (write(".auditotter/policy.toml"), &some[..], Code::ProtectedPath),
        (write("src/a*b"), &some[..], Code::PathCannotBeNamed),
        (write("private/a"), &some[..], Code::PathNotLent),
        (write("src/a"), &[][..], Code::NoApprovedWorkItem),
        (run("git push"), &[][..], Code::NoApprovedWorkItem),
        (write("docs/a"), &some[..], Code::PathNotApproved),
        (write("src/auth/a"), &some[..], Code::RiskAboveApproved),
        (run("cargo test"), &[][..], Code::CannotBeTold),
        (run("touch src/a docs/b"), &some[..], Code::PathNotApproved),
        (
            run("cargo test; touch .git/config"),
            &some[..],
            Code::ProtectedPath,
        ),
    ] {
        assert_eq!(code(&effect, items), Some(expected), "{effect:?}");
    }
    let lent = Lent {
        covers: &|_| true,
        ceiling: Risk::Low,
    };
    let approved = ApprovedWork::new(some);
    let Verdict::Denied(denial) = judge(&write("src/a"), &lent, &approved, &risk_of) else {
        panic!("above the ceiling");
    };
    assert_eq!(denial.code, Code::PathNotLent);
}

#[test]
fn a_denial_says_what_to_do_next() {
    let Verdict::Denied(denial) = verdict(&run("touch src/a src/b"), &[]) else {
        panic!("nothing is approved");
    };
    assert_eq!(
        denial.because,
        "touch writes /home/alice/shop/src/a: nothing is approved in this session (and 1 more like it)"
    );
    assert_eq!(
        denial.next,
        "call propose_work_item with paths [\"src/a\", \"src/b\"], show the link to your human, wait with await_decision, and call this again"
    );
}

#[test]
fn case_and_unicode_forms_raise_risk_and_never_lower_it() {
    let items = [item(1, &["**"], Risk::Medium)];
    for path in [
        "SRC/auth/a",
        "src/AUTH/a",
        "src/au\u{200d}th/a",
        "\u{ff53}rc/auth/a",
    ] {
        assert_eq!(
            code(&write(path), &items),
            Some(Code::RiskAboveApproved),
            "{path}"
        );
    }
    let narrow = [item(1, &["src/a"], Risk::Critical)];
    for path in [
        "SRC/a",
        "src/A",
        "src/\u{430}",
        "src/a\u{200d}",
        "src/b/../../docs/a",
        "src/link/a",
        "src/dangling",
    ] {
        assert_eq!(code(&write(path), &narrow), Some(Code::PathNotApproved), "{path}");
    }
    assert_eq!(code(&write("docs/../src/./a"), &narrow), None);
}

#[test]
fn codes_are_told_apart() {
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}

proptest! {
    #[test]
    fn less_approval_never_covers_more(paths in prop::collection::vec("(src|docs)(/[ab]){0,2}(/\\*\\*)?", 1..4), target in "(src|docs)(/[ab]){1,3}", keep in 0usize..3) {
        let names: Vec<&str> = paths.iter().map(String::as_str).collect();
        let all = [item(1, &names, Risk::Critical)];
        let fewer = [item(1, names.get(..keep.min(names.len())).unwrap(), Risk::Critical)];
        let effect = write(&target);
        prop_assert!(code(&effect, &all).is_none() || code(&effect, &fewer).is_some());
    }

    #[test]
    fn finding_in_the_index_is_finding_one_by_one(paths in prop::collection::vec("(src|docs|a)(/[ab]){0,2}(/\\*\\*)?", 1..5), target in "(src|docs|a)(/[ab]){0,3}(/\\*\\*)?") {
        let target: RepoPath = target.parse().unwrap();
        let names: Vec<&str> = paths.iter().map(String::as_str).collect();
        let planned = item(1, &names, Risk::Low);
        let simply = planned.paths.iter().any(|path| {
            let below = target.as_str() == path.as_str() || target.as_str().starts_with(&format!("{}/", path.as_str()));
            match path.span() {
                vocabulary::Span::Tree => below,
                vocabulary::Span::File => *path == target,
            }
        });
        prop_assert_eq!(ApprovedWork::new([planned]).planning(&target).next().is_some(), simply);
    }
}
