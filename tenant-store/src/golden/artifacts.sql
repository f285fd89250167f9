-- filter {"artifacts":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]},"flow_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"task_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(a.id = $1) and (a.flow_run_id = $2) and (a.task_run_id = $3)

-- filter {"artifacts":{"key":{"any_":["a","b"],"like_":"x","exists_":true}}}
(a.key = any($1) and a.key ilike $2 and a.key is not null)

-- filter {"artifacts":{"key":{"like_":"","exists_":false}}}
(a.key is null)

-- filter {"artifacts":{"type":{"any_":["table"],"not_any_":["result"]}}}
(a.type = $1 and a.type <> all($2))

-- filter {"artifacts":{"operator":"or_","key":{"any_":["a"]},"type":{"not_any_":[]}}}
(a.key = $1) or (true)

-- filter {"latest_artifacts":{"latest_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"flow_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"task_run_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(l.latest_id = $1) and (a.flow_run_id = $2) and (a.task_run_id = $3)

-- filter {"latest_artifacts":{"key":{"any_":["a","b"],"like_":"x","exists_":true}}}
(l.key = any($1) and l.key ilike $2 and l.key is not null)

-- filter {"latest_artifacts":{"key":{"exists_":false}}}
(l.key is null)

-- filter {"latest_artifacts":{"operator":"or_","type":{"any_":["table"],"not_any_":["result"]},"key":{"any_":["a"]}}}
(l.key = $1) or (a.type = $2 and a.type <> all($3))

-- artifacts list CREATED_DESC {}
select … from artifact a where true order by a.created desc, a.id desc limit $1 offset $2

-- artifacts list UPDATED_DESC {}
select … from artifact a where true order by a.updated desc, a.id desc limit $1 offset $2

-- artifacts list ID_DESC {}
select … from artifact a where true order by a.id desc limit $1 offset $2

-- artifacts list KEY_DESC {}
select … from artifact a where true order by a.key desc, a.created desc, a.id desc limit $1 offset $2

-- artifacts list KEY_ASC {}
select … from artifact a where true order by a.key, a.created, a.id limit $1 offset $2

-- latest_artifacts list CREATED_DESC {}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true order by l.created desc, l.id desc limit $1 offset $2

-- latest_artifacts list UPDATED_DESC {}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true order by l.updated desc, l.id desc limit $1 offset $2

-- latest_artifacts list ID_DESC {}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true order by l.id desc limit $1 offset $2

-- latest_artifacts list KEY_DESC {}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true order by l.key desc limit $1 offset $2

-- latest_artifacts list KEY_ASC {}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true order by l.key limit $1 offset $2

-- artifacts list ID_DESC {"artifacts":{"key":{"exists_":true}},"flow_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from artifact a where true and ((a.key is not null)) and exists (select from flow_run r where r.id = a.flow_run_id and ((r.id = $1))) order by a.id desc limit $2 offset $3

-- artifacts list ID_DESC {"flow_runs":{},"task_runs":{},"flows":{"name":{"any_":["f"]}},"deployments":{"name":{"any_":["d"]}}}
select … from artifact a where true and exists (select from flow_run r join flow f on f.id = r.flow_id join deployment d on d.id = r.deployment_id where r.id = a.flow_run_id and (true) and ((f.name = $1)) and ((d.name = $2))) and exists (select from task_run t where t.id = a.task_run_id and (true)) order by a.id desc limit $3 offset $4

-- latest_artifacts list KEY_ASC {"latest_artifacts":{"type":{"not_any_":["result"]}},"task_runs":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true and ((a.type <> all($1))) and exists (select from task_run t where t.id = a.task_run_id and ((t.id = $2))) order by l.key limit $3 offset $4

-- latest_artifacts list KEY_ASC {"flows":{}}
select … from artifact_latest l join artifact a on a.id = l.latest_id where true and exists (select from flow_run r join flow f on f.id = r.flow_id where r.id = a.flow_run_id and (true)) order by l.key limit $1 offset $2

-- artifacts count {}
select count(*) from artifact a where true

-- artifacts count {"flow_runs":{"state":{"type":{"any_":["FAILED"]}}}}
select count(*) from artifact a where true and exists (select from flow_run r where r.id = a.flow_run_id and (((r.state_type = $1))))

-- latest_artifacts count {}
select count(*) from artifact_latest l join artifact a on a.id = l.latest_id where true

-- latest_artifacts count {"deployments":{}}
select count(*) from artifact_latest l join artifact a on a.id = l.latest_id where true and exists (select from flow_run r join deployment d on d.id = r.deployment_id where r.id = a.flow_run_id and (true))
