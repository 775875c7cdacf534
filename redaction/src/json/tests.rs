use serde_json::json;

use super::*;

#[test]
fn strings_and_keys_are_redacted_and_the_rest_stays() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let mut value = json!({
        "command": format!("GH_TOKEN={token} gh pr list"),
        "env": { token.as_str(): "x", "DB_PASSWORD": "p@5s!w0rd#24", "PORT": "5432" },
        "argv": ["tool", "--password", "p@5s!w0rd#24", "--verbose", "plain"],
        "exit": 0, "took": 1.5, "ok": true, "none": null,
    });
    let counts = Redactor::built_in([1; 32]).redact_json(&mut value);
    let text = value.to_string();
    assert!(!text.contains(&token) && !text.contains("p@5s!w0rd#24"), "{text}");
    assert_eq!(value["argv"][0], "tool");
    assert_eq!(value["argv"][4], "plain");
    assert_eq!(value["env"]["PORT"], "5432");
    assert_eq!(
        (&value["exit"], &value["took"], &value["ok"], &value["none"]),
        (&json!(0), &json!(1.5), &json!(true), &json!(null))
    );
    assert_eq!(counts.get("github-pat"), Some(&2));
    assert_eq!(counts.get("secret-assignment"), Some(&2));
}

#[test]
fn a_value_is_read_together_with_its_name() {
    let mut named = json!({ "datadog_app_key": "0123456789abcdef0123456789abcdef01234567" });
    let mut unnamed = json!({ "commit": "0123456789abcdef0123456789abcdef01234567" });
    let redactor = Redactor::built_in([1; 32]);
    assert_eq!(redactor.redact_json(&mut named).values().sum::<u32>(), 1);
    assert!(
        named["datadog_app_key"]
            .as_str()
            .unwrap()
            .starts_with("[redacted:"),
        "{named}"
    );
    assert!(redactor.redact_json(&mut unnamed).is_empty());
}

#[test]
fn two_keys_with_one_marker_both_stay() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let redactor = Redactor::built_in([1; 32]);
    let marker = redactor.redact(&token).text.into_owned();
    let mut value = json!({ token.as_str(): 1, marker.as_str(): 2 });
    redactor.redact_json(&mut value);
    assert_eq!(value.as_object().unwrap().len(), 2);
    assert!(!value.to_string().contains("ghp_"));
}
