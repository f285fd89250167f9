-- One workspace's tables. Names are unqualified: the search path is the workspace's schema and nothing else.
--
-- No foreign keys: a key share lock on a flow's row by each of its runs would be a hot row. Creates look for their parent
-- in the same statement, deletes take their children with them.
-- `json`, not `jsonb`: documents are answered as they were sent, never searched. States' numbers: domain::StateType.
-- Each index names the query it serves; one that serves none goes. Each change of a run's state writes to every index
-- that holds the run, so an index of what few runs have, or of what runs have at their end, is partial. Lists sort the id
-- after the column; where a column has few equal values the index is of it alone and the ids are sorted in its groups.
-- Names are sorted by their bytes, whatever the locale of the database (`collate "C"`).

create table if not exists workspace_meta (
    one boolean primary key default true check (one),
    schema_version integer not null
);

create table if not exists flow (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    tags text[] not null default '{}',
    labels json,
    constraint flow_name unique (name)
);

create table if not exists work_pool (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    type text not null default 'process',
    default_queue_id uuid,
    constraint work_pool_name unique (name)
);

create table if not exists work_queue (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    work_pool_id uuid not null,
    name text collate "C" not null,
    priority integer not null default 1,
    is_paused boolean not null default false,
    concurrency_limit integer,
    constraint work_queue_name unique (work_pool_id, name)
);

create table if not exists deployment (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    flow_id uuid not null,
    tags text[] not null default '{}',
    labels json not null default '{}',
    version text,
    paused boolean not null default false,
    work_queue_id uuid,
    concurrency_limit integer,
    constraint deployment_name unique (flow_id, name)
);
create index if not exists deployment_work_queue on deployment (work_queue_id); -- deployments of a queue

create table if not exists flow_run (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    flow_id uuid not null,
    flow_version text,
    deployment_id uuid,
    deployment_version text,
    work_queue_id uuid,
    work_queue_name text,
    parent_task_run_id uuid,
    schedule_id uuid,
    idempotency_key text,
    auto_scheduled boolean not null default false,
    parameters json not null default '{}',
    context json not null default '{}',
    empirical_policy json not null default '{}',
    tags text[] not null default '{}',
    labels json not null default '{}',
    job_variables json,
    infrastructure_document_id uuid,
    infrastructure_pid text,
    created_by json,
    state_id uuid,
    state_type smallint,
    state_name text,
    state_timestamp timestamptz,
    state json,
    -- When a service must look at the run: a pause that times out, a cancellation that hangs.
    state_due timestamptz,
    run_count integer not null default 0,
    expected_start_time timestamptz,
    next_scheduled_start_time timestamptz,
    start_time timestamptz,
    end_time timestamptz,
    -- Seconds spent in RUNNING states that have ended.
    total_run_time double precision not null default 0
) with (fillfactor = 80, toast_tuple_target = 512);
create unique index if not exists flow_run_idempotency on flow_run (flow_id, idempotency_key) where idempotency_key is not null; -- create once
create index if not exists flow_run_start on flow_run ((coalesce(start_time, expected_start_time)), id); -- START_TIME_*
create index if not exists flow_run_expected on flow_run (expected_start_time, id); -- EXPECTED_START_TIME_*, histories, counts
create index if not exists flow_run_name on flow_run (name); -- NAME_*, runs by name
create index if not exists flow_run_flow on flow_run (flow_id, expected_start_time); -- runs of a flow
create index if not exists flow_run_deployment on flow_run (deployment_id, expected_start_time) where deployment_id is not null; -- runs of a deployment
create index if not exists flow_run_end on flow_run (end_time, id) where end_time is not null; -- END_TIME_DESC, retention
create index if not exists flow_run_next on flow_run (next_scheduled_start_time, id) where next_scheduled_start_time is not null; -- NEXT_SCHEDULED_START_TIME_ASC, late runs
create index if not exists flow_run_queue_next on flow_run (work_queue_id, next_scheduled_start_time) where state_type = 0 and work_queue_id is not null; -- poll of a queue
create index if not exists flow_run_queue_busy on flow_run (work_queue_id) where state_type in (1, 2, 8) and work_queue_id is not null; -- slots of a queue
create index if not exists flow_run_unfinished on flow_run (state_type, expected_start_time) where state_type <> 3; -- "failed", "running"
create index if not exists flow_run_parent on flow_run (parent_task_run_id) where parent_task_run_id is not null; -- subflows
create index if not exists flow_run_due on flow_run (state_due) where state_due is not null; -- pause and cancel time-outs
create index if not exists flow_run_schedule on flow_run (schedule_id, next_scheduled_start_time) where state_type = 0 and schedule_id is not null; -- scheduler

