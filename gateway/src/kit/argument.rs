//! What a handler asks of a request: the body, the path's parameters, the query.

use std::ops::Deref;
use std::str::FromStr;

use serde_json::json;
use wire::{Described, Errors, Input, Schemas};

use super::failure::Invalid;
use super::openapi::ArgumentDoc;
use super::{Call, Failure, Reply};

/// A type that is taken from a request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument of an operation",
    note = "arguments are `Path`, `Query`, `JsonBody` and the others of `kit::argument`; what a body holds derives `Input`"
)]
pub trait Argument: Sized {
    fn take(call: &Call) -> Reply<Self>;
    fn describe(schemas: &mut Schemas) -> ArgumentDoc;
}

/// The JSON body.
pub struct JsonBody<T>(pub T);

impl<T> Deref for JsonBody<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Input + Described> Argument for JsonBody<T> {
    fn take(call: &Call) -> Reply<Self> {
        let value = match call.body.is_empty() {
            true => wire::Json::Null,
            false => wire::json::parse(&call.body).map_err(|why| Invalid::not_json(why, &call.body))?,
        };
        let mut errors = Errors::of_body();
        let parsed = match value {
            wire::Json::Null => T::of_nothing(&mut errors),
            ref value => T::parse(value, &mut errors),
        };
        match parsed {
            Some(parsed) if errors.is_empty() => Ok(Self(parsed)),
            _ => Err(Invalid::of(errors, &value).into()),
        }
    }

    fn describe(schemas: &mut Schemas) -> ArgumentDoc {
        let mut probe = Errors::of_body();
        let required = T::of_nothing(&mut probe).is_none();
        ArgumentDoc::Body { schema: T::schema(schemas), required }
    }
}

/// The body as it came.
pub struct RawBody(pub bytes::Bytes);

impl Argument for RawBody {
    fn take(call: &Call) -> Reply<Self> {
        Ok(Self(call.body.clone()))
    }

    fn describe(_: &mut Schemas) -> ArgumentDoc {
        ArgumentDoc::Body { schema: json!({}), required: true }
    }
}

/// A type that one parameter of a path is read as.
pub trait Part: Sized {
    fn of(text: &str) -> Option<Self>;
    fn schema() -> wire::Schema;
}

impl Part for String {
    fn of(text: &str) -> Option<Self> {
        // Postgres has no place for U+0000, so nothing has such a name.
        (!text.contains('\0')).then(|| text.to_owned())
    }

    fn schema() -> wire::Schema {
        json!({ "type": "string" })
    }
}

macro_rules! ids {
    ($($id:ident),+ $(,)?) => {$(
        impl Part for domain::$id {
            fn of(text: &str) -> Option<Self> {
                uuid_of_path(text).map(domain::$id)
            }

            fn schema() -> wire::Schema {
                json!({ "type": "string", "format": "uuid" })
            }
        }
    )+};
}

ids! {
    FlowId, FlowRunId, TaskRunId, StateId, DeploymentId, WorkPoolId, WorkQueueId, ScheduleId, ArtifactId, LogId, EventId,
    LeaseId, LimitId, BlockTypeId, BlockSchemaId, BlockDocumentId, AutomationId, WorkspaceId, AccountId, UserId, ActorId, BotId, KeyId, RoleId,
    IssuerId, IdentityId, VariableId, SavedSearchId,
}

/// 32 hexadecimal digits in which each of the four dashes may be missing, as the reference's routes match them. Nothing
/// else is an id there: no braces, no `urn:uuid:`.
fn uuid_of_path(text: &str) -> Option<uuid::Uuid> {
    let (mut rest, mut digits) = (text, String::with_capacity(32));
    for (at, group) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        digits.push_str(rest.get(..group)?);
        rest = &rest[group..];
    }
    (rest.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| uuid::Uuid::from_str(&digits).ok())
        .flatten()
}

/// The parameters of the path, in order: an id (`Path<FlowId>`), a text (`Path<String>`), or a tuple of them.
pub struct Path<T>(pub T);

impl<T> Deref for Path<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// One or more parameters of a path.
pub trait Parameters: Sized {
    fn of(values: &[(&'static str, String)]) -> Option<Self>;
    fn schemas() -> Vec<wire::Schema>;
}

impl<A: Part> Parameters for A {
    fn of(values: &[(&'static str, String)]) -> Option<Self> {
        A::of(&values.first()?.1)
    }

    fn schemas() -> Vec<wire::Schema> {
        vec![A::schema()]
    }
}

impl<A: Part, B: Part> Parameters for (A, B) {
    fn of(values: &[(&'static str, String)]) -> Option<Self> {
        Some((A::of(&values.first()?.1)?, B::of(&values.get(1)?.1)?))
    }

    fn schemas() -> Vec<wire::Schema> {
        vec![A::schema(), B::schema()]
    }
}

impl<T: Parameters> Argument for Path<T> {
    fn take(call: &Call) -> Reply<Self> {
        // A broken id is no route, as in the reference.
        T::of(&call.params.0).map(Self).ok_or_else(Failure::no_route)
    }

    fn describe(_: &mut Schemas) -> ArgumentDoc {
        ArgumentDoc::Path(T::schemas())
    }
}

/// The query's parameters, read like a body whose values are all text. Mark its type `#[input(parameters)]`.
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Input + Described> Argument for Query<T> {
    fn take(call: &Call) -> Reply<Self> {
        let fields = call.query_pairs()?.into_iter().map(|(key, value)| (key.into(), wire::Json::Str(value.into())));
        let value = wire::Json::Object(fields.collect::<Vec<_>>().into());
        let mut errors = Errors::of("query");
        match T::parse(&value, &mut errors) {
            Some(parsed) if errors.is_empty() => Ok(Self(parsed)),
            _ => Err(Invalid::of(errors, &wire::Json::Null).into()),
        }
    }

    fn describe(schemas: &mut Schemas) -> ArgumentDoc {
        ArgumentDoc::Query(T::schema(schemas))
    }
}

impl Call {
    /// The query's parameters in their order; a name may be there several times.
    pub fn query_pairs(&self) -> Reply<Vec<(String, String)>> {
        let pairs = self.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        });
        decoded.collect()
    }
}

fn decode(text: &str) -> Reply<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    Ok(decoded.map_err(|_| Failure::bad_request("The query is not UTF-8."))?.into_owned())
}
