//! Keys: whether memory knew them or the control database was asked.

use prometheus::IntCounterVec;

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
    const ALL: [&str; 4] = ["remembered", "asked", "stood_in", "failed"];

    fn name(self) -> &'static str {
        Self::ALL[self as usize]
    }
}

#[derive(Clone)]
pub struct Keys {
    lookups: IntCounterVec,
}

impl Keys {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "Keys looked up: remembered, asked of the control database, or with it away";
        Self { lookups: maker.counters("prefecture_key_lookups_total", help, "outcome", &Lookup::ALL) }
    }

    pub fn looked_up(&self, lookup: Lookup) {
        self.lookups.with_label_values(&[lookup.name()]).inc();
    }
}
