//! An operation as data. No field has a default: an entry without a permission or a lane does not compile.
//!
//! ```ignore
//! pub static OPS: &[Op] = ops![
//!     POST "/flows/" create(JsonBody<FlowCreate>) -> Created<Flow>,
//!         need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [Flows], audit Nothing;
//! ];
//! async fn create(cx: Call, body: JsonBody<FlowCreate>) -> Reply<Created<Flow>> { … }
//! ```

use std::future::Future;
use std::pin::Pin;

use domain::access::{Permission, ScopeName};
use domain::kinds::{Kind, Kinds};
use wire::{Schema, Schemas};

use super::{Answer, Argument, Call, Failure, Reply, Response};

pub use tenant_store::Lane;

/// How an operation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    /// A web socket: a GET that is upgraded.
    Socket,
}

impl Verb {
    pub fn method(self) -> http::Method {
        match self {
            Verb::Get | Verb::Socket => http::Method::GET,
            Verb::Post => http::Method::POST,
            Verb::Put => http::Method::PUT,
            Verb::Patch => http::Method::PATCH,
            Verb::Delete => http::Method::DELETE,
        }
    }
}

/// What a caller must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Open to all: health, versions.
    Nothing,
    /// Any valid key.
    AnyKey,
    /// A membership of the account with this permission.
    Account(Permission),
    /// A role in the workspace with this scope.
    Workspace(ScopeName),
    /// A socket that takes its key in a message after the upgrade; it asks for this scope itself.
    WorkspaceByMessage(ScopeName),
}

/// What a request takes from the caller's rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing: health checks.
    Free,
    /// One of the bucket of requests.
    One,
    /// One of the bucket of log lines and events for each item sent.
    PerItem,
}

/// Whether an answer may come from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    Never,
    /// Until something of the kind changes.
    Kind(Kind),
    /// Read anew each time, answered 304 when unchanged.
    ETag,
}

/// What goes to the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    Nothing,
    /// An event of this name (`prefect-cloud.{…}`).
    Event(&'static str),
}

/// A status that an operation answers with, and the body that comes with it.
pub type AnswerDoc = (u16, Option<Schema>);

type Run = fn(Call) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// One operation. Made by [`ops!`](crate::ops).
pub struct Op {
    /// Module and handler, unique: `flows.create`.
    pub id: &'static str,
    pub verb: Verb,
    /// Below the workspace, the account or the root, whichever table it stands in; `{name}` marks a parameter.
    pub path: &'static str,
    pub need: Need,
    pub lane: Lane,
    pub cost: Cost,
    pub cache: Cache,
    pub touches: &'static [Kind],
    pub audit: Audit,
    /// The arguments, for the OpenAPI document.
    pub arguments: fn(&mut Schemas) -> Vec<super::openapi::ArgumentDoc>,
    /// The answers, for the OpenAPI document: status and body.
    pub answers: fn(&mut Schemas) -> Vec<AnswerDoc>,
    pub run: Run,
}

impl Op {
    /// Every kind of which an answer may change with this operation.
    pub const fn touched(&self) -> Kinds {
        Kinds::of(self.touches)
    }
}

/// A function that answers an operation: `async fn(Call, arguments…) -> Reply<answer>`.
pub trait Handler<A, R>: Send + 'static {
    fn call(self, call: Call) -> impl Future<Output = Reply<R>> + Send;
}

macro_rules! handlers {
    ($(($($arg:ident),*)),+ $(,)?) => {$(
        impl<F, Fut, R, $($arg),*> Handler<($($arg,)*), R> for F
        where
            F: FnOnce(Call, $($arg),*) -> Fut + Send + 'static,
            Fut: Future<Output = Reply<R>> + Send,
            $($arg: Argument + Send,)*
        {
            #[allow(non_snake_case, reason = "the type parameters name the variables")]
            #[allow(clippy::allow_attributes, reason = "unused where there is no argument")]
            async fn call(self, call: Call) -> Reply<R> {
                $(let $arg = $arg::take(&call)?;)*
                self(call, $($arg),*).await
            }
        }
    )+};
}
handlers![(), (A), (A, B), (A, B, C)];

/// Takes the arguments, runs the handler, makes the answer. Monomorphised once an operation, behind one box.
pub async fn handle<A, R: Answer>(handler: impl Handler<A, R>, call: Call) -> Response {
    let op = call.op;
    if let Err(failure) = super::version::check(&call) {
        return failure.answer(op.id);
    }
    match handler.call(call).await {
        Ok(answer) => answer.into_response(),
        Err(failure) => Failure::answer(failure, op.id),
    }
}

/// Declares a table of operations; see the module `kit::operation`.
#[macro_export]
macro_rules! ops {
    ($($verb:ident $path:literal $handler:ident($($arg:ty),* $(,)?) -> $answer:ty,
        need $need:ident $(($right:ident))?, lane $lane:ident, cost $cost:ident, cache $cache:ident $(($cached:ident))?,
        touches [$($kind:ident),*], audit $audit:ident $(($event:literal))?);+ $(;)?
    ) => {
        &[$($crate::kit::Op {
            id: const { $crate::kit::__id(concat!(module_path!(), "::", stringify!($handler))) },
            verb: $crate::ops!(@verb $verb),
            path: $path,
            need: $crate::ops!(@need $need $($right)?),
            lane: $crate::kit::Lane::$lane,
            cost: $crate::kit::Cost::$cost,
            cache: $crate::kit::Cache::$cache $((::domain::kinds::Kind::$cached))?,
            touches: &[$(::domain::kinds::Kind::$kind),*],
            audit: $crate::kit::Audit::$audit $(($event))?,
            arguments: |schemas| {
                // Unused where there is no argument.
                let _ = &schemas;
                vec![$(<$arg as $crate::kit::Argument>::describe(schemas)),*]
            },
            answers: |schemas| <$answer as $crate::kit::Answer>::describe(schemas),
            run: |call| ::std::boxed::Box::pin($crate::kit::handle::<($($arg,)*), $answer>($handler, call)),
        }),+]
    };
    (@need Account $right:ident) => { $crate::kit::Need::Account(::domain::access::Permission::$right) };
    (@need Workspace $right:ident) => { $crate::kit::Need::Workspace(::domain::access::ScopeName::$right) };
    (@need WorkspaceByMessage $right:ident) => { $crate::kit::Need::WorkspaceByMessage(::domain::access::ScopeName::$right) };
    (@need $open:ident) => { $crate::kit::Need::$open };
    (@verb GET) => { $crate::kit::Verb::Get };
    (@verb POST) => { $crate::kit::Verb::Post };
    (@verb PUT) => { $crate::kit::Verb::Put };
    (@verb PATCH) => { $crate::kit::Verb::Patch };
    (@verb DELETE) => { $crate::kit::Verb::Delete };
    (@verb SOCKET) => { $crate::kit::Verb::Socket };
}

/// `flows::create` of `gateway::api::flows::create`: the last two segments.
#[doc(hidden)]
pub const fn __id(path: &'static str) -> &'static str {
    let bytes = path.as_bytes();
    let mut at = bytes.len();
    let mut colons = 0;
    while at > 0 {
        if bytes[at - 1] == b':' {
            colons += 1;
            if colons == 3 {
                break;
            }
        }
        at -= 1;
    }
    match std::str::from_utf8(bytes.split_at(at).1) {
        Ok(id) => id,
        Err(_) => path,
    }
}
