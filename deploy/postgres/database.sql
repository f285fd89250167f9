-- Once in each database that holds workspaces, as a superuser; after roles.sql.

revoke all on database :"DBNAME" from public;
grant connect on database :"DBNAME" to prefecture_serve;
revoke all on schema public from public;
alter schema public owner to prefecture;

-- An injected SELECT could otherwise change the role or the search path.
revoke execute on function pg_catalog.set_config(text, text, boolean) from public;
grant execute on function pg_catalog.set_config(text, text, boolean) to prefecture;
