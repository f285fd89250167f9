-- A workspace that has been in use for a year: `runs` flow runs (a setting of the session), three task runs to each, as
-- unevenly spread over flows, deployments and states as real ones are. Run it after the migration, in its schema.

create function pg_temp.runs() returns bigint language sql stable as $$ select current_setting('explain.runs')::bigint $$;
-- Ids in the order of time, as the program makes them.
create function pg_temp.id(at timestamptz, salt text) returns uuid language sql immutable as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(salt), 1, 3) || '8' || substr(md5(salt), 4, 15))::uuid
$$;
-- When the n-th run was expected: evenly over a year until now, the last hundredth in the time to come.
create function pg_temp.expected(n bigint) returns timestamptz language sql stable as $$
    select timestamptz '2026-01-01Z' + (n::float8 / pg_temp.runs() * 365) * interval '1 day'
$$;
-- SCHEDULED beyond 99 %, some RUNNING and PENDING just before, else COMPLETED but for one in fifty.
create function pg_temp.state(n bigint, salt bigint) returns smallint language sql stable as $$
    select (case
        when n > pg_temp.runs() * 0.99 then 0
        when n > pg_temp.runs() * 0.988 then 2
        when n > pg_temp.runs() * 0.987 then 1
        when (n * 7 + salt) % 100 = 1 then 4
        when (n * 7 + salt) % 200 = 3 then 6
        when (n * 7 + salt) % 250 = 5 then 5
        else 3 end)::smallint
$$;
-- A state about as large as it is kept.
create function pg_temp.type(s smallint) returns text language sql immutable as $$
    select (array['SCHEDULED','PENDING','RUNNING','COMPLETED','FAILED','CANCELLED','CRASHED'])[s + 1]
$$;
create function pg_temp.state_of(s smallint, at timestamptz) returns json language sql stable as $$
    select json_build_object('id', '00000000-0000-7000-8000-000000000000', 'type', pg_temp.type(s), 'name', initcap(pg_temp.type(s)),
        'timestamp', at, 'message', null, 'data', null, 'state_details', json_build_object('flow_run_id', null, 'scheduled_time', at,
        'transition_id', '00000000-0000-7000-8000-000000000001'))
$$;

insert into flow (id, name, created) select pg_temp.id(timestamptz '2026-01-01Z', 'flow' || n), 'flow-' || n, timestamptz '2026-01-01Z' + n * interval '1 hour'
    from generate_series(1, 300) n;
insert into work_pool (id, name) select pg_temp.id(timestamptz '2026-01-01Z', 'pool' || n), 'pool-' || n from generate_series(1, 5) n;
insert into work_queue (id, work_pool_id, name)
    select pg_temp.id(timestamptz '2026-01-01Z', 'queue' || n), pg_temp.id(timestamptz '2026-01-01Z', 'pool' || (n % 5 + 1)), 'queue-' || n
    from generate_series(1, 20) n;
insert into deployment (id, created, updated, name, flow_id, work_queue_id, tags, parameters)
    select pg_temp.id(timestamptz '2026-01-01Z', 'deployment' || n), at, at + (n % 100) * interval '1 hour', 'deployment-' || n,
        pg_temp.id(timestamptz '2026-01-01Z', 'flow' || (n % 300 + 1)), pg_temp.id(timestamptz '2026-01-01Z', 'queue' || (n % 20 + 1)),
        case when n % 4 = 0 then array['team-' || n % 17] else '{}' end, json_build_object('n', n)
    from (select n, timestamptz '2026-01-01Z' + n * interval '1 hour' as at from generate_series(1, 2000) n) d;
