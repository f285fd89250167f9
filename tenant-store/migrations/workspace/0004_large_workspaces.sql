-- Lists and numbers of large workspaces.

-- How many runs have a name like something is guessed from a sample of names. Of a hundred one by chance says a hundredth of
-- all, and a list of a month's runs by name was then searched for among all there ever were.
alter table flow_run alter column name set statistics 400;
alter table task_run alter column name set statistics 400;


-- How many task runs there are, for whoever asks for all of them: counted, it is a walk through millions of rows.
--
-- Each statement that adds or removes task runs notes by how many, in a row of its own, so that none waits for another; the
-- sum of the rows is exact in every snapshot. Now and then a statement makes one row of all that nobody else has in hand.
-- Triggers, so that no statement can forget it, and one of a program of the version before neither.

create table if not exists task_run_tally (
    change bigint not null
);

-- It names its own schema: a restore and an operator come by other search paths.
create or replace function tally_task_runs() returns trigger language plpgsql set search_path from current as $$
declare
    changed bigint;
begin
    select count(*) into changed from changed_rows;
    if changed > 0 then
        insert into task_run_tally (change) values (case tg_op when 'INSERT' then changed else -changed end);
        if random() < 0.01 then
            with gone as (
                delete from task_run_tally where ctid = any(array(select t.ctid from task_run_tally t for update skip locked))
                returning change
            )
            insert into task_run_tally (change) select sum(change) from gone having count(*) > 0;
        end if;
    end if;
    return null;
end $$;

-- No task run comes or goes between the count and the triggers: whoever writes one waits, a quarter of a second for three million.
lock table task_run in share row exclusive mode;
delete from task_run_tally;
insert into task_run_tally (change) select count(*) from task_run having count(*) > 0;
create or replace trigger task_run_added after insert on task_run
    referencing new table as changed_rows for each statement execute function tally_task_runs();
create or replace trigger task_run_removed after delete on task_run
    referencing old table as changed_rows for each statement execute function tally_task_runs();
