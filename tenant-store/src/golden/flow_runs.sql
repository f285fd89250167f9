-- filter {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
(r.id = any($1))

-- filter {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(r.id = $1)

-- filter {"flow_runs":{"id":{"any_":[]}}}
(r.id = any($1))

-- filter {"flow_runs":{"id":{"not_any_":["00000000-0000-0000-0000-000000000001"]}}}
(r.id <> all($1))

-- filter {"flow_runs":{"id":{"not_any_":[]}}}
(true)

-- filter {"flow_runs":{"name":{"any_":["a","b"]}}}
(r.name = any($1))

-- filter {"flow_runs":{"name":{"like_":"x"}}}
(r.name ilike $1)

-- filter {"flow_runs":{"tags":{"all_":["a"]}}}
(r.tags @> $1)

-- filter {"flow_runs":{"tags":{"any_":["a"]}}}
(r.tags && $1)

-- filter {"flow_runs":{"tags":{"any_":[]}}}
(r.tags && $1)

-- filter {"flow_runs":{"tags":{"is_null_":true}}}
(r.tags = '{}')

-- filter {"flow_runs":{"tags":{"operator":"or_","all_":["a"],"any_":["b"],"is_null_":false}}}
(r.tags @> $1 or r.tags && $2 or r.tags <> '{}')

-- filter {"flow_runs":{"deployment_id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
(r.deployment_id = any($1))

-- filter {"flow_runs":{"deployment_id":{"is_null_":true}}}
(r.deployment_id is null)

-- filter {"flow_runs":{"deployment_id":{"operator":"or_","any_":["00000000-0000-0000-0000-000000000001"],"is_null_":false}}}
(r.deployment_id = $1 or r.deployment_id is not null)

-- filter {"flow_runs":{"work_queue_name":{"any_":["q"]}}}
(r.work_queue_name = $1)

-- filter {"flow_runs":{"work_queue_name":{"is_null_":true}}}
(r.work_queue_name is null)

-- filter {"flow_runs":{"work_queue_name":{"is_null_":false}}}
(r.work_queue_name is not null)

-- filter {"flow_runs":{"state":{"type":{"any_":["RUNNING"]}}}}
((r.state_type = $1))

-- filter {"flow_runs":{"state":{"type":{"any_":["RUNNING","FAILED"],"not_any_":["CRASHED"]}}}}
((r.state_type = any($1) and r.state_type <> all($2)))

-- filter {"flow_runs":{"state":{"name":{"any_":["Late"],"not_any_":["x","y"]}}}}
((r.state_name = $1 and r.state_name <> all($2)))

-- filter {"flow_runs":{"state":{"operator":"or_","type":{"any_":["FAILED"]},"name":{"any_":["Late"]}}}}
((r.state_type = $1) or (r.state_name = $2))

-- filter {"flow_runs":{"state":{"operator":"or_","type":{"not_any_":[]},"name":{"any_":["Late"]}}}}
((r.state_name = $1))

-- filter {"flow_runs":{"state":{}}}
(true)

-- filter {"flow_runs":{"flow_version":{"any_":["1"]}}}
(r.flow_version = $1)

-- filter {"flow_runs":{"start_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z","is_null_":false}}}
(coalesce(r.start_time, r.expected_start_time) <= $1 and coalesce(r.start_time, r.expected_start_time) >= $2 and r.start_time is not null)

-- filter {"flow_runs":{"start_time":{"is_null_":true}}}
(r.start_time is null)

-- filter {"flow_runs":{"end_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z","is_null_":false}}}
(r.end_time <= $1 and r.end_time >= $2 and r.end_time is not null)

-- filter {"flow_runs":{"end_time":{"is_null_":true}}}
(r.end_time is null)

-- filter {"flow_runs":{"expected_start_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z"}}}
(r.expected_start_time <= $1 and r.expected_start_time >= $2)

-- filter {"flow_runs":{"next_scheduled_start_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z"}}}
(r.next_scheduled_start_time <= $1 and r.next_scheduled_start_time >= $2)

