//! What a transaction of state changes writes: rows of several tables, each table's as columns, all by one statement.
//!
//! The statement has a part for each table that has rows, so there are few shapes, and each is prepared once a connection.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use domain::flow_runs::{CreatedBy, FlowRun};
use domain::labels::Labels;
use domain::run::{FlowRunPolicy, TaskRunPolicy};
use domain::state::{State, StateType};
use domain::stored::Stored;
use domain::task_runs::{TaskInputs, TaskRun};
use domain::{
    ArtifactCollectionId, ArtifactId, DeploymentId, EventId, FlowId, FlowRunId, LeaseId, LimitId, StateId, TaskRunId,
    WorkQueueId,
};
use uuid::Uuid;
use wire::{RawJson, RawObject, Time};

use crate::concurrency_limits::{of_ended, settle};
use crate::pool::Param;
use crate::sql::Columns;

/// The rows of one table.
trait Rows {
    fn is_empty(&self) -> bool;
    fn columns(&self) -> &'static [(&'static str, &'static str)];
    /// The part of the statement; `{}` stands for the rows, as `u`.
    fn text(&self) -> &'static str;
    /// What the part does to the slots of limits: a select for the `delta` of [`settle!`] from what it returned, which is `{}`.
    fn slots(&self) -> Option<&'static str>;
    fn params<'a>(&'a self, params: &mut Vec<Param<'a>>);
}

macro_rules! rows {
    ($(#[$doc:meta])* $row:ident in $table:ident { $first:ident: $first_type:ty = $first_sql:literal $(, $field:ident: $type:ty = $sql:literal)* $(,)? } $text:literal $(slots $slots:expr)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $row { pub $first: $first_type $(, pub $field: $type)* }

        #[derive(Default)]
        struct $table { $first: Vec<$first_type> $(, $field: Vec<$type>)* }

        impl $table {
            fn push(&mut self, row: $row) {
                let $row { $first $(, $field)* } = row;
                self.$first.push($first);
                $(self.$field.push($field);)*
            }
        }

        impl Rows for $table {
            fn is_empty(&self) -> bool { self.$first.is_empty() }
            fn columns(&self) -> &'static [(&'static str, &'static str)] {
                &[(stringify!($first), $first_sql) $(, (stringify!($field), $sql))*]
            }
            fn text(&self) -> &'static str { $text }
            fn slots(&self) -> Option<&'static str> { [$($slots)?].first().copied() }
            fn params<'a>(&'a self, params: &mut Vec<Param<'a>>) {
                params.push(&self.$first);
                $(params.push(&self.$field);)*
            }
        }
    };
}

rows! {
    /// A state to keep.
    NewState in States { id: StateId = "uuid", run_id: Uuid = "uuid", kind: i16 = "smallint", timestamp: Time = "timestamptz", state: Stored<State> = "json" }
    "insert into run_state (id, run_id, kind, timestamp, state) select u.id, u.run_id, u.kind, u.timestamp, u.state from {}"
}

rows! {
    /// A flow run after a transition. Without `state_id` it stays in its state.
    FlowRunChange in FlowRunChanges {
        id: FlowRunId = "uuid",
        state_id: Option<StateId> = "uuid",
        state_type: Option<StateType> = "smallint",
        state_name: Option<String> = "text",
        state_timestamp: Option<Time> = "timestamptz",
        state: Option<Stored<State>> = "json",
        state_due: Option<Time> = "timestamptz",
        empirical_policy: Stored<FlowRunPolicy> = "json",
        run_count: i32 = "integer",
        expected_start_time: Option<Time> = "timestamptz",
        next_scheduled_start_time: Option<Time> = "timestamptz",
        start_time: Option<Time> = "timestamptz",
        end_time: Option<Time> = "timestamptz",
        total_run_time: f64 = "double precision",
    }
    "update flow_run r set \
        state_id = coalesce(u.state_id, r.state_id), state_type = coalesce(u.state_type, r.state_type), \
        state_name = coalesce(u.state_name, r.state_name), state_timestamp = coalesce(u.state_timestamp, r.state_timestamp), \
        state = coalesce(u.state, r.state), state_due = case when u.state_id is null then r.state_due else u.state_due end, \
        empirical_policy = u.empirical_policy, run_count = u.run_count, expected_start_time = u.expected_start_time, \
        next_scheduled_start_time = u.next_scheduled_start_time, start_time = u.start_time, end_time = u.end_time, \
        total_run_time = u.total_run_time, updated = now() from {} where r.id = u.id"
}

