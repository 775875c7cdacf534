use super::{item_type::is_documentation, *};
use crate::RawProposal;
use proptest::prelude::*;

fn judged(title: &str, description: &str, paths: &[&str]) -> Assessment {
    let raw = RawProposal {
        title: title.to_owned(),
        description: Some(description.to_owned()),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..RawProposal::default()
    };
    assess(&Proposal::parse(raw).unwrap(), RiskPolicy::built_in())
}

/// Proposals as agents write them, with what a careful colleague would call them.
#[test]
fn realistic_proposals_are_judged_as_a_colleague_would() {
    use ItemType::{Bug, Chore, Docs, Feature, Incident, Security};
    use Risk::{Critical, High, Low, Medium};
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], ItemType, Risk)] = &[
        ("Fix the password reset bug", &[], Bug, Low),
        ("Fix the password reset bug", &["src/reset/mail.rs"], Bug, Low),
        ("Fix the password reset bug", &["src/auth/reset.rs"], Bug, High),
        ("fix: off-by-one in pagination", &["src/list.rs"], Bug, Low),
        ("App crashes when the cart is empty", &["src/cart.ts"], Bug, Low),
        ("Search returns wrong results for umlauts", &["src/search.py"], Bug, Low),
        ("Checkout fails for zero totals", &["src/checkout/total.rs"], Bug, High),
        ("Login button does not work on mobile", &["web/components/button.tsx"], Bug, Low),
        ("Regression: export hangs on large files", &["src/export.go"], Bug, Low),
        ("Flaky test in the scheduler", &["tests/scheduler_test.go"], Bug, Low),
        ("Memory leak in the websocket handler", &["src/ws.rs"], Bug, Low),
        ("Race condition between save and close", &["src/editor.rs"], Bug, Low),
        ("Repair the broken avatar upload", &["src/avatar.rb"], Bug, Low),
        ("bugfix(api): incorrect status for missing users", &["api/users.rs"], Bug, Low),
        ("Add dark mode", &["web/theme.css"], Feature, Low),
        ("feat: export invoices as PDF", &["src/pdf.rs"], Feature, Low),
        ("feat!: drop support for v1 tokens", &["src/tokens.rs"], Feature, Low),
        ("Implement CSV import", &["src/import/csv.rs"], Feature, Low),
        ("Support custom domains", &["src/domains.rs"], Feature, Low),
        ("Introduce a feature flag for the new editor", &["src/flags.rs"], Feature, Low),
        ("Allow users to change their avatar", &["src/profile.rs"], Feature, Low),
        ("Let users pause subscriptions", &["src/billing/pause.rs"], Feature, High),
        ("Create a settings page", &["web/settings.tsx"], Feature, Low),
        ("Add passkey login", &["src/auth/passkey.rs"], Feature, High),
        ("Add rate limits to the public API", &["src/api.rs"], Feature, Low),
        ("Integrate Stripe webhooks", &["src/payments/stripe.rs"], Feature, High),
        ("Show the last login on the profile", &["web/profile.tsx"], Feature, Low),
        ("Update the README", &["README.md"], Docs, Low),
        ("docs: explain the retry policy", &["docs/retries.md"], Docs, Low),
        ("Typo in the tutorial", &["docs/tutorial.md"], Docs, Low),
        ("Describe deployment", &["docs/deploy.md", "README.md"], Docs, Low),
        ("Fix the wording of the guide", &["docs/guide.rst"], Docs, Low),
        ("Document the configuration options", &["config/README.md"], Docs, Medium),
        ("Changelog for 2.1", &["CHANGELOG.md"], Docs, Low),
        ("Add docstrings to the parser", &["src/parser.py"], Docs, Low),
        ("chore: bump serde", &["Cargo.toml", "Cargo.lock"], Chore, Medium),
        ("Update dependencies", &["package.json", "package-lock.json"], Chore, Medium),
        ("Refactor the order module", &["src/orders.rs"], Chore, Low),
        ("Rename Foo to Bar", &["src/foo.rs"], Chore, Low),
        ("Clean up unused imports", &["src/lib.rs"], Chore, Low),
        ("refactor(auth): split the session store", &["src/auth/session.rs"], Chore, High),
        ("perf: cache the rendered page", &["src/render.rs"], Chore, Low),
        ("test: cover the empty cart", &["tests/cart.rs"], Chore, Low),
        ("ci: cache the build", &[".github/workflows/ci.yml"], Chore, High),
        ("Speed up the test suite", &["tests/conftest.py"], Chore, Low),
        ("Migrate to edition 2024", &["Cargo.toml"], Chore, Medium),
        ("Simplify the retry loop", &["src/retry.rs"], Chore, Low),
        ("Tidy the Dockerfile", &["Dockerfile"], Chore, Medium),
        ("Patch CVE-2026-1234 in the image parser", &["src/image.rs"], Security, High),
        ("Fix XSS in comments", &["web/comments.tsx"], Security, High),
        ("SQL injection in the report filter", &["src/report.rs"], Security, High),
        ("Rotate keys after the leak", &["ops/rotate.sh"], Security, High),
        ("security: harden cookie flags", &["src/cookies.rs"], Security, High),
        ("Remove leaked credentials from history", &[], Security, High),
        ("Path traversal in the download endpoint", &["src/download.rs"], Security, High),
        ("Outage: checkout is down", &["src/cart.rs"], Incident, High),
        ("SEV1: login loop after deploy", &[], Incident, High),
        ("Rollback prod to 1.8", &[], Incident, High),
        ("Drop table legacy_users", &["db/cleanup.sql"], Chore, Critical),
        ("Delete all inactive accounts", &["scripts/cleanup.py"], Chore, Critical),
        ("Disable authentication for the staging API", &["src/api.rs"], Chore, Critical),
        ("Copy production data to staging", &["scripts/copy.sh"], Chore, Critical),
        ("Add the TLS certificate", &["certs/server.pem"], Feature, Critical),
        ("Rotate the deploy keys", &["infra/keys.tf"], Chore, High),
        ("Add a users table", &["db/migrations/0042_users.sql"], Feature, High),
        ("Grant admin to the helpdesk role", &["src/roles.rs"], Chore, High),
        ("Change the agents' instructions", &["CLAUDE.md"], Docs, High),
        ("Touch everything", &["**"], Chore, Critical),
        // A verb at the beginning says more than the things that it is about.
        ("Add bug report form", &["web/report.tsx"], Feature, Low),
        ("Add comments to blog posts", &["src/posts.rs"], Feature, Low),
        ("Add crash reporting", &["src/telemetry.rs"], Feature, Low),
        ("Add document upload", &["src/upload.rs"], Feature, Low),
        ("Add a CI badge to the landing page", &["web/index.html"], Feature, Low),
        ("Add incident list to the status page", &["web/status.tsx"], Feature, Low),
        ("Show a banner when the service is down", &["web/banner.tsx"], Feature, Low),
        ("Add tests for the price calculator", &["tests/price.rs"], Chore, Low),
        ("Fix typo in the sidebar", &["web/sidebar.tsx"], Docs, Low),
        ("Remove the race condition between save and close", &["src/editor.rs"], Bug, Low),
        ("Remove unused imports", &["src/lib.rs"], Chore, Low),
        // A noun at the beginning may look like a verb.
        ("Document upload fails for large files", &["src/upload.rs"], Bug, Low),
        ("Build fails on macOS", &["src/platform.rs"], Bug, Low),
        ("Import hangs at 99 percent", &["src/import.rs"], Bug, Low),
        ("Support tickets page crashes", &["web/tickets.tsx"], Bug, Low),
        ("Prevent double submission of the order form", &["web/order.tsx"], Bug, Low),
        // What is urgent stays urgent, however it is dressed; a text about it is a text.
        ("fix: reflected XSS in search", &["web/search.tsx"], Security, High),
        ("chore: bump image for CVE-2026-1234", &["src/image.rs"], Security, High),
        ("Add security headers", &["src/http.rs"], Security, High),
        ("Write the postmortem of the outage", &["docs/postmortems/2026-11.md"], Docs, Low),
        ("docs: how to report a vulnerability", &["SECURITY.md"], Docs, Low),
        ("Hotfix in production: orders are lost", &["src/orders.rs"], Incident, High),
        // Words that only sound risky.
        ("Explain what a password manager is", &["web/help.html"], Docs, Low),
        ("Wipe the animation left to right", &["web/anim.css"], Chore, Low),
        ("Drop the shadow from buttons", &["web/button.css"], Chore, Low),
        ("Rename the payment button's label", &["web/labels.json"], Chore, Low),
        ("Stop asking for the author twice", &["src/author.rs"], Bug, Low),
        // Paths that say where it happens.
        ("Rename a variable", &["src/auth.rs"], Chore, High),
        ("Rename a variable", &["app/AuthController.php"], Chore, High),
        ("Improve wording", &["src/billing/texts.rs"], Feature, High),
        ("Update base image", &["docker/app.dockerfile"], Chore, Medium),
        ("Pin the formatter", &[".pre-commit-config.yaml"], Chore, Medium),
        ("Rename helpers", &["src/**"], Chore, Medium),
        ("Polish the guides", &["docs/**"], Docs, Low),
        ("Tidy the workflows", &[".github"], Chore, High),
        ("Rework the auth folder", &["src/auth/**"], Chore, High),
    ];
    assert!(cases.len() >= 100);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(title, paths, item_type, risk)| {
            let found = judged(title, "", paths);
            (found.item_type != *item_type || found.risk != *risk)
                .then(|| format!("{title} {paths:?}: wanted {item_type:?} {risk:?}, found {found:#?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is said in the description weighs less than the title, and denying is not saying.
#[test]
fn descriptions_are_weighed_as_a_colleague_would() {
    use ItemType::{Bug, Chore, Feature, Security};
    use Risk::{Critical, High, Low};
    #[rustfmt::skip]
    let cases = [
        ("Fix the password reset bug", "The reset link is sent with the old host name.", Bug, Low),
        ("fix: escape comment text", "Comments are rendered as HTML: a stored XSS.", Security, High),
        ("chore: bump serde", "Fixes RUSTSEC-2026-0173.", Security, High),
        ("feat: add webhooks", "No CSRF token is needed here, since requests are signed.", Feature, Low),
        ("Add retries to the mail sender", "After the outage in March this was asked for.", Feature, Low),
        ("Search page", "Typing two words crashes it.", Bug, Low),
        ("Old accounts", "We drop table legacy_users afterwards.", Chore, Critical),
        ("Copy fixtures", "Does not touch production data.", Chore, Low),
        ("Copy fixtures", "They are made from\nproduction data.", Chore, Critical),
        ("Tune the cache", "No new dependencies, no migration needed.", Chore, Low),
        ("Tune the cache", "This disables nothing. Disable auth is not what we want, but grant admin is.", Chore, Critical),
        ("Change roles", "Grant admin to Bob.", Chore, High),
    ];
    for (title, description, item_type, risk) in cases {
        let found = judged(title, description, &["src/some.rs"]);
        assert_eq!(
            (found.item_type, found.risk),
            (item_type, risk),
            "{title}: {found:#?}"
        );
    }
}

#[test]
fn reasons_name_what_matched() {
    let found = judged("Fix the login", "", &["src/auth/login.rs"]);
    assert_eq!(found.type_reasons, ["the title begins with \"fix\""]);
    assert_eq!(
        found.risk_reasons,
        ["path src/auth/login.rs matches **/auth/** (authentication): high"]
    );
    let found = judged("Fix the password reset bug", "", &[]);
    assert_eq!(
        found.type_reasons,
        ["the title begins with \"fix\"", "the title says \"bug\""]
    );
    assert_eq!(
        found.risk_reasons,
        ["no paths planned: risk judged by words alone"]
    );
    let found = judged("feat(web)!: a page", "", &["web/page.tsx"]);
    assert_eq!(found.type_reasons, ["the title begins with \"feat:\""]);
    assert_eq!(
        found.risk_reasons,
        ["no planned path matches a risk rule, and no words say more"]
    );
    let found = judged(
        "Something",
        "It is a way to drop tables.",
        &["src/**", "Cargo.lock"],
    );
    assert_eq!(
        found.type_reasons,
        ["neither title nor description nor paths say what kind of work it is"]
    );
    assert_eq!(
        found.risk_reasons,
        [
            "the description says \"drop tables\": critical",
            "path Cargo.lock matches **/cargo.lock (dependencies): medium",
            "path src/** is a whole folder, in which **/*.pem (private keys and secrets) could lie: medium",
        ]
    );
    let found = judged("XSS in the search", "", &["src/search.rs"]);
    assert_eq!(found.risk_reasons, ["security work: at least high"]);
}

#[test]
fn what_an_author_declares_raises_and_is_said_and_never_lowers() {
    let declared = |risk, path: &str| {
        let raw = RawProposal {
            title: "Fix it".into(),
            paths: vec![path.into()],
            declared_risk: Some(risk),
            ..RawProposal::default()
        };
        let found = assess(&Proposal::parse(raw).unwrap(), RiskPolicy::built_in());
        (found.risk, found.risk_reasons.join("; "))
    };
    assert_eq!(
        declared(Risk::High, "src/a.rs"),
        (Risk::High, "declared by its author: high".to_owned())
    );
    assert_eq!(
        declared(Risk::Low, "src/auth/a.rs"),
        (
            Risk::High,
            "path src/auth/a.rs matches **/auth/** (authentication): high".to_owned()
        )
    );
}

#[test]
fn a_hundred_reasons_are_cut_and_counted() {
    let paths: Vec<String> = (0..100).map(|number| format!("src/auth/{number}.rs")).collect();
    let found = judged(
        "Rework",
        "",
        &paths.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(found.risk_reasons.len(), 9);
    assert_eq!(
        found.risk_reasons.last().unwrap(),
        "and 92 more of the same or lower risk"
    );
}

fn any_proposal() -> impl Strategy<Value = RawProposal> {
    let path = prop_oneof![
        "[a-z]{1,5}(/[a-z]{1,5}){0,2}",
        Just("src/auth/a.rs".to_owned()),
        Just("x.pem".to_owned()),
        Just("src/**".to_owned())
    ];
    let risk = proptest::option::of(proptest::sample::select(Risk::ALL.to_vec()));
    let word = prop_oneof![
        "[a-z]{1,8}",
        Just("drop table".to_owned()),
        Just("fix".to_owned()),
        Just("outage".to_owned())
    ];
    (
        proptest::collection::vec(word, 1..5),
        proptest::collection::vec(path, 0..4),
        risk,
    )
        .prop_map(|(words, paths, declared_risk)| RawProposal {
            title: words.join(" "),
            paths,
            declared_risk,
            ..RawProposal::default()
        })
}

proptest! {
    #[test]
    fn a_path_more_or_a_declared_risk_never_lowers(raw in any_proposal(), path in "[a-z]{1,5}(/[a-z]{1,5})?", declared in proptest::sample::select(Risk::ALL.to_vec())) {
        let policy = RiskPolicy::built_in();
        let before = assess(&Proposal::parse(raw.clone()).unwrap(), policy).risk;
        let mut more = raw.clone();
        more.paths.push(path);
        prop_assert!(assess(&Proposal::parse(more).unwrap(), policy).risk >= before);
        let undeclared = RawProposal { declared_risk: None, ..raw.clone() };
        let floor = assess(&Proposal::parse(undeclared).unwrap(), policy).risk;
        let raised = RawProposal { declared_risk: Some(declared), ..raw };
        let found = assess(&Proposal::parse(raised).unwrap(), policy).risk;
        prop_assert_eq!(found, floor.max(declared));
    }

    #[test]
    fn every_rule_sets_its_floor(raw in any_proposal()) {
        let proposal = Proposal::parse(raw).unwrap();
        let policy = RiskPolicy::built_in();
        let found = assess(&proposal, policy);
        for path in proposal.paths() {
            prop_assert!(policy.highest(path).is_none_or(|met| met.risk() <= found.risk || is_documentation(path)));
        }
        prop_assert_eq!(assess(&proposal, policy), found);
    }

    #[test]
    fn no_text_makes_judging_panic(title in "(?s).{0,60}", description in "(?s).{0,300}") {
        let raw = RawProposal { title, description: Some(description), ..RawProposal::default() };
        if let Ok(proposal) = Proposal::parse(raw) {
            let _ = assess(&proposal, RiskPolicy::built_in());
        }
    }
}
