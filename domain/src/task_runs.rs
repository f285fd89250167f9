//! Task runs as they cross the API.

use serde::Serialize;
use serde_json::json;
use wire::{Described, Errors, Input, Json, Output, Patch, RawJson, RawObject, Schema, Schemas, Time};

use crate::flow_runs::new_name;
use crate::labels::Labels;
use crate::policies::refuse;
use crate::run::TaskRunPolicy;
use crate::slug::name_or_none;
use crate::state::{State, StateType};
use crate::states::StateCreate;
use crate::stored::Stored;
use crate::{FlowRunId, StateId, TaskRunId};

/// Characters a cache key may have.
const LONGEST_CACHE_KEY: usize = 2000;

/// A run of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct TaskRun {
    pub id: TaskRunId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub dynamic_key: String,
    pub cache_key: Option<String>,
    pub cache_expiration: Option<Time>,
    pub task_version: Option<String>,
    pub empirical_policy: Stored<TaskRunPolicy>,
    pub tags: Vec<String>,
    pub labels: Labels,
    pub state_id: Option<StateId>,
    pub task_inputs: Stored<TaskInputs>,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub run_count: i32,
    /// Which attempt of its flow run it last ran in.
    pub flow_run_run_count: i32,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    /// Seconds spent in RUNNING states that have ended.
    pub total_run_time: f64,
    /// The same with the current RUNNING state, until now.
    pub estimated_run_time: f64,
    /// Seconds the run began, or is now, behind the time it was expected.
    pub estimated_start_time_delta: f64,
    pub state: Option<Stored<State>>,
}

/// A task run on a page: less of it.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct TaskRunResponse {
    pub id: TaskRunId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub state_id: Option<StateId>,
    pub state: Option<Stored<State>>,
    pub task_version: Option<String>,
    pub task_inputs: Stored<TaskInputs>,
    pub empirical_policy: Stored<TaskRunPolicy>,
    pub tags: Vec<String>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    pub total_run_time: f64,
    pub estimated_run_time: f64,
    pub estimated_start_time_delta: f64,
}

/// A task run with the name of its flow run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UITaskRun {
    #[serde(flatten)]
    pub run: TaskRun,
    pub flow_run_name: Option<String>,
}

impl Described for UITaskRun {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("UITaskRun", |schemas| {
            let run = TaskRun::schema(schemas);
            let mut whole = schemas.resolve(&run);
            whole["title"] = json!("UITaskRun");
            whole["properties"]["flow_run_name"] = Option::<String>::schema(schemas);
            whole
        })
    }
}

/// Data used by the Prefect REST API to create a task run
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct TaskRunCreate {
    /// The ID to assign to the task run. If not provided, a random UUID will be generated.
    pub id: Option<TaskRunId>,
    /// The state of the task run to create
    pub state: Option<StateCreate>,
    #[input(default, with = name_or_none)]
    pub name: Option<String>,
    /// The flow run id of the task run.
    pub flow_run_id: Option<FlowRunId>,
    /// A unique identifier for the task being run.
    pub task_key: String,
    /// A dynamic key used to differentiate between multiple runs of the same task within the same flow run.
    pub dynamic_key: String,
    /// An optional cache key. If a COMPLETED state associated with this cache key is found, the cached COMPLETED state
    /// will be used instead of executing the task run.
    #[input(default, with = cache_key)]
    pub cache_key: Option<String>,
    /// Specifies when the cached state should expire.
    pub cache_expiration: Option<Time>,
    /// The version of the task being run.
    pub task_version: Option<String>,
    #[input(default)]
    pub empirical_policy: TaskRunPolicy,
    /// A list of tags for the task run.
    #[input(default)]
    pub tags: Vec<String>,
    /// A dictionary of key-value labels. Values can be strings, numbers, or booleans.
    pub labels: Option<Labels>,
    /// The inputs to the task run.
    #[input(default)]
    pub task_inputs: TaskInputs,
}

/// Data used by the Prefect REST API to update a task run
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct TaskRunUpdate {
    #[input(with = new_name)]
    pub name: Patch<Option<String>>,
}

/// A cache key, as the reference admits it.
pub fn cache_key(value: &Json<'_>, errors: &mut Errors) -> Option<Option<String>> {
    let key = Option::<String>::parse(value, errors)?;
    if key.as_ref().is_some_and(|key| key.chars().count() > LONGEST_CACHE_KEY) {
        refuse(value, "Cache key exceeded maximum allowed length of 2000 characters.", errors);
        return None;
    }
    Some(key)
}

/// What a task run was given, by parameter: results of other runs, parameters of the flow, constants.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(transparent)]
#[cfg_attr(feature = "sql", derive(postgres_types::ToSql, postgres_types::FromSql), postgres(transparent))]
pub struct TaskInputs(pub RawObject);

/// A member of the union: its name in complaints, its `input_type`, and the field that says which.
const MEMBERS: [(&str, &str, &str); 4] = [
    ("TaskRunResult", "task_run", "id"),
    ("FlowRunResult", "flow_run", "id"),
    ("Parameter", "parameter", "name"),
    ("Constant", "constant", "type"),
];