rows! {
    /// A task run after a transition. Without `state_id` it stays in its state.
    TaskRunChange in TaskRunChanges {
        id: TaskRunId = "uuid",
        state_id: Option<StateId> = "uuid",
        state_type: Option<StateType> = "smallint",
        state_name: Option<String> = "text",
        state_timestamp: Option<Time> = "timestamptz",
        state: Option<Stored<State>> = "json",
        run_count: i32 = "integer",
        flow_run_run_count: i32 = "integer",
        expected_start_time: Option<Time> = "timestamptz",
        next_scheduled_start_time: Option<Time> = "timestamptz",
        start_time: Option<Time> = "timestamptz",
        end_time: Option<Time> = "timestamptz",
        total_run_time: f64 = "double precision",
    }
    "update task_run t set \
        state_id = coalesce(u.state_id, t.state_id), state_type = coalesce(u.state_type, t.state_type), \
        state_name = coalesce(u.state_name, t.state_name), state_timestamp = coalesce(u.state_timestamp, t.state_timestamp), \
        state = coalesce(u.state, t.state), run_count = u.run_count, flow_run_run_count = u.flow_run_run_count, \
        expected_start_time = u.expected_start_time, next_scheduled_start_time = u.next_scheduled_start_time, \
        start_time = u.start_time, end_time = u.end_time, total_run_time = u.total_run_time, updated = now() from {} where t.id = u.id"
}

rows! {
    /// An event that tells of a change of state.
    NewEvent in Events {
        occurred: Time = "timestamptz",
        id: EventId = "uuid",
        event: String = "text",
        resource_id: String = "text",
        resource: RawJson = "json",
        related: RawJson = "json",
        payload: RawJson = "json",
        follows: Option<EventId> = "uuid",
    }
    "insert into event (occurred, id, event, resource_id, resource, related, related_ids, payload, follows) \
        select u.occurred, u.id, u.event, u.resource_id, u.resource, u.related, \
        array(select one ->> 'prefect.resource.id' from json_array_elements(u.related) one), u.payload, u.follows from {}"
}

rows! {
    /// The artifact of a result.
    NewArtifact in Artifacts {
        id: ArtifactId = "uuid",
        key: Option<String> = "text",
        kind: Option<String> = "text",
        description: Option<String> = "text",
        data: Option<RawJson> = "json",
        flow_run_id: Option<FlowRunId> = "uuid",
        task_run_id: Option<TaskRunId> = "uuid",
    }
    "insert into artifact (id, key, type, description, data, flow_run_id, task_run_id) \
        select u.id, u.key, u.kind, u.description, u.data, u.flow_run_id, u.task_run_id from {}"
}

rows! {
    /// The latest artifact of its key.
    LatestArtifact in LatestArtifacts { key: String = "text", id: ArtifactCollectionId = "uuid", latest_id: ArtifactId = "uuid" }
    "insert into artifact_latest (key, id, latest_id) select distinct on (u.key) u.key, u.id, u.latest_id from {} \
        order by u.key, u.latest_id desc on conflict (key) do update set latest_id = excluded.latest_id, updated = now()"
}

rows! {
    /// A state that other task runs with the key may take.
    CacheEntry in CacheEntries { cache_key: String = "text", expiration: Option<Time> = "timestamptz", state_id: StateId = "uuid" }
    "insert into task_run_cache (cache_key, expiration, state_id) select u.cache_key, u.expiration, u.state_id from {}"
}

rows! {
    /// An input to delete.
    ForgottenInput in ForgottenInputs { flow_run_id: FlowRunId = "uuid", key: String = "text" }
    "delete from flow_run_input i using {} where i.flow_run_id = u.flow_run_id and i.key = u.key"
}

rows! {
    /// An input that was answered, or sent.
    NewInput in NewInputs { id: Uuid = "uuid", flow_run_id: FlowRunId = "uuid", key: String = "text", value: String = "text", sender: Option<String> = "text" }
    "insert into flow_run_input (id, flow_run_id, key, value, sender) select u.id, u.flow_run_id, u.key, u.value, u.sender from {}"
}

