//! Rows of the result, and how they are printed.

use std::fmt::Write as _;

use crate::load::Measured;

/// What of a side is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Figure {
    /// Of a second.
    #[default]
    Rate,
    /// Microseconds of the server's processor time for each answer; less is better.
    Processor,
    /// Milliseconds in which such a part is answered; less is better.
    Latency(f64),
}

/// What a row must reach.
#[derive(Debug, Clone, Copy)]
pub enum Floor {
    /// So many times the reference.
    Times(f64),
    /// Such a part of the limit, or of what the row is compared with.
    Part(f64),
    /// Less than such a part of what the row is compared with.
    LessThanPart(f64),
    AtLeast(f64),
    Under(f64),
}

/// One of those measured, over the rounds.
#[derive(Debug, Clone, Default)]
pub struct Side(Vec<Measured>);

impl Side {
    pub fn add(&mut self, measured: Measured) {
        self.0.push(measured);
    }

    /// Median over the rounds.
    fn median(&self, of: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        let mut all: Vec<f64> = self.0.iter().filter(|one| one.done > 0).filter_map(of).collect();
        all.sort_by(f64::total_cmp);
        match all.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(all[odd / 2]),
            even => Some((all[even / 2 - 1] + all[even / 2]) / 2.0),
        }
    }

    pub fn rate(&self) -> Option<f64> {
        self.median(|one| Some(one.rate()))
    }

    fn percentile(&self, part: f64) -> Option<f64> {
        self.median(|one| one.percentile(part))
    }

    /// Microseconds of processor time an operation: server, Postgres, generator.
    fn spent(&self) -> Option<[f64; 3]> {
        let each = |of: fn(&Measured) -> f64| self.median(|one| Some(of(one) / one.done as f64 * 1e6));
        Some([each(|one| one.spent.server)?, each(|one| one.spent.postgres)?, each(|one| one.spent.generator)?])
    }

    fn figure(&self, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Rate => self.rate(),
            Figure::Processor => self.spent().map(|[server, ..]| server),
            Figure::Latency(part) => self.percentile(part),
        }
    }

    fn failures(&self) -> Option<String> {
        let failed: u64 = self.0.iter().map(|one| one.failed).sum();
        let said = self.0.iter().find_map(|one| one.failure.clone())?;
        Some(format!("{failed} failed, the first: {}", said.chars().take(300).collect::<String>()))
    }
}

/// What a row is measured against.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    pub what: &'static str,
    pub side: Side,
}

#[derive(Debug, Clone, Default)]
pub struct Row {
    pub what: String,
    /// Of the figure, or of the one value.
    pub unit: &'static str,
    pub figure: Figure,
    pub program: Side,
    pub reference: Side,
    pub limits: Vec<Beside>,
    /// Instead of a figure of the sides: this program's and the reference's.
    pub values: Option<(Option<f64>, Option<f64>)>,
    pub floors: Vec<Floor>,
}

impl Row {
    fn ours(&self) -> Option<f64> {
        self.values.map_or_else(|| self.program.figure(self.figure), |(ours, _)| ours)
    }

    fn theirs(&self) -> Option<f64> {
        self.values.map_or_else(|| self.reference.figure(self.figure), |(_, theirs)| theirs)
    }

    fn times(&self) -> Option<f64> {
        let times = self.ours()? / self.theirs()?;
        Some(if self.figure == Figure::Rate { times } else { 1.0 / times })
    }

    fn part(&self) -> Option<f64> {
        Some(self.ours()? / self.limits.first()?.side.figure(self.figure)?)
    }

    fn reached(&self, floor: Floor) -> Option<bool> {
        Some(match floor {
            Floor::Times(least) => self.times()? >= least,
            Floor::Part(least) => self.part()? >= least,
            Floor::LessThanPart(most) => self.part()? < most,
            Floor::AtLeast(least) => self.ours()? >= least,
            Floor::Under(most) => self.ours()? < most,
        })
    }
}

fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    if value < 1.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn floor(floor: Floor) -> String {
    match floor {
        Floor::Times(least) => format!("≥ {least} ×"),
        Floor::Part(least) => format!("≥ {:.0} %", least * 100.0),
        Floor::LessThanPart(most) => format!("< {:.0} %", most * 100.0),
        Floor::AtLeast(least) => format!("≥ {}", number(Some(least))),
        Floor::Under(most) => format!("< {}", number(Some(most))),
    }
}

/// The table of the README, then what explains it.
pub fn render(rows: &[Row]) -> String {
    let mut out = String::from(
        "| | this program | reference | times | limit | part of it | floor | |\n|---|---:|---:|---:|---|---:|---|---|\n",
    );
    for row in rows {
        let times =
            row.times().filter(|_| row.values.is_none()).map_or("–".to_owned(), |times| format!("{times:.1} ×"));
        let limits: Vec<String> = row
            .limits
            .iter()
            .filter_map(|limit| Some((limit.side.figure(row.figure)?, limit.what)))
            .map(|(figure, what)| format!("{} {what}", number(Some(figure))))
            .collect();
        let part = row.part().map_or("–".to_owned(), |part| format!("{:.0} %", part * 100.0));
        let floors: Vec<String> = row.floors.iter().copied().map(floor).collect();
        let reached: Vec<&str> = row
            .floors
            .iter()
            .map(|floor| match row.reached(*floor) {
                Some(true) => "reached",
                Some(false) => "**not reached**",
                None => "not measured",
            })
            .collect();
        let limits = if limits.is_empty() { "–".to_owned() } else { limits.join("; ") };
        let _ = writeln!(
            out,
            "| {} | {} {unit} | {} {unit} | {times} | {limits} | {part} | {} | {} |",
            row.what,
            number(row.ours()),
            number(row.theirs()),
            floors.join(", "),
            reached.join(", "),
            unit = row.unit,
        );
    }
    spent(rows, &mut out);
    for row in rows {
        let limits = row.limits.iter().map(|limit| (limit.what, &limit.side));
        for (who, side) in [("this program", &row.program), ("the reference", &row.reference)].into_iter().chain(limits)
        {
            if let Some(failures) = side.failures() {
                let _ = writeln!(out, "\n{}, {who}: {failures}", row.what);
            }
        }
    }
    out
}

/// Latencies, and where the processor time goes. The latter is the part that a busy machine changes least.
fn spent(rows: &[Row], out: &mut String) {
    out.push_str("\nMilliseconds to an answer under this load, and microseconds of processor time for each, and the rate of each round:\n\n");
    out.push_str(
        "| | | p50 | p99 | p99.9 | server | Postgres | generator | rounds |\n|---|---|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let limits = row.limits.iter().map(|limit| (limit.what, &limit.side));
        let all = [("this program", &row.program), ("reference", &row.reference)].into_iter().chain(limits);
        for (who, side) in all.filter(|(_, side)| side.rate().is_some()) {
            let latency = |part| side.percentile(part).map_or("–".to_owned(), |value| format!("{value:.2}"));
            let spent = side.spent().map_or([None; 3], |all| all.map(|one| Some(one).filter(|one| *one > 0.0)));
            let [server, postgres, generator] = spent.map(number);
            let (p50, p99, p999) = (latency(0.5), latency(0.99), latency(0.999));
            let rounds: Vec<String> = side.0.iter().map(|one| number(Some(one.rate()))).collect();
            let rounds = rounds.join(" · ");
            let _ = writeln!(
                out,
                "| {} | {who} | {p50} | {p99} | {p999} | {server} | {postgres} | {generator} | {rounds} |",
                row.what
            );
        }
    }
}
