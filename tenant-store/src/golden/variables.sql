-- filter {"variables":{"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
(v.id = $1)

-- filter {"variables":{"name":{"any_":["a","b"],"like_":"x"}}}
(v.name = any($1) and v.name ilike $2)

-- filter {"variables":{"name":{"any_":[],"like_":""}}}
(v.name = any($1))

-- filter {"variables":{"tags":{"all_":["a"],"is_null_":false}}}
(v.tags @> $1 and v.tags <> '{}')

-- filter {"variables":{"tags":{"operator":"or_","all_":[],"is_null_":true}}}
(v.tags = '{}')

-- filter {"variables":{}}
true

-- filter {"variables":{"operator":"or_","id":{},"name":{"any_":["a"]},"tags":{"all_":["a"]}}}
(true) or (v.name = $1) or (v.tags @> $2)

-- variables list CREATED_DESC {}
select … from variable v where true order by v.created desc, v.id desc limit $1 offset $2

-- variables list UPDATED_DESC {}
select … from variable v where true order by v.updated desc, v.id desc limit $1 offset $2

-- variables list NAME_DESC {}
select … from variable v where true order by v.name desc limit $1 offset $2

-- variables list NAME_ASC {}
select … from variable v where true order by v.name limit $1 offset $2

-- variables list NAME_ASC {"variables":{"name":{"any_":["a"]}}}
select … from variable v where true and ((v.name = $1)) order by v.name limit $2 offset $3

-- variables count {}
select count(*) from variable v where true

-- variables count {"variables":{"tags":{"all_":["a"]}}}
select count(*) from variable v where true and ((v.tags @> $1))

-- saved_searches list NAME_DESC {}
select … from saved_search s where true order by s.name desc limit $1 offset $2

-- saved_searches list NAME_ASC {}
select … from saved_search s where true order by s.name limit $1 offset $2
