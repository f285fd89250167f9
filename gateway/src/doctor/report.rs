//! What was found, a line a check.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line a check, and the cure below it.
    Text,
    /// A list of objects: check, verdict, found, cure.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    /// It works, and may not for long or not well.
    Warning,
    Bad,
    /// Not named, or not to be looked at while something else is bad.
    Skipped,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "BAD",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What to do about it.
    pub cure: Option<String>,
}

#[derive(Debug, Default)]
pub struct Report(Vec<Finding>);

impl Report {
    pub fn good(&mut self, check: &'static str, found: impl ToString) {
        self.0.push(Finding { check, verdict: Verdict::Good, found: found.to_string(), cure: None });
    }

    pub fn warning(&mut self, check: &'static str, found: impl ToString, cure: impl ToString) {
        self.add(check, Verdict::Warning, found, cure);
    }

    pub fn bad(&mut self, check: &'static str, found: impl ToString, cure: impl ToString) {
        self.add(check, Verdict::Bad, found, cure);
    }

    pub fn skipped(&mut self, check: &'static str, why: impl ToString) {
        self.0.push(Finding { check, verdict: Verdict::Skipped, found: why.to_string(), cure: None });
    }

    /// Good, or this verdict with its cure.
    pub fn unless(
        &mut self,
        wrong: bool,
        verdict: Verdict,
        check: &'static str,
        found: impl ToString,
        cure: impl ToString,
    ) {
        match wrong {
            true => self.add(check, verdict, found, cure),
            false => self.good(check, found),
        }
    }

    fn add(&mut self, check: &'static str, verdict: Verdict, found: impl ToString, cure: impl ToString) {
        self.0.push(Finding { check, verdict, found: found.to_string(), cure: Some(cure.to_string()) });
    }

    pub fn extend(&mut self, other: Report) {
        self.0.extend(other.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many are bad.
    pub fn bad_ones(&self) -> usize {
        self.0.iter().filter(|finding| finding.verdict == Verdict::Bad).count()
    }

    /// The verdict of a check, for the tests of the judges.
    #[cfg(test)]
    pub fn verdict(&self, check: &str) -> Option<Verdict> {
        self.0.iter().find(|finding| finding.check == check).map(|finding| finding.verdict)
    }

    pub fn print(&self, format: Format) -> std::io::Result<()> {
        let text = match format {
            Format::Text => self.text(),
            Format::Json => format!("{:#}\n", serde_json::json!(self.0)),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn text(&self) -> String {
        let width = self.0.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let line = |finding: &Finding| {
            let Finding { check, verdict, found, cure } = finding;
            let cure = cure.as_ref().map(|cure| format!("{:9}{:width$}  → {cure}\n", "", "")).unwrap_or_default();
            format!("{:7}  {check:width$}  {found}\n{cure}", verdict.word())
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_check_and_the_cure_below() {
        let mut report = Report::default();
        report.good("one", "well");
        report.bad("another", "ill", "rest");
        assert_eq!(report.text(), "good     one      well\nBAD      another  ill\n                  → rest\n");
        assert_eq!(report.bad_ones(), 1);
    }
}
