//! Every complaint about one request, collected in field order, in the shape the reference answers (pydantic's error list).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::json::{self, Json};

/// One step of the way to a value: a field or a place in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Loc {
    Field(Cow<'static, str>),
    Index(usize),
}

impl From<&'static str> for Loc {
    fn from(name: &'static str) -> Self {
        Loc::Field(Cow::Borrowed(name))
    }
}

impl From<String> for Loc {
    fn from(name: String) -> Self {
        Loc::Field(Cow::Owned(name))
    }
}

impl From<usize> for Loc {
    fn from(index: usize) -> Self {
        Loc::Index(index)
    }
}

/// One complaint: pydantic's kind, where, what to tell the client, what it had sent.
#[derive(Debug, Serialize)]
pub struct Item {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub loc: Vec<Loc>,
    pub msg: String,
    pub input: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

/// Collects complaints; knows where in the request the parser stands.
#[derive(Debug, Default)]
pub struct Errors {
    here: Vec<Loc>,
    items: Vec<Item>,
    refusal: Option<String>,
}

impl Errors {
    /// For a JSON body: locations begin with `body`.
    pub fn of_body() -> Self {
        Self::of("body")
    }

    /// For another part of the request: `path`, `query`, `header`.
    pub fn of(part: &'static str) -> Self {
        Self { here: vec![part.into()], ..Self::default() }
    }

    /// Runs `f` one step deeper.
    pub fn at<R>(&mut self, step: impl Into<Loc>, f: impl FnOnce(&mut Self) -> R) -> R {
        self.here.push(step.into());
        let result = f(self);
        self.here.pop();
        result
    }

    pub fn push(&mut self, kind: &'static str, msg: impl Into<String>, input: &Json<'_>) {
        self.push_with(kind, msg, input, None);
    }

    pub fn push_with(&mut self, kind: &'static str, msg: impl Into<String>, input: &Json<'_>, ctx: Option<Value>) {
        let input = RawValue::from_string(json::echo(input)).unwrap_or_else(|_| RawValue::NULL.to_owned());
        self.items.push(Item { kind, loc: self.here.clone(), msg: msg.into(), input, ctx });
    }

    /// A complaint of a rule that stands before validation in the reference and answers with a plain `detail`
    /// (the page limit). The first one wins over all collected items.
    pub fn refuse(&mut self, detail: impl Into<String>) {
        self.refusal.get_or_insert(detail.into());
    }

    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.refusal.is_none()
    }
}