rows! {
    /// A lease to insert, with the slots that it holds. Its end is `seconds` from now.
    NewLease in NewLeases {
        id: LeaseId = "uuid",
        limits: RawJson = "json",
        slots: i64 = "bigint",
        seconds: f64 = "double precision",
        holder_type: Option<i16> = "smallint",
        holder_id: Option<Uuid> = "uuid",
    }
    "insert into concurrency_lease (id, limit_ids, slots, holder_type, holder_id, expires_at) \
        select u.id, array(select json_array_elements_text(u.limits)::uuid), u.slots, u.holder_type, u.holder_id, \
        clock_timestamp() + make_interval(secs => u.seconds) from {} returning limit_ids, slots"
    slots "select unnest(limit_ids), slots, 0::bigint, null::float8 from {}"
}

rows! {
    /// A lease that ends that many seconds from now, and not before.
    LeaseEnd in LeaseEnds { lease: LeaseId = "uuid", seconds: f64 = "double precision" }
    "update concurrency_lease e set expires_at = clock_timestamp() + make_interval(secs => u.seconds) from {} where e.id = u.lease"
}

rows! {
    /// A lease to delete, with the slots that it held.
    EndedLease in EndedLeases { lease: LeaseId = "uuid" }
    "delete from concurrency_lease e using {} where e.id = u.lease returning e.limit_ids, e.slots, e.created"
    slots (concat!(of_ended!(), "{} e"))
}

rows! {
    /// Slots to give back that no lease tells of, as many as there are.
    LooseSlots in LooseSlotRows { limit_id: LimitId = "uuid", slots: i64 = "bigint" }
    "select u.limit_id, u.slots from {}"
    slots "select limit_id, 0::bigint, slots, null::float8 from {}"
}

rows! {
    /// A task run that task workers may take. One that was taken before may be taken anew.
    NewOffer in NewOffers { task_run_id: TaskRunId = "uuid", task_key: String = "text", retry: bool = "boolean" }
    "insert into task_offer (task_run_id, task_key, retry) select u.task_run_id, u.task_key, u.retry from {} \
        on conflict (task_run_id) do update set task_key = excluded.task_key, retry = excluded.retry, offered = clock_timestamp(), \
        worker = null, session = null, taken = null, confirmed = false"
}

rows! {
    /// The infrastructure of a flow run, to be taken down by a worker of its pool; of pools without workers there is none.
    NewCleanup in NewCleanups { id: Uuid = "uuid", flow_run_id: FlowRunId = "uuid", kind: i16 = "smallint" }
    "insert into cleanup (id, work_pool_id, work_queue_id, kind, target) select u.id, p.id, q.id, u.kind, \
        json_build_object('flow_run_id', r.id, 'infrastructure_pid', r.infrastructure_pid) \
        from {} join flow_run r on r.id = u.flow_run_id join work_queue q on q.id = r.work_queue_id \
        join work_pool p on p.id = q.work_pool_id where p.type not like '%:push' and p.type not like '%:managed'"
}

rows! {
    /// A flow run to insert, in its first state.
    NewFlowRun in NewFlowRuns {
        id: FlowRunId = "uuid",
        name: String = "text",
        flow_id: FlowId = "uuid",
        flow_version: Option<String> = "text",
        deployment_id: Option<DeploymentId> = "uuid",
        deployment_version: Option<String> = "text",
        work_queue_id: Option<WorkQueueId> = "uuid",
        work_queue_name: Option<String> = "text",
        parent_task_run_id: Option<TaskRunId> = "uuid",
        idempotency_key: Option<String> = "text",
        auto_scheduled: bool = "boolean",
        parameters: RawObject = "json",
        context: RawObject = "json",
        empirical_policy: Stored<FlowRunPolicy> = "json",
        tags: RawJson = "json",
        labels: Labels = "json",
        job_variables: Option<RawObject> = "json",
        infrastructure_document_id: Option<Uuid> = "uuid",
        created_by: Option<Stored<CreatedBy>> = "json",
        state_id: Option<StateId> = "uuid",
        state_type: Option<StateType> = "smallint",
        state_name: Option<String> = "text",
        state_timestamp: Option<Time> = "timestamptz",
        state: Option<Stored<State>> = "json",
        state_due: Option<Time> = "timestamptz",
        run_count: i32 = "integer",
        expected_start_time: Option<Time> = "timestamptz",
        next_scheduled_start_time: Option<Time> = "timestamptz",
        start_time: Option<Time> = "timestamptz",
        end_time: Option<Time> = "timestamptz",
    }
    "insert into flow_run as r (id, name, flow_id, flow_version, deployment_id, deployment_version, work_queue_id, work_queue_name, \
        parent_task_run_id, idempotency_key, auto_scheduled, parameters, context, empirical_policy, tags, labels, job_variables, \
        infrastructure_document_id, created_by, state_id, state_type, state_name, state_timestamp, state, state_due, run_count, \
        expected_start_time, next_scheduled_start_time, start_time, end_time) \
        select u.id, u.name, u.flow_id, u.flow_version, u.deployment_id, u.deployment_version, u.work_queue_id, u.work_queue_name, \
        u.parent_task_run_id, u.idempotency_key, u.auto_scheduled, u.parameters, u.context, u.empirical_policy, \
        array(select json_array_elements_text(u.tags)), u.labels, u.job_variables, \
        u.infrastructure_document_id, u.created_by, u.state_id, u.state_type, u.state_name, u.state_timestamp, u.state, u.state_due, u.run_count, \
        u.expected_start_time, u.next_scheduled_start_time, u.start_time, u.end_time from {} \
        returning r.id, r.created, r.updated, r.name, r.flow_id, r.state_id, r.deployment_id, r.deployment_version, r.work_queue_id, \
        r.work_queue_name, r.flow_version, r.parameters, r.idempotency_key, r.context, r.empirical_policy, r.tags, r.labels, \
        r.parent_task_run_id, r.state_type, r.state_name, r.state_timestamp, r.run_count, r.expected_start_time, \
        r.next_scheduled_start_time, r.start_time, r.end_time, r.total_run_time, r.auto_scheduled, r.infrastructure_document_id, \
        r.infrastructure_pid, r.created_by, r.state, r.job_variables"
}

