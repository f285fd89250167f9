-- How much an account may ask of the service, as data: plans, the account's plan, and the parts of its workspaces.

create table if not exists control.plan (
    name              text primary key check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    updated           timestamptz not null default now(),
    -- Requests a minute of the whole account; null is no limit.
    requests          integer check (requests > 0),
    -- Log lines and events a minute of the whole account; null is no limit.
    items             integer check (items > 0),
    -- Requests a minute of one key; null is no limit but the account's.
    requests_of_a_key integer check (requests_of_a_key > 0),
    -- How many seconds' worth may come at once after a pause.
    burst_seconds     integer not null default 10 check (burst_seconds between 1 and 60)
);
-- The limits that Prefect Cloud documents for its plans.
insert into control.plan (name, requests, items) values
    ('hobby', 625, 2000), ('starter', 1250, 2800), ('team', 2500, 8000), ('pro', 5000, 40000), ('enterprise', null, null)
on conflict do nothing;

-- Null is the installation's default plan, or no limit where it names none.
alter table control.account add column if not exists plan text references control.plan;
-- Serves the check that a plan that is deleted is no account's.
create index if not exists account_by_plan on control.account (plan) where plan is not null;

-- A workspace's part of its account's limits. Workspaces without one share what is left.
create table if not exists control.rate_limit_allocation (
    workspace_id uuid primary key references control.workspace on delete cascade,
    id           uuid not null,
    created      timestamptz not null default now(),
    updated      timestamptz not null default now(),
    account_id   uuid not null references control.account on delete cascade,
    percentage   integer not null check (percentage between 1 and 100)
);
-- "The parts of this account", read with its plan.
create index if not exists rate_limit_allocation_by_account on control.rate_limit_allocation (account_id);