-- filter {"flow_runs":{"parent_flow_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(r.parent_task_run_id in (select p.id from task_run p where p.flow_run_id = any($1)))

-- filter {"flow_runs":{"parent_task_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(r.parent_task_run_id = $1)

-- filter {"flow_runs":{"parent_task_run_id":{"is_null_":true}}}
(r.parent_task_run_id is null)

-- filter {"flow_runs":{"parent_task_run_id":{"is_null_":false}}}
(r.parent_task_run_id is not null)

-- filter {"flow_runs":{"idempotency_key":{"any_":["k"],"not_any_":["l"]}}}
(r.idempotency_key = $1 and r.idempotency_key <> all($2))

-- filter {"flow_runs":{"created_by":{"id_":["00000000-0000-0000-0000-000000000001"],"type_":["DEPLOYMENT"]}}}
((r.created_by->>'id') = any($1::uuid[]::text[]) and (r.created_by->>'type') = $2)

-- filter {"flow_runs":{"created_by":{"operator":"or_","type_":["AUTOMATION"],"is_null_":true}}}
((r.created_by->>'type') = $1 or r.created_by is null)

-- filter {"flow_runs":{"created_by":{"is_null_":false}}}
(r.created_by is not null)

-- filter {"flow_runs":{}}
true

-- filter {"flow_runs":{"operator":"or_","name":{"like_":"x"},"tags":{"all_":["a"]},"state":{"type":{"any_":["FAILED"]}}}}
(r.name ilike $1) or (r.tags @> $2) or ((r.state_type = $3))

-- filter {"flow_runs":{"operator":"or_","name":{},"state":{"type":{"any_":["FAILED"]}}}}
(true) or ((r.state_type = $1))

-- flow_runs list ID_DESC {}
select … from flow_run r where true order by r.id desc limit $1 offset $2

-- flow_runs list START_TIME_ASC {}
select … from flow_run r where true order by coalesce(r.start_time, r.expected_start_time), r.id limit $1 offset $2

-- flow_runs list START_TIME_DESC {}
select … from flow_run r where true order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $1 offset $2

-- flow_runs list EXPECTED_START_TIME_ASC {}
select … from flow_run r where true order by r.expected_start_time, r.id limit $1 offset $2

-- flow_runs list EXPECTED_START_TIME_DESC {}
select … from flow_run r where true order by r.expected_start_time desc, r.id desc limit $1 offset $2

-- flow_runs list NAME_ASC {}
select … from flow_run r where true order by r.name, r.id limit $1 offset $2

-- flow_runs list NAME_DESC {}
select … from flow_run r where true order by r.name desc, r.id desc limit $1 offset $2

-- flow_runs list NEXT_SCHEDULED_START_TIME_ASC {}
(select … from flow_run r where true and r.next_scheduled_start_time is not null order by r.next_scheduled_start_time, r.id limit $1) union all (select … from flow_run r where true and r.next_scheduled_start_time is null order by r.id desc limit $2) limit $3 offset $4

-- flow_runs list END_TIME_DESC {}
(select … from flow_run r where true and r.end_time is not null order by r.end_time desc, r.id desc limit $1) union all (select … from flow_run r where true and r.end_time is null order by r.id desc limit $2) limit $3 offset $4

-- flow_runs list START_TIME_DESC {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from flow_run r where true and r.flow_id = $1 and exists (select from flow f where f.id = r.flow_id and ((f.id = $2))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $3 offset $4

-- flow_runs list START_TIME_DESC {"flows":{"operator":"or_","id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["f"]}}}
select … from flow_run r where true and exists (select from flow f where f.id = r.flow_id and ((f.id = $1) or (f.name = $2))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $3 offset $4

-- flow_runs list START_TIME_DESC {"flows":{}}
select … from flow_run r where true and exists (select from flow f where f.id = r.flow_id and (true)) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $1 offset $2

-- flow_runs list START_TIME_DESC {"deployments":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
select … from flow_run r where true and r.deployment_id = any($1) and exists (select from deployment d where d.id = r.deployment_id and ((d.id = any($2)))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $3 offset $4

-- flow_runs list START_TIME_DESC {"deployments":{"name":{"like_":"x"}}}
select … from flow_run r where true and exists (select from deployment d where d.id = r.deployment_id and ((d.name ilike $1))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $2 offset $3

-- flow_runs list START_TIME_DESC {"work_pools":{"name":{"any_":["p"]}}}
select … from flow_run r where true and exists (select from work_queue q join work_pool w on w.id = q.work_pool_id where q.id = r.work_queue_id and ((w.name = $1))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $2 offset $3

-- flow_runs list START_TIME_DESC {"work_queues":{"name":{"any_":["q"]}}}
select … from flow_run r where true and exists (select from work_queue q where q.id = r.work_queue_id and ((q.name = $1))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $2 offset $3

-- flow_runs list START_TIME_DESC {"task_runs":{"state":{"name":{"any_":["Failed"]}}}}
select … from flow_run r where true and exists (select from task_run t where t.flow_run_id = r.id and (((t.state_name = $1)))) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $2 offset $3

-- flow_runs list START_TIME_DESC {"flows":{"name":{"any_":["f"]}},"flow_runs":{"state":{"type":{"any_":["FAILED"]}}},"task_runs":{},"deployments":{},"work_pools":{},"work_queues":{}}
select … from flow_run r where true and (((r.state_type = $1))) and exists (select from deployment d where d.id = r.deployment_id and (true)) and exists (select from work_queue q join work_pool w on w.id = q.work_pool_id where q.id = r.work_queue_id and (true)) and exists (select from work_queue q where q.id = r.work_queue_id and (true)) and exists (select from flow f where f.id = r.flow_id and ((f.name = $2))) and exists (select from task_run t where t.flow_run_id = r.id and (true)) order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $3 offset $4

-- flow_runs list END_TIME_DESC {"flow_runs":{"state":{"type":{"any_":["FAILED","CRASHED"]}}}}
(select … from flow_run r where true and (((r.state_type = any($1)))) and r.end_time is not null order by r.end_time desc, r.id desc limit $2) union all (select … from flow_run r where true and (((r.state_type = any($3)))) and r.end_time is null order by r.id desc limit $4) limit $5 offset $6

-- flow_runs count {}
select count(*) from flow_run r where true

-- flow_runs count {"flow_runs":{"state":{"type":{"any_":["RUNNING"]}}}}
select count(*) from flow_run r where true and (((r.state_type = $1)))

-- flow_runs lateness {}
select avg(case when r.start_time > r.expected_start_time then date_part('epoch', r.start_time - r.expected_start_time) when r.start_time is null and r.expected_start_time < now() and (r.state_type is null or r.state_type not in (3, 4, 5, 6)) then date_part('epoch', now() - r.expected_start_time) else 0::float8 end) from flow_run r where true

-- flow_runs history {}
select i.start, s.* from unnest($1::timestamptz[]) i(start) cross join lateral (select r.state_type, r.state_name, count(*) as runs, sum(greatest(0, case when r.state_type = 2 then r.total_run_time + date_part('epoch', now() - r.state_timestamp) else r.total_run_time end)) as run_time, sum(greatest(0, case when r.start_time > r.expected_start_time then date_part('epoch', r.start_time - r.expected_start_time) when r.start_time is null and r.expected_start_time < now() and (r.state_type is null or r.state_type not in (3, 4, 5, 6)) then date_part('epoch', now() - r.expected_start_time) else 0::float8 end)) as lateness from flow_run r where r.expected_start_time >= i.start and r.expected_start_time < i.start + $2::float8 * interval '1 microsecond' group by 1, 2) s

-- flow_runs history {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select i.start, s.* from unnest($1::timestamptz[]) i(start) cross join lateral (select r.state_type, r.state_name, count(*) as runs, sum(greatest(0, case when r.state_type = 2 then r.total_run_time + date_part('epoch', now() - r.state_timestamp) else r.total_run_time end)) as run_time, sum(greatest(0, case when r.start_time > r.expected_start_time then date_part('epoch', r.start_time - r.expected_start_time) when r.start_time is null and r.expected_start_time < now() and (r.state_type is null or r.state_type not in (3, 4, 5, 6)) then date_part('epoch', now() - r.expected_start_time) else 0::float8 end)) as lateness from flow_run r where r.expected_start_time >= i.start and r.expected_start_time < i.start + $2::float8 * interval '1 microsecond' and r.flow_id = $3 and exists (select from flow f where f.id = r.flow_id and ((f.id = $4))) group by 1, 2) s

-- find {"flows":{"name":{"any_":["f"]}},"deployments":{"paused":{"eq_":true}}}
select f.id from flow f where true and ((f.name = $1)) limit $2; select d.id from deployment d where true and ((d.paused)) limit $1

-- find {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
-

-- near flow_runs list START_TIME_DESC {"flows":{"name":{"any_":["f"]}},"deployments":{"paused":{"eq_":true}}}
select … from flow_run r where true and r.deployment_id = any($1) and r.flow_id = $2 order by coalesce(r.start_time, r.expected_start_time) desc, r.id desc limit $3 offset $4

-- flow_runs simple EXPECTED_START_TIME_DESC {"flow_runs":{"tags":{"all_":["a"]}}}
select … from flow_run r where true and r.state_type is not null and coalesce(r.start_time, r.expected_start_time) is not null and ((r.tags @> $1)) order by r.expected_start_time desc, r.id desc limit $2 offset $3
