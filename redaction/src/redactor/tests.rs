use super::*;

#[test]
fn no_name_of_a_rule_makes_a_marker_that_is_a_secret() {
    let redactor = Redactor::built_in([1; 32]);
    let own = &redactor.built_in.names;
    let rules = redactor.built_in.search.rules.iter().map(|rule| &rule.id);
    for id in rules.chain([&own.assignment, &own.bearer, &redactor.built_in.unsettled]) {
        assert!(id.as_str().len() <= marker::MAX_ID_BYTES);
        let mut text = String::from("password=\"");
        redactor.marking.write(id, b"secret", &mut text);
        text.push_str("\" key: ");
        redactor.marking.write(id, b"another", &mut text);
        assert_eq!(redactor.redact(&text).text, text);
        assert_eq!(marker::existing(text.as_bytes()).len(), 2, "{text}");
    }
}

#[test]
fn the_same_secret_has_the_same_marker_and_another_key_another() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    let text = format!("{token} {token}");
    let redacted = Redactor::built_in([1; 32]).redact(&text);
    let (first, second) = redacted.text.split_once(' ').unwrap();
    assert_eq!(first, second);
    assert_eq!(redacted.counts.get("github-pat"), Some(&2));
    assert_ne!(redacted.text, Redactor::built_in([2; 32]).redact(&text).text);
}

#[test]
fn nothing_of_a_redactor_is_shown() {
    assert_eq!(format!("{:?}", Redactor::built_in([1; 32])), "Redactor(..)");
}

#[test]
fn a_text_without_secrets_is_not_copied() {
    let redacted = Redactor::built_in([1; 32]).redact("let key = map.get(&id)?;");
    assert!(matches!(redacted.text, Cow::Borrowed(_)));
    assert!(redacted.counts.is_empty());
}

#[test]
fn what_gitleaks_excuses_everywhere_does_not_excuse_what_our_own_rules_find() {
    // Its list of words that are no secrets has "false", anywhere.
    let redacted = Redactor::built_in([1; 32]).redact("DB_PASSWORD='falseHope#99'");
    assert_eq!(redacted.counts.get("secret-assignment"), Some(&1));
}

#[test]
fn every_pattern_that_waits_to_be_needed_compiles() {
    let built_in = Redactor::built_in([0; 32]).built_in;
    let rules = &built_in.search.rules;
    let of_rules = rules.iter().flat_map(Rule::expressions);
    let all = of_rules.chain(built_in.allow.iter().flat_map(Allow::expressions));
    let compiled: Vec<_> = all.map(|expression| expression.regex().captures_len()).collect();
    assert!(
        compiled.len() > rules.len(),
        "each rule has one, and some have lists"
    );
}
