//! The log: to standard error, as text or as JSON lines; its level can be changed while the program runs. Beside it, where
//! they are wanted, the spans that go to a collector. At no level does the log hold a key, a body or a row.
//!
//! The access log is one line a request at the target `access`, off unless it is asked for. See the README for its fields.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use opentelemetry_sdk::trace::SdkTracer;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, FilterFn, ParseError, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt};

use crate::config::WrongSetting;
use crate::telemetry::SPANS;

/// What speaks below warnings. Libraries do not, whatever the filter says: they write what passes through them, messages
/// with keys, headers, parameters of statements.
const OURS: [&str; 6] = ["gateway", "tenant_store", "domain", "wire", "prefecture", ACCESS];
const ACCESS: &str = "access";
const SETTING: &str = "--log (PREFECTURE_LOG)";
const EXAMPLE: &str = "info,gateway::edge=debug";

/// The one log of the process.
static LEVEL: OnceLock<LogLevel> = OnceLock::new();

/// What is logged, as it was last said.
pub struct LogLevel {
    levels: Levels,
    said: Mutex<String>,
    access: bool,
}

/// The levels as they are now. They are asked once for each place that speaks, and again when they change;
/// `tracing_subscriber::reload` would have every step of every request's span meet at one lock.
#[derive(Clone)]
struct Levels(Arc<RwLock<Targets>>);

impl Levels {
    fn now(&self) -> RwLockReadGuard<'_, Targets> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, targets: Targets) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = targets;
        tracing::callsite::rebuild_interest_cache();
    }
}

impl<S> Filter<S> for Levels {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Filter::enabled(&*self.now(), metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&*self.now(), metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&*self.now())
    }
}

/// Begins to log. `access` writes a line for each request; `tracer` makes the spans for a collector.
pub fn start(filter: &str, format: &str, access: bool, tracer: Option<SdkTracer>) -> Result<(), WrongSetting> {
    let levels = Levels(Arc::new(RwLock::new(compose(filter, access)?)));
    let ours = FilterFn::new(may_speak).with_max_level_hint(LevelFilter::TRACE);
    let log = fmt::layer().with_writer(std::io::stderr);
    let log: Box<dyn Layer<Registry> + Send + Sync> = match format {
        // A line of the access log is told from others by its target.
        "json" => log.json().flatten_event(true).boxed(),
        _ => log.with_target(false).with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            .with_target(false)
            .with_filter(FilterFn::new(is_sent).with_max_level_hint(LevelFilter::INFO))
    });
    let subscriber = tracing_subscriber::registry().with(log.with_filter(levels.clone().and(ours)));
    // Set once, at the start of the program. A layer that is `None` would have every span made for nobody.
    let set = match spans {
        Some(spans) => subscriber.with(spans).try_init(),
        None => subscriber.try_init(),
    };
    if set.is_ok() {
        let _ = LEVEL.set(LogLevel { levels, said: Mutex::new(filter.to_owned()), access });
    }
    Ok(())
}

/// `None` before the log began.
pub fn level() -> Option<&'static LogLevel> {
    LEVEL.get()
}

impl LogLevel {
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs by this filter from now on.
    pub fn change(&self, filter: &str) -> Result<(), WrongSetting> {
        let composed = compose(filter, self.access)?;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.levels.change(composed);
        tracing::warn!(from = said.as_str(), to = filter, "the log level was changed");
        filter.clone_into(&mut said);
        Ok(())
    }
}

/// A filter that says nothing of the access log has it as the setting says.
fn compose(filter: &str, access: bool) -> Result<Targets, WrongSetting> {
    let directives: Vec<&str> = filter.split(',').map(str::trim).collect();
    // The library takes much for the name of a module, or nothing for a level, and then is silent about it.
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let is_module = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
    };
    let is_clear = |directive: &str| match directive.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(directive),
    };
    if let Some(unclear) = directives.iter().find(|directive| !is_clear(directive)) {
        let why = format!("{unclear:?} is no level (error, warn, info, debug, trace, off), nor module=level");
        return Err(WrongSetting::new(SETTING, why, EXAMPLE));
    }
    let named = directives.iter().any(|directive| directive.split('=').next() == Some(ACCESS));
    let filter = directives.join(",");
    let whole = match (named, access) {
        (true, _) => filter,
        (false, true) => format!("{filter},{ACCESS}=info"),
        (false, false) => format!("{filter},{ACCESS}=off"),
    };
    // Levels by target and nothing else: a filter that looks into spans would be asked at every step of every request.
    whole.parse().map_err(|error: ParseError| WrongSetting::new(SETTING, error, EXAMPLE))
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN || OURS.contains(&metadata.target().split("::").next().unwrap_or_default())
}

fn is_sent(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == SPANS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        let wrong =
            ["inof", "nonsense", "", "info,gateway", "x\r\ny", "info,gateway=loud", "info,", "=info", "gateway="];
        let spans = ["[request]=debug", "gateway[request]=trace", "gateway =debug", "gateway=a=debug"];
        for filter in wrong.into_iter().chain(spans) {
            assert!(compose(filter, false).is_err(), "{filter:?}");
        }
        for filter in ["info", "WARN", "off", "info,gateway::edge=debug", "warn,gateway=trace"] {
            assert!(compose(filter, false).is_ok(), "{filter:?}");
        }
    }

    #[test]
    fn the_access_log_is_as_the_setting_says_unless_the_filter_names_it() {
        let composed = |filter, access| compose(filter, access).unwrap().to_string();
        assert!(composed("info", false).contains("access=off"));
        assert!(composed("debug", true).contains("access=info"));
        assert!(composed("info,access=debug", false).contains("access=debug"));
        assert!(composed(" info , access=debug", false).split(',').any(|directive| directive == "access=debug"));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_one_that_can() {
        let error = compose("gateway=loudly", false).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("PREFECTURE_LOG") && error.contains(EXAMPLE)));
        assert!(compose(EXAMPLE, false).is_ok());
    }
}
