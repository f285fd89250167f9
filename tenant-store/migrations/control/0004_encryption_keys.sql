-- Which of the operator's keys secrets depend on. The keys themselves are nowhere in the database.

create table if not exists control.encryption_key (
    id      text primary key,
    created timestamptz not null default now(),
    -- Nothing, sealed by the key: whoever has another key of this id cannot open it.
    proof   bytea not null
);
