//! Whether the parameters of a deployment, and of its runs, are what their schema asks for.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use wire::{RawJson, RawObject};

use super::DeploymentUpdate;
use crate::flow_runs::{MOST_PARAMETER_BYTES, ascii_length};
use crate::hydrate::{self, TooLarge, Unfilled, Unrendered, hydrate};
use crate::json_schema::{self, Budget, Lax, Misfit};
use crate::templates::Rendered;

/// What the runs that one request makes share, however many they are: what is left for them, and what became of templates.
#[derive(Debug, Default)]
pub struct Work {
    pub rendered: Rendered,
    /// For parameters and their schema.
    pub parameters: Budget,
    /// For job variables and the template of the pool.
    pub job_variables: Budget,
}

/// Why parameters do not do.
#[derive(Debug, Clone, PartialEq)]
pub enum Unfit {
    /// Something in them stands for a value that there is not.
    Unfilled(String),
    /// They are larger than parameters may be, once all of them are put together and filled in.
    TooLarge,
    /// They are to fit a schema, and there is none.
    NoSchema,
    /// The sentence of the reference.
    Invalid(String),
    /// The schema refers to itself without end.
    Circular,
    /// To compare parameters and schema is more than a check may cost.
    TooMuch,
}

impl From<Unfilled> for Unfit {
    fn from(unfilled: Unfilled) -> Self {
        match unfilled {
            Unfilled::Why(why) => Self::Unfilled(why),
            Unfilled::TooLarge => Self::TooLarge,
        }
    }
}

impl From<TooLarge> for Unfit {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl From<Misfit> for Unfit {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Invalid(why) => Self::Invalid(why),
            Misfit::Circular => Self::Circular,
            Misfit::TooMuch => Self::TooMuch,
        }
    }
}

/// Values of workspace variables by name.
pub type Variables = HashMap<String, Value>;

/// Workspace variables that parameters may ask for: with more of them they would be too large.
const MOST_VARIABLES: usize = 1000;

/// Names of the workspace variables that parameters ask for.
pub fn names_of_variables(parameters: &[&RawObject], rendered: &Rendered) -> Result<Vec<String>, TooLarge> {
    let mut names = BTreeSet::new();
    for parameters in parameters.iter().filter(|parameters| parameters.0.text().contains("workspace_variable")) {
        hydrate::names_of_variables(&parameters.0.to_value(), rendered, &mut names);
    }
    if names.len() > MOST_VARIABLES {
        return Err(TooLarge);
    }
    Ok(names.into_iter().collect())
}

/// Whether parameters may ask for workspace variables.
pub fn ask_for_variables(parameters: &RawObject) -> bool {
    parameters.0.text().contains("workspace_variable") && hydrate::asks_for_variables(&parameters.0.to_value())
}

/// The parameters of a deployment after a change, where they are others than those sent: filled in. They, or else those it
/// has, must fit their schema.
pub fn after(
    change: &DeploymentUpdate,
    parameters: &RawObject,
    schema: Option<&RawObject>,
    enforced: bool,
    variables: &Variables,
    rendered: &Rendered,
) -> Result<Result<Option<RawObject>, Unfit>, Unrendered> {
    let asked = change.parameters.value().and_then(Option::as_ref).map(|asked| asked.0.to_value());
    let filled = asked.clone().map(|asked| filled_in(asked, variables, rendered)).transpose()?;
    let sent = match filled.transpose() {
        Ok(sent) => sent,
        Err(unfit) => return Ok(Err(unfit)),
    };
    let enforced = change.enforce_parameter_schema.value().copied().flatten().unwrap_or(enforced);
    let schema = change.parameter_openapi_schema.value().and_then(Option::as_ref).or(schema);
    let lax = Lax { nothing_is_required: true, ..Lax::default() };
    let fits = match (enforced, &sent) {
        (false, _) => Ok(()),
        (true, Some((filled, _))) => fit(filled, schema, lax, &mut Budget::default()),
        (true, None) => fit(&parameters.0.to_value(), schema, lax, &mut Budget::default()),
    };
    // What stands for itself is kept as it was sent, to the last digit.
    Ok(fits.map(|()| sent.filter(|(filled, _)| asked.as_ref() != Some(filled)).map(|(_, made)| made)))
}

/// The parameters of a run: the deployment's, the run's own over them, filled in and looked at if they are to fit the
/// schema.
pub fn of_run(
    deployment: &RawObject,
    run: &RawObject,
    schema: Option<&RawObject>,
    enforced: bool,
    variables: &Variables,
    work: &mut Work,
) -> Result<Result<RawObject, Unfit>, Unrendered> {
    let mut merged = fields(deployment);
    merged.extend(fields(run));
    let filled = filled_in(Value::Object(merged), variables, &work.rendered)?;
    Ok(filled.and_then(|(filled, made)| {
        if enforced {
            fit(&filled, schema, Lax::default(), &mut work.parameters)?;
        }
        Ok(made)
    }))
}

