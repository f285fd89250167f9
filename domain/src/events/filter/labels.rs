//! Labels that a resource must have, each with one of some patterns.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;
use wire::{Described, Errors, Input, Json, Schema, Schemas};

use crate::events::Resource;

/// A pattern for the value of a label: `*` is any text, `?` any character, `!` before it means that it must not match. A
/// label that is missing matches none, not even a negated one.
///
/// It is taken apart when it is read, so that a value is read once, whatever the pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Glob {
    text: String,
    first: Piece,
    /// What stands between two `*`, without what is empty.
    between: Vec<Piece>,
    /// What stands behind the last `*`, if there is one.
    last: Option<Piece>,
}

impl Glob {
    pub fn read(text: &str) -> Self {
        let (_, pattern) = parts(text);
        let mut pieces = pattern.split('*');
        let first = Piece::of(pieces.next().unwrap_or_default());
        let last = pieces.next_back().map(Piece::of);
        let between = pieces.filter(|piece| !piece.is_empty()).map(Piece::of).collect();
        Self { text: text.to_owned(), first, between, last }
    }

    /// Whether it says what must not be, and the pattern.
    pub fn parts(&self) -> (bool, &str) {
        parts(&self.text)
    }

    pub fn fits(&self, value: &str) -> bool {
        let (negated, _) = self.parts();
        self.matches(value).unwrap_or(false) != negated
    }

    /// How often it reads a value.
    pub fn searches(&self) -> usize {
        let looked_for_at_each = |piece: &Piece| piece.blanks.then(|| piece.text.chars().count());
        match self.between.is_empty() {
            true => 0,
            false => 1 + self.between.iter().filter_map(looked_for_at_each).sum::<usize>(),
        }
    }

    /// What is found first leaves the most for the rest. `None`: no.
    fn matches(&self, value: &str) -> Option<bool> {
        let rest = self.first.begins(value)?;
        let Some(last) = &self.last else { return Some(rest.is_empty()) };
        let mut rest = last.ends(rest)?;
        for piece in &self.between {
            rest = piece.found(rest)?;
        }
        Some(true)
    }
}

fn parts(text: &str) -> (bool, &str) {
    match text.strip_prefix('!') {
        Some(pattern) => (true, pattern),
        None => (false, text),
    }
}

/// A text without `*`.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    text: String,
    /// Whether there are `?`.
    blanks: bool,
}

impl Piece {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), blanks: text.contains('?') }
    }

    /// What follows it in a value that begins with it.
    fn begins<'v>(&self, value: &'v str) -> Option<&'v str> {
        if !self.blanks {
            return value.strip_prefix(&self.text);
        }
        let mut rest = value.chars();
        self.text.chars().all(|asked| rest.next().is_some_and(|c| asked == '?' || asked == c)).then_some(rest.as_str())
    }

    /// What is before it in a value that ends with it.
    fn ends<'v>(&self, value: &'v str) -> Option<&'v str> {
        if !self.blanks {
            return value.strip_suffix(&self.text);
        }
        let mut rest = value.chars();
        let fits = |asked| rest.next_back().is_some_and(|c| asked == '?' || asked == c);
        self.text.chars().rev().all(fits).then_some(rest.as_str())
    }

    /// What follows the first place where it is.
    fn found<'v>(&self, value: &'v str) -> Option<&'v str> {
        match self.blanks {
            false => value.find(&self.text).map(|at| &value[at + self.text.len()..]),
            true => value.char_indices().find_map(|(at, _)| self.begins(&value[at..])),
        }
    }
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

    pub fn globs(&self) -> impl Iterator<Item = &Glob> {
        self.0.iter().flat_map(|(_, globs)| globs)
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
        return Some(texts.iter().map(|text| Glob::read(text)).collect());
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
            map.serialize_entry(label, &globs.iter().map(|glob| &glob.text).collect::<Vec<_>>())?;
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
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("*ab*ab*", "abab", true),
            ("*aba*ab*", "abab", false),
            ("a**b", "ab", true),
            ("**", "", true),
            ("*?", "", false),
            ("*?*", "é", true),
            ("?*?", "é", false),
            ("*é?*ü", "xééaü", true),
            ("*a?b*", "a--b-ab", false),
            ("*a?b*c", "aab-axb-c", true),
        ] {
            assert_eq!(Glob::read(pattern).fits(value), fits, "{pattern} {value}");
        }
    }

    /// The plain way: try everything that a `*` may take.
    fn plainly(pattern: &[char], value: &[char]) -> bool {
        match (pattern, value) {
            ([], value) => value.is_empty(),
            (['*', rest @ ..], _) => (0..=value.len()).any(|taken| plainly(rest, &value[taken..])),
            ([asked, rest @ ..], [c, others @ ..]) => (*asked == '?' || asked == c) && plainly(rest, others),
            ([_, ..], []) => false,
        }
    }

    #[test]
    fn every_short_pattern_matches_what_it_says() {
        let texts = |of: &[char], most: usize| {
            let mut all = vec![Vec::new()];
            for length in 0..most {
                let longer = all.iter().filter(|text| text.len() == length);
                let longer = longer.flat_map(|text| of.iter().map(|c| [text.as_slice(), &[*c]].concat()));
                let longer: Vec<Vec<char>> = longer.collect();
                all.extend(longer);
            }
            all
        };
        let values = texts(&['a', 'é'], 5);
        for pattern in texts(&['a', 'é', '*', '?'], 5) {
            let glob = Glob::read(&pattern.iter().collect::<String>());
            for value in &values {
                assert_eq!(
                    glob.fits(&value.iter().collect::<String>()),
                    plainly(&pattern, value),
                    "{pattern:?} {value:?}"
                );
            }
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
