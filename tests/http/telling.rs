//! The page of a trace, which tells a session; whatever was said in it.

use testkit::{Home, Visitor, home::HOSTILE};
use vocabulary::TraceId;

/// A page's text with its tags, of a trace in which hooks told a session.
struct Told {
    home: Home,
    trace: TraceId,
}

impl Told {
    fn new() -> Self {
        let home = Home::lent();
        let trace = home.tell_a_session();
        Self { home, trace }
    }

    fn look(&self, queries: &[&str]) -> Vec<String> {
        let all: Vec<(&str, u16)> = queries.iter().map(|query| (*query, 200)).collect();
        self.ask(&all)
    }

    fn ask(&self, queries: &[(&str, u16)]) -> Vec<String> {
        let bob = self.home.bob();
        let served = self.home.serve();
        let visitor = Visitor::logged_in(&served, &bob.device);
        let look = |(query, status): &(&str, u16)| {
            let answer = visitor.get(&format!("/t/{}{query}", self.trace));
            assert_eq!(answer.status, *status, "{query}: {answer:?}");
            answer.text
        };
        queries.iter().map(look).collect()
    }
}

#[test]
fn a_session_is_told_in_turns_and_steps_with_diffs_and_folds() {
    let pages = Told::new().look(&[""]);
    let page = &pages[0];
    for told in [
        "Fix the password reset bug: the link has the old host name.",
        "<span class=\"removed\">-const HOST: &#38;str",
        "<span class=\"added\">+/// Where the link leads.",
        "+2 −1",
        "188 more lines",
        "test reset::case_0 ... ok",
        "test reset::case_199 ... ok",
        "<mark class=\"secret\"",
        "[redacted:aws-access-token:",
        "1 secret replaced",
        "exit 2",
        "✓ verified",
        "<code>turn.ended</code>",
        "1 gap in what was captured.",
        "The client&#39;s settings changed",
        "aria-level=\"2\"",
    ] {
        assert!(page.contains(told), "{told} is missing: {page}");
    }
    assert!(!page.contains(concat!("AKIA", "QYLPMN5HHHFPZAM2")));
    // A call and what came of it are one.
    assert_eq!(page.matches("class=\"does\">Edit<").count(), 1);
    assert_eq!(page.matches("role=\"heading\"").count(), 2);
    let of_entries = page.matches(" id=\"e").count();
    let places = page.matches("class=\"seq\"").count();
    assert_eq!(of_entries, places, "each entry says where in the chain it is");
    assert!(page.contains("id=\"e0\"") && page.contains(&format!("id=\"e{}\"", of_entries - 1)));
}

#[test]
fn nothing_that_was_said_becomes_markup_or_steers_the_reader() {
    assert!(HOSTILE.contains("<script>"));
    let pages = Told::new().look(&[
        "",
        "?file=%3Cscript%3Ealert(1)%3C/script%3E",
        "?file=%22onmouseover=%22x%22%20y",
    ]);
    for page in &pages {
        // The one script is ours.
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(
            !page.contains("<img src=x") && !page.contains("\"onmouseover"),
            "{page}"
        );
        for steers in ['\u{1b}', '\u{7}', '\u{202e}', '\u{2066}', '\u{e0041}'] {
            assert!(!page.contains(steers), "{steers:?} is there as it was said");
        }
        assert!(!page.contains(" style=") && !page.contains("javascript:"));
    }
    let page = &pages[0];
    for seen in ["&#60;script&#62;alert(1)", "\\u001b", "\\u202e", "\\udb40\\udc41"] {
        assert!(page.contains(seen), "{seen}: {page}");
    }
    assert!(pages[1].contains("There is nothing of it here."), "{}", pages[1]);
}

#[test]
fn one_finds_what_was_done_to_a_file_at_a_time_and_where_the_gaps_are() {
    let told = Told::new();
    let path = "/home/alice/shop/src/reset/mail.rs";
    let pages = told.ask(&[
        ("?file=/home/alice/shop/src/reset/mail.rs", 200),
        ("?gaps=1", 200),
        ("?at=00:00:00", 200),
        ("?see=3", 200),
        ("?from=900", 200),
        ("?see=18446744073709551615", 200),
        ("?at=yesterday", 422),
        ("?item=wi_x", 400),
        ("?from=-1", 400),
    ]);
    let [file, gaps, at, see, beyond, ..] = pages.as_slice() else {
        panic!()
    };
    assert!(
        file.contains("What was done to") && file.contains("aria-current=\"true\""),
        "{file}"
    );
    assert!(file.contains(&format!("<code>{path}</code>")) && file.contains("Where the link leads."));
    assert!(!file.contains("cargo test"), "{file}");
    assert!(
        gaps.contains("Gaps in what was captured") && !gaps.contains("Where the link leads."),
        "{gaps}"
    );
    assert!(at.contains("id=\"e0\""));
    // What somebody came to see stands open.
    assert_eq!(
        see.matches("<details open><summary><span class=\"does\">")
            .count(),
        1,
        "{see}"
    );
    assert!(beyond.contains("There is no entry from 900 on."));
}

#[test]
fn an_imported_trace_says_that_it_is_a_claim_and_kinds_of_another_version_read_sensibly() {
    let home = Home::lent();
    let trace = home.forge_an_imported_trace();
    let pages = Told { home, trace }.look(&[""]);
    let page = &pages[0];
    for told in [
        "Imported, not recorded.",
        "1 gap in what was captured.",
        "Something was not captured: silent",
        "Hello.",
        "1,204 tokens in, 9 tokens out",
        "<span class=\"added\">+hello",
        "18,211 bytes",
        "Mood improved",
        "it works",
    ] {
        assert!(page.contains(told), "{told} is missing: {page}");
    }
}
