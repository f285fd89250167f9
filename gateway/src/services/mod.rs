//! Background work of workspaces. There is no leader and no queue beside the data: a replica claims a workspace in which
//! something is due ([`tenant_store::ticks`]), makes every pass over it, and says when the next is due.
//!
//! A pass is a function in a file of its own, listed in [`PASSES`]. It gets a [`Turn`] (the workspace, the time, the
//! settings), does a bounded step of what is due, and says in its [`Look`] when it is due next; when there is more to do
//! than a step, that is now. It may run twice, on two replicas at once, or stop anywhere: whatever it changes it looks at
//! again under its lock. What makes something fall due sooner says so by `Tx::falls_due`.
//!
//! * [`claims`]: which workspace is next, on which replica
//! * [`turn`]: all passes over one workspace

mod cancellations;
mod claims;
mod cleanups;
mod foreman;
mod late_runs;
mod leases;
mod retention;
mod schedules;
mod task_workers;
mod turn;

pub use claims::run;
pub use turn::{Look, Turn};

use std::pin::Pin;

use tenant_store::Result;

/// What a pass is working on.
pub type Looking<'t> = Pin<Box<dyn Future<Output = Result<Look>> + Send + 't>>;

/// One service, over one workspace.
pub struct Pass {
    /// Its label in metrics, its name in the log.
    pub name: &'static str,
    pub look: for<'t> fn(&'t Turn) -> Looking<'t>,
}

/// In the order in which they are made: what ends runs first, so that slots are free for what comes after.
pub static PASSES: &[Pass] = &[
    Pass { name: "cancellations", look: |turn| Box::pin(cancellations::look(turn)) },
    Pass { name: "leases", look: |turn| Box::pin(leases::look(turn)) },
    Pass { name: "cleanups", look: |turn| Box::pin(cleanups::look(turn)) },
    Pass { name: "foreman", look: |turn| Box::pin(foreman::look(turn)) },
    Pass { name: "late_runs", look: |turn| Box::pin(late_runs::look(turn)) },
    Pass { name: "task_workers", look: |turn| Box::pin(task_workers::look(turn)) },
    Pass { name: "schedules", look: |turn| Box::pin(schedules::look(turn)) },
    Pass { name: "retention", look: |turn| Box::pin(retention::look(turn)) },
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_service_is_counted() {
        let names: Vec<&str> = super::PASSES.iter().map(|pass| pass.name).collect();
        assert_eq!(names, crate::metrics::SERVICES);
    }
}
