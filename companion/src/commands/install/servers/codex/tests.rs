use proptest::prelude::*;

use super::*;

fn program() -> ServerProgram {
    ServerProgram::named("auditotter-mcp", Some("/home/alice/a \"home\""))
}

/// Parts of which a configuration may consist, in any order.
const PARTS: [&str; 9] = [
    "# a remark\n",
    "\n",
    "  \n",
    "[tui]\nnotifications = true # yes\n",
    "[mcp_servers.shelf]\ncommand = 'shelf'\nargs = [\n  \"a\", # first\n]\n",
    "  [mcp_servers.\"another one\"]\n  url = \"http://127.0.0.1:1\"\n",
    "[projects.\"/home/alice/shop\"]\ntrust_level = \"trusted\"\n",
    "[[skills.config]]\npath = '''\n[mcp_servers.auditotter]\n'''\n",
    "[hooks.state.\"/home/alice/.codex/hooks.json:stop:0:0\"]\ntrusted_hash = \"sha256:00\"\n",
];

proptest! {
    #[test]
    fn whatever_others_have_is_as_it_was(
        parts in prop::sample::subsequence(PARTS.to_vec(), 0..PARTS.len()).prop_shuffle(),
        later in prop::sample::select(vec!["", "\n[later]\na = 1\n", "# later\n"]),
        crlf: bool,
        ended: bool,
    ) {
        let mut before = format!("model = \"gpt\"\n{}", parts.concat());
        let mut later = later.to_owned();
        if !ended {
            before = before.trim_end().to_owned();
            later.clear();
        }
        if crlf {
            before = before.replace('\n', "\r\n");
            later = later.replace('\n', "\r\n");
        }
        let with = put_in(&before, &program()).unwrap();
        prop_assert!(with.starts_with(&before), "{with}");
        prop_assert_eq!(&put_in(&with, &program()).unwrap(), &with);
        prop_assert_eq!(take_out(&format!("{with}{later}")).unwrap(), format!("{before}{later}"));
    }
}

#[test]
fn what_somebody_added_to_our_table_goes_with_it_and_nothing_else() {
    let with = put_in("[tui]\n", &program()).unwrap();
    let more = format!(
        "{with}# mine\nenabled = false\n\n[mcp_servers.auditotter.tools.read_trace]\napproval_mode = \"prompt\"\n\n[last]\na = 1\n"
    );
    let left = toml(&take_out(&more).unwrap()).unwrap();
    assert!(
        left.get("tui").is_some() && left["last"]["a"].as_integer() == Some(1),
        "{left}"
    );
    assert!(entry(&left).unwrap().is_none(), "{left}");
}

#[test]
fn hooks_that_are_switched_off_are_noticed() {
    for (text, off) in [
        ("[features]\nhooks = false\n", true),
        ("[features]\nhooks = true\n", false),
        ("", false),
    ] {
        assert_eq!(hooks_off(text).unwrap(), off, "{text}");
    }
}
