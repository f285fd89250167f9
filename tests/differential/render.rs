//! Fills in placeholders: values saved from earlier answers, and moments relative to the start of the scenario.

use std::collections::HashMap;

use serde_json::Value;

use crate::clock;

/// What one server answered so far, by the names of `save`.
pub type Saved = HashMap<String, Value>;

/// The moment `{{now…}}` counts from, the same for both servers.
#[derive(Clone, Copy)]
pub struct Start(pub i64);

impl Start {
    /// `now`, `now-3600`, `now+60`: the moment as text.
    fn moment(self, name: &str) -> Option<String> {
        let rest = name.strip_prefix("now")?;
        let offset = if rest.is_empty() { 0 } else { rest.parse::<i64>().ok()? };
        Some(clock::text(self.0 + offset))
    }

    /// Every moment a text names, with the placeholder it came from.
    pub fn moments(self, text: &str) -> HashMap<String, String> {
        let names = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}").map(|(name, _)| name));
        names.filter_map(|name| Some((self.moment(name)?, name.to_owned()))).collect()
    }
}

/// A string that is one placeholder takes the saved value as it is; inside a longer string its text is put in.
pub fn value(template: &Value, saved: &Saved, start: Start) -> Result<Value, String> {
    Ok(match template {
        Value::String(s) => {
            let whole = s.strip_prefix("{{").and_then(|r| r.strip_suffix("}}"));
            match whole.and_then(|name| saved.get(name)) {
                Some(found) => found.clone(),
                None => Value::String(text(s, saved, start)?),
            }
        }
        Value::Array(items) => Value::Array(items.iter().map(|v| value(v, saved, start)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let mut out = serde_json::Map::new();
            for (key, inner) in map {
                out.insert(text(key, saved, start)?, value(inner, saved, start)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

pub fn text(template: &str, saved: &Saved, start: Start) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once("{{") {
        let Some((name, after)) = tail.split_once("}}") else { break };
        out.push_str(before);
        match name.starts_with(' ') {
            true => out.push_str(&format!("{{{{{name}}}}}")),
            false => out.push_str(&one(name, saved, start)?),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn one(name: &str, saved: &Saved, start: Start) -> Result<String, String> {
    if let Some(found) = saved.get(name) {
        return Ok(found.as_str().map_or_else(|| found.to_string(), str::to_owned));
    }
    if let Some(moment) = start.moment(name) {
        return Ok(moment);
    }
    if let Some((what, times)) = name.split_once('*')
        && let Ok(times) = times.parse()
    {
        return Ok(what.repeat(times));
    }
    Err(format!("{{{{{name}}}}} was not saved by an earlier step"))
}
