//! What a check may cost: what is made to grow is refused, and the largest honest schemas and values are not.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::report::{SchemaValueError, Unsaid, report};
use super::{Budget, Lax, Misfit, TOO_MUCH, fault, validate};

/// A schema of `deep` definitions, each of which leads to the next one twice.
fn doubling(deep: usize, leaf: Value) -> Value {
    let next = |at: usize| json!({ "$ref": format!("#/definitions/d{}", at + 1) });
    let mut definitions: Map<String, Value> =
        (0..deep).map(|at| (format!("d{at}"), json!({ "allOf": [next(at), next(at)] }))).collect();
    definitions.insert(format!("d{deep}"), leaf);
    json!({ "$ref": "#/definitions/d0", "definitions": definitions })
}

fn told(values: Value, schema: Value) -> Result<Vec<SchemaValueError>, Unsaid> {
    report(values, schema, &HashMap::new()).map(|response| response.errors)
}

#[test]
fn a_schema_that_doubles_is_refused() {
    assert_eq!(validate(&json!({}), &doubling(10, json!({ "type": "object" }))), Ok(()));
    for deep in [20, 60] {
        let schema = doubling(deep, json!({ "type": "object" }));
        assert_eq!(validate(&json!({}), &schema), Err(Misfit::TooMuch), "{deep}");
        assert_eq!(told(json!({}), schema), Err(Unsaid::Schema(TOO_MUCH.into())), "{deep}");
    }
    // What was wrong on the way is no answer then.
    let mut wrong_first = Map::from_iter([("type".to_owned(), json!("string"))]);
    wrong_first.extend(doubling(60, json!({})).as_object().cloned().unwrap_or_default());
    assert_eq!(validate(&json!({}), &wrong_first.into()), Err(Misfit::TooMuch));
    // Nor is a schema one that is too large to be looked at.
    let wide = json!({ "anyOf": vec![json!({}); 300_000] });
    assert_eq!(fault(&wide, &mut Budget::default()).as_deref(), Some("it takes too much work to look at"));
}

#[test]
fn the_first_complaints_are_told_and_each_is_bounded() {
    let size = |errors: &[SchemaValueError]| serde_json::to_string(errors).unwrap().len();
    let value = json!({ "x": "y".repeat(10_000) });
    let errors = told(value.clone(), doubling(2, json!({ "type": "string" }))).unwrap();
    assert_eq!((errors.len(), size(&errors) > 40_000), (4, true));
    let errors = told(value, doubling(8, json!({ "type": "string" }))).unwrap();
    assert!(size(&errors) < 600_000, "{}", size(&errors));
    assert_eq!(errors.last(), Some(&SchemaValueError::Here("There is more amiss than is told here.".into())));
    // One that is large.
    let errors = told(json!({ "x": "y".repeat(1_000_000) }), json!({ "type": "string" })).unwrap();
    let [SchemaValueError::Here(text)] = errors.as_slice() else { panic!("{}", errors.len()) };
    assert!(text.len() < 17_000 && text.ends_with("yyy… is not of type 'string'"), "{}", text.len());
    // Names of places count, too.
    let schema = json!({ "additionalProperties": { "items": { "type": "string" } } });
    assert!(size(&told(json!({ "n".repeat(20_000): vec![1; 100] }), schema).unwrap()) < 600_000);
}

#[test]
fn what_is_not_told_makes_no_room_smaller() {
    // Each branch that does not fit has more to say than is kept.
    let schema = json!({ "items": { "anyOf": [{ "type": "string" }, { "type": "object" }] } });
    let values: Vec<Value> = (0..200).map(|_| json!({ "x": "y".repeat(5000) })).collect();
    assert_eq!(told(json!(values), schema.clone()), Ok(vec![]));
    // And a choice is told also where its reasons take all room.
    let wide = json!({ "anyOf": [{ "items": { "type": "string" } }] });
    assert!(validate(&json!(vec![1; 20_000]), &wide).is_err_and(|misfit| matches!(misfit, Misfit::Invalid(_))));
}

#[test]
fn patterns_are_compiled_once_and_cost_what_they_take() {
    let many: Map<String, Value> = (0..200).map(|at| (format!(r"^\w{{60}}a{at}$"), json!({}))).collect();
    assert_eq!(validate(&json!({ "a": 1 }), &json!({ "patternProperties": many })), Err(Misfit::TooMuch));
    let one = json!({ "items": { "pattern": r"^\w{60}$|x" } });
    assert_eq!(validate(&json!(vec!["xyz"; 200]), &one), Ok(()));
    let small: Map<String, Value> =
        (0..200).map(|at| (format!("^[a-z]{{3}}_{at}$"), json!({ "type": "string" }))).collect();
    assert_eq!(validate(&json!({ "abc_7": "x" }), &json!({ "patternProperties": small })), Ok(()));
}

#[test]
fn elements_are_told_apart_without_comparing_each_with_each() {
    let unique = json!({ "uniqueItems": true });
    let numbers: Vec<Value> = (0..100_000).map(Value::from).collect();
    assert_eq!(validate(&json!(numbers), &unique), Ok(()));
    for (items, fits) in [
        (json!([1, 1.0]), false),
        (json!([1, 1.5, true, "1", null, [1], { "a": 1 }]), true),
        (json!([[1], [1.0]]), false),
        (json!([{ "a": 1, "b": [2] }, { "b": [2.0], "a": 1 }]), false),
        (json!([["a", "b"], ["a\",1:b"], ["ab"]]), true),
        (json!([9_007_199_254_740_993_u64, 9_007_199_254_740_992_u64]), true),
        (json!([1e300, 2e300, 0]), true),
        (json!([-0.0, 0]), false),
    ] {
        assert_eq!(validate(&items, &unique).is_ok(), fits, "{items}");
    }
}

#[test]
fn the_largest_honest_schemas_and_values_are_looked_at() {
    let point = json!({ "type": "object", "title": "Point", "required": ["x", "y"], "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } } });
    let points: Vec<Value> = (0..35_000).map(|at| json!({ "x": at, "y": 1 })).collect();
    let schema = json!({ "properties": { "points": { "type": "array", "items": { "$ref": "#/definitions/Point" } } }, "definitions": { "Point": point } });
    assert_eq!(validate(&json!({ "points": points }), &schema), Ok(()));
    let numbers = json!({ "items": { "anyOf": [{ "type": "integer" }, { "type": "null" }] } });
    assert_eq!(validate(&json!(vec![1; 100_000]), &numbers), Ok(()));
    let countries: Vec<String> = (0..250).map(|at| format!("country-{at}")).collect();
    let chosen: Vec<&String> = countries.iter().cycle().take(10_000).collect();
    assert_eq!(validate(&json!(chosen), &json!({ "items": { "enum": countries } })), Ok(()));
    let field =
        json!({ "title": "A field", "description": "What it is.", "type": "string", "default": "x", "position": 1 });
    let fields: Map<String, Value> = (0..10_000).map(|at| (format!("field_{at}"), field.clone())).collect();
    let schema = json!({ "type": "object", "properties": fields });
    assert_eq!(told(json!({ "field_7": "x" }), schema.clone()), Ok(vec![]));
    assert_eq!(super::validate_lax(&json!({}), &schema, Lax::default(), &mut Budget::default()), Ok(()));
}