rows! {
    /// A task run to insert, in its first state if it has one.
    NewTaskRun in NewTaskRuns {
        id: TaskRunId = "uuid",
        name: String = "text",
        flow_run_id: Option<FlowRunId> = "uuid",
        task_key: String = "text",
        dynamic_key: String = "text",
        cache_key: Option<String> = "text",
        cache_expiration: Option<Time> = "timestamptz",
        task_version: Option<String> = "text",
        flow_run_run_count: i32 = "integer",
        empirical_policy: Stored<TaskRunPolicy> = "json",
        task_inputs: TaskInputs = "json",
        tags: RawJson = "json",
        labels: Labels = "json",
        state_id: Option<StateId> = "uuid",
        state_type: Option<StateType> = "smallint",
        state_name: Option<String> = "text",
        state_timestamp: Option<Time> = "timestamptz",
        state: Option<Stored<State>> = "json",
        run_count: i32 = "integer",
        expected_start_time: Option<Time> = "timestamptz",
        next_scheduled_start_time: Option<Time> = "timestamptz",
        start_time: Option<Time> = "timestamptz",
        end_time: Option<Time> = "timestamptz",
    }
    "insert into task_run as t (id, name, flow_run_id, task_key, dynamic_key, cache_key, cache_expiration, task_version, \
        flow_run_run_count, empirical_policy, task_inputs, tags, labels, state_id, state_type, state_name, state_timestamp, state, \
        run_count, expected_start_time, next_scheduled_start_time, start_time, end_time) \
        select u.id, u.name, u.flow_run_id, u.task_key, u.dynamic_key, u.cache_key, u.cache_expiration, u.task_version, \
        u.flow_run_run_count, u.empirical_policy, u.task_inputs, array(select json_array_elements_text(u.tags)), u.labels, \
        u.state_id, u.state_type, u.state_name, u.state_timestamp, u.state, \
        u.run_count, u.expected_start_time, u.next_scheduled_start_time, u.start_time, u.end_time from {} \
        returning t.id, t.created, t.updated, t.name, t.flow_run_id, t.task_key, t.dynamic_key, t.cache_key, t.cache_expiration, \
        t.task_version, t.empirical_policy, t.tags, t.labels, t.state_id, t.task_inputs, t.state_type, t.state_name, \
        t.state_timestamp, t.run_count, t.flow_run_run_count, t.expected_start_time, t.next_scheduled_start_time, t.start_time, \
        t.end_time, t.total_run_time, t.state"
}

/// Everything a transaction writes.
#[derive(Default)]
pub(crate) struct Changes {
    new_flow_runs: NewFlowRuns,
    new_task_runs: NewTaskRuns,
    states: States,
    flow_runs: FlowRunChanges,
    task_runs: TaskRunChanges,
    events: Events,
    artifacts: Artifacts,
    latest_artifacts: LatestArtifacts,
    cache: CacheEntries,
    forgotten: ForgottenInputs,
    inputs: NewInputs,
    leases: NewLeases,
    lease_ends: LeaseEnds,
    ended_leases: EndedLeases,
    loose_slots: LooseSlotRows,
    offers: NewOffers,
    cleanups: NewCleanups,
}

