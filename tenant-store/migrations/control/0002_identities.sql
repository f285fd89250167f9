-- Tokens in place of keys: who issues them, which audience of an issuer is whose, and for which service account a token
-- stands. Nothing here is secret: public keys are fetched from the issuer, private ones never leave it.

create table if not exists control.issuer (
    id         uuid primary key,
    created    timestamptz not null default now(),
    -- What its tokens say in `iss`, to the letter.
    url        text not null constraint issuer_url unique,
    -- Where its keys are; null asks its discovery document.
    jwks_url   text,
    -- The one account whose service accounts its tokens may stand for; null is any.
    account_id uuid references control.account on delete cascade
);
-- Issuers of a deleted account.
create index if not exists issuer_by_account on control.issuer (account_id) where account_id is not null;

-- An audience of an issuer is one account's, so that a token names one account and no other can lay claim to it.
create table if not exists control.audience (
    issuer_id  uuid not null references control.issuer on delete cascade,
    audience   text not null,
    account_id uuid not null references control.account on delete cascade,
    primary key (issuer_id, audience),
    constraint audience_of_account unique (issuer_id, audience, account_id)
);
-- Audiences of a deleted account.
create index if not exists audience_by_account on control.audience (account_id);

create unique index if not exists bot_of_account on control.bot (id, account_id);

-- Which tokens stand for which service account: those that have at least these claims.
create table if not exists control.identity (
    id         uuid primary key,
    created    timestamptz not null default now(),
    account_id uuid not null,
    issuer_id  uuid not null references control.issuer on delete cascade,
    audience   text not null,
    bot_id     uuid not null,
    name       text not null,
    claims     jsonb not null,
    -- How many values its claims ask for: of two that fit a token, the narrower one counts.
    weight     integer not null check (weight > 0),
    -- To the minute, as with keys.
    last_used  timestamptz,
    constraint identity_name unique (account_id, name),
    constraint identity_bot foreign key (bot_id, account_id) references control.bot (id, account_id) on delete cascade,
    constraint identity_audience foreign key (issuer_id, audience, account_id)
        references control.audience (issuer_id, audience, account_id)
);
-- From a token to what it stands for, at each request of one.
create index if not exists identity_by_audience on control.identity (issuer_id, audience);
-- Those of a deleted service account.
create index if not exists identity_by_bot on control.identity (bot_id);
