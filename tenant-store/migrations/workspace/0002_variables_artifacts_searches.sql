-- Variables, saved searches, and the latest artifact of each key.

create table if not exists variable (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    -- Any JSON, also its null.
    value json not null,
    tags text[] not null default '{}',
    constraint variable_name unique (name)
);
create index if not exists variable_created on variable (created, id); -- CREATED_DESC
create index if not exists variable_updated on variable (updated, id); -- UPDATED_DESC

create table if not exists saved_search (
    id uuid primary key,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    name text collate "C" not null,
    filters json not null default '[]',
    constraint saved_search_name unique (name)
);

-- Keys are sorted by their bytes, as names are, and those without one have a place in that order.
drop index if exists artifact_key;
alter table artifact alter column key type text collate "C";
create index if not exists artifact_key_created on artifact (key, created, id); -- KEY_*, the newest of a key
create index if not exists artifact_created on artifact (created, id); -- CREATED_DESC
create index if not exists artifact_updated on artifact (updated, id); -- UPDATED_DESC

-- Which artifact of a key is the latest. Whoever deletes artifacts holds the rows of their keys meanwhile.
create table if not exists artifact_latest (
    key text collate "C" primary key,
    -- The key's own, which stays when its latest artifact changes.
    id uuid not null,
    created timestamptz not null default now(),
    updated timestamptz not null default now(),
    latest_id uuid not null,
    constraint artifact_latest_id unique (id)
);
create index if not exists artifact_latest_of on artifact_latest (latest_id); -- the key of an artifact that changes or goes
create index if not exists artifact_latest_created on artifact_latest (created, id); -- CREATED_DESC
create index if not exists artifact_latest_updated on artifact_latest (updated, id); -- UPDATED_DESC
insert into artifact_latest (key, id, created, updated, latest_id)
    select distinct on (a.key) a.key, gen_random_uuid(), a.created, a.updated, a.id from artifact a where a.key is not null
    order by a.key, a.created desc, a.id desc
    on conflict (key) do nothing;
