use super::*;

#[test]
fn the_whole_list_stays_under_nine_kibibytes() {
    let tools = serde_json::to_string(&all()).unwrap();
    assert!(tools.len() < 9 * 1024 - 200, "{} bytes: {tools}", tools.len());
}

#[test]
fn every_tool_has_plain_object_schemas_and_honest_hints() {
    for tool in all() {
        for schema in [Some(&tool.input_schema), tool.output_schema.as_ref()] {
            let schema = schema.unwrap();
            assert_eq!(schema.get("type"), Some(&"object".into()), "{}", tool.name);
            assert!(schema.contains_key("properties"), "{}", tool.name);
            for root in ["anyOf", "oneOf", "allOf", "$schema"] {
                assert!(!schema.contains_key(root), "{} has {root}", tool.name);
            }
        }
        let reads = !matches!(
            &*tool.name,
            "propose_work_item" | "record_evidence" | "report_progress" | "append_trace_note"
        );
        let hints = tool.annotations.as_ref().unwrap();
        assert_eq!(hints.read_only_hint, Some(reads), "{}", tool.name);
        assert_eq!(hints.destructive_hint, (!reads).then_some(false), "{}", tool.name);
        assert_eq!(hints.open_world_hint, Some(false), "{}", tool.name);
        assert!(
            tool.description.as_ref().is_some_and(|text| text.len() < 2_048),
            "{}",
            tool.name
        );
    }
}

#[test]
fn the_list_names_exactly_the_tools_of_the_protocol() {
    let names: Vec<String> = all().into_iter().map(|tool| tool.name.into_owned()).collect();
    assert_eq!(names, protocol::tools::TOOL_NAMES);
}

#[test]
fn arguments_are_described_and_optional_ones_have_one_type() {
    let tool = propose_work_item::tool();
    let schema = serde_json::to_value(&*tool.input_schema).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["title"]));
    assert_eq!(schema["properties"]["description"]["type"], "string");
    assert_eq!(
        schema["properties"]["risk"]["enum"],
        serde_json::json!(["low", "medium", "high", "critical"])
    );
    assert!(
        schema["properties"]["title"]["description"].is_string(),
        "{schema}"
    );
}
