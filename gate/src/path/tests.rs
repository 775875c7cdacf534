use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Place, Reach, place, testing};

fn at(path: &str, reach: Reach) -> Vec<String> {
    let look = testing::disk;
    place(Path::new(path), reach, &testing::around(&look))
        .into_iter()
        .map(|place| match place {
            Place::Inside(path) => path.to_string(),
            Place::Outside(path) => format!("out:{}", path.display()),
            Place::Protected { .. } => "!".to_owned(),
            Place::Unnameable(_) => "unnameable".to_owned(),
        })
        .collect()
}

#[test]
fn a_path_lies_where_its_links_lead() {
    for (path, places) in [
        ("src/a", &["src/a"][..]),
        ("./src/../src//a", &["src/a"]),
        ("src/link", &["src/link", "docs"]),
        ("src/link/a", &["docs/a"]),
        ("src/link/../a", &["a"]),
        ("src/dangling", &["src/dangling", "secret/new"]),
        ("chain/x", &["docs/x"]),
        ("chain", &["chain", "docs"]),
        ("docs/up/src/a", &["src/a"]),
        ("loop/a", &["unnameable"]),
        ("gate-link", &["gate-link", "!"]),
        ("gate-link/policy.toml", &["!"]),
        ("../shop/src/a", &["src/a"]),
        ("../../../../../home/alice/shop/a", &["a"]),
        ("/home/alice/shop", &["**"]),
        ("..", &["out:/home/alice"]),
        ("e\u{301}.md", &["\u{e9}.md"]),
        ("a\nb", &["unnameable"]),
        ("a*b", &["unnameable"]),
        ("a\\b", &["unnameable"]),
    ] {
        assert_eq!(at(path, Reach::File), places, "{path}");
    }
}

#[test]
fn a_name_that_is_no_text_cannot_be_planned() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let look = testing::disk;
    let path = PathBuf::from(OsStr::from_bytes(b"src/\xff"));
    let places = place(&path, Reach::File, &testing::around(&look));
    assert!(matches!(places.as_slice(), [Place::Unnameable(_)]));
}

#[test]
fn a_folder_counts_with_all_that_lies_in_it() {
    assert_eq!(at("src", Reach::Into), ["src/**"]);
    assert_eq!(at("new", Reach::Into), ["new"]);
    assert_eq!(at(".", Reach::Tree), ["!"]);
    assert_eq!(at(".", Reach::Some), ["**"]);
    assert_eq!(at(".claude", Reach::Tree), ["!"]);
    assert_eq!(at(".claude", Reach::Some), ["!"]);
    assert_eq!(at("..", Reach::Tree), ["!"]);
    assert_eq!(at("/", Reach::Tree), ["!"]);
}

proptest! {
    #[test]
    fn a_way_around_leads_to_the_same_place(segments in prop::collection::vec("[a-z]{1,3}", 1..4), detours in prop::collection::vec((0usize..4, 0usize..3), 0..4)) {
        let plain = segments.join("/");
        let mut way = segments;
        for (at, kind) in detours {
            let at = at.min(way.len());
            match kind {
                0 => way.insert(at, ".".to_owned()),
                1 => way.insert(at, String::new()),
                _ => {
                    way.insert(at, "..".to_owned());
                    way.insert(at, "detour".to_owned());
                }
            }
        }
        let around = format!("./{}", way.join("/"));
        prop_assert_eq!(at(&around, Reach::File), at(&plain, Reach::File));
    }

    #[test]
    fn what_is_guarded_is_guarded_in_any_writing(guarded in prop::sample::select(vec![".git/config", ".auditotter/policy.toml", ".claude/settings.json", ".codex/x"]), upper in prop::collection::vec(any::<bool>(), 32), hidden in prop::sample::select(vec!["", "\u{200c}", "\u{200b}", "\u{feff}", "\u{ad}"]), at_letter in 1usize..5) {
        let mut text: String = guarded.chars().zip(upper).map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect();
        text.insert_str(at_letter, hidden);
        prop_assert_eq!(at(&text, Reach::File), vec!["!".to_owned()]);
    }
}