impl Input for TaskInputs {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Object(fields) = value else {
            errors.push("dict_type", "Input should be a valid dictionary", value);
            return None;
        };
        // Written as text, so that the order of what was sent is kept.
        let mut inputs = Some(String::from("{"));
        for (key, list) in fields.iter() {
            let written = errors.at(key.clone().into_owned(), |e| {
                let key = String::parse(&Json::Str(key.clone()), e);
                Some(format!("{}:[{}]", RawJson::of(&key?).text(), inputs_of(list, e)?.join(",")))
            });
            match (written, &mut inputs) {
                (Some(written), Some(inputs)) => {
                    if inputs.len() > 1 {
                        inputs.push(',');
                    }
                    inputs.push_str(&written);
                }
                _ => inputs = None,
            }
        }
        RawJson::from_text(inputs? + "}").map(|raw| Self(RawObject(raw)))
    }
}

fn inputs_of(list: &Json<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    let Json::Array(items) = list else {
        errors.push("list_type", "Input should be a valid list", list);
        return None;
    };
    let parsed: Vec<_> = items.iter().enumerate().map(|(i, item)| errors.at(i, |e| input(item, e))).collect();
    parsed.into_iter().collect()
}

/// The member of the union that fits, written out; of several the one that uses most of what was sent.
fn input(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    let mut unheard = Errors::of_body();
    let best = MEMBERS
        .iter()
        .rev()
        .filter_map(|member| parse_member(member, value, &mut unheard))
        .max_by_key(|(used, _)| *used);
    if best.is_none() {
        for member in &MEMBERS {
            errors.at(member.0, |e| parse_member(member, value, e));
        }
    }
    best.map(|(_, input)| input)
}

/// How many fields a member uses, and its JSON.
fn parse_member(
    &(_, kind, field): &(&'static str, &'static str, &'static str),
    value: &Json<'_>,
    errors: &mut Errors,
) -> Option<(usize, String)> {
    let fields = wire::Fields::of(value, errors)?;
    let named = fields.get("input_type").is_some();
    let fits = fields.take("input_type", errors, Some(String::new), |value, e| match value {
        Json::Str(text) if text == kind => Some(String::new()),
        _ => {
            let expected = format!("'{kind}'");
            e.push_with(
                "literal_error",
                format!("Input should be {expected}"),
                value,
                Some(json!({ "expected": expected })),
            );
            None
        }
    });
    let text = match field {
        "id" => fields.take::<uuid::Uuid>(field, errors, None, uuid::Uuid::parse).map(|id| id.to_string()),
        _ => fields.take::<String>(field, errors, None, String::parse),
    };
    fits?;
    Some((1 + usize::from(named), format!(r#"{{"input_type":"{kind}","{field}":{}}}"#, RawJson::of(&text?).text())))
}

impl Described for TaskInputs {
    fn schema(schemas: &mut Schemas) -> Schema {
        let members: Vec<Schema> = MEMBERS
            .iter()
            .map(|(name, kind, field)| {
                schemas.named(name, |_| {
                    let format = if *field == "id" {
                        json!({ "type": "string", "format": "uuid" })
                    } else {
                        json!({ "type": "string" })
                    };
                    let properties =
                        json!({ "input_type": { "type": "string", "const": kind, "default": kind }, *field: format });
                    json!({ "type": "object", "title": name, "properties": properties, "required": [field] })
                })
            })
            .collect();
        json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "anyOf": members } } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Vec<String>) {
        let value = wire::json::parse(text.as_bytes()).expect("the table holds JSON");
        let mut errors = Errors::of_body();
        let inputs = TaskInputs::parse(&value, &mut errors).map(|inputs| inputs.0.0.text().to_owned());
        (inputs, errors.items().iter().map(|item| item.kind.to_owned()).collect())
    }

    #[test]
    fn inputs_are_written_out_as_what_they_are() {
        let (written, _) = read(
            r#"{"x":[{"id":"0000000000000000000000000000000A"},{"name":"p"},{"type":"int","more":1},{"input_type":"flow_run","id":"0000000000000000000000000000000a"}]}"#,
        );
        let id = "00000000-0000-0000-0000-00000000000a";
        let expected = format!(
            r#"{{"x":[{{"input_type":"task_run","id":"{id}"}},{{"input_type":"parameter","name":"p"}},{{"input_type":"constant","type":"int"}},{{"input_type":"flow_run","id":"{id}"}}]}}"#
        );
        assert_eq!(written, Some(expected));
    }

    #[test]
    fn an_input_that_is_nothing_is_told_of_by_each_member() {
        assert_eq!(read(r#"{"x":[5]}"#).1, ["model_attributes_type"; 4]);
        assert_eq!(
            read(r#"{"x":[{"name":5}],"y":4}"#).1,
            ["missing", "missing", "string_type", "missing", "list_type"]
        );
        assert_eq!(read(r#"{"x":[{"input_type":"z"}]}"#).1, ["literal_error", "missing"].repeat(4));
    }
}
