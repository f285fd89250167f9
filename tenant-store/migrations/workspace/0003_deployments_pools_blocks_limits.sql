-- Deployments and schedules, pools, queues and workers, blocks, limits, and what services need.


-- Deployments and their schedules.

alter table deployment add column if not exists description text;
alter table deployment add column if not exists work_queue_name text;
alter table deployment add column if not exists path text;
alter table deployment add column if not exists entrypoint text;
alter table deployment add column if not exists parameters json not null default '{}';
alter table deployment add column if not exists parameter_openapi_schema json default '{}';
alter table deployment add column if not exists enforce_parameter_schema boolean not null default true;
alter table deployment add column if not exists job_variables json not null default '{}';
alter table deployment add column if not exists pull_steps json default '[]';
alter table deployment add column if not exists storage_document_id uuid;
alter table deployment add column if not exists infrastructure_document_id uuid;
create index if not exists deployment_name_order on deployment (name, id); -- NAME_*, deployments by name
create index if not exists deployment_created on deployment (created, id); -- CREATED_DESC
create index if not exists deployment_updated on deployment (updated, id); -- UPDATED_DESC
create index if not exists flow_run_deployment_next on flow_run (deployment_id, next_scheduled_start_time) where state_type = 0 and deployment_id is not null; -- poll of a served flow, runs that go with a change of their deployment
create index if not exists flow_run_flow_next on flow_run (flow_id, next_scheduled_start_time) where state_type = 0; -- the next run of a flow
create table if not exists deployment_schedule (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    deployment_id uuid not null,
    slug text collate "C",
    active boolean not null default true,
    schedule json not null,
    max_scheduled_runs integer,
    parameters json not null default '{}',
    constraint deployment_schedule_slug unique (deployment_id, slug) -- schedules of a deployment
);

-- When the scheduler makes runs of a schedule next. There is no row while the schedule or its deployment is paused. Apart
-- from the schedule, because it changes all the time and answers about deployments do not show it.
create table if not exists schedule_pass (
    schedule_id uuid primary key,
    next_pass_at timestamptz not null
);
create index if not exists schedule_pass_due on schedule_pass (next_pass_at); -- schedules that are due


-- Work pools, queues, workers.
alter table work_pool add column if not exists description text;
alter table work_pool add column if not exists base_job_template json not null default '{}';
alter table work_pool add column if not exists is_paused boolean not null default false;
alter table work_pool add column if not exists concurrency_limit integer;
alter table work_pool add column if not exists storage_configuration json not null
    default '{"bundle_upload_step":null,"bundle_execution_step":null,"default_result_storage_block_id":null}';

alter table work_queue add column if not exists description text not null default '';
-- Criteria of queues without a pool, from before there were pools.
alter table work_queue add column if not exists filter json;

create table if not exists worker (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    work_pool_id uuid not null,
    name text collate "C" not null,
    -- Seconds; null for workers that do not say.
    heartbeat_interval_seconds integer,
    constraint worker_name unique (work_pool_id, name)
);

-- Who was seen when, and is therefore ready: what changes by itself, apart from the rows that people change and caches
-- keep. One without a row was never seen, and is not ready. Seeing it again changes no indexed column.
create table if not exists pulse (
    resource_id uuid primary key,
    -- 0: of a work pool, 1: of a work queue, 2: of a worker, 3: of a deployment.
    kind smallint not null,
    -- 0: not ready (offline), 1: ready (online), 2: paused.
    status smallint not null default 0,
    last_seen timestamptz,
    -- The last change of status, and the event that told of it.
    changed timestamptz,
    event_id uuid
) with (fillfactor = 50);
create index if not exists pulse_ready on pulse (kind) where status = 1; -- who may have gone quiet


-- Blocks: types, schemas, documents.

create table if not exists block_type (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    slug text collate "C" not null,
    logo_url text,
    documentation_url text,
    description text,
    code_example text,
    is_protected boolean not null default false,
    constraint block_type_slug unique (slug) -- by slug; lists by name sort the few there are
);

create table if not exists block_schema (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    checksum text collate "C" not null,
    -- As it is answered, with the definitions of what it nests: schemas do not change.
    fields json not null default '{}',
    block_type_id uuid not null,
    capabilities text[] not null default '{}',
    version text collate "C" not null,
    constraint block_schema_checksum unique (checksum, version) -- by checksum
);
create index if not exists block_schema_type on block_schema (block_type_id, created, id); -- the newest of a type, deletes of a type

create table if not exists block_document (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    -- Sealed by the workspace's key (tenant-store/src/encryption), without the documents it refers to.
    data bytea not null,
    is_anonymous boolean not null default false,
    block_type_id uuid not null,
    block_schema_id uuid not null,
    constraint block_document_name unique (block_type_id, name) -- by type and name, of a type
);
create index if not exists block_document_by_name on block_document (name, id); -- NAME_ASC, NAME_DESC
create index if not exists block_document_schema on block_document (block_schema_id); -- deletes of a schema

