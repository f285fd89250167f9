-- filter {"task_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
(t.id = any($1))

-- filter {"task_runs":{"id":{"any_":[]}}}
(t.id = any($1))

-- filter {"task_runs":{"name":{"any_":["a"]}}}
(t.name = $1)

-- filter {"task_runs":{"name":{"like_":"x"}}}
(t.name ilike $1)

-- filter {"task_runs":{"tags":{"all_":["a"]}}}
(t.tags @> $1)

-- filter {"task_runs":{"tags":{"is_null_":true}}}
(t.tags = '{}')

-- filter {"task_runs":{"tags":{"operator":"or_","all_":["a"],"is_null_":false}}}
(t.tags @> $1 or t.tags <> '{}')

-- filter {"task_runs":{"state":{"type":{"any_":["RUNNING","FAILED"]}}}}
((t.state_type = any($1)))

-- filter {"task_runs":{"state":{"name":{"any_":["Late"]}}}}
((t.state_name = $1))

-- filter {"task_runs":{"state":{"operator":"or_","type":{},"name":{"any_":["Late"]}}}}
((t.state_name = $1))

-- filter {"task_runs":{"state":{"operator":"or_","type":{"any_":["FAILED"]},"name":{"any_":["Late"]}}}}
((t.state_type = $1) or (t.state_name = $2))

-- filter {"task_runs":{"start_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z","is_null_":false}}}
(t.start_time <= $1 and t.start_time >= $2 and t.start_time is not null)

-- filter {"task_runs":{"start_time":{"is_null_":true}}}
(t.start_time is null)

-- filter {"task_runs":{"end_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z","is_null_":false}}}
(t.end_time <= $1 and t.end_time >= $2 and t.end_time is not null)

-- filter {"task_runs":{"end_time":{"is_null_":true}}}
(t.end_time is null)

-- filter {"task_runs":{"expected_start_time":{"before_":"2026-01-01T00:00:00Z","after_":"2026-01-01T00:00:00Z"}}}
(t.expected_start_time <= $1 and t.expected_start_time >= $2)

-- filter {"task_runs":{"subflow_runs":{"exists_":true}}}
(exists (select from flow_run s where s.parent_task_run_id = t.id))

-- filter {"task_runs":{"subflow_runs":{"exists_":false}}}
(not exists (select from flow_run s where s.parent_task_run_id = t.id))

-- filter {"task_runs":{"flow_run_id":{}}}
(t.flow_run_id is not null)