/// What may stand for all parameters may become anything, but what no client could read is kept nowhere.
fn filled_in(
    parameters: Value,
    variables: &Variables,
    rendered: &Rendered,
) -> Result<Result<(Value, RawObject), Unfit>, Unrendered> {
    Ok(hydrate(parameters, variables, rendered)?.map_err(Unfit::from).and_then(|filled| {
        let made = RawJson::of(&filled);
        if !filled.is_object() {
            return Err(Unfit::Unfilled("Parameters should be a valid dictionary".into()));
        }
        if ascii_length(made.text()) > MOST_PARAMETER_BYTES {
            return Err(Unfit::TooLarge);
        }
        Ok((filled, RawObject(made)))
    }))
}

fn fit(parameters: &Value, schema: Option<&RawObject>, lax: Lax, budget: &mut Budget) -> Result<(), Unfit> {
    let schema = schema.ok_or(Unfit::NoSchema)?;
    Ok(json_schema::validate_lax(parameters, &schema.0.to_value(), lax, budget)?)
}

fn fields(object: &RawObject) -> Map<String, Value> {
    match object.0.to_value() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::Input;

    use super::*;

    fn object(value: Value) -> RawObject {
        RawObject(RawJson::of(&value))
    }

    #[test]
    fn a_run_has_the_deployments_parameters_and_its_own_over_them() {
        let schema =
            object(json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] }));
        let run = |own: Value, enforced| {
            let none = Variables::new();
            let (deployment, mut work) = (object(json!({ "a": 1 })), Work::default());
            of_run(&deployment, &object(own), Some(&schema), enforced, &none, &mut work).unwrap()
        };
        assert_eq!(run(json!({ "n": 2, "a": 3 }), true), Ok(object(json!({ "a": 3, "n": 2 }))));
        let missing = "Validation failed. Failure reason: 'n' is a required property";
        assert_eq!(run(json!({}), true), Err(Unfit::Invalid(missing.into())));
        assert_eq!(run(json!({}), false), Ok(object(json!({ "a": 1 }))));
        let unknown = json!({ "n": { "__prefect_kind": "workspace_variable", "variable_name": "v" } });
        let names =
            names_of_variables(&[&object(unknown.clone()), &object(json!({ "variable_name": "w" }))], &Rendered::new());
        assert_eq!(names, Ok(vec!["v".to_owned()]));
        assert_eq!(run(unknown, false), Err(Unfit::Unfilled("Variable 'v' not found in workspace.".into())));
        let empty = object(json!({}));
        let none = of_run(&empty, &empty, None, true, &Variables::new(), &mut Work::default());
        assert_eq!(none.unwrap(), Err(Unfit::NoSchema));
    }

    #[test]
    fn a_change_keeps_what_was_filled_in() {
        let after = |sent: &str| {
            let text = format!(r#"{{"parameters":{sent}}}"#);
            let body = wire::json::parse(text.as_bytes()).unwrap();
            let change = DeploymentUpdate::parse(&body, &mut wire::Errors::of_body()).unwrap();
            after(&change, &object(json!({})), None, false, &Variables::new(), &Rendered::new()).unwrap()
        };
        let json = r#"{"a":{"__prefect_kind":"json","value":"[1]"},"b":{"__prefect_kind":"json"}}"#;
        assert_eq!(after(json), Ok(Some(object(json!({ "a": [1] })))));
        assert_eq!(after(r#"{"a":123456789012345678901234567890}"#), Ok(None), "it is kept as it was sent");
        assert!(matches!(after(r#"{"__prefect_kind":"json","value":"5"}"#), Err(Unfit::Unfilled(_))));
    }

    #[test]
    fn parameters_of_a_run_are_bounded_when_they_are_filled_in() {
        let half = json!("x".repeat(MOST_PARAMETER_BYTES / 2));
        let variables = Variables::from([("v".to_owned(), json!("x".repeat(4900)))]);
        let run = |own: Value| {
            let (deployment, mut work) = (object(json!({ "a": half })), Work::default());
            of_run(&deployment, &object(own), None, false, &variables, &mut work).unwrap()
        };
        assert!(run(json!({})).is_ok());
        assert_eq!(run(json!({ "b": half })), Err(Unfit::TooLarge));
        let variable = json!({ "__prefect_kind": "workspace_variable", "variable_name": "v" });
        assert!(run(json!({ "b": vec![variable.clone(); 50] })).is_ok());
        for many in [55, 4000] {
            assert_eq!(run(json!({ "b": vec![variable.clone(); many] })), Err(Unfit::TooLarge), "{many}");
        }
    }

    #[test]
    fn runs_of_one_request_share_its_work() {
        let schema = object(json!({ "properties": { "a": { "items": { "type": "string" } } } }));
        let list = object(json!({ "a": vec![json!(""); 100_000] }));
        let mut work = Work::default();
        let mut run = |own: &RawObject, enforced| {
            let (none, deployment) = (Variables::new(), object(json!({})));
            of_run(&deployment, own, Some(&schema), enforced, &none, &mut work).unwrap().map(drop)
        };
        assert_eq!(run(&list, true), Ok(()));
        assert!((0..20).any(|_| run(&list, true) == Err(Unfit::TooMuch)));
        assert_eq!(run(&list, false), Ok(()), "what asks for no work is made");
    }
}
