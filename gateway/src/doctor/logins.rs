//! The two logins: the serving one may do little, the owner enough.

use tenant_store::inspect::Login;

use super::report::{Report, Verdict};

/// The login that serves requests: nothing of a tenant is its own, and into each workspace's role it can step.
pub fn judge_serving(report: &mut Report, login: &Login, tenant_roles: bool) {
    let Login { name, .. } = login;
    let might = said(&[
        (login.superuser, "is a superuser"),
        (login.bypasses_row_security, "bypasses row security"),
        (login.makes_roles, "makes roles"),
        (login.owns_control == Some(true), "owns the schemas"),
    ]);
    // Without roles there is one fence anyway, and often one login.
    let verdict = if tenant_roles || login.superuser { Verdict::Bad } else { Verdict::Warning };
    let cure =
        "serve with a login of its own, without any of that, and name the owner in PREFECTURE_OWNER_DATABASE_URL";
    let found =
        might.as_ref().map_or_else(|| format!("{name} has no more than it needs"), |might| format!("{name} {might}"));
    report.unless(might.is_some(), verdict, "serving login", found, cure);

    let found = match login.unreadable {
        0 => format!("{name} reads the control schema"),
        tables => format!("{name} may not read {tables} tables of the control schema"),
    };
    let cure = "run `prefecture migrate` with this login in PREFECTURE_DATABASE_URL: migrations give it its rights";
    report.unless(login.unreadable > 0, Verdict::Bad, "control rights", found, cure);

    match tenant_roles {
        true => with_roles(report, login),
        false => without_roles(report, login),
    }

    let rests = login.search_path.split(',').all(|part| matches!(part.trim().trim_matches('"'), "" | "pg_catalog"));
    let cure = format!("ALTER ROLE \"{name}\" SET search_path = pg_catalog");
    report.unless(!rests, Verdict::Warning, "search_path", &login.search_path, cure);

    let found = if login.sets_config { "the serving login may call it" } else { "closed to the serving login" };
    let cure = "as a superuser: REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC, \
                and GRANT it to the owner";
    report.unless(login.sets_config, Verdict::Warning, "set_config", found, cure);
}

fn with_roles(report: &mut Report, Login { name, workspaces, enters, open, .. }: &Login) {
    let check = "tenant roles";
    if enters < workspaces {
        let cure = format!(
            "as the owner, grant it the role of each workspace's schema (GRANT ws_… TO \"{name}\"; from Postgres 16 on WITH \
             INHERIT FALSE, SET TRUE); or PREFECTURE_TENANT_ROLES=off, if they were made without roles"
        );
        let found = format!("{name} can step into the roles of {enters} of {workspaces} schemas");
        return report.bad(check, found, cure);
    }
    let found = match open {
        0 => format!("{name} enters each of {workspaces} schemas by its role alone"),
        open => format!("{open} of {workspaces} schemas are open to {name} as they are"),
    };
    let cure = format!(
        "ALTER ROLE \"{name}\" NOINHERIT, and from Postgres 16 on GRANT ws_… TO \"{name}\" WITH INHERIT FALSE for each schema"
    );
    report.unless(*open > 0, Verdict::Bad, check, found, cure);
}

fn without_roles(report: &mut Report, Login { name, workspaces, open, .. }: &Login) {
    let check = "tenant roles";
    if open < workspaces {
        let found = format!("off, and {open} of {workspaces} schemas are open to {name}");
        let cure = "PREFECTURE_TENANT_ROLES=on, if they were made with roles; else GRANT it the rights on the schemas";
        return report.bad(check, found, cure);
    }
    let cure = "PREFECTURE_TENANT_ROLES=on for a new installation, where the database gives roles";
    report.warning(check, "off: nothing but the search path parts the workspaces", cure);
}

/// The login that owns the schemas, for migrations and new workspaces.
pub fn judge_owner(report: &mut Report, login: &Login, tenant_roles: bool) {
    let Login { name, superuser, .. } = login;
    let lacks = said(&[
        (!login.makes_schemas && !superuser, "may make no schemas"),
        (tenant_roles && !login.makes_roles && !superuser, "may make no roles"),
        (login.owns_control == Some(false) && !superuser, "does not own the control schema"),
    ]);
    let found = lacks.as_ref().map_or_else(|| format!("{name} may do what it must"), |lacks| format!("{name} {lacks}"));
    let cure = "GRANT CREATE ON DATABASE to it, ALTER ROLE it CREATEROLE (or PREFECTURE_TENANT_ROLES=off), and migrate \
                with the login that migrated before";
    report.unless(lacks.is_some(), Verdict::Bad, "owner login", found, cure);
}