-- A schedule each, of all kinds.
insert into deployment_schedule (id, deployment_id, schedule)
    select pg_temp.id(timestamptz '2026-01-01Z', 'schedule' || n), pg_temp.id(timestamptz '2026-01-01Z', 'deployment' || n),
        case n % 3
            when 0 then json_build_object('interval', 600.0 + n, 'anchor_date', '2025-01-01T00:00:00Z', 'timezone', 'UTC')
            when 1 then json_build_object('cron', n % 60 || ' ' || n % 24 || ' * * *', 'timezone', 'Europe/Berlin', 'day_or', true)
            else json_build_object('rrule', E'DTSTART:20200101T000000\nRRULE:FREQ=HOURLY;INTERVAL=' || n % 12 + 1, 'timezone', 'America/New_York') end
    from generate_series(1, 2000) n;
insert into schedule_pass (schedule_id, next_pass_at)
    select pg_temp.id(timestamptz '2026-01-01Z', 'schedule' || n), timestamptz '2026-01-01Z' + interval '364 days' + n * interval '1 second'
    from generate_series(1, 2000) n;
-- Who polls and beats: a worker for each pool, all queues, of ten deployments one.
insert into worker (id, work_pool_id, name)
    select pg_temp.id(timestamptz '2026-01-01Z', 'worker' || n), pg_temp.id(timestamptz '2026-01-01Z', 'pool' || n), 'worker-' || n from generate_series(1, 5) n;
insert into pulse (resource_id, kind, status, last_seen)
    select pg_temp.id(timestamptz '2026-01-01Z', what || n), kind, status, timestamptz '2026-01-01Z' + interval '364 days'
    from (values ('pool', 0, 5, 1), ('queue', 1, 20, 1), ('worker', 2, 5, 1), ('deployment', 3, 2000, 0)) of(what, kind, count, status), generate_series(1, of.count) n;
update pulse set status = 1 where kind = 3 and hashtext(resource_id::text) % 10 = 0;
-- Limits with leases, of which a few run out.
insert into concurrency_limit (id, name, "limit") select pg_temp.id(timestamptz '2026-01-01Z', 'limit' || n), 'limit-' || n, 100 from generate_series(1, 100) n;
insert into concurrency_lease (id, limit_ids, slots, holder_type, holder_id, expires_at)
    select pg_temp.id(timestamptz '2026-01-01Z', 'lease' || n), array[pg_temp.id(timestamptz '2026-01-01Z', 'limit' || (n % 100 + 1))], 1, 1,
        pg_temp.id(timestamptz '2026-01-01Z', 'holder' || n), timestamptz '2100-01-01Z' - case when n % 500 = 0 then interval '100 years' else interval '0' end
    from generate_series(1, 5000) n;

insert into flow_run (id, created, name, flow_id, deployment_id, work_queue_id, schedule_id, auto_scheduled, parent_task_run_id, parameters, tags, labels,
        state_due, state_id, state_type, state_name, state_timestamp, state, run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, total_run_time)
    select pg_temp.id(e, 'run' || n), e, substr(md5(n::text), 1, 6) || '-' || substr(md5('n' || n), 1, 6),
        pg_temp.id(timestamptz '2026-01-01Z', 'flow' || f),
        case when n % 3 > 0 then pg_temp.id(timestamptz '2026-01-01Z', 'deployment' || d) end,
        case when n % 3 > 0 then pg_temp.id(timestamptz '2026-01-01Z', 'queue' || (f % 20 + 1)) end,
        case when n % 3 > 0 and s = 0 then pg_temp.id(timestamptz '2026-01-01Z', 'schedule' || d) end, n % 3 > 0 and s = 0,
        case when n % 40 = 7 then pg_temp.id(pg_temp.expected(n - 1) + interval '1 s', 'task' || (n - 1) || '.1') end,
        json_build_object('n', n, 'text', md5(n::text)), case when n % 4 = 0 then array['team-' || n % 17] else '{}' end, '{"prefect.flow.id": "x"}',
        case when n % 20000 = 5 then e + interval '1 day' end,
        pg_temp.id(e, 'state' || n), s, initcap(pg_temp.type(s)), e,
        pg_temp.state_of(s, e), case when s in (0, 1) then 0 else 1 end, e, case when s = 0 then e end,
        case when s > 1 then e + (n % 600) * interval '100 ms' end,
        case when s > 2 then e + (n % 600) * interval '100 ms' + (n % 7919) * interval '37 ms' end,
        case when s > 2 then (n % 7919) * 0.037 else 0 end
    from (select n, e, s, f, (f + 299) % 400 + 1 + 400 * (n % 5) as d from (select n, pg_temp.expected(n) as e, pg_temp.state(n, 0) as s,
        -- One flow has a tenth of all runs, the others ever fewer.
        case when n % 10 = 0 then 1 else (300 * ((hashint8(n) & 65535) / 65536.0) ^ 3)::integer + 1 end as f
        from generate_series(1, pg_temp.runs()) n) r) r;

