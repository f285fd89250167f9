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

use hyper::body::Incoming;
use tower::ServiceBuilder;
use tower::util::option_layer;

use crate::App;
use crate::kit::Tables;
use layer::{glance, step};

pub use admit::{Admission, admit};
pub use keys::Keys;
pub use layer::Stack;
pub use way::Way;

/// In a box: it is handed from layer to layer.
pub type Request = Box<http::Request<Incoming>>;

/// The whole stack. Each layer is the file of its name.
pub fn stack(app: &App, tables: Tables) -> Stack {
    let edge = app.edge();
    let stack = ServiceBuilder::new()
        .layer(glance(request_id::RequestId)) // first, so that every answer and every line of the log carries it
        .layer(step(trace::Trace::new(app.metrics()))) // outside the guard: a panic is an answer to be counted
        .layer(glance(leave::Leave(app.clone()))) // whatever the answer is
        .layer(option_layer(cors::Cors::new(edge).map(step))) // outside whatever refuses: a page may read refusals too; before any key
        .layer(option_layer(compress::Compress::new(edge).map(glance))) // a body of any layer below
        .layer(step(guard::Guard)) // inside nothing that could lose its answer
        .layer(step(timeout::Timeout(edge.request_timeout)))
        .layer(glance(shed::Shed(app.clone()))) // before any work is done for the request
        .layer(glance(address::Strip::new(app.default_workspace()))) // which tenant
        .layer(glance(route::Route(tables))) // which operation; the layers below read its entry
        .layer(step(authenticate::Authenticate(app.clone()))) // who
        .layer(step(limit::Limit(app.clone()))) // before the right is asked after: what is forbidden counts, too
        .layer(glance(authorise::Authorise)) // may they; the only maker of a scope
        .layer(glance(answers::Answers::new(edge))) // around whatever makes one
        .layer(step(cache::Cache(app.clone()))) // behind authorisation: what it holds is bound to what the caller may see
        .service(dispatch::Dispatch::new(app)); // reads the body, which nobody unknown gets to send
    Stack::new(stack)
}
