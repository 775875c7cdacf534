//! What should have been recorded and was not, in words.

use serde_json::Value;

use super::said::{Said, readable};

/// A gap: its name, what it says in words, and what else is known of it.
pub(super) struct Gap {
    pub(super) words: String,
    pub(super) known: Vec<(String, String)>,
}

/// Reads a gap of any variant, those included that a newer version writes.
pub(super) fn of(body: Said<'_>) -> Gap {
    let (name, facts) = match body.whole() {
        Some(Value::String(name)) => (name.as_str(), None),
        Some(Value::Object(members)) => match members.iter().find(|(name, _)| *name != "redacted") {
            Some((name, facts)) => (name.as_str(), Some(facts)),
            None => ("", None),
        },
        _ => ("", None),
    };
    let known: Vec<(String, String)> = match facts {
        Some(Value::Object(facts)) => facts
            .iter()
            .map(|(name, value)| (name.replace('_', " "), readable(value)))
            .collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![("what".to_owned(), readable(other))],
    };
    let words = match name {
        "unreadable" => "A hook was given what cannot be read".to_owned(),
        "unannounced" => "Our server was asked for what no hook had announced".to_owned(),
        "settings_changed" => {
            "The client's settings changed, in which its hooks stand: what comes after may not be told"
                .to_owned()
        }
        "" => "Something should have been recorded here and was not".to_owned(),
        other => format!("Something was not captured: {}", other.replace('_', " ")),
    };
    Gap { words, known }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_gap_reads_sensibly_whatever_it_is_called() {
        let told = |body: Value| {
            let gap = of(Said::of(Some(&body)));
            (gap.words, gap.known)
        };
        let fact = |name: &str, what: &str| (name.to_owned(), what.to_owned());
        assert_eq!(
            told(json!({ "unannounced": { "tool": "x" } })).1,
            [fact("tool", "x")]
        );
        assert_eq!(
            told(json!({ "went_dark": { "since_when": 3, "paths": ["a", "b"] } })),
            (
                "Something was not captured: went dark".to_owned(),
                vec![fact("paths", "a\nb"), fact("since when", "3")]
            )
        );
        assert_eq!(
            told(json!("unwatched")).0,
            "Something was not captured: unwatched"
        );
        for odd in [
            json!(null),
            json!([]),
            json!({}),
            json!(7),
            json!({ "silent": 7 }),
        ] {
            assert!(!told(odd).0.is_empty());
        }
        assert!(!of(Said::of(None)).words.is_empty());
    }
}