insert into task_run (id, created, name, flow_run_id, task_key, dynamic_key, task_inputs, tags,
        state_id, state_type, state_name, state_timestamp, state, run_count, expected_start_time, start_time, end_time, total_run_time)
    select pg_temp.id(e, 'task' || n || '.' || k), e, 'task-' || k || '-' || substr(md5(n || '.' || k), 1, 3), pg_temp.id(pg_temp.expected(n), 'run' || n),
        'task-' || k, md5(n || '.' || k), '{}', case when n % 4 = 0 then array['team-' || n % 17] else '{}' end,
        pg_temp.id(e, 'task-state' || n || '.' || k), s, initcap(pg_temp.type(s)), e,
        pg_temp.state_of(s, e), 1, e, case when s > 1 then e end, case when s > 2 then e + (n % 1013) * interval '11 ms' end,
        case when s > 2 then (n % 1013) * 0.011 else 0 end
    from (select n, k, pg_temp.expected(n) + k * interval '1 s' as e, case when pg_temp.state(n, k) = 0 then 3::smallint else pg_temp.state(n, k) end as s
        from generate_series(1, pg_temp.runs()) n, generate_series(1, 3) k) t;

-- Background tasks: three thousand wait for workers, a thousand more are with one.
insert into task_run (id, created, name, task_key, dynamic_key, task_inputs, state_id, state_type, state_name, state_timestamp, state,
        expected_start_time, next_scheduled_start_time)
    select pg_temp.id(at, 'background' || n), at, 'task-background-' || n, 'background-' || n % 3, n::text, '{}',
        pg_temp.id(at, 'background-state' || n), 0, 'Scheduled', at, '{"type":"SCHEDULED"}', at, at
    from (select n, timestamptz '2026-01-01Z' + interval '59 days' + n * interval '1 second' as at from generate_series(1, 4000) n) b;
insert into task_offer (task_run_id, task_key, offered, worker, session, taken, confirmed)
    select t.id, t.task_key, t.created, case when t.given then 'host-1' end, case when t.given then pg_temp.id(t.created, 'session') end,
        case when t.given then t.created end, t.given
    from (select id, task_key, created, created < timestamptz '2026-01-01Z' + interval '59 days' + interval '1000 seconds' as given
        from task_run where task_key like 'background-%') t;

insert into run_state (id, run_id, kind, timestamp, state)
    select r.state_id, r.id, r.kind, r.state_timestamp, json_build_object('type', upper(r.state_name), 'name', r.state_name)
    from (select state_id, id, 1 as kind, state_timestamp, state_name from task_run
        union all select state_id, id, 0, state_timestamp, state_name from flow_run) r
    -- Runs that were there before have theirs.
    where r.state_id not in (select id from run_state);

-- Of two runs one leaves a result, of four one a table; a tenth of the tables are versions of one key, the others of ever more keys.
insert into artifact (id, created, updated, key, type, data, flow_run_id, task_run_id)
    select pg_temp.id(e, 'artifact' || n), e, e + (n % 100) * interval '1 minute',
        case when n % 4 = 1 then case when n % 40 = 1 then 'report' else 'table-' || (n % 2003) end end,
        case when n % 4 = 1 then 'table' else 'result' end, json_build_object('n', n),
        pg_temp.id(e, 'run' || n), case when n % 2 = 0 then pg_temp.id(e + interval '1 s', 'task' || n || '.1') end
    from (select n, pg_temp.expected(n) as e from generate_series(1, pg_temp.runs()) n where n % 2 = 0 or n % 4 = 1) r;
