//! What Python's `json` module says of a text that is not JSON.
//!
//! Clients of the reference see `JSON decode error` with the message and position (in characters) of that module, so a
//! refused body is read a second time the way its scanner would (CPython `Lib/json/decoder.py`, `scanner.py`).

type Complaint = (usize, String);

/// Position and message, or `None` where Python would have accepted the text (a lone surrogate, `NaN`, deep nesting).
pub fn complaint(text: &str) -> Option<Complaint> {
    let chars: Vec<char> = text.chars().collect();
    let scan = Scan { chars: &chars };
    let start = scan.blank(0);
    match scan.value(start, 0) {
        Err(c) => c,
        Ok(end) => {
            let end = scan.blank(end);
            (end < chars.len()).then(|| (end, "Extra data".to_owned()))
        }
    }
}

struct Scan<'a> {
    chars: &'a [char],
}

/// `Err(None)` gives up: nesting too deep to judge.
type Step = Result<usize, Option<Complaint>>;

fn at(position: usize, why: &str) -> Option<Complaint> {
    Some((position, why.to_owned()))
}

const PROPERTY: &str = "Expecting property name enclosed in double quotes";

impl Scan<'_> {
    fn get(&self, i: usize) -> Option<char> {
        self.chars.get(i).copied()
    }

    fn blank(&self, mut i: usize) -> usize {
        while matches!(self.get(i), Some(' ' | '\t' | '\n' | '\r')) {
            i += 1;
        }
        i
    }

    fn word(&self, i: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(k, c)| self.get(i + k) == Some(c))
    }

    fn value(&self, i: usize, depth: usize) -> Step {
        if depth > 900 {
            return Err(None);
        }
        match self.get(i) {
            Some('"') => self.string(i + 1),
            Some('{') => self.object(i + 1, depth),
            Some('[') => self.array(i + 1, depth),
            _ => {
                for word in ["null", "true", "false", "NaN", "Infinity", "-Infinity"] {
                    if self.word(i, word) {
                        return Ok(i + word.len());
                    }
                }
                self.number(i).ok_or_else(|| at(i, "Expecting value"))
            }
        }
    }

    fn number(&self, start: usize) -> Option<usize> {
        let digits = |mut i: usize| {
            while self.get(i).is_some_and(|c| c.is_ascii_digit()) {
                i += 1;
            }
            i
        };
        let first = if self.get(start) == Some('-') { start + 1 } else { start };
        let mut end = match self.get(first) {
            Some('0') => first + 1,
            Some('1'..='9') => digits(first),
            _ => return None,
        };
        if self.get(end) == Some('.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if matches!(self.get(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(self.get(end + 1), Some('+' | '-')));
            if digits(end + 1 + sign) > end + 1 + sign {
                end = digits(end + 1 + sign);
            }
        }
        Some(end)
    }

    /// `start` is behind the opening quote.
    fn string(&self, start: usize) -> Step {
        let mut i = start;
        loop {
            match self.get(i) {
                None => return Err(at(start - 1, "Unterminated string starting at")),
                Some('"') => return Ok(i + 1),
                Some('\\') => match self.get(i + 1) {
                    None => return Err(at(start - 1, "Unterminated string starting at")),
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => i += 2,
                    Some('u') => {
                        if !(2..6).all(|k| self.get(i + k).is_some_and(|c| c.is_ascii_hexdigit())) {
                            return Err(at(i + 1, "Invalid \\uXXXX escape"));
                        }
                        i += 6;
                    }
                    Some(_) => return Err(at(i, "Invalid \\escape")),
                },
                Some(c) if c < ' ' => return Err(at(i, "Invalid control character at")),
                Some(_) => i += 1,
            }
        }
    }

    fn object(&self, start: usize, depth: usize) -> Step {
        let mut i = self.blank(start);
        if self.get(i) == Some('}') {
            return Ok(i + 1);
        }
        loop {
            if self.get(i) != Some('"') {
                return Err(at(i, PROPERTY));
            }
            i = self.blank(self.string(i + 1)?);
            if self.get(i) != Some(':') {
                return Err(at(i, "Expecting ':' delimiter"));
            }
            i = self.blank(self.value(self.blank(i + 1), depth + 1)?);
            match self.get(i) {
                Some('}') => return Ok(i + 1),
                Some(',') => {
                    let comma = i;
                    i = self.blank(i + 1);
                    if self.get(i) == Some('}') {
                        // Python 3.13 words this otherwise; the reference is shipped for 3.10 to 3.13.
                        return Err(at(i.max(comma + 1), PROPERTY));
                    }
                }
                _ => return Err(at(i, "Expecting ',' delimiter")),
            }
        }
    }

    fn array(&self, start: usize, depth: usize) -> Step {
        let mut i = self.blank(start);
        if self.get(i) == Some(']') {
            return Ok(i + 1);
        }
        loop {
            i = self.blank(self.value(i, depth + 1)?);
            match self.get(i) {
                Some(']') => return Ok(i + 1),
                Some(',') => i = self.blank(i + 1),
                _ => return Err(at(i, "Expecting ',' delimiter")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn says_what_python_says() {
        // Each taken from `json.loads` of CPython 3.11.
        for (text, at, why) in [
            ("", 0, "Expecting value"),
            ("{bad", 1, "Expecting property name enclosed in double quotes"),
            ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
            ("{\"a\": 1 \"b\"}", 8, "Expecting ',' delimiter"),
            ("[1 2]", 3, "Expecting ',' delimiter"),
            ("[1,]", 3, "Expecting value"),
            ("{\"a\": 1,}", 8, "Expecting property name enclosed in double quotes"),
            ("\"abc", 0, "Unterminated string starting at"),
            ("\"a\\q\"", 2, "Invalid \\escape"),
            ("\"a\\u12\"", 3, "Invalid \\uXXXX escape"),
            ("\"a\nb\"", 2, "Invalid control character at"),
            ("1 2", 2, "Extra data"),
            ("nul", 0, "Expecting value"),
            ("[\"é\", x]", 6, "Expecting value"),
        ] {
            assert_eq!(complaint(text), Some((at, why.to_owned())), "{text:?}");
        }
        assert_eq!(complaint("NaN"), None);
    }
}
