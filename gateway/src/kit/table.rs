//! Finds the operation of a method and a path. A trailing slash makes no difference and never a redirect.

use std::sync::Arc;

use domain::kinds::Kinds;
use http::Method;
use percent_encoding::percent_decode_str;

use super::{Cache, Op, Params, Verb};

/// The operations of one level (root, account, workspace), by path.
pub struct Table {
    routes: matchit::Router<Vec<Entry>>,
    ops: Vec<&'static Op>,
}

/// An operation, with the names of its path's parameters.
type Entry = (&'static Op, Vec<&'static str>);

/// The operations of each level.
#[derive(Clone)]
pub struct Tables {
    pub root: Arc<Table>,
    pub account: Arc<Table>,
    pub workspace: Arc<Table>,
}

impl Tables {
    /// The kinds of which some operation may answer from the cache.
    pub fn cached(&self) -> Kinds {
        let ops = [&self.root, &self.account, &self.workspace].into_iter().flat_map(|table| table.ops());
        let kinds = ops.filter_map(|op| match op.cache {
            Cache::Kind(kind) => Some(kind),
            Cache::Never | Cache::ETag => None,
        });
        kinds.collect()
    }
}

/// What stands at a path.
pub enum Found {
    Op(&'static Op, Params),
    /// The path is known, the method is not; the methods that are.
    NoMethod(String),
    Nothing,
}

impl Table {
    /// A table of all operations of some slices.
    ///
    /// # Panics
    /// When two operations share a method and a path: a defect of the tables, met at every start.
    pub fn new(slices: &[&'static [Op]]) -> Self {
        let ops: Vec<&'static Op> = slices.iter().copied().flatten().collect();
        let mut paths: Vec<(String, Vec<Entry>)> = Vec::new();
        for op in &ops {
            let path = anonymous(op.path);
            match paths.iter_mut().find(|(known, _)| *known == path) {
                Some((_, here)) => {
                    assert!(
                        here.iter().all(|(known, _)| known.verb != op.verb),
                        "two operations at {:?} {}",
                        op.verb,
                        op.path
                    );
                    here.push((op, names(op.path).collect()));
                }
                None => paths.push((path, vec![(op, names(op.path).collect())])),
            }
        }
        let mut routes = matchit::Router::new();
        for (path, here) in paths {
            routes.insert(path.clone(), here).unwrap_or_else(|e| panic!("route {path}: {e}"));
        }
        Self { routes, ops }
    }

    pub fn ops(&self) -> &[&'static Op] {
        &self.ops
    }

    pub fn find(&self, method: &Method, path: &str, upgrade: bool) -> Found {
        let trimmed = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let Ok(found) = self.routes.at(if trimmed.is_empty() { "/" } else { trimmed }) else { return Found::Nothing };
        let upgrades = upgrade && found.value.iter().any(|(op, _)| op.verb == Verb::Socket);
        let fits = |(op, _): &&Entry| op.verb.method() == *method && (op.verb == Verb::Socket) == upgrades;
        let Some((op, names)) = found.value.iter().find(fits) else {
            let mut allowed: Vec<String> = found.value.iter().map(|(op, _)| op.verb.method().to_string()).collect();
            allowed.dedup();
            return Found::NoMethod(allowed.join(", "));
        };
        let values = found.params.iter().map(|(_, value)| decoded(value));
        Found::Op(op, Params(names.iter().copied().zip(values).collect()))
    }
}

/// A parameter as it was meant. Most are ids, in which nothing is encoded.
fn decoded(value: &str) -> String {
    match value.bytes().any(|byte| byte == b'%') {
        true => percent_decode_str(value).decode_utf8_lossy().into_owned(),
        false => value.to_owned(),
    }
}

/// The names of a path's parameters.
fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The path with numbered parameters, so that two operations may name the same one differently.
fn anonymous(path: &str) -> String {
    let mut out = String::new();
    for (i, segment) in path.trim_end_matches('/').split('/').skip(1).enumerate() {
        out.push('/');
        match segment.starts_with('{') {
            true => out.push_str(&format!("{{p{i}}}")),
            false => out.push_str(segment),
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}