insert into artifact_latest (key, id, created, updated, latest_id)
    select distinct on (a.key) a.key, gen_random_uuid(), a.created, a.updated, a.id from artifact a where a.key is not null
    order by a.key, a.created desc, a.id desc;
insert into variable (id, created, updated, name, value, tags)
    select pg_temp.id(at, 'variable' || n), at, at + (n % 1000) * interval '1 hour', 'variable_' || n, json_build_object('n', n),
        case when n % 10 = 0 then array['team-' || n % 17] else '{}' end
    from (select n, timestamptz '2026-01-01Z' + n * interval '1 minute' as at from generate_series(1, 20000) n) v;

-- Twenty types with two schemas each, five thousand blocks; of ten one is anonymous, of five one is held by another.
insert into workspace_meta (schema_version) values (1) on conflict do nothing;
insert into block_type (id, name, slug) select pg_temp.id('2026-01-01Z', 'block-type' || n), 'Type ' || n, 'type-' || n from generate_series(1, 20) n;
insert into block_schema (id, created, checksum, fields, block_type_id, capabilities, version)
    select pg_temp.id('2026-01-01Z', 'block-schema' || n), timestamptz '2026-01-01Z' + n * interval '1 day', 'sha256:' || n, '{}',
        pg_temp.id('2026-01-01Z', 'block-type' || n % 20 + 1), case when n % 4 = 0 then array['write-path'] else '{}' end, '1'
    from generate_series(1, 40) n;
insert into block_document (id, name, data, is_anonymous, block_type_id, block_schema_id)
    select pg_temp.id('2026-01-01Z', 'block' || n), case when n % 10 = 0 then 'anonymous-' else 'block-' end || n, '\x00', n % 10 = 0,
        pg_temp.id('2026-01-01Z', 'block-type' || n % 20 + 1), pg_temp.id('2026-01-01Z', 'block-schema' || n % 40 + 1)
    from generate_series(1, 5000) n;
insert into block_ref (parent_id, name, child_id)
    select pg_temp.id('2026-01-01Z', 'block' || n + 1), 'kid', pg_temp.id('2026-01-01Z', 'block' || n) from generate_series(5, 4995, 5) n;
-- An event for each run; some are rare.
insert into event (occurred, id, event, resource_id, resource, related, related_ids, payload, received)
    select e, pg_temp.id(e, 'event' || n),
        'prefect.flow-run.' || case when n % 5000 = 0 then 'Cancelling' when n % 100 = 1 then 'Failed' when n % 2 = 0 then 'Running' else 'Completed' end,
        'prefect.flow-run.' || run, json_build_object('prefect.resource.id', 'prefect.flow-run.' || run, 'prefect.resource.name', 'run-' || n),
        json_build_array(json_build_object('prefect.resource.id', flow, 'prefect.resource.role', 'flow', 'prefect.resource.name', 'flow')),
        array[flow], json_build_object('n', n), e
    from (select n, pg_temp.expected(n) as e, pg_temp.id(pg_temp.expected(n), 'run' || n) as run,
        'prefect.flow.' || pg_temp.id(timestamptz '2026-01-01Z', 'flow' || (n % 300 + 1)) as flow
        from generate_series(1, pg_temp.runs()) n) v;
-- A line of each run.
insert into log (id, created, name, level, flow_run_id, message, timestamp)
    select pg_temp.id(e, 'log' || n), e, 'prefect.flow_runs', case when n % 1000 = 1 then 40 else 20 end, pg_temp.id(e, 'run' || n), 'Finished in state ' || n, e
    from (select n, pg_temp.expected(n) as e from generate_series(1, pg_temp.runs()) n) l;

analyze;
