//! Keys: whether memory knew them or the control database was asked.

use prometheus::IntCounter;

use super::make::Maker;

/// How a key was looked up.
#[derive(Debug, Clone, Copy)]
pub enum Lookup {
    /// Verified a moment ago.
    Remembered,
    /// The control database was asked.
    Asked,
    /// The control database is away, and the last good answer stood in.
    StoodIn,
    /// The control database is away, and nothing could stand in.
    Failed,
}

impl Lookup {
    /// In the order of the variants.
    const ALL: [&str; 4] = ["remembered", "asked", "stood_in", "failed"];
}

#[derive(Clone)]
pub struct Keys {
    /// By [`Lookup`]: every request counts here, and need not look for its counter.
    lookups: [IntCounter; 4],
}

impl Keys {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "Keys looked up: remembered, asked of the control database, or with it away";
        let lookups = maker.counters("prefecture_key_lookups_total", help, "outcome", &Lookup::ALL);
        Self { lookups: Lookup::ALL.map(|outcome| lookups.with_label_values(&[outcome])) }
    }

    pub fn looked_up(&self, lookup: Lookup) {
        self.lookups[lookup as usize].inc();
    }
}
