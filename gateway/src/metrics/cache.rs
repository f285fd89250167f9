//! GETs that may come from the cache: how many did.

use domain::kinds::Kind;
use prometheus::IntCounterVec;

use super::make::Maker;

/// How a GET was answered that may come from the cache.
#[derive(Debug, Clone, Copy)]
pub enum Served {
    /// From what is kept.
    Hit,
    /// Read from the database.
    Miss,
    /// From what another request was reading already.
    Collapsed,
    /// Read from the database, past a cache that is being written to, is off or away.
    Bypass,
}

impl Served {
    const ALL: [Served; 4] = [Served::Hit, Served::Miss, Served::Collapsed, Served::Bypass];

    fn name(self) -> &'static str {
        ["hit", "miss", "collapsed", "bypass"][self as usize]
    }
}

pub struct Cache {
    answers: IntCounterVec,
}

impl Cache {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "GETs that may come from the cache, by how they were answered";
        let answers = maker.counters_by("prefecture_cache_answers_total", help, &["kind", "outcome"]);
        for kind in Kind::ALL {
            Served::ALL.iter().for_each(|served| answers.with_label_values(&[kind.as_str(), served.name()]).inc_by(0));
        }
        Self { answers }
    }

    pub fn answered(&self, kind: Kind, served: Served) {
        self.answers.with_label_values(&[kind.as_str(), served.name()]).inc();
    }
}
