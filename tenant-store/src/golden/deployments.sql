-- deployments list NAME_ASC {}
select … from deployment d where true order by d.name, d.id limit $1 offset $2

-- deployments list NAME_DESC {}
select … from deployment d where true order by d.name desc, d.id desc limit $1 offset $2

-- deployments list CREATED_DESC {}
select … from deployment d where true order by d.created desc, d.id desc limit $1 offset $2

-- deployments list UPDATED_DESC {}
select … from deployment d where true order by d.updated desc, d.id desc limit $1 offset $2

-- deployments list NAME_ASC {"flows":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from deployment d where true and d.flow_id = $1 and exists (select from flow f where f.id = d.flow_id and ((f.id = $2))) order by d.name, d.id limit $3 offset $4

-- deployments list NAME_ASC {"flows":{"name":{"like_":"f"}},"flow_runs":{"state":{"type":{"any_":["FAILED"]}}},"task_runs":{"name":{"any_":["t"]}},"work_pools":{"name":{"any_":["p"]}},"work_queues":{"name":{"any_":["q"]}},"deployments":{"paused":{"eq_":true}}}
select … from deployment d where true and ((d.paused)) and exists (select from flow f where f.id = d.flow_id and ((f.name ilike $1))) and exists (select from flow_run r join task_run t on t.flow_run_id = r.id where r.deployment_id = d.id and (((r.state_type = $2))) and ((t.name = $3))) and exists (select from work_queue q join work_pool w on w.id = q.work_pool_id where q.id = d.work_queue_id and ((q.name = $4)) and ((w.name = $5))) order by d.name, d.id limit $6 offset $7

-- deployments list NAME_ASC {"work_queues":{}}
select … from deployment d where true and exists (select from work_queue q where q.id = d.work_queue_id and (true)) order by d.name, d.id limit $1 offset $2

-- deployments list NAME_ASC {"flow_runs":{}}
select … from deployment d where true and exists (select from flow_run r where r.deployment_id = d.id and (true)) order by d.name, d.id limit $1 offset $2

-- deployments count {"deployments":{"tags":{"any_":["a"]}}}
select count(*) from deployment d where true and ((d.tags && $1))