macro_rules! push {
    ($($name:ident($row:ident) to $table:ident;)+) => {
        impl Changes {
            $(pub fn $name(&mut self, row: $row) { self.$table.push(row); })+
        }
    };
}

push! {
    new_flow_run(NewFlowRun) to new_flow_runs;
    new_task_run(NewTaskRun) to new_task_runs;
    state(NewState) to states;
    flow_run(FlowRunChange) to flow_runs;
    task_run(TaskRunChange) to task_runs;
    event(NewEvent) to events;
    artifact(NewArtifact) to artifacts;
    latest_artifact(LatestArtifact) to latest_artifacts;
    cache(CacheEntry) to cache;
    forget(ForgottenInput) to forgotten;
    input(NewInput) to inputs;
    lease(NewLease) to leases;
    lease_end(LeaseEnd) to lease_ends;
    ended_lease(EndedLease) to ended_leases;
    loose_slots(LooseSlots) to loose_slots;
    offer(NewOffer) to offers;
    cleanup(NewCleanup) to cleanups;
}

const TABLES: usize = 17;

impl Changes {
    fn tables(&self) -> [&dyn Rows; TABLES] {
        let Self {
            new_flow_runs,
            new_task_runs,
            states,
            flow_runs,
            task_runs,
            events,
            artifacts,
            latest_artifacts,
            cache,
            forgotten,
            inputs,
            leases,
            lease_ends,
            ended_leases,
            loose_slots,
            offers,
            cleanups,
        } = self;
        [
            new_flow_runs,
            new_task_runs,
            states,
            flow_runs,
            task_runs,
            events,
            artifacts,
            latest_artifacts,
            cache,
            forgotten,
            inputs,
            leases,
            lease_ends,
            ended_leases,
            loose_slots,
            offers,
            cleanups,
        ]
    }

    pub fn is_empty(&self) -> bool {
        self.tables().iter().all(|table| table.is_empty())
    }

    /// The statement for the tables that have rows. It answers the new flow runs, else the new task runs, else nothing.
    pub fn text(&self) -> &'static str {
        // One for each set of tables that ever had rows together: some dozens.
        static TEXTS: RwLock<BTreeMap<usize, &'static str>> = RwLock::new(BTreeMap::new());
        let shape =
            self.tables().iter().enumerate().fold(0, |shape, (i, table)| shape | usize::from(!table.is_empty()) << i);
        let known = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&shape).copied();
        known.unwrap_or_else(|| {
            let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
            texts.entry(shape).or_insert_with(|| self.write().leak())
        })
    }

    fn write(&self) -> String {
        let mut text = String::new();
        let mut slots = Vec::new();
        let mut number = 0;
        for (i, table) in self.tables().into_iter().enumerate().filter(|(_, table)| !table.is_empty()) {
            text.push_str(if text.is_empty() { "with " } else { ", " });
            let columns = table.columns();
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let params: Vec<String> = columns
                .iter()
                .map(|(_, sql)| {
                    number += 1;
                    format!("${number}::{sql}[]")
                })
                .collect();
            let rows = format!("unnest({}) as u({})", params.join(", "), names.join(", "));
            text.push_str(&format!("c{i} as ({})", table.text().replace("{}", &rows)));
            slots.extend(table.slots().map(|slots| slots.replace("{}", &format!("c{i}"))));
        }
        if !slots.is_empty() {
            text.push_str(&format!(
                ", delta (limit_id, slots, loose, stay) as materialized ({}), ",
                slots.join(" union all ")
            ));
            text.push_str(settle!());
        }
        let answer = match (self.new_flow_runs.is_empty(), self.new_task_runs.is_empty()) {
            (false, _) => format!(" select {} from c0 r", FlowRun::COLUMNS),
            (true, false) => format!(" select {} from c1 t", TaskRun::COLUMNS),
            (true, true) => " select 1".to_owned(),
        };
        text + &answer
    }

    pub fn params(&self) -> Vec<Param<'_>> {
        let mut params = Vec::new();
        for table in self.tables().into_iter().filter(|table| !table.is_empty()) {
            table.params(&mut params);
        }
        params
    }
}
