//! The columns that a request may set: what is new in them, and which of them it set at all.

use domain::deployments::{ConcurrencyOptions, DeploymentCreate, DeploymentUpdate};
use domain::labels::Labels;
use domain::{LimitId, WorkQueueId};
use serde::Serialize;
use uuid::Uuid;
use wire::{Patch, RawJson, RawObject};

use crate::pool::Param;

macro_rules! columns {
    ($($name:ident: $type:ty),+ $(,)?) => {
        /// Null is a value of every column here; a column that has no place for it is a conflict.
        #[derive(Default)]
        pub(super) struct Set {
            $(pub $name: Patch<Option<$type>>,)+
        }

        impl Set {
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// The columns that are set.
            pub fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name.is_set() { names.push(stringify!($name)); })+
                names
            }

            /// The value of every column, null where it is not set.
            pub fn params(&self) -> [Param<'_>; Self::NAMES.len()] {
                [$(match &self.$name {
                    Patch::Set(value) => value as Param<'_>,
                    Patch::Absent => &None::<$type>,
                }),+]
            }
        }
    };
}

columns! {
    paused: bool,
    version: String,
    description: String,
    path: String,
    entrypoint: String,
    tags: Vec<String>,
    labels: Labels,
    parameters: RawObject,
    parameter_openapi_schema: RawObject,
    enforce_parameter_schema: bool,
    pull_steps: RawJson,
    job_variables: RawObject,
    concurrency_options: RawJson,
    concurrency_limit_id: LimitId,
    work_queue_name: String,
    work_queue_id: WorkQueueId,
    storage_document_id: Uuid,
    infrastructure_document_id: Uuid,
}

impl Set {
    pub fn of_create(new: &DeploymentCreate, labels: Labels) -> Self {
        Self {
            paused: some(&new.paused),
            version: new.version.clone(),
            description: new.description.clone(),
            path: new.path.clone(),
            entrypoint: new.entrypoint.clone(),
            tags: some(&new.tags),
            labels: Patch::Set(Some(labels)),
            parameters: Patch::Set(Some(new.parameters.clone())),
            parameter_openapi_schema: new.parameter_openapi_schema.clone(),
            enforce_parameter_schema: some(&new.enforce_parameter_schema),
            pull_steps: json(&new.pull_steps),
            job_variables: some(&new.job_variables),
            concurrency_options: json::<ConcurrencyOptions>(&new.concurrency_options),
            concurrency_limit_id: new.global_concurrency_limit_id,
            work_queue_name: new.work_queue_name.clone(),
            work_queue_id: Patch::Absent,
            storage_document_id: new.storage_document_id,
            infrastructure_document_id: new.infrastructure_document_id,
        }
    }

    pub fn of_update(change: &DeploymentUpdate) -> Self {
        Self {
            paused: some(&change.paused),
            version: change.version.clone(),
            description: change.description.clone(),
            path: change.path.clone(),
            entrypoint: change.entrypoint.clone(),
            tags: some(&change.tags),
            labels: Patch::Absent,
            parameters: change.parameters.clone(),
            parameter_openapi_schema: change.parameter_openapi_schema.clone(),
            enforce_parameter_schema: change.enforce_parameter_schema,
            pull_steps: json(&change.pull_steps),
            // Null leaves them as they are.
            job_variables: change
                .job_variables
                .value()
                .cloned()
                .flatten()
                .map_or(Patch::Absent, |v| Patch::Set(Some(v))),
            concurrency_options: json::<ConcurrencyOptions>(&change.concurrency_options),
            concurrency_limit_id: change.global_concurrency_limit_id,
            work_queue_name: change.work_queue_name.clone(),
            work_queue_id: Patch::Absent,
            storage_document_id: change.storage_document_id,
            infrastructure_document_id: change.infrastructure_document_id,
        }
    }

    /// Gives what is not set the value that it has in a new deployment.
    pub fn or_defaults(mut self) -> Self {
        default(&mut self.paused, false);
        default(&mut self.tags, Vec::new());
        default(&mut self.parameter_openapi_schema, RawObject::default());
        default(&mut self.enforce_parameter_schema, true);
        default(&mut self.pull_steps, RawJson::of(&[(); 0]));
        default(&mut self.job_variables, RawObject::default());
        self
    }
}

fn some<T: Clone>(patch: &Patch<T>) -> Patch<Option<T>> {
    patch.value().cloned().map_or(Patch::Absent, |value| Patch::Set(Some(value)))
}

fn json<T: Serialize>(patch: &Patch<Option<T>>) -> Patch<Option<RawJson>> {
    patch.value().map_or(Patch::Absent, |value| Patch::Set(value.as_ref().map(RawJson::of)))
}

fn default<T>(patch: &mut Patch<Option<T>>, value: T) {
    if !patch.is_set() {
        *patch = Patch::Set(Some(value));
    }
}
