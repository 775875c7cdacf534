//! The part of JSON Schema 2020-12 that our schemas use. A keyword that is not known here fails the test, so
//! nothing that a schema promises goes unchecked.

use serde_json::Value;

/// What is wrong with a value, as `where: what`; empty where it is valid.
pub(crate) fn violations(root: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    visit(root, root, value, "", &mut wrong);
    wrong
}

fn visit(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if schema == &Value::Bool(true) {
        return;
    }
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "description" | "$defs" => {}
            "$ref" => {
                let place = rule.as_str().unwrap().strip_prefix('#').unwrap();
                visit(root, root.pointer(place).unwrap(), value, at, wrong);
            }
            "type" => {
                if !is_a(rule.as_str().unwrap(), value) {
                    wrong.push(format!("{at}: {value} is no {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    wrong.push(format!("{at}: {value} is none of {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        wrong.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => visit(root, schema, inner, &format!("{at}/{name}"), wrong),
                        None => wrong.push(format!("{at}: {name} is not promised")),
                    }
                }
            }
            "additionalProperties" => assert_eq!(rule, &Value::Bool(false), "{at}"),
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    visit(root, rule, inner, &format!("{at}/{index}"), wrong);
                }
            }
            unknown => panic!("{at}: the keyword {unknown} is not known to this test"),
        }
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        unknown => panic!("the type {unknown} is not known to this test"),
    }
}

#[test]
fn a_value_that_breaks_its_schema_is_found() {
    let schema = serde_json::json!({
        "type": "object", "required": ["id"],
        "properties": { "id": { "$ref": "#/$defs/Id" }, "tags": { "type": "array", "items": { "enum": ["a"] } } },
        "$defs": { "Id": { "type": "string" } },
    });
    let check = |value: Value| violations(&schema, &value).len();
    assert_eq!(check(serde_json::json!({ "id": "x", "tags": ["a"] })), 0);
    for bad in [
        serde_json::json!([]),
        serde_json::json!({}),
        serde_json::json!({ "id": 1 }),
        serde_json::json!({ "id": "x", "tags": ["b"] }),
        serde_json::json!({ "id": "x", "more": 1 }),
    ] {
        assert!(check(bad.clone()) > 0, "{bad}");
    }
}
