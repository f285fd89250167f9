-- filter {"block_types":{"name":{"like_":"web"},"slug":{"any_":["secret"]}}}
(t.name ilike $1) and (t.slug = $2)

-- filter {"block_types":{"name":{"like_":""},"slug":{"any_":[]}}}
(true) and (t.slug = any($1))

-- filter {"block_schemas":{"block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"block_capabilities":{"all_":["write-path"]},"id":{"any_":[]},"version":{"any_":["1","2"]}}}
(s.block_type_id = $1) and (s.capabilities @> $2) and (s.id = any($3)) and (s.version = any($4))

-- filter {"block_schemas":{"operator":"or_","block_capabilities":{"all_":[]},"version":{"any_":["1"]}}}
(true) or (s.version = $1)

-- filter {"block_documents":{}}
(not d.is_anonymous)

-- filter {"block_documents":{"is_anonymous":null}}
true

-- filter {"block_documents":{"is_anonymous":{"eq_":true},"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(d.id = $1) and (d.is_anonymous)

-- filter {"block_documents":{"operator":"or_","block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["a","b"],"like_":"x"}}}
(not d.is_anonymous) or (d.block_type_id = $1) or (d.name = any($2) and d.name ilike $3)

-- block_types list NAME_ASC {}
select … from block_type t where true order by t.name, t.id limit $1 offset $2

-- block_types list NAME_DESC {}
select … from block_type t where true order by t.name desc, t.id desc limit $1 offset $2

-- block_types list NAME_ASC {"block_schemas":{"block_capabilities":{"all_":["notify"]}}}
select … from block_type t where true and exists (select from block_schema s where s.block_type_id = t.id and ((s.capabilities @> $1))) order by t.name, t.id limit $2 offset $3

-- block_schemas list CREATED_DESC {}
select … from block_schema s join block_type t on t.id = s.block_type_id where true order by s.created desc, s.id desc limit $1 offset $2

-- block_schemas list CREATED_ASC {}
select … from block_schema s join block_type t on t.id = s.block_type_id where true order by s.created, s.id limit $1 offset $2

-- block_schemas list CREATED_DESC {"block_schemas":{"block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
select … from block_schema s join block_type t on t.id = s.block_type_id where true and ((s.block_type_id = $1)) order by s.created desc, s.id desc limit $2 offset $3

-- block_documents list NAME_ASC {}
select … from block_document d join block_schema s on s.id = d.block_schema_id join block_type t on t.id = s.block_type_id join block_type o on o.id = d.block_type_id cross join workspace_meta m where true and (not d.is_anonymous) order by d.name, d.id limit $1 offset $2

-- block_documents list NAME_DESC {}
select … from block_document d join block_schema s on s.id = d.block_schema_id join block_type t on t.id = s.block_type_id join block_type o on o.id = d.block_type_id cross join workspace_meta m where true and (not d.is_anonymous) order by d.name desc, d.id desc limit $1 offset $2

-- block_documents list BLOCK_TYPE_AND_NAME_ASC {}
select … from block_document d join block_schema s on s.id = d.block_schema_id join block_type t on t.id = s.block_type_id join block_type o on o.id = d.block_type_id cross join workspace_meta m where true and (not d.is_anonymous) order by o.name, d.name, d.id limit $1 offset $2

-- block_documents list NAME_ASC {"block_types":{"slug":{"any_":["secret"]}},"block_schemas":{"block_capabilities":{"all_":["write-path"]}}}
select … from block_document d join block_schema s on s.id = d.block_schema_id join block_type t on t.id = s.block_type_id join block_type o on o.id = d.block_type_id cross join workspace_meta m where true and (not d.is_anonymous) and exists (select from block_type t where t.id = d.block_type_id and ((t.slug = $1))) and exists (select from block_schema s where s.id = d.block_schema_id and ((s.capabilities @> $2))) order by d.name, d.id limit $3 offset $4

-- block_documents count {}
select count(*) from block_document d where true and (not d.is_anonymous)

-- block_documents count {"block_documents":{"is_anonymous":null},"block_types":{"slug":{"any_":["secret"]}}}
select count(*) from block_document d where true and (true) and exists (select from block_type t where t.id = d.block_type_id and ((t.slug = $1)))