/// Both must lead to one database.
pub fn judge_both(report: &mut Report, serving: &Login, owner: &Login) {
    let apart = serving.database != owner.database;
    let found = if apart { "the two logins lead to different databases" } else { "of both logins" };
    let cure = "name the same host, port and database in PREFECTURE_DATABASE_URL and PREFECTURE_OWNER_DATABASE_URL";
    report.unless(apart, Verdict::Bad, "one database", found, cure);
}

/// What of a list is so.
fn said(list: &[(bool, &str)]) -> Option<String> {
    let so: Vec<&str> = list.iter().filter(|(so, _)| *so).map(|(_, what)| *what).collect();
    (!so.is_empty()).then(|| so.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving() -> Login {
        Login {
            name: "serve".into(),
            database: "5 today".into(),
            superuser: false,
            bypasses_row_security: false,
            makes_roles: false,
            makes_schemas: false,
            search_path: "pg_catalog".into(),
            sets_config: false,
            owns_control: Some(false),
            workspaces: 3,
            enters: 3,
            open: 0,
            unreadable: 0,
        }
    }

    fn owner() -> Login {
        Login { makes_roles: true, makes_schemas: true, owns_control: Some(true), ..serving() }
    }

    fn verdict(check: &str, judge: impl FnOnce(&mut Report)) -> Option<Verdict> {
        let mut report = Report::default();
        judge(&mut report);
        report.verdict(check)
    }

    #[test]
    fn a_serving_login_with_too_much_or_too_little_is_seen() {
        type Harm = fn(&mut Login);
        let (bad, warning) = (Verdict::Bad, Verdict::Warning);
        let cases: [(&str, Verdict, Harm); 9] = [
            ("serving login", bad, |l| l.superuser = true),
            ("serving login", bad, |l| l.bypasses_row_security = true),
            ("serving login", bad, |l| l.makes_roles = true),
            ("serving login", bad, |l| l.owns_control = Some(true)),
            ("control rights", bad, |l| l.unreadable = 2),
            ("tenant roles", bad, |l| l.open = 3),
            ("tenant roles", bad, |l| l.enters = 2),
            ("search_path", warning, |l| l.search_path = "\"$user\", public".into()),
            ("set_config", warning, |l| l.sets_config = true),
        ];
        for (check, expected, harm) in cases {
            assert_eq!(verdict(check, |r| judge_serving(r, &serving(), true)), Some(Verdict::Good), "{check}");
            let mut login = serving();
            harm(&mut login);
            assert_eq!(verdict(check, |r| judge_serving(r, &login, true)), Some(expected), "{check}");
        }
    }

    #[test]
    fn a_database_without_roles_has_one_fence_and_one_login() {
        let one = Login { open: 3, enters: 0, ..owner() };
        assert_eq!(verdict("serving login", |r| judge_serving(r, &one, false)), Some(Verdict::Warning));
        assert_eq!(verdict("tenant roles", |r| judge_serving(r, &one, false)), Some(Verdict::Warning));
        // Made with roles, and served without.
        assert_eq!(verdict("tenant roles", |r| judge_serving(r, &serving(), false)), Some(Verdict::Bad));
    }

    #[test]
    fn an_owner_with_too_little_is_seen() {
        let verdict = |login: Login, tenant_roles| verdict("owner login", |r| judge_owner(r, &login, tenant_roles));
        assert_eq!(verdict(owner(), true), Some(Verdict::Good));
        assert_eq!(verdict(Login { makes_schemas: false, ..owner() }, true), Some(Verdict::Bad));
        assert_eq!(verdict(Login { makes_roles: false, ..owner() }, true), Some(Verdict::Bad));
        assert_eq!(verdict(Login { makes_roles: false, ..owner() }, false), Some(Verdict::Good));
        assert_eq!(verdict(Login { owns_control: Some(false), ..owner() }, true), Some(Verdict::Bad));
        // Before the first migration.
        assert_eq!(verdict(Login { owns_control: None, ..owner() }, true), Some(Verdict::Good));
    }

    #[test]
    fn logins_of_two_databases_are_seen() {
        let other = Login { database: "6 today".into(), ..owner() };
        assert_eq!(verdict("one database", |r| judge_both(r, &serving(), &owner())), Some(Verdict::Good));
        assert_eq!(verdict("one database", |r| judge_both(r, &serving(), &other)), Some(Verdict::Bad));
    }
}