-- Which document holds which, by the field that holds it.
create table if not exists block_ref (
    parent_id uuid not null,
    name text collate "C" not null,
    child_id uuid not null,
    primary key (parent_id, name) -- what a document holds
);
create index if not exists block_ref_child on block_ref (child_id); -- deletes of what is held

-- The key that seals blocks, wrapped by the operator's key of this id; both null until the first block.
alter table workspace_meta add column if not exists wrapped_by text;
alter table workspace_meta add column if not exists wrapped_key bytea;


-- Concurrency limits and leases.

-- Slots are counted in the limit, and what holds them is told by its leases. Slots and denials decay: each count is as of
-- its own time, in fractions, so that no part of a decay is lost between two writes.
create table if not exists concurrency_limit (
    id uuid primary key,
    created timestamptz not null default now(),
    -- Also the time as of which `active_slots` holds.
    updated timestamptz not null default now(),
    name text collate "C" not null,
    "limit" bigint not null,
    active boolean not null default true,
    active_slots double precision not null default 0,
    -- Of these, what leases hold.
    leased_slots bigint not null default 0,
    denied_slots double precision not null default 0,
    denied_at timestamptz not null default now(),
    slot_decay_per_second double precision not null default 0,
    -- Seconds that a slot is held on average, of late.
    avg_slot_occupancy_seconds double precision not null default 2,
    constraint concurrency_limit_name unique (name) -- by name, lists, limits of tags
) with (fillfactor = 70);

create table if not exists concurrency_lease (
    id uuid primary key,
    limit_ids uuid[] not null,
    -- Of each limit.
    slots bigint not null,
    -- Numbers: tenant-store's concurrency_limits::leases.
    holder_type smallint,
    holder_id uuid,
    created timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
) with (fillfactor = 90);
create index if not exists concurrency_lease_expiry on concurrency_lease (expires_at); -- leases to reap
create index if not exists concurrency_lease_holder on concurrency_lease (holder_id) where holder_id is not null; -- leases of a task run
create index if not exists concurrency_lease_limits on concurrency_lease using gin (limit_ids); -- who holds a limit's slots

alter table deployment add column if not exists concurrency_limit_id uuid;
alter table deployment add column if not exists concurrency_options json;


-- Events and their readers.

-- Names, and ids of resources, are asked for by how they begin: sorted by their bytes.
alter table event alter column event type text collate "C", alter column resource_id type text collate "C";
create index if not exists event_received on event (received); -- what was stored a moment ago, by whichever replica


-- Services: what falls due.

create index if not exists flow_run_late on flow_run (next_scheduled_start_time) where state_type = 0 and state_name = 'Scheduled'; -- late runs


-- Background tasks: who runs them, and which of them wait or are with somebody.

-- A socket of a task worker. A worker has another session each time it connects.
create table if not exists task_worker (
    session uuid primary key,
    -- As it calls itself: host and process.
    worker text collate "C" not null,
    task_keys text[] not null,
    is_open boolean not null default true,
    seen timestamptz not null default now(),
    -- When a service first found that it was not seen for too long.
    missed timestamptz
) with (fillfactor = 50);
create index if not exists task_worker_name on task_worker (worker); -- whether a worker is still there

-- A background task run that is scheduled or with a worker. What has ended is tidied away.
create table if not exists task_offer (
    task_run_id uuid primary key, -- what was confirmed, given back, deleted
    task_key text collate "C" not null,
    -- Offered once before: it goes before those that are new.
    retry boolean not null default false,
    offered timestamptz not null default clock_timestamp(),
    -- Who has it, by name and by socket; null while it waits.
    worker text collate "C",
    session uuid,
    taken timestamptz,
    confirmed boolean not null default false
) with (fillfactor = 70);
create index if not exists task_offer_waiting on task_offer (task_key, retry desc, offered) where worker is null; -- the next of a task
create index if not exists task_offer_taken on task_offer (taken) where worker is not null; -- tasks of workers that are lost
create index if not exists task_offer_unconfirmed on task_offer (session) where session is not null and not confirmed; -- what a socket leaves behind


-- Clean-ups: infrastructure that a pool's workers are to take down, told to them by the worker channel.

create table if not exists cleanup (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    work_pool_id uuid not null,
    work_queue_id uuid,
    -- 0: of a run whose cancellation timed out.
    kind smallint not null,
    target json not null,
    deliveries integer not null default 0,
    -- Whoever has the token may say what became of it, until the lease ends; null while it waits.
    token text,
    consumer_id uuid,
    lease_expires_at timestamptz,
    -- When and why it was given up.
    dead_at timestamptz,
    dead_because text
) with (fillfactor = 70);
create index if not exists cleanup_waiting on cleanup (work_pool_id, created) where dead_at is null; -- the next of a pool, what a worker has in hand, deletes of a pool
create index if not exists cleanup_lease on cleanup (lease_expires_at) where lease_expires_at is not null; -- leases that ended
create index if not exists cleanup_old on cleanup (created); -- retention


-- Lists and numbers of large workspaces.

create index if not exists task_run_start on task_run (start_time, state_type) where start_time is not null; -- how task runs went of late
create index if not exists task_run_end_alone on task_run (end_time, id) where flow_run_id is null and end_time is not null; -- retention
