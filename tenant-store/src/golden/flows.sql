-- filter {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}}}
(f.id = any($1))

-- filter {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(f.id = $1)

-- filter {"flows":{"id":{"any_":[],"not_any_":[]}}}
(f.id = any($1))

-- filter {"flows":{"id":{"not_any_":["00000000-0000-0000-0000-000000000001"]}}}
(f.id <> all($1))

-- filter {"flows":{"deployment":{"is_null_":true}}}
(not exists (select from deployment d where d.flow_id = f.id))

-- filter {"flows":{"deployment":{"is_null_":false}}}
(exists (select from deployment d where d.flow_id = f.id))

-- filter {"flows":{"name":{"any_":["a","b"],"like_":"x"}}}
(f.name = any($1) and f.name ilike $2)

-- filter {"flows":{"name":{"like_":""}}}
(true)

-- filter {"flows":{"tags":{"all_":["a"],"is_null_":false}}}
(f.tags @> $1 and f.tags <> '{}')

-- filter {"flows":{"tags":{"operator":"or_","all_":["a"],"is_null_":true}}}
(f.tags @> $1 or f.tags = '{}')

-- filter {"flows":{}}
true

-- filter {"flows":{"operator":"or_","id":{},"name":{"any_":["a"]}}}
(true) or (f.name = $1)

-- filter {"deployments":{"id":{"any_":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"],"not_any_":["00000000-0000-0000-0000-000000000001"]}}}
(d.id = any($1) and d.id <> all($2))

-- filter {"deployments":{"name":{"any_":["a"],"like_":"x"}}}
(d.name = $1 and d.name ilike $2)

-- filter {"deployments":{"flow_or_deployment_name":{"like_":"x"}}}
((d.name ilike $1 or exists (select from flow n where n.id = d.flow_id and n.name ilike $1)))

-- filter {"deployments":{"paused":{"eq_":true}}}
(d.paused)

-- filter {"deployments":{"paused":{"eq_":false}}}
(not d.paused)

-- filter {"deployments":{"tags":{"all_":["a"],"any_":["b"],"is_null_":false}}}
(d.tags @> $1 and d.tags && $2 and d.tags <> '{}')

-- filter {"deployments":{"work_queue_name":{"any_":["q"]}}}
(coalesce((select u.name from work_queue u where u.id = d.work_queue_id), d.work_queue_name) = $1)

-- filter {"deployments":{"concurrency_limit":{"ge_":1,"le_":2,"is_null_":false}}}
true

-- filter {"work_pools":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["a"]},"type":{"any_":["process","docker"]}}}
(w.id = $1) and (w.name = $2) and (w.type = any($3))

-- filter {"work_queues":{"operator":"or_","id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["a"],"startswith_":["b","c"]}}}
(q.id = $1) or (q.name = $2 and q.name ilike any($3))

-- flows list CREATED_DESC {}
select … from flow f where true order by f.created desc limit $1 offset $2

-- flows list UPDATED_DESC {}
select … from flow f where true order by f.updated desc limit $1 offset $2

-- flows list NAME_ASC {}
select … from flow f where true order by f.name limit $1 offset $2

-- flows list NAME_DESC {}
select … from flow f where true order by f.name desc limit $1 offset $2

-- flows list NAME_ASC {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}},"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}},"task_runs":{"name":{"any_":["t"]}},"deployments":{"paused":{"eq_":false}},"work_pools":{"name":{"any_":["p"]}}}
select … from flow f where true and ((f.id = $1)) and exists (select from deployment d join work_queue q on q.id = d.work_queue_id join work_pool w on w.id = q.work_pool_id where d.flow_id = f.id and ((not d.paused)) and ((w.name = $2))) and exists (select from flow_run r join task_run t on t.flow_run_id = r.id where r.flow_id = f.id and ((r.id = $3)) and ((t.name = $4))) order by f.name limit $5 offset $6

-- flows list NAME_ASC {"deployments":{}}
select … from flow f where true and exists (select from deployment d where d.flow_id = f.id and (true)) order by f.name limit $1 offset $2

-- flows list NAME_ASC {"work_pools":{}}
select … from flow f where true and exists (select from deployment d join work_queue q on q.id = d.work_queue_id join work_pool w on w.id = q.work_pool_id where d.flow_id = f.id and (true)) order by f.name limit $1 offset $2

-- flows list NAME_ASC {"flow_runs":{}}
select … from flow f where true and exists (select from flow_run r where r.flow_id = f.id and (true)) order by f.name limit $1 offset $2

-- flows list NAME_ASC {"task_runs":{}}
select … from flow f where true and exists (select from flow_run r join task_run t on t.flow_run_id = r.id where r.flow_id = f.id and (true)) order by f.name limit $1 offset $2

-- flows count {"flow_runs":{"state":{"type":{"any_":["RUNNING"]}}}}
select count(*) from flow f where true and exists (select from flow_run r where r.flow_id = f.id and (((r.state_type = $1))))

-- observed_states list LAST_SEEN_DESC {}
with recursive pair as ((select s.type, s.name from run_state s order by s.type, s.name limit 1) union all select n.type, n.name from pair p cross join lateral (select s.type, s.name from run_state s where (s.type, s.name) > (p.type, p.name) order by s.type, s.name limit 1) n), o as (select p.type, p.name, (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp limit 1) as first_seen, (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp desc limit 1) as last_seen from pair p) select o.type, o.name, o.first_seen, o.last_seen from o order by o.last_seen desc, o.type, o.name limit $1

-- observed_states list NAME_ASC {}
with recursive pair as ((select s.type, s.name from run_state s order by s.type, s.name limit 1) union all select n.type, n.name from pair p cross join lateral (select s.type, s.name from run_state s where (s.type, s.name) > (p.type, p.name) order by s.type, s.name limit 1) n), o as (select p.type, p.name, (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp limit 1) as first_seen, (select s.timestamp from run_state s where s.type = p.type and s.name = p.name order by s.timestamp desc limit 1) as last_seen from pair p) select o.type, o.name, o.first_seen, o.last_seen from o order by o.type, o.name limit $1
