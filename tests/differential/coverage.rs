//! Every operation that the reference describes has a case.

use crate::cases::File;
use crate::http::{Client, Request};

/// Resources that are not here yet: what of them answers, in part, has cases all the same.
const LATER: [&str; 2] = ["automations", "templates"];

pub fn check(reference: &Client, files: &[&File]) -> Result<(), String> {
    let path = "/openapi.json".to_owned();
    let request = Request { method: "GET".to_owned(), path, headers: Vec::new(), body: None };
    let described = reference.send(&request)?.body;
    let paths = described["paths"].as_object().ok_or("the reference's description has no paths")?;
    let asked: Vec<(&str, &str)> = files
        .iter()
        .flat_map(|file| &file.scenarios)
        .flat_map(|scenario| &scenario.steps)
        .map(|step| (step.method.as_str(), step.path.split('?').next().unwrap_or_default()))
        .collect();

    let mut missing = Vec::new();
    for (template, methods) in paths {
        for method in methods.as_object().into_iter().flat_map(|m| m.keys()) {
            let method = method.to_uppercase();
            let first = template.split('/').nth(1).unwrap_or_default();
            if !LATER.contains(&first) && !asked.iter().any(|(m, path)| *m == method && fits(template, path)) {
                missing.push(format!("{method} {template}"));
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("no step in cases/ asks for {}; add one to the file of the resource", missing.join(", ")))
}

/// Whether a path is an instance of a template with `{…}` segments.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.trim_end_matches('/'), path.trim_end_matches('/'));
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(w), Some(f)) if w == f => {}
            (Some(w), Some(f)) if w.starts_with('{') && !f.is_empty() => {}
            _ => return false,
        }
    }
}