create table if not exists task_run (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    flow_run_id uuid,
    task_key text not null,
    dynamic_key text not null,
    cache_key text,
    cache_expiration timestamptz,
    task_version text,
    flow_run_run_count integer not null default 0,
    empirical_policy json not null default '{}',
    task_inputs json not null default '{}',
    tags text[] not null default '{}',
    labels json not null default '{}',
    state_id uuid,
    state_type smallint,
    state_name text,
    state_timestamp timestamptz,
    state json,
    run_count integer not null default 0,
    expected_start_time timestamptz,
    next_scheduled_start_time timestamptz,
    start_time timestamptz,
    end_time timestamptz,
    total_run_time double precision not null default 0,
    -- Columns whose value did not come with the newest state, and when it came: domain::recorder.
    older json
) with (fillfactor = 80, toast_tuple_target = 512);
create unique index if not exists task_run_identity on task_run (flow_run_id, task_key, dynamic_key); -- one row for one call; tasks of a run
create index if not exists task_run_expected on task_run (expected_start_time, id); -- EXPECTED_START_TIME_*, histories
create index if not exists task_run_name on task_run (name); -- NAME_*, runs by name
create index if not exists task_run_end on task_run (end_time, id) where end_time is not null; -- END_TIME_DESC, retention
create index if not exists task_run_next on task_run (next_scheduled_start_time, id) where next_scheduled_start_time is not null; -- NEXT_SCHEDULED_START_TIME_ASC
create index if not exists task_run_duration on task_run (total_run_time) where state_type in (3, 4, 5, 6); -- DURATION_*
create index if not exists task_run_unfinished on task_run (state_type, expected_start_time) where state_type <> 3; -- "failed", "running"

-- Every state of every run. A state's id is its event's id.
create table if not exists run_state (
    id uuid primary key,
    run_id uuid not null,
    -- 0: of a flow run, 1: of a task run.
    kind smallint not null,
    created timestamptz not null default now(),
    timestamp timestamptz not null,
    state json not null,
    type text collate "C" generated always as (state->>'type') stored,
    name text collate "C" generated always as (state->>'name') stored
);
create index if not exists run_state_run on run_state (run_id, timestamp); -- states of a run
create index if not exists run_state_observed on run_state (type, name, timestamp); -- which states there have been

create table if not exists task_run_cache (
    cache_key text not null,
    created timestamptz not null default now(),
    expiration timestamptz,
    state_id uuid not null
);
create index if not exists task_run_cache_key on task_run_cache (cache_key, created desc); -- a cached result

create table if not exists flow_run_input (
    flow_run_id uuid not null,
    key text not null,
    id uuid not null,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    value text not null,
    sender text,
    primary key (flow_run_id, key)
);

create table if not exists artifact (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    key text,
    type text,
    description text,
    data json,
    metadata_ json,
    flow_run_id uuid,
    task_run_id uuid
);
create index if not exists artifact_key on artifact (key, created) where key is not null; -- versions of a key
create index if not exists artifact_flow_run on artifact (flow_run_id); -- artifacts of a run
create index if not exists artifact_task_run on artifact (task_run_id) where task_run_id is not null;

create table if not exists log (
    id uuid not null,
    created timestamptz not null default now(),
    name text not null,
    level integer not null,
    flow_run_id uuid,
    task_run_id uuid,
    message text not null,
    timestamp timestamptz not null
);
create index if not exists log_flow_run on log (flow_run_id, timestamp, id); -- the log of a run
create index if not exists log_task_run on log (task_run_id, timestamp) where task_run_id is not null;
create index if not exists log_timestamp on log (timestamp); -- TIMESTAMP_*, retention

create table if not exists event (
    occurred timestamptz not null,
    id uuid not null,
    event text not null,
    resource_id text not null,
    resource json not null,
    related json not null default '[]',
    related_ids text[] not null default '{}',
    payload json not null default '{}',
    follows uuid,
    received timestamptz not null default now(),
    primary key (occurred, id)
);
create index if not exists event_name on event (event, occurred); -- by name
create index if not exists event_resource on event (resource_id, occurred); -- by resource
create index if not exists event_related on event using gin (related_ids) with (fastupdate = on); -- by related resource

-- What arrived and could not be stored: kept for a person to look at, never in the way of what follows it.
create table if not exists quarantine (
    id uuid primary key,
    received timestamptz not null default now(),
    source text not null,
    reason text not null,
    body text not null
);
create index if not exists quarantine_received on quarantine (received); -- retention

create table if not exists setting (
    key text primary key,
    updated timestamptz not null default now(),
    value json not null
);
