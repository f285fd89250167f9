//! Which crate may depend on which, from the Cargo.tomls.

use std::fs;

/// Our crates, outermost first, with those of ours that each may name.
const OURS: &[(&str, &[&str])] = &[
    ("gateway", &["tenant-store", "domain", "wire"]),
    ("tenant-store", &["domain", "wire"]),
    ("domain", &["wire"]),
    ("wire", &["wire-derive"]),
    ("wire/derive", &[]),
    // What a user cannot do, a test should not do either.
    ("tests", &[]),
];

/// Crates of others that only some of ours may name, with what to do instead.
const OTHERS: &[(&[&str], &[&str], &str)] = &[
    (
        &["tokio-postgres", "postgres", "deadpool-postgres", "sqlx", "diesel"],
        &["tenant-store"],
        "All SQL stands in tenant-store: give its resource module a function and call that.",
    ),
    (
        &["hyper", "hyper-util", "http", "http-body-util", "tower", "tower-http", "axum", "tokio-tungstenite", "clap"],
        &["gateway"],
        "HTTP ends in the gateway: hand over values, not requests.",
    ),
    (
        &["tokio", "async-trait", "futures-util", "tracing", "redis", "reqwest"],
        &["gateway", "tenant-store"],
        "domain and wire are pure functions: take what was read, and `now`, as parameters.",
    ),
];

#[test]
fn crates_depend_inwards_only() {
    let mut findings = Vec::new();
    for (ours, may) in OURS {
        for name in dependencies(ours) {
            let is_ours = OURS.iter().any(|(other, _)| other.replace("wire/derive", "wire-derive") == name);
            if is_ours && !may.contains(&name.as_str()) {
                findings.push(format!(
                    "{ours}/Cargo.toml: {ours} → {name} is no arrow of this repository (gateway → tenant-store → domain → wire).\n\
                     Move what is needed inwards, to a crate that both may see, or hand it over as a parameter."
                ));
            }
            for (others, may, instead) in OTHERS {
                if others.contains(&name.as_str()) && !may.contains(ours) {
                    findings
                        .push(format!("{ours}/Cargo.toml: {name} belongs to {} alone.\n{instead}", may.join(" and ")));
                }
            }
        }
    }
    crate::none(findings);
}

/// The names in every table of dependencies; a build script is not part of the crate.
fn dependencies(folder: &str) -> Vec<String> {
    let path = crate::repository().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies") && !table.ends_with("build-dependencies");
            // [dependencies.name]
            if let Some((_, name)) = table.split_once("dependencies.") {
                names.push(name.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            let end = line.find(['=', '.', ' ']).unwrap_or(0);
            names.push(line[..end].trim_matches('"').to_owned());
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn the_top_level_is_what_the_readme_says() {
    const KNOWN: &[&str] = &[
        "Cargo.toml",
        "Cargo.lock",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "clippy.toml",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "deploy",
        "domain",
        "gateway",
        "helm",
        "tenant-store",
        "tests",
        "wire",
        // Made by building and measuring, and ignored.
        "target",
        "bench-results",
    ];
    let mut findings = Vec::new();
    for entry in fs::read_dir(crate::repository()).expect("it can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !KNOWN.contains(&name.as_str()) {
            findings.push(format!(
                "{name} stands at the top level.\nPut it into one of the rooms there, or give the reason in the README and add it to {}.",
                file!()
            ));
        }
    }
    crate::none(findings);
}