-- filter {"task_runs":{"flow_run_id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
(t.flow_run_id = any($1))

-- filter {"task_runs":{"flow_run_id":{"any_":["00000000-0000-0000-0000-000000000001"],"is_null_":true}}}
(t.flow_run_id is null)

-- filter {"task_runs":{"flow_run_id":{"is_null_":null}}}
(true)

-- filter {"task_runs":{"flow_run_id":{"is_null_":false}}}
(t.flow_run_id is not null)

-- filter {"task_runs":{}}
true

-- filter {"task_runs":{"operator":"or_","name":{"like_":"x"},"tags":{"all_":["a"]}}}
(t.name ilike $1) or (t.tags @> $2)

-- task_runs list ID_DESC {}
select … from task_run t where true order by t.id desc limit $1 offset $2

-- task_runs list EXPECTED_START_TIME_ASC {}
select … from task_run t where true order by t.expected_start_time, t.id limit $1 offset $2

-- task_runs list EXPECTED_START_TIME_DESC {}
select … from task_run t where true order by t.expected_start_time desc, t.id desc limit $1 offset $2

-- task_runs list NAME_ASC {}
select … from task_run t where true order by t.name, t.id limit $1 offset $2

-- task_runs list NAME_DESC {}
select … from task_run t where true order by t.name desc, t.id desc limit $1 offset $2

-- task_runs list NEXT_SCHEDULED_START_TIME_ASC {}
(select … from task_run t where true and t.next_scheduled_start_time is not null order by t.next_scheduled_start_time, t.id limit $1) union all (select … from task_run t where true and t.next_scheduled_start_time is null order by t.id desc limit $2) limit $3 offset $4

-- task_runs list END_TIME_DESC {}
(select … from task_run t where true and t.end_time is not null order by t.end_time desc, t.id desc limit $1) union all (select … from task_run t where true and t.end_time is null order by t.id desc limit $2) limit $3 offset $4

-- task_runs list DURATION_DESC {}
with page as ((select t.id, t.total_run_time as duration, t.expected_start_time from task_run t where true and t.state_type in (3, 4, 5, 6) order by t.total_run_time desc, t.expected_start_time desc, t.id desc limit $1) union all (select t.id, case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end, t.expected_start_time from task_run t where true and t.state_type in (0, 1, 2, 7, 8) order by 2 desc, t.expected_start_time desc, t.id desc limit $2) order by duration desc, expected_start_time desc, id desc limit $3 offset $4) select … from page p join task_run t on t.id = p.id order by p.duration desc, t.expected_start_time desc, t.id desc

-- task_runs list DURATION_ASC {}
with page as ((select t.id, t.total_run_time as duration, t.expected_start_time from task_run t where true and t.state_type in (3, 4, 5, 6) order by t.total_run_time, t.expected_start_time desc, t.id desc limit $1) union all (select t.id, case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end, t.expected_start_time from task_run t where true and t.state_type in (0, 1, 2, 7, 8) order by 2, t.expected_start_time desc, t.id desc limit $2) order by duration, expected_start_time desc, id desc limit $3 offset $4) select … from page p join task_run t on t.id = p.id order by p.duration, t.expected_start_time desc, t.id desc

-- task_runs list EXPECTED_START_TIME_DESC {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from task_run t where true and t.flow_run_id = $1 order by t.expected_start_time desc, t.id desc limit $2 offset $3

-- task_runs list EXPECTED_START_TIME_DESC {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"],"not_any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from task_run t where true and t.flow_run_id = any($1) and exists (select from flow_run r where r.id = t.flow_run_id and ((r.id = any($2) and r.id <> all($3)))) order by t.expected_start_time desc, t.id desc limit $4 offset $5

-- task_runs list EXPECTED_START_TIME_DESC {"flow_runs":{"operator":"or_","id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["r"]}}}
select … from task_run t where true and exists (select from flow_run r where r.id = t.flow_run_id and ((r.id = $1) or (r.name = $2))) order by t.expected_start_time desc, t.id desc limit $3 offset $4

-- task_runs list EXPECTED_START_TIME_DESC {"flow_runs":{}}
select … from task_run t where true and exists (select from flow_run r where r.id = t.flow_run_id and (true)) order by t.expected_start_time desc, t.id desc limit $1 offset $2

-- task_runs list EXPECTED_START_TIME_DESC {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from task_run t where true and exists (select from flow_run r join flow f on f.id = r.flow_id where r.id = t.flow_run_id and r.flow_id = $1 and ((f.id = $2))) order by t.expected_start_time desc, t.id desc limit $3 offset $4

-- task_runs list EXPECTED_START_TIME_DESC {"deployments":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from task_run t where true and exists (select from flow_run r join deployment d on d.id = r.deployment_id where r.id = t.flow_run_id and r.deployment_id = $1 and ((d.id = $2))) order by t.expected_start_time desc, t.id desc limit $3 offset $4

-- task_runs list EXPECTED_START_TIME_DESC {"work_pools":{"name":{"any_":["p"]}}}
select … from task_run t where true and exists (select from flow_run r join work_queue q on q.id = r.work_queue_id join work_pool w on w.id = q.work_pool_id where r.id = t.flow_run_id and ((w.name = $1))) order by t.expected_start_time desc, t.id desc limit $2 offset $3

-- task_runs list EXPECTED_START_TIME_DESC {"work_queues":{}}
select … from task_run t where true and exists (select from flow_run r join work_queue q on q.id = r.work_queue_id where r.id = t.flow_run_id and (true)) order by t.expected_start_time desc, t.id desc limit $1 offset $2

-- task_runs list EXPECTED_START_TIME_DESC {"flows":{"name":{"any_":["f"]}},"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}},"task_runs":{"state":{"type":{"any_":["FAILED"]}}},"deployments":{}}
select … from task_run t where true and (((t.state_type = $1))) and t.flow_run_id = $2 and exists (select from flow_run r join flow f on f.id = r.flow_id join deployment d on d.id = r.deployment_id where r.id = t.flow_run_id and ((r.id = $3)) and ((f.name = $4)) and (true)) order by t.expected_start_time desc, t.id desc limit $5 offset $6

-- task_runs list DURATION_DESC {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
with page as ((select t.id, t.total_run_time as duration, t.expected_start_time from task_run t where true and t.flow_run_id = $1 and t.state_type in (3, 4, 5, 6) order by t.total_run_time desc, t.expected_start_time desc, t.id desc limit $2) union all (select t.id, case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end, t.expected_start_time from task_run t where true and t.flow_run_id = $3 and t.state_type in (0, 1, 2, 7, 8) order by 2 desc, t.expected_start_time desc, t.id desc limit $4) order by duration desc, expected_start_time desc, id desc limit $5 offset $6) select … from page p join task_run t on t.id = p.id order by p.duration desc, t.expected_start_time desc, t.id desc

-- task_runs count {}
select count(*) from task_run t where true

-- task_runs count {"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select count(*) from task_run t where true and t.flow_run_id = $1

-- task_runs history {}
select i.start, s.* from unnest($1::timestamptz[]) i(start) cross join lateral (select t.state_type, t.state_name, count(*) as runs, sum(greatest(0, case when t.state_type = 2 then t.total_run_time + date_part('epoch', now() - t.state_timestamp) else t.total_run_time end)) as run_time, sum(greatest(0, case when t.start_time > t.expected_start_time then date_part('epoch', t.start_time - t.expected_start_time) when t.start_time is null and t.expected_start_time < now() and (t.state_type is null or t.state_type not in (3, 4, 5, 6)) then date_part('epoch', now() - t.expected_start_time) else 0::float8 end)) as lateness from task_run t where t.expected_start_time >= i.start and t.expected_start_time < i.start + $2::float8 * interval '1 microsecond' group by 1, 2) s

-- near task_runs list EXPECTED_START_TIME_DESC {"flows":{"name":{"any_":["f"]}},"deployments":{"paused":{"eq_":true}}}
select … from task_run t where true and exists (select from flow_run r where r.id = t.flow_run_id and r.flow_id = $1 and r.deployment_id = any($2)) order by t.expected_start_time desc, t.id desc limit $3 offset $4

-- task_runs by_state {"task_runs":{"tags":{"all_":["a"]}},"flows":{"name":{"any_":["a"]}}}
select t.state_type, count(*) from task_run t where t.state_type is not null and ((t.tags @> $1)) and exists (select from flow_run r join flow f on f.id = r.flow_id where r.id = t.flow_run_id and ((f.name = $2))) group by t.state_type

-- task_runs dashboard {"task_runs":{"start_time":{"after_":"2026-01-01T00:00:00Z"}}}
select floor(round(date_part('epoch', t.start_time - $1::timestamptz) * 1000000) / $2::bigint)::bigint, count(*) filter (where t.state_type in (4, 6)), count(*) from task_run t where t.start_time is not null and t.end_time >= $3::timestamptz - interval '1 hour' and ((t.start_time >= $4)) group by 1

-- task_runs dashboard {"task_runs":{"operator":"or_","start_time":{"after_":"2026-01-01T00:00:00Z"}}}
select floor(round(date_part('epoch', t.start_time - $1::timestamptz) * 1000000) / $2::bigint)::bigint, count(*) filter (where t.state_type in (4, 6)), count(*) from task_run t where t.start_time is not null and ((t.start_time >= $3)) group by 1
