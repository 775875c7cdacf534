use proptest::prelude::*;
use serde_json::Map;

use super::*;

fn program() -> ServerProgram {
    ServerProgram::named("/opt/otter's/auditotter-mcp", Some("/home/alice/a home"))
}

/// What others have under an event, some of which looks like ours and is not.
fn group() -> impl Strategy<Value = Value> {
    let handler = prop_oneof![
        Just(json!({ "type": "command", "command": "./check.sh" })),
        Just(json!({ "type": "command", "command": "auditotter-mcp bearer" })),
        Just(json!({ "type": "command", "command": "echo 'auditotter-mcp hook codex" })),
        Just(json!({ "type": "command", "command": "auditotter", "args": ["hook"] })),
        Just(json!({ "type": "prompt", "prompt": "auditotter-mcp hook codex" })),
        ".{0,6}".prop_map(|command| json!({ "type": "command", "command": command, "timeout": 3 })),
    ];
    let matcher = prop::option::of("[A-Z]{0,3}");
    (matcher, prop::collection::vec(handler, 0..3)).prop_map(|(matcher, hooks)| match matcher {
        Some(matcher) => json!({ "matcher": matcher, "hooks": hooks }),
        None => json!({ "hooks": hooks }),
    })
}

fn settings() -> impl Strategy<Value = Value> {
    let event = prop::sample::select(vec![
        "PreToolUse",
        "Stop",
        "SessionStart",
        "WorktreeCreate",
        "Other",
    ]);
    let hooks = prop::collection::btree_map(event, prop::collection::vec(group(), 0..3), 0..4);
    let others = prop::collection::btree_map("[a-z]{1,5}", "[ -~]{0,6}", 0..3);
    (others, prop::option::of(hooks)).prop_map(|(others, hooks)| {
        let mut all: Map<_, _> = others
            .into_iter()
            .map(|(name, text)| (name, text.into()))
            .collect();
        all.remove(HOOKS);
        all.extend(hooks.map(|hooks| (HOOKS.to_owned(), json!(hooks))));
        all.into()
    })
}

proptest! {
    #[test]
    fn whatever_others_have_is_as_it_was_before_and_after(
        settings in settings(),
        pretty: bool,
        crlf: bool,
        client in prop::sample::select(vec![Client::ClaudeCode, Client::Codex]),
    ) {
        let mut before = if pretty { serde_json::to_string_pretty(&settings) } else { serde_json::to_string(&settings) }.unwrap();
        if crlf {
            before = before.replace('\n', "\r\n");
        }
        let mut made = Containers::default();
        let with = put_in(&before, client, &program(), &mut made).unwrap();
        let wanted = wanted(client, &program()).unwrap();
        prop_assert_eq!(recorded(&with).unwrap().len(), wanted.len());

        // Ours come last, so that none of theirs has another number than before.
        let now = json::value_at(&with, &[]).unwrap().unwrap();
        for (event, groups) in settings[HOOKS].as_object().into_iter().flatten() {
            let theirs = groups.as_array().unwrap();
            prop_assert_eq!(&now[HOOKS][event].as_array().unwrap()[..theirs.len()], &theirs[..]);
        }

        let noted = made.clone();
        let again = put_in(&with, client, &program(), &mut made).unwrap();
        prop_assert_eq!((&again, &made), (&with, &noted));
        // Also where they were brought up to date meanwhile.
        let renewed = put_in(&with, client, &ServerProgram::named("auditotter-mcp", None), &mut made).unwrap();
        for text in [with, renewed] {
            prop_assert_eq!(take_out(&text, &made).unwrap(), before.clone());
        }
    }
}

#[test]
fn both_plugins_are_understood() {
    for (client, events) in [(Client::ClaudeCode, 30), (Client::Codex, 12)] {
        let wanted = wanted(client, &program()).unwrap();
        assert_eq!(wanted.len(), events);
        for (event, group) in &wanted {
            assert!(
                is_ours(&serde_json::to_value(&group.hooks[0]).unwrap()),
                "{event}"
            );
        }
        let mut made = Containers::default();
        let as_it_is = ServerProgram::named("auditotter-mcp", None);
        let with = put_in("{}", client, &as_it_is, &mut made).unwrap();
        let plugin = json::value_at(of_the_plugin(client), &[]).unwrap();
        assert_eq!(json::value_at(&with, &[]).unwrap(), plugin);
    }
}
