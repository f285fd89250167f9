-- The control plane: who there is, what each may do, and where each workspace lives.
-- Every table is named with its schema: sessions here have no search_path. The file can run twice.

create schema if not exists control;

-- The version of this schema, one row.
create table if not exists control.meta (
    one            boolean primary key default true check (one),
    schema_version integer not null
);

create table if not exists control.account (
    id       uuid primary key,
    created  timestamptz not null default now(),
    updated  timestamptz not null default now(),
    handle   text not null constraint account_handle unique,
    name     text not null,
    location text,
    link     text,
    settings jsonb not null default '{}'
);

-- Whoever acts. Users and service accounts are actors, so that a key, a role or an audit row points at one kind of thing.
create table if not exists control.actor (
    id   uuid primary key,
    kind smallint not null check (kind in (0, 1)) -- 0 user, 1 service account
);

create table if not exists control.users (
    id         uuid primary key,
    actor_id   uuid not null constraint users_actor unique references control.actor on delete cascade,
    created    timestamptz not null default now(),
    updated    timestamptz not null default now(),
    handle     text not null constraint users_handle unique,
    first_name text not null default '',
    last_name  text not null default '',
    email      text,
    location   text,
    settings   jsonb not null default '{}',
    last_login timestamptz
);
create unique index if not exists users_email on control.users (lower(email)) where email is not null;

-- Roles of an account. Those without an account are built in; the program writes their rows after each migration.
create table if not exists control.account_role (
    id          uuid primary key,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    account_id  uuid references control.account on delete cascade,
    name        text not null,
    permissions text[] not null
);
create unique index if not exists account_role_name on control.account_role (account_id, name) nulls not distinct;

-- An actor belongs to an account; a service account to exactly one.
create table if not exists control.membership (
    id              uuid primary key,
    created         timestamptz not null default now(),
    updated         timestamptz not null default now(),
    account_id      uuid not null references control.account on delete cascade,
    actor_id        uuid not null references control.actor on delete cascade,
    account_role_id uuid not null references control.account_role,
    active          boolean not null default true,
    constraint membership_actor unique (account_id, actor_id)
);
-- "Which accounts am I in", and the way from a key to its accounts.
create index if not exists membership_by_actor on control.membership (actor_id);

create table if not exists control.bot (
    id         uuid primary key,
    actor_id   uuid not null constraint bot_actor unique references control.actor on delete cascade,
    created    timestamptz not null default now(),
    updated    timestamptz not null default now(),
    account_id uuid not null references control.account on delete cascade,
    name       text not null,
    constraint bot_name unique (account_id, name)
);

-- Keys: the secret is 178 random bits, so its SHA-256 is enough to find it and useless to forge it.
create table if not exists control.api_key (
    id         uuid primary key,
    created    timestamptz not null default now(),
    actor_id   uuid not null references control.actor on delete cascade,
    name       text not null,
    hash       bytea not null constraint api_key_hash unique check (length(hash) = 32),
    mask       text not null,
    expiration timestamptz,
    revoked_at timestamptz,
    -- The key that took its place; both work until `expiration`.
    rotated_to uuid,
    -- To the minute, so that using a key is not a write.
    last_used  timestamptz
);
create index if not exists api_key_by_actor on control.api_key (actor_id);

create table if not exists control.workspace_role (
    id                uuid primary key,
    created           timestamptz not null default now(),
    updated           timestamptz not null default now(),
    account_id        uuid references control.account on delete cascade,
    name              text not null,
    description       text not null default '',
    scopes            text[] not null,
    inherited_role_id uuid references control.workspace_role
);
create unique index if not exists workspace_role_name on control.workspace_role (account_id, name) nulls not distinct;

create table if not exists control.workspace (
    id              uuid primary key,
    created         timestamptz not null default now(),
    updated         timestamptz not null default now(),
    account_id      uuid not null references control.account,
    handle          text not null,
    name            text not null,
    -- Never null: clients read it as a plain string.
    description     text not null default '',
    settings        jsonb not null default '{}',
    default_role_id uuid references control.workspace_role,
    schema_name     text not null constraint workspace_schema unique check (schema_name ~ '^ws_[0-9a-f]{32}$'),
    -- A copy of what the schema says of itself.
    schema_version  integer not null,
    placement       text not null default 'default',
    -- Migrated before the others.
    canary          boolean not null default false,
    deleted_at      timestamptz
);
-- A deleted workspace has given its handle back.
create unique index if not exists workspace_handle on control.workspace (account_id, handle) where deleted_at is null;
create index if not exists workspace_deleted on control.workspace (deleted_at) where deleted_at is not null;

create table if not exists control.workspace_access (
    id                uuid primary key,
    created           timestamptz not null default now(),
    updated           timestamptz not null default now(),
    workspace_id      uuid not null references control.workspace on delete cascade,
    actor_id          uuid not null references control.actor on delete cascade,
    workspace_role_id uuid not null references control.workspace_role,
    constraint workspace_access_actor unique (workspace_id, actor_id)
);
create index if not exists workspace_access_by_actor on control.workspace_access (actor_id);

-- Schemas made ahead of the workspaces that will take them. Version 0 is one that is being made.
create table if not exists control.spare (
    schema_name    text primary key check (schema_name ~ '^ws_[0-9a-f]{32}$'),
    created        timestamptz not null default now(),
    placement      text not null,
    schema_version integer not null
);

-- What was changed, by whom. No foreign keys: it outlives what it speaks of.
create table if not exists control.audit (
    id           uuid primary key,
    occurred     timestamptz not null default now(),
    account_id   uuid,
    workspace_id uuid,
    -- Null is the admin shell.
    actor_id     uuid,
    event        text not null,
    resource_id  uuid not null,
    detail       jsonb not null default '{}'
);
create index if not exists audit_by_account on control.audit (account_id, occurred);
