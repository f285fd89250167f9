-- Tables of one database, beside the schemas of its workspaces. They belong to no tenant and hold nothing of theirs.
-- Each file runs at every migration.

create schema if not exists cell;

-- When a service must look at a workspace. A hint: what is due stands in the workspace's own tables, and a row that is
-- lost is made again by the sweep.
create table if not exists cell.tick (
    workspace_id uuid primary key,
    -- What the last look said.
    due timestamptz not null default 'infinity',
    -- What state changes said since.
    hinted timestamptz not null default 'infinity',
    claimed_by uuid,
    claimed_until timestamptz not null default '-infinity',
    -- A hint brought about the look that is under way: what was being committed meanwhile is looked for once more.
    unsettled boolean not null default false
) with (fillfactor = 50);
create index if not exists tick_due on cell.tick (least(due, hinted)); -- claim
