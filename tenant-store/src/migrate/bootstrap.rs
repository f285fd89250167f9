//! The logins and rights of a database, once, by somebody who may: a superuser, or as much of it as an owner can.
//!
//! The login that serves requests gets no right in any tenant's schema and inherits none: it can only step into a
//! workspace's role for one transaction. `set_config` is taken from everybody, because with it a single injected SELECT
//! could change the role in the middle of that transaction.

use super::owner::{self, literal, quoted};
use crate::{Error, Result};

/// A login that serves requests.
#[derive(Clone)]
pub struct Login {
    pub name: String,
    /// `None` where the database trusts its socket.
    pub password: Option<String>,
}

/// Makes the serving login on the database of `url` and takes from the public what nobody should have; can run twice.
/// `owner` is the login that owns the schemas. Answers with what could not be done, a sentence each.
pub async fn bootstrap_roles(url: &str, owner: &str, serving: &Login) -> Result<Vec<String>> {
    let client = owner::connect(url).await?;
    let database: String = client.query_one("select current_database()::text", &[]).await?.try_get(0)?;
    let (name, database, owner) = (quoted(&serving.name), quoted(&database), quoted(owner));
    let set_config = "FUNCTION pg_catalog.set_config(text, text, boolean)";
    let login = "LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION";
    let make = format!("DO $$ BEGIN CREATE ROLE {name} {login}; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    let mut steps = vec![
        ("make the serving login", make),
        ("rest the serving login outside of every schema", format!("ALTER ROLE {name} SET search_path = pg_catalog")),
        ("close the database to the public", format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC")),
        ("open the database to the serving login", format!("GRANT CONNECT ON DATABASE {database} TO {name}")),
        ("let the owner make schemas", format!("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {owner}")),
        ("close the schema public", "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()),
        ("let the owner keep set_config", format!("GRANT EXECUTE ON {set_config} TO {owner}")),
        ("take set_config from the public", format!("REVOKE EXECUTE ON {set_config} FROM PUBLIC")),
    ];
    if let Some(password) = &serving.password {
        let set = format!("ALTER ROLE {name} PASSWORD {}", literal(password));
        steps.insert(1, ("set the password of the serving login", set));
    }
    let mut undone = Vec::new();
    for (what, sql) in steps {
        // Postgres answers a REVOKE of what one may not revoke with a warning, so rights are looked at below.
        match client.batch_execute(&sql).await {
            Ok(()) => {}
            Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) => {
                undone.push(format!("could not {what}: {}", Error::from(error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let sql = "select pg_catalog.has_function_privilege($1, 'pg_catalog.set_config(text, text, boolean)', 'execute')";
    if client.query_one(sql, &[&serving.name]).await?.try_get(0)? {
        undone.push(
            "could not take set_config from the public: run as a superuser \
             REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC"
                .into(),
        );
    }
    Ok(undone)
}
