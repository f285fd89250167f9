//! GETs that may come from the cache: how many did.

use domain::kinds::Kind;
use prometheus::IntCounter;

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
    /// In the order of the variants.
    const ALL: [&str; 4] = ["hit", "miss", "collapsed", "bypass"];
}

pub struct Cache {
    /// By [`Kind`] and [`Served`]: every GET counts here, and need not look for its counter.
    answers: Vec<[IntCounter; 4]>,
}

impl Cache {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "GETs that may come from the cache, by how they were answered";
        let answers = maker.counters_by("prefecture_cache_answers_total", help, &["kind", "outcome"]);
        let of = |kind: &Kind| Served::ALL.map(|served| answers.with_label_values(&[kind.as_str(), served]));
        Self { answers: Kind::ALL.iter().map(of).collect() }
    }

    pub fn answered(&self, kind: Kind, served: Served) {
        // There is one for each; a test holds it.
        if let Some(answers) = self.answers.get(kind as usize) {
            answers[served as usize].inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn each_kind_counts_as_itself() {
        let registry = Registry::new();
        let cache = Cache::new(&Maker::new(&registry));
        Kind::ALL.iter().for_each(|kind| cache.answered(*kind, Served::Bypass));
        for counter in registry.gather()[0].get_metric() {
            let bypass = counter.get_label().iter().any(|label| label.value() == "bypass");
            assert_eq!(counter.get_counter().get_value(), f64::from(u8::from(bypass)), "{counter:?}");
        }
        let kinds = cache.answers.iter().flatten().count() / Served::ALL.len();
        assert_eq!(kinds, Kind::ALL.len());
    }
}
