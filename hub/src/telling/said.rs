//! A body, asked for what it says.

use serde_json::Value;

/// What an entry says; nothing, where it has no body or that was erased.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a>(Option<&'a Value>);

impl<'a> Said<'a> {
    pub(super) const fn of(body: Option<&'a Value>) -> Self {
        Self(body)
    }

    pub(super) fn at(self, pointer: &str) -> Option<&'a Value> {
        self.0?.pointer(pointer)
    }

    /// A text; empty where there is none.
    pub(super) fn text(self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    pub(super) fn flag(self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The members of an object, each with its name.
    pub(super) fn members(self, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let object = self.at(pointer).and_then(Value::as_object);
        object
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// What it is where it is no object: its beginning, of a body that was too long.
    pub(super) fn whole(self) -> Option<&'a Value> {
        self.0
    }
}

/// A value as people read it: a text as it is, texts of a list one below the other, everything else as JSON.
pub(super) fn readable(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(all) if !all.is_empty() && all.iter().all(|one| text_of(one).is_some()) => {
            let lines: Vec<&str> = all.iter().filter_map(text_of).collect();
            lines.join("\n")
        }
        Value::Object(_) => match value.get("content") {
            // What MCP's tools return: https://modelcontextprotocol.io/specification/2025-11-25/server/tools
            Some(content @ Value::Array(_)) => readable(content),
            _ => serde_json::to_string_pretty(value).unwrap_or_default(),
        },
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

fn text_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| {
        let is_text = value.get("type").and_then(Value::as_str) == Some("text");
        value.get("text").filter(|_| is_text)?.as_str()
    })
}

/// Words as they are given to a shell: those that were given apart stand apart.
pub(super) fn command(value: &Value) -> String {
    match value {
        Value::Array(words) => {
            let words: Vec<String> = words.iter().map(readable).collect();
            words.join(" ")
        }
        other => readable(other),
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(readable(&json!("a\nb")), "a\nb");
        assert_eq!(
            readable(
                &json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] })
            ),
            "a\nb"
        );
        assert_eq!(
            readable(&json!({ "content": [{ "type": "image" }] })),
            "[\n  {\n    \"type\": \"image\"\n  }\n]"
        );
        assert_eq!(command(&json!(["bash", "-c", "make test"])), "bash -c make test");
        let numbers = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
    }
}
