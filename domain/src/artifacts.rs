//! Artifacts: what runs leave behind for people to look at. Those of one key are versions of one thing.

use serde::Serialize;
use serde_json::{Map, Value, json};
use wire::{Described, Errors, Input, Json, Output, Patch, RawJson, RawObject, Schema, Schemas, Time};

use crate::policies::refuse;
use crate::{ArtifactCollectionId, ArtifactId, FlowRunId, TaskRunId};

/// Characters of a value of the metadata; what is beyond is cut off, and three dots say so.
const LONGEST_METADATA: usize = 500;

/// An artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Artifact {
    pub id: ArtifactId,
    pub created: Time,
    pub updated: Time,
    /// What its versions have in common.
    pub key: Option<String>,
    /// What shape the data have: `result`, `markdown`, `table`, `link`, `progress`, `image`.
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: Option<String>,
    /// A description in Markdown.
    pub description: Option<String>,
    pub data: Option<RawJson>,
    pub metadata_: Option<Metadata>,
    /// The flow run that made it.
    pub flow_run_id: Option<FlowRunId>,
    /// The task run that made it.
    pub task_run_id: Option<TaskRunId>,
}

/// A key with its latest artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ArtifactCollection {
    /// Of the key, whichever artifact is its latest.
    pub id: ArtifactCollectionId,
    pub created: Time,
    pub updated: Time,
    pub key: String,
    /// The latest artifact of the key.
    pub latest_id: ArtifactId,
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: Option<String>,
    pub description: Option<String>,
    pub data: Option<RawJson>,
    pub metadata_: Option<Metadata>,
    pub flow_run_id: Option<FlowRunId>,
    pub task_run_id: Option<TaskRunId>,
}

/// Data used by the Prefect REST API to create an artifact.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct ArtifactCreate {
    /// Lower-case letters, digits and dashes.
    #[input(with = key)]
    pub key: Option<String>,
    /// What shape the data have: `result`, `markdown`, `table`, `link`, `progress`, `image`.
    #[input(rename = "type")]
    pub type_: Option<String>,
    /// A description in Markdown.
    pub description: Option<String>,
    /// Any JSON.
    pub data: Option<RawJson>,
    /// Texts by name.
    pub metadata_: Option<Metadata>,
    /// The flow run that made it.
    pub flow_run_id: Option<FlowRunId>,
    /// The task run that made it.
    pub task_run_id: Option<TaskRunId>,
}

/// Data used by the Prefect REST API to update an artifact.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct ArtifactUpdate {
    pub data: Patch<Option<RawJson>>,
    pub description: Patch<Option<String>>,
    pub metadata_: Patch<Option<Metadata>>,
}

impl ArtifactCollection {
    /// As the reference answers the latest artifact of a key: an artifact with the id and the times of the key.
    pub fn into_artifact(self) -> Artifact {
        let Self {
            id,
            created,
            updated,
            key,
            latest_id: _,
            type_,
            description,
            data,
            metadata_,
            flow_run_id,
            task_run_id,
        } = self;
        let (id, key) = (ArtifactId(id.0), Some(key));
        Artifact { id, created, updated, key, type_, description, data, metadata_, flow_run_id, task_run_id }
    }
}

/// The key of an artifact (reference: `types/names.py`, `ArtifactKey`).
fn key(value: &Json<'_>, errors: &mut Errors) -> Option<Option<String>> {
    let Some(key) = Option::<String>::parse(value, errors)? else { return Some(None) };
    if !key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        refuse(value, "Artifact key must only contain lowercase letters, numbers, and dashes.", errors);
        return None;
    }
    Some(Some(key))
}

/// Texts by name, none longer than [`LONGEST_METADATA`] and three dots (reference: `validate_max_metadata_length`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "sql", derive(postgres_types::ToSql, postgres_types::FromSql), postgres(transparent))]
pub struct Metadata(pub RawObject);

impl Input for Metadata {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Object(fields) = value else {
            errors.push("dict_type", "Input should be a valid dictionary", value);
            return None;
        };
        let mut kept = Some(Map::new());
        for (name, item) in fields.iter() {
            let text = errors.at(name.clone().into_owned(), |errors| {
                // A name is text too, and what text may not hold it may not.
                String::parse(&Json::Str(name.clone()), errors)?;
                String::parse(item, errors)
            });
            match (text, &mut kept) {
                (Some(text), Some(map)) => _ = map.insert(name.clone().into_owned(), Value::String(cut(text))),
                _ => kept = None,
            }
        }
        kept.map(|map| Self(RawObject(RawJson::of(&map))))
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_METADATA) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

impl Described for Metadata {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T: Input>(text: &str) -> Result<T, Vec<String>> {
        let mut errors = Errors::default();
        let parsed = T::parse(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
        parsed.ok_or_else(|| errors.items().iter().map(|item| format!("{:?} {}", item.loc, item.kind)).collect())
    }

    #[test]
    fn long_metadata_is_cut() {
        let whole = "ü".repeat(500);
        let kept: Metadata = parse(&format!(r#"{{"a":"{whole}","b":"{whole}x"}}"#)).unwrap();
        assert_eq!(kept.0.0.to_value(), json!({ "a": whole, "b": format!("{whole}...") }));
    }

    #[test]
    fn metadata_are_texts() {
        assert!(parse::<Metadata>(r#"{"a":1,"b":null,"c":"x"}"#).is_err_and(|told| told.len() == 2));
        assert!(parse::<Metadata>(r#"{"a\u0000":"x"}"#).is_err());
        assert!(parse::<Metadata>("[]").is_err());
    }

    #[test]
    fn keys_are_plain() {
        for (text, good) in [("a-0", true), ("", true), ("A", false), ("a_b", false), ("a b", false)] {
            assert_eq!(parse::<ArtifactCreate>(&format!(r#"{{"key":"{text}"}}"#)).is_ok(), good, "{text}");
        }
        assert!(parse::<ArtifactCreate>(r#"{"key":null}"#).unwrap().key.is_none());
    }
}
