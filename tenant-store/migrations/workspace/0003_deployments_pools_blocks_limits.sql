-- Deployments and schedules, pools, queues and workers, blocks, limits, and what services need.


-- Deployments and their schedules.


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


-- Concurrency limits and leases.


-- Events and their readers.


-- Services: what falls due.


