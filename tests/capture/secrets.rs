//! Secrets are replaced before anything is written, wherever they were said.

use std::{fs, path::Path};

use serde_json::{Value, json};
use testkit::Home;

use crate::{only, recorded};

/// Of the form of a GitHub token, and of nobody; put together here, so that it stands in no file of this repository.
fn secret() -> String {
    format!("ghp_{}", "R4nd0mW0rdsThatN0b0dyUs3sAnywh3re9xZ")
}

fn tells(home: &Home, name: &str, more: &Value) {
    let mut event = json!({ "session_id": "s1", "hook_event_name": name, "cwd": home.user() });
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let ran = home.hook("claude-code", &event.to_string());
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(0), "", ""));
}

/// Every file below a folder in which a text stands.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            found.extend(files_with(&path, text));
        } else if about.is_file() {
            let bytes = fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn what_is_a_secret_is_nowhere_in_the_home_and_is_counted() {
    let home = Home::lent();
    let secret = secret();
    tells(
        &home,
        "UserPromptSubmit",
        &json!({ "prompt": format!("push with {secret}, then stop") }),
    );
    let run = json!({ "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": format!("git push https://{secret}@github.com/acme/shop") } });
    tells(&home, "PreToolUse", &run);
    let failed = json!({ "error": format!("Exit code 1\nremote: bad {secret} and {secret}") });
    let mut after = run;
    after
        .as_object_mut()
        .unwrap()
        .extend(failed.as_object().unwrap().clone());
    tells(&home, "PostToolUseFailure", &after);
    tells(
        &home,
        "PostToolUse",
        &json!({
            "tool_name": "Write", "tool_use_id": "t2", "tool_input": {},
            "tool_response": { "type": "create", "filePath": "/home/alice/shop/.env", "content": format!("TOKEN={secret}\n") },
        }),
    );
    let mut client = home.claude_code();
    let _ = client.call(
        "append_trace_note",
        json!({ "text": format!("the token is {secret}"), "refs": [] }),
    );
    let _ = client.call(
        "propose_work_item",
        json!({ "title": "Fix a typo in the docs", "description": secret }),
    );
    let _ = client.try_call("no_such_tool", json!({ "token": secret }));
    client.line(format!("{{\"method\": \"{secret}").as_bytes());
    let _ = client.complaint();
    let _ = client.end();
    home.stop_hub();
    assert_eq!(files_with(&home.path(), &secret), Vec::<String>::new());
    // The search would find it.
    fs::write(home.file("there"), &secret).unwrap();
    assert_eq!(files_with(&home.path(), "TOKEN=[redacted:").len(), 1);

    let traces = home.traces();
    let bodies: Vec<Value> = traces
        .into_iter()
        .flat_map(|trace| home.trace(trace))
        .map(|entry| entry.body)
        .collect();
    let counted = bodies
        .iter()
        .filter(|body| body["redacted"]["github-pat"].is_number());
    // The prompt, the command announced and run, the file, and three calls.
    assert_eq!(counted.count(), 7, "{bodies:#?}");
    let run = bodies.iter().find(|body| body["exit_code"] == 1).unwrap();
    assert!(run["redacted"]["github-pat"].as_u64().unwrap() >= 3, "{run}");
}

#[test]
fn a_repository_names_secrets_of_its_own() {
    let home = Home::lent();
    let repository = home.repository();
    let rules = repository.folder.join(".auditotter");
    fs::create_dir(&rules).unwrap();
    let rule = "[[rule]]\nid = \"acme-key\"\nregex = 'acme_[a-z0-9]{16,40}'\nkeywords = [\"acme_\"]\n";
    fs::write(rules.join("redact.toml"), rule).unwrap();
    let prompt = json!({ "prompt": "use acme_0123456789abcdef here", "cwd": repository.folder });
    tells(&home, "UserPromptSubmit", &prompt);
    let said = only(&recorded(&home), "prompt");
    let text = said["text"].as_str().unwrap();
    assert!(text.starts_with("use [redacted:repository/acme-key:"), "{said}");
    assert_eq!(said["redacted"], json!({ "repository/acme-key": 1 }));
}
