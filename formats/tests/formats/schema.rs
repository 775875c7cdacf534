//! As much of JSON Schema (draft 2020-12) as the schema of Agent Trace uses. A word that is not known here fails the test, so that nothing
//! is taken for checked that was not.

use serde_json::Value;
use vocabulary::Timestamp;

pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn of_agent_trace() -> Self {
        Self(serde_json::from_str(include_str!("../schema/agent-trace-0.1.0.json")).unwrap())
    }

    pub(crate) fn check(&self, value: &Value) {
        let faults = self.faults(&self.0, value, "$");
        assert!(faults.is_empty(), "{faults:?}");
    }

    pub(crate) fn finds_fault_with(&self, value: &Value) -> bool {
        !self.faults(&self.0, value, "$").is_empty()
    }

    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for (word, rule) in schema.as_object().unwrap() {
            let holds = match word.as_str() {
                "$schema" | "$id" | "title" | "description" | "$defs" => true,
                "$ref" => {
                    let found = self
                        .0
                        .pointer(rule.as_str().unwrap().trim_start_matches('#'))
                        .unwrap();
                    faults.extend(self.faults(found, value, at));
                    true
                }
                "type" => match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    other => panic!("type {other}"),
                },
                "required" => {
                    let names = rule.as_array().unwrap();
                    names
                        .iter()
                        .all(|name| value.get(name.as_str().unwrap()).is_some())
                }
                "properties" => {
                    for (name, of_member) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            faults.extend(self.faults(of_member, member, &format!("{at}.{name}")));
                        }
                    }
                    true
                }
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        faults.extend(self.faults(rule, item, &format!("{at}[{place}]")));
                    }
                    true
                }
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value
                    .as_i64()
                    .is_some_and(|number| number >= rule.as_i64().unwrap()),
                "maxLength" => value.as_str().unwrap().chars().count() as u64 <= rule.as_u64().unwrap(),
                "pattern" => {
                    assert_eq!(
                        rule, "^[0-9]+\\.[0-9]+\\.[0-9]+$",
                        "the only pattern that is known here"
                    );
                    let parts: Vec<&str> = value.as_str().unwrap().split('.').collect();
                    let digits =
                        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                    parts.len() == 3 && parts.iter().all(digits)
                }
                "format" => {
                    let text = value.as_str().unwrap();
                    match rule.as_str().unwrap() {
                        "uuid" => text.parse::<uuid::Uuid>().is_ok(),
                        "date-time" => text.parse::<Timestamp>().is_ok(),
                        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
                            scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
                                && !rest.is_empty()
                                && rest.bytes().all(|byte| byte.is_ascii_graphic())
                        }),
                        other => panic!("format {other}"),
                    }
                }
                other => panic!("{other} is not known here"),
            };
            if !holds {
                faults.push(format!("{at}: {word}"));
            }
        }
        faults
    }
}
