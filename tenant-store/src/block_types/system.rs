//! The types that every workspace has from its beginning, with one schema each.
//!
//! `system.json` has them: names, fields and checksums are the protocol's, texts are ours. They have no
//! logos: clients take addresses of `http` alone, and those would be somebody else's. A client looks a
//! schema up by the checksum that it computes of its own, whose texts are others: that one is kept, so that it is found.
//! They are written with the schema of a workspace, and again when that is migrated: a change of `system.json` comes with
//! a migration.

use tokio_postgres::Transaction;

use crate::{Result, Tx};

/// A list of types, each with its schema's `checksum`, `fields`, `capabilities` and `version`.
pub const SYSTEM: &str = include_str!("system.json");

/// Of `$1`, the types that are protected, or all of them where `$2` is true.
const INSTALL: &str = "with given as (select g.name, g.slug, g.logo_url, g.documentation_url, g.description, \
        g.code_example, g.is_protected, g.checksum, g.fields, g.capabilities, g.version \
        from json_to_recordset($1::text::json) as g(name text, slug text, logo_url text, documentation_url text, \
            description text, code_example text, is_protected boolean, checksum text, fields json, capabilities text[], \
            version text) where g.is_protected or $2), \
    types as (insert into block_type as t (id, name, slug, logo_url, documentation_url, description, code_example, \
            is_protected) \
        select gen_random_uuid(), g.name, g.slug, g.logo_url, g.documentation_url, g.description, g.code_example, \
            g.is_protected from given g \
        on conflict (slug) do update set name = excluded.name, logo_url = excluded.logo_url, \
            documentation_url = excluded.documentation_url, description = excluded.description, \
            code_example = excluded.code_example, is_protected = excluded.is_protected, updated = now() \
        returning t.id, t.slug) \
    insert into block_schema (id, checksum, fields, block_type_id, capabilities, version) \
        select gen_random_uuid(), g.checksum, g.fields, t.id, g.capabilities, g.version \
        from given g join types t on t.slug = g.slug on conflict (checksum, version) do nothing";

/// Writes all of them into the schema that the transaction's search path names.
pub(crate) async fn install(tx: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    tx.execute(INSTALL, &[&SYSTEM, &true]).await.map(drop)
}

/// Puts the protected ones back as they were.
pub async fn install_protected(tx: Tx<'_>) -> Result<()> {
    tx.last_run(INSTALL, &[&SYSTEM, &false]).await.map(drop)
}
