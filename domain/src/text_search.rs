//! The little language of text searches (reference: `server/utilities/text_search_parser.py`).
//!
//! Words are alternatives, `-word` and `!word` exclude, `+word` is required, `"two words"` is a phrase in which `\"` and
//! `\\` are escapes. Whatever the case, anywhere in the text.

/// The terms of a search, in lower case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextSearch {
    /// At least one must be there, if any is named.
    pub any: Vec<String>,
    pub none: Vec<String>,
    pub all: Vec<String>,
}

impl TextSearch {
    pub fn parse(query: &str) -> Self {
        let mut search = Self::default();
        let mut rest = query;
        loop {
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else { return search };
            let mut kind = &mut search.any;
            if matches!(first, '-' | '!' | '+') {
                rest = &rest[1..];
                // A prefix before a blank, or at the end, means nothing.
                if rest.chars().next().is_none_or(char::is_whitespace) {
                    continue;
                }
                kind = if first == '+' { &mut search.all } else { &mut search.none };
            }
            let term = match rest.strip_prefix('"') {
                Some(quoted) => phrase(quoted, &mut rest),
                None => {
                    let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
                    let (word, behind) = rest.split_at(end);
                    rest = behind;
                    word.to_owned()
                }
            };
            if !term.trim().is_empty() {
                kind.push(term.to_lowercase());
            }
        }
    }

    /// Whether a text has what is searched for.
    pub fn finds(&self, text: &str) -> bool {
        self.parts(text).into_iter().flatten().all(|holds| holds)
    }

    /// Whether a text has what each part of the search asks for: `any`, `none`, `all`; `None` for a part without terms.
    pub fn parts(&self, text: &str) -> [Option<bool>; 3] {
        let text = text.to_lowercase();
        let has = |term: &String| text.contains(term.as_str());
        let asks = |terms: &Vec<String>| !terms.is_empty();
        [
            asks(&self.any).then(|| self.any.iter().any(has)),
            asks(&self.none).then(|| !self.none.iter().any(has)),
            asks(&self.all).then(|| self.all.iter().all(has)),
        ]
    }
}

/// The phrase up to its closing quote, or to the end; `rest` is set behind it.
fn phrase<'q>(quoted: &'q str, rest: &mut &'q str) -> String {
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    *rest = "";
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                *rest = &quoted[at + 1..];
                break;
            }
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    out.push(escaped);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::TextSearch;

    fn terms(query: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
        let TextSearch { any, none, all } = TextSearch::parse(query);
        (any, none, all)
    }

    fn of(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn every_form_of_a_term() {
        // Each asked of the reference's parser.
        for (query, any, none, all) in [
            ("", &[][..], &[][..], &[][..]),
            ("Error warn", &["error", "warn"], &[], &[]),
            ("error -debug !trace +must", &["error"], &["debug", "trace"], &["must"]),
            ("\"connection timeout\" -\"not this\"", &["connection timeout"], &["not this"], &[]),
            (r#""say \"hi\" \\ \n""#, &[r#"say "hi" \ \n"#], &[], &[]),
            ("\"unclosed phrase", &["unclosed phrase"], &[], &[]),
            ("- error", &["error"], &[], &[]),
            ("+", &[], &[], &[]),
            ("a\"b c\"d", &["a", "b c", "d"], &[], &[]),
            ("--x", &[], &["-x"], &[]),
            ("\"  \"", &[], &[], &[]),
        ] {
            assert_eq!(terms(query), (of(any), of(none), of(all)), "{query:?}");
        }
    }

    #[test]
    fn finds_what_the_terms_say() {
        let search = TextSearch::parse("error fail -debug +db");
        assert!(search.finds("DB Error"));
        assert!(!search.finds("error"));
        assert!(!search.finds("db error debug"));
        assert!(TextSearch::parse("").finds("anything"));
    }
}
