//! Job variables: what fills the base job template of a work pool. Later ones win: the defaults of the template, those of
//! the deployment, those of the run (reference: `server/api/validation.py`, `server/schemas/actions.py`).

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::RawObject;

use crate::json_schema::{self, Budget, Lax, Misfit};

/// `{{ name }}`, in the text of JSON.
static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{ *([A-Za-z0-9_.\-\[\]$]+) *\}\}").expect("a literal, read by a test"));

/// Whether a base job template is one; why not.
pub fn check_template(template: &Value) -> Result<(), String> {
    let Some(fields) = template.as_object().filter(|fields| !fields.is_empty()) else { return Ok(()) };
    let part = |name: &str| fields.get(name).and_then(Value::as_object).filter(|part| !part.is_empty());
    let (Some(configuration), Some(variables)) = (part("job_configuration"), part("variables")) else {
        let both = "The `base_job_template` must contain both a `job_configuration` key and a `variables` key.";
        return Err(both.into());
    };
    let mut named = BTreeSet::new();
    for part in configuration.values() {
        let text = part.to_string();
        named.extend(PLACEHOLDER.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let declared = variables.get("properties").and_then(Value::as_object);
    named.retain(|name| declared.is_none_or(|declared| !declared.contains_key(name)));
    if named.is_empty() {
        return Ok(());
    }
    let missing = named.into_iter().collect::<Vec<_>>().join(" ,");
    Err(format!(
        "The variables specified in the job configuration template must be present as properties in the variables \
         schema. Your job configuration uses the following undeclared variable(s): {missing}."
    ))
}

/// Why the schema of a template's variables is none; `None` where it is one, or there is none.
pub fn fault(template: &Value) -> Option<String> {
    json_schema::fault(template.get("variables").filter(|schema| !schema.is_null())?, &mut Budget::default())
}

/// What is checked of the variables of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The defaults of the template itself. A required one may come later.
    Defaults,
    /// Those of a deployment. A required one may come later, and defaults that do not fit are left out.
    Deployment,
    /// All of a run: nothing comes later. Defaults that do not fit are left out, and then nothing is required.
    Run,
}

/// Block documents that a template may refer to, and bytes of all their data.
pub const MOST_BLOCKS: usize = 100;
pub const MOST_BLOCK_BYTES: usize = 1 << 20;

/// The data of the block documents that a template refers to, by id.
pub type Blocks = HashMap<Uuid, Value>;

/// A template refers to a block document by what is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoBlock;

/// The block documents that stand in place of defaults: `{"$ref": {"block_document_id": …}}`, each once.
pub fn references(template: &Value) -> Result<BTreeSet<Uuid>, NoBlock> {
    let ids = defaults(template).filter_map(|(_, default)| reference(default));
    ids.map(|id| id.as_str().and_then(|id| Uuid::parse_str(id).ok()).ok_or(NoBlock)).collect()
}

/// Whether variables fit the schema of a template; the sentence that says why not. `given` are those of the deployment and
/// of the run, the later last.
pub fn check(
    template: &Value,
    blocks: &Blocks,
    given: &[&Value],
    checks: Checks,
    budget: &mut Budget,
) -> Result<(), String> {
    let Some(schema) = template.get("variables").filter(|schema| schema.as_object().is_some_and(|s| !s.is_empty()))
    else {
        return Ok(());
    };
    let mut left_out = false;
    let mut all = Map::new();
    // One budget for all defaults: each is held to the whole schema, and the data of a block may stand in many places.
    for (name, default) in defaults(template) {
        let value = match reference(default) {
            Some(id) => match id.as_str().and_then(|id| Uuid::parse_str(id).ok()).and_then(|id| blocks.get(&id)) {
                Some(block) => block,
                None => continue,
            },
            // A reference to something else than a block document is no value.
            None if default.get("$ref").is_some() => continue,
            None => default,
        };
        budget.spend_on(value).map_err(sentence)?;
        let mut alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let lax = Lax { nothing_is_required: true, ..Lax::default() };
        let fits = match checks {
            Checks::Defaults => Ok(()),
            Checks::Deployment | Checks::Run => json_schema::validate_as_is(&alone, schema, lax, budget),
        };
        match fits {
            Ok(()) => all.extend(alone.as_object_mut().map(std::mem::take).unwrap_or_default()),
            Err(Misfit::TooMuch) => return Err(sentence(Misfit::TooMuch)),
            Err(_) => left_out = true,
        }
    }
    for given in given.iter().filter_map(|given| given.as_object()) {
        all.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let lax = Lax { nothing_is_required: checks != Checks::Run || left_out, null_for_default: true };
    json_schema::validate_lax(&Value::Object(all), schema, lax, budget).map_err(sentence)
}

fn sentence(misfit: Misfit) -> String {
    match misfit {
        Misfit::Invalid(sentence) => sentence,
        Misfit::Circular => "Validation failed. Failure reason: the schema refers to itself without end".into(),
        Misfit::TooMuch => json_schema::TOO_MUCH.into(),
    }
}

/// The first complaint about the variables of a deployment that changes, without the defaults of the template, as Python
/// shows the error (reference: `check_valid_configuration` of `server/schemas/actions.py`).
pub fn complaint(template: &RawObject, variables: &RawObject) -> Option<String> {
    let template = template.0.to_value();
    let schema = template.get("variables").filter(|schema| schema.is_object())?;
    let lax = Lax { nothing_is_required: true, ..Lax::default() };
    let message = match json_schema::validate_lax(&variables.0.to_value(), schema, lax, &mut Budget::default()) {
        Ok(()) => return None,
        Err(Misfit::Invalid(sentence)) => {
            sentence.split_once(" Failure reason: ").map_or(sentence.clone(), |(_, reason)| reason.to_owned())
        }
        Err(Misfit::Circular) => "the schema refers to itself without end".to_owned(),
        Err(Misfit::TooMuch) => json_schema::TOO_MUCH.to_owned(),
    };
    Some(format!("<ValidationError: {}>", json_schema::quoted(&message)))
}

fn defaults(template: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let properties = template.pointer("/variables/properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(|(name, property)| Some((name, property.get("default")?)))
}

/// What a default refers to by `block_document_id`.
fn reference(default: &Value) -> Option<&Value> {
    default.get("$ref")?.get("block_document_id").filter(|id| !id.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(template: &Value, blocks: &Blocks, given: &[&Value], checks: Checks) -> Result<(), String> {
        check(template, blocks, given, checks, &mut Budget::default())
    }

    #[test]
    fn a_template_declares_the_variables_it_names() {
        let template = |configuration: Value, properties: Value| json!({ "job_configuration": configuration, "variables": { "properties": properties } });
        for good in [
            json!({}),
            template(json!({ "command": "{{ command }}" }), json!({ "command": { "type": "string" } })),
            template(json!({ "env": { "a": ["{{a}}", "x{{  b }}{{a}}"] } }), json!({ "a": {}, "b": {} })),
            template(json!({ "text": "{{ not a name }} {{}} { { a } }" }), json!({ "z": {} })),
        ] {
            assert_eq!(check_template(&good), Ok(()), "{good}");
        }
        for (bad, word) in [
            (json!({ "job_configuration": {} }), "both a `job_configuration` key"),
            (json!({ "variables": { "properties": {} } }), "both a `job_configuration` key"),
            (json!({ "job_configuration": 5, "variables": 6 }), "both a `job_configuration` key"),
            (template(json!({ "x": "{{ b }}{{ a }}" }), json!({ "c": {} })), "variable(s): a ,b."),
            (template(json!({ "x": "{{ $a }}" }), json!({ "a": {} })), "variable(s): $a."),
        ] {
            let told = check_template(&bad).unwrap_err();
            assert!(told.contains(word), "{bad}: {told}");
        }
    }

    #[test]
    fn what_is_required_must_be_there_when_nothing_comes_later() {
        let template = json!({ "variables": { "properties": { "a": { "type": "string" }, "n": { "type": "integer", "default": 1 } }, "required": ["a"] } });
        let blocks = Blocks::new();
        for checks in [Checks::Defaults, Checks::Deployment] {
            assert_eq!(checked(&template, &blocks, &[], checks), Ok(()));
        }
        assert_eq!(
            checked(&template, &blocks, &[], Checks::Run),
            Err("Validation failed. Failure reason: 'a' is a required property".into())
        );
        let (deployment, run) = (json!({ "a": 5 }), json!({ "a": "x" }));
        assert!(checked(&template, &blocks, &[&deployment], Checks::Deployment).is_err());
        assert_eq!(checked(&template, &blocks, &[&deployment, &run], Checks::Run), Ok(()));
        assert_eq!(checked(&template, &blocks, &[&run, &json!({ "n": null })], Checks::Run), Ok(()));
    }

    #[test]
    fn a_default_that_does_not_fit_is_the_templates_own_affair() {
        let template =
            json!({ "variables": { "properties": { "n": { "type": "integer", "default": "x" } }, "required": ["n"] } });
        let blocks = Blocks::new();
        assert_eq!(
            checked(&template, &blocks, &[], Checks::Defaults),
            Err("Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'".into())
        );
        assert_eq!(checked(&template, &blocks, &[], Checks::Deployment), Ok(()));
        assert_eq!(checked(&template, &blocks, &[], Checks::Run), Ok(()));
    }

    #[test]
    fn blocks_stand_in_for_defaults() {
        let id = Uuid::from_u128(7);
        let template = json!({ "variables": { "properties": { "b": { "type": "object", "default": { "$ref": { "block_document_id": id.to_string() } } } } } });
        assert_eq!(references(&template), Ok(BTreeSet::from([id])));
        assert_eq!(checked(&template, &Blocks::from([(id, json!({ "x": 1 }))]), &[], Checks::Defaults), Ok(()));
        assert!(checked(&template, &Blocks::from([(id, json!(5))]), &[], Checks::Defaults).is_err());
        let broken =
            json!({ "variables": { "properties": { "b": { "default": { "$ref": { "block_document_id": "x" } } } } } });
        assert_eq!(references(&broken), Err(NoBlock));
    }

    #[test]
    fn a_block_that_stands_in_many_places_is_paid_for_in_each() {
        let id = Uuid::from_u128(7);
        let default = json!({ "type": "object", "default": { "$ref": { "block_document_id": id.to_string() } } });
        let template = |times: usize| {
            let properties: Map<String, Value> = (0..times).map(|at| (format!("b{at}"), default.clone())).collect();
            json!({ "variables": { "properties": properties } })
        };
        let blocks = Blocks::from([(id, json!({ "x": "y".repeat(1_000_000) }))]);
        for checks in [Checks::Defaults, Checks::Deployment, Checks::Run] {
            assert_eq!(checked(&template(10), &blocks, &[], checks), Ok(()));
            assert_eq!(checked(&template(150), &blocks, &[], checks), Err(json_schema::TOO_MUCH.into()));
        }
    }

    #[test]
    fn defaults_share_what_a_check_may_cost() {
        let template = |fields: usize| {
            let field = json!({ "type": "string", "default": "x" });
            let properties: Map<String, Value> = (0..fields).map(|at| (format!("v{at}"), field.clone())).collect();
            json!({ "variables": { "properties": properties } })
        };
        assert_eq!(checked(&template(1000), &Blocks::new(), &[], Checks::Run), Ok(()));
        assert_eq!(checked(&template(20_000), &Blocks::new(), &[], Checks::Run), Err(json_schema::TOO_MUCH.into()));
    }
}
