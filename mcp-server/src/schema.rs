//! Schemas as small as they can be: they are paid for in every session's context.

use rmcp::model::JsonObject;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// The schema of a tool's arguments, with the descriptions that an agent needs to fill them in.
pub(crate) fn of_arguments<T: JsonSchema>() -> JsonObject {
    generate::<T>(SchemaSettings::draft2020_12(), Descriptions::Kept)
}

/// The schema of a tool's result. Its field names speak for themselves; descriptions are left out.
pub(crate) fn of_result<T: JsonSchema>() -> JsonObject {
    generate::<T>(
        SchemaSettings::draft2020_12().for_serialize(),
        Descriptions::Dropped,
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Descriptions {
    Kept,
    Dropped,
}

fn generate<T: JsonSchema>(settings: SchemaSettings, descriptions: Descriptions) -> JsonObject {
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    if let Value::Object(root) = &mut value {
        // The root's description is the tool's, which stands beside the schema.
        root.remove("description");
        if !root.contains_key("properties") {
            root.insert("properties".to_owned(), Value::Object(JsonObject::new()));
        }
    }
    slim(&mut value, descriptions);
    match value {
        Value::Object(root) => root,
        _ => JsonObject::new(),
    }
}

/// Drops what a validator does not need and clients choke on: dialect, titles, defaults, number formats,
/// and `null` beside the real type of an optional field.
fn slim(value: &mut Value, descriptions: Descriptions) {
    match value {
        Value::Object(map) => {
            // Enum variants arrive as `oneOf` of described constants; a plain `enum` says the same.
            if let Some(names) = map.get("oneOf").and_then(constants) {
                map.remove("oneOf");
                map.insert("type".to_owned(), "string".into());
                map.insert("enum".to_owned(), names);
            }
            if let Some(Value::Array(options)) = map.get_mut("anyOf") {
                options.retain(|option| option.get("type") != Some(&Value::from("null")));
                if let [Value::Object(only)] = options.as_mut_slice() {
                    let only = std::mem::take(only);
                    map.remove("anyOf");
                    map.extend(only);
                    return slim(value, descriptions);
                }
            }
            for noise in ["$schema", "title", "default", "format", "minimum", "maximum"] {
                // `title` is noise as a keyword, and the name of a field among properties.
                if map.get(noise).is_some_and(|v| !v.is_object()) {
                    map.remove(noise);
                }
            }
            // What a word may be stands where it is chosen.
            if descriptions == Descriptions::Dropped && map.get("type").is_some_and(Value::is_string) {
                map.remove("enum");
            }
            if descriptions == Descriptions::Dropped && map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            map.values_mut().for_each(|inner| slim(inner, descriptions));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| slim(inner, descriptions)),
        _ => {}
    }
}

fn constants(options: &Value) -> Option<Value> {
    let names: Option<Vec<Value>> = options
        .as_array()?
        .iter()
        .map(|option| option.get("const").filter(|name| name.is_string()).cloned())
        .collect();
    names.map(Value::Array)
}
