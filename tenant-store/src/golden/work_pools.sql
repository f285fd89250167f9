-- filter {"workers":{"status":{"any_":["ONLINE"],"not_any_":["OFFLINE"]}}}
(u.status = $1 and u.status <> all($2))

-- filter {"workers":{"status":{"not_any_":[]}}}
(true)

-- filter {"workers":{"operator":"or_","last_heartbeat_time":{"before_":"2026-01-01T00:00:00Z","after_":"2025-01-01T00:00:00Z"},"status":{"any_":[]}}}
(u.last_seen <= $1 and u.last_seen >= $2) or (u.status = any($3))

-- work_pools list {}
select … from work_pool w where true order by w.name limit $1 offset $2

-- work_pools list {"work_pools":{"name":{"any_":["a"]}}}
select … from work_pool w where true and ((w.name = $1)) order by w.name limit $2 offset $3

-- work_pools count {"work_pools":{"type":{"any_":["process"]}}}
select count(*) from work_pool w where true and ((w.type = $1))

-- work_queues list {"work_queues":{"name":{"startswith_":["a"]}}}
select … from work_queue q where $1 is not null and ((q.name ilike any($2))) order by q.name, q.id limit $3 offset $4

-- work_queues of_pool {}
select … from work_queue q where $1 is not null and q.work_pool_id = $2 order by q.priority, q.id limit $3 offset $4

-- workers list {}
select … from worker k join pulse u on u.resource_id = k.id where k.work_pool_id = $1 order by u.last_seen desc, k.id limit $2 offset $3

-- workers list {"workers":{"status":{"any_":["ONLINE"]}}}
select … from worker k join pulse u on u.resource_id = k.id where k.work_pool_id = $1 and ((u.status = $2)) order by u.last_seen desc, k.id limit $3 offset $4
