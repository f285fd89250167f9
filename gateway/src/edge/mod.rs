//! The way in: every request passes this stack, outermost layer first.

mod address;
mod admit;
mod answers;
mod authenticate;
mod authorise;
mod body;
mod cache;
mod compress;
mod cors;
mod dispatch;
mod guard;
mod keys;
mod layer;
mod leave;
mod limit;
mod refuse;
mod request_id;
mod route;
mod shed;
mod timeout;
mod trace;
mod way;

use http::Request as HttpRequest;
use hyper::body::Incoming;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use crate::App;
use crate::kit::{Response, Tables};

pub use admit::{Admission, admit};
pub use keys::Keys;
pub use way::Way;

pub type Request = HttpRequest<Incoming>;
pub type Service = BoxCloneSyncService<Request, Response, std::convert::Infallible>;

/// The whole stack. Each layer is the file of its name.
pub fn stack(app: &App, tables: Tables) -> Service {
    let edge = app.edge();
    let stack = ServiceBuilder::new()
        .layer(layer::of(request_id::RequestId)) // first, so that every answer and every line of the log carries it
        .layer(layer::of(trace::Trace::new(app.metrics()))) // outside the guard: a panic is an answer to be counted
        .layer(layer::of(leave::Leave(app.clone()))) // whatever the answer is
        .layer(layer::of(cors::Cors::new(edge))) // outside whatever refuses: a page may read refusals too; before any key
        .layer(layer::of(compress::Compress::new(edge))) // a body of any layer below
        .layer(layer::of(guard::Guard)) // inside nothing that could lose its answer
        .layer(layer::of(timeout::Timeout(edge.request_timeout)))
        .layer(layer::of(shed::Shed::new(edge.max_requests))) // before any work is done for the request
        .layer(layer::of(address::Strip::new(app.default_workspace()))) // which tenant
        .layer(layer::of(route::Route(tables))) // which operation; the layers below read its entry
        .layer(layer::of(authenticate::Authenticate(app.clone()))) // who
        .layer(layer::of(limit::Limit(app.clone()))) // before the right is asked after: what is forbidden counts, too
        .layer(layer::of(authorise::Authorise)) // may they; the only maker of a scope
        .layer(layer::of(answers::Answers::new(edge))) // around whatever makes one
        .layer(layer::of(cache::Cache(app.clone()))) // behind authorisation: what it holds is bound to what the caller may see
        .service(dispatch::Dispatch::new(app)); // reads the body, which nobody unknown gets to send
    BoxCloneSyncService::new(stack)
}
