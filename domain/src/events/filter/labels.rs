//! Labels that a resource must have, each with one of some patterns.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use wire::{Described, Errors, Input, Json, Schema, Schemas};

use crate::events::Resource;

/// A pattern for the value of a label: `*` is any text, `?` any character, `!` before it means that it must not match. A
/// label that is missing matches none, not even a negated one.
#[derive(Debug, Clone, PartialEq)]
pub struct Glob(pub String);

impl Glob {
    /// Whether it says what must not be, and the pattern.
    pub fn parts(&self) -> (bool, &str) {
        match self.0.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, &self.0),
        }
    }

    pub fn fits(&self, value: &str) -> bool {
        let (negated, pattern) = self.parts();
        matches(&pattern.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>()) != negated
    }
}

/// Goes back to the last `*` alone: what an earlier one took cannot have been too little.
fn matches(pattern: &[char], value: &[char]) -> bool {
    let (mut p, mut v, mut back) = (0, 0, None);
    while v < value.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, v));
                p += 1;
                continue;
            }
            Some(one) if *one == '?' || *one == value[v] => {
                (p, v) = (p + 1, v + 1);
                continue;
            }
            _ => {}
        }
        let Some((after, taken)) = back else { return false };
        (p, v) = (after, taken + 1);
        back = Some((after, taken + 1));
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// Labels with the patterns of which their value must match one (reference: `ResourceSpecification`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labelled(pub Vec<(String, Vec<Glob>)>);

impl Labelled {
    /// Whether the resource has all of the labels.
    pub fn fit(&self, resource: &Resource) -> bool {
        let fits = |label: &str, globs: &[Glob]| {
            resource.get(label).is_some_and(|value| globs.iter().any(|glob| glob.fits(value)))
        };
        self.0.iter().all(|(label, globs)| fits(label, globs))
    }
}

impl Input for Labelled {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Object(fields) = value else {
            errors.push("dict_type", "Input should be a valid dictionary", value);
            return None;
        };
        let mut labels: Option<Vec<(String, Vec<Glob>)>> = Some(Vec::with_capacity(fields.len()));
        for (label, item) in fields.iter() {
            let label = label.clone().into_owned();
            match (errors.at(label.clone(), |e| patterns(item, e)), &mut labels) {
                (Some(globs), Some(labels)) => match labels.iter_mut().find(|(known, _)| *known == label) {
                    // A label sent twice has its last value.
                    Some((_, known)) => *known = globs,
                    None => labels.push((label, globs)),
                },
                _ => labels = None,
            }
        }
        labels.map(Self)
    }
}

/// One text or a list of them; each way of reading it complains by its name.
fn patterns(value: &Json<'_>, errors: &mut Errors) -> Option<Vec<Glob>> {
    let mut scratch = Errors::default();
    let read = match value {
        Json::Array(_) => Vec::<String>::parse(value, &mut scratch),
        _ => String::parse(value, &mut scratch).map(|one| vec![one]),
    };
    if let Some(texts) = read.filter(|_| scratch.is_empty()) {
        return Some(texts.into_iter().map(Glob).collect());
    }
    errors.at("str", |e| String::parse(value, e));
    errors.at("list[str]", |e| Vec::<String>::parse(value, e));
    None
}

impl Described for Labelled {
    fn schema(_: &mut Schemas) -> Schema {
        let text = json!({ "type": "string" });
        let texts = json!({ "type": "array", "items": text });
        json!({ "type": "object", "additionalProperties": { "anyOf": [text, texts] } })
    }
}

impl Serialize for Labelled {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (label, globs) in &self.0 {
            map.serialize_entry(label, &globs.iter().map(|glob| &glob.0).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_file_names_do() {
        for (pattern, value, fits) in [
            ("prefect.flow-run.*", "prefect.flow-run.1", true),
            ("prefect.flow-run.*", "prefect.task-run.1", false),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxabc", false),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("!a*", "b", true),
            ("!a*", "ab", false),
            ("!", "x", true),
        ] {
            assert_eq!(Glob(pattern.into()).fits(value), fits, "{pattern} {value}");
        }
    }

    #[test]
    fn a_missing_label_fits_nothing() {
        let resource = Resource::of("r").labelled("a", "1");
        let labels = |text: &str| {
            let value = wire::json::parse(text.as_bytes()).unwrap();
            Labelled::parse(&value, &mut Errors::default()).unwrap()
        };
        for (text, fits) in [
            ("{}", true),
            (r#"{"a":"1"}"#, true),
            (r#"{"a":["2","1"]}"#, true),
            (r#"{"a":"!2"}"#, true),
            (r#"{"a":[]}"#, false),
            (r#"{"b":"!2"}"#, false),
            (r#"{"a":"1","prefect.resource.id":"x*"}"#, false),
        ] {
            assert_eq!(labels(text).fit(&resource), fits, "{text}");
        }
    }
}
