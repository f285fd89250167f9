-- The two logins, once for a Postgres, as a superuser:
--
--   psql -v owner_password=… -v serving_password=… -f deploy/postgres/roles.sql
--   createdb -O prefecture -E UTF8 -T template0 prefecture
--   psql -d prefecture -f deploy/postgres/database.sql

-- Owns the schemas: migrations and new workspaces. It makes a role for each workspace, hence createrole.
create role prefecture login createrole noinherit password :'owner_password';

-- Serves requests and owns nothing. Whatever names no schema finds no tenant's table.
create role prefecture_serve login noinherit password :'serving_password';
alter role prefecture_serve set search_path = pg_catalog;
