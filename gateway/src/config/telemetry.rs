//! Where traces and metrics go, by the names that OpenTelemetry gives these settings. Nothing goes anywhere by default.
//!
//! Read by the library itself: `OTEL_RESOURCE_ATTRIBUTES`, and `OTEL_BSP_…` for the bounds of the queue of spans
//! (2,048 spans, sent every 5 s or by 512).

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use percent_encoding::percent_decode_str;

use super::WrongSetting;

/// No `Debug`: the headers hold the collector's key.
#[derive(Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetrySettings {
    /// OpenTelemetry collector (OTLP over HTTP); traces go to URL/v1/traces, metrics to URL/v1/metrics. Off without it.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// The whole address for traces, instead.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", value_name = "URL")]
    pub otlp_traces_endpoint: Option<String>,

    /// The whole address for metrics, instead.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", value_name = "URL")]
    pub otlp_metrics_endpoint: Option<String>,

    /// Headers for the collector: name=value,name=value.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", value_name = "HEADERS", hide_env_values = true)]
    pub otlp_headers: Option<String>,

    /// Form of what is sent; there is one.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", default_value = "http/protobuf", value_parser = ["http/protobuf"], value_name = "PROTOCOL")]
    pub otlp_protocol: String,

    /// Longest wait for the collector, in milliseconds.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TIMEOUT", default_value_t = 10_000, value_name = "MILLISECONDS")]
    pub otlp_timeout: u64,

    /// Which requests are traced: parentbased_traceidratio, traceidratio, parentbased_always_on, always_on,
    /// parentbased_always_off or always_off. The parent-based ones do as the client's traceparent says, if it sent one.
    #[arg(long, env = "OTEL_TRACES_SAMPLER", default_value = "parentbased_traceidratio", value_name = "SAMPLER")]
    pub traces_sampler: String,

    /// The part of requests that a ratio traces, from 0 to 1.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value_t = 0.1, value_name = "RATIO")]
    pub traces_sampler_arg: f64,

    /// Time from one sending of the metrics to the next, in milliseconds.
    #[arg(long, env = "OTEL_METRIC_EXPORT_INTERVAL", default_value_t = 60_000, value_name = "MILLISECONDS")]
    pub metric_export_interval: u64,

    /// Whether traces are sent: otlp or none.
    #[arg(long, env = "OTEL_TRACES_EXPORTER", default_value = "otlp", value_parser = ["otlp", "none"], value_name = "EXPORTER")]
    pub traces_exporter: String,

    /// Whether metrics are sent: otlp or none.
    #[arg(long, env = "OTEL_METRICS_EXPORTER", default_value = "otlp", value_parser = ["otlp", "none"], value_name = "EXPORTER")]
    pub metrics_exporter: String,

    /// What the program calls itself.
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME")]
    pub service_name: Option<String>,

    /// true sends nothing, whatever else is set.
    #[arg(long, env = "OTEL_SDK_DISABLED", default_value = "false", value_name = "true|false")]
    pub otel_disabled: String,
}

/// What is sent where, checked.
#[derive(Clone)]
pub struct Otlp {
    /// The whole address; `None` sends no traces.
    pub traces: Option<String>,
    /// The whole address; `None` sends no metrics.
    pub metrics: Option<String>,
    pub headers: HashMap<String, String>,
    pub timeout: Duration,
    pub sampling: Sampling,
    pub interval: Duration,
    pub service_name: Option<String>,
}

/// Which requests are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Where a client sent a traceparent, it has decided.
    pub parent_based: bool,
    /// Of the others, from 0 to 1.
    pub ratio: f64,
}

const COLLECTOR: &str = "http://collector:4318";

impl TelemetrySettings {
    pub fn otlp(&self) -> Result<Otlp, WrongSetting> {
        let on = !self.otel_disabled.eq_ignore_ascii_case("true");
        let address = |own: &Option<String>, own_name, path: &str, exporter: &str| {
            if !on || exporter == "none" {
                return Ok(None);
            }
            match (said(own), said(&self.otlp_endpoint)) {
                (Some(own), _) => checked(own, own_name).map(Some),
                (None, Some(base)) => {
                    checked(base, "--otlp-endpoint (OTEL_EXPORTER_OTLP_ENDPOINT)")?;
                    Ok(Some(format!("{}{path}", base.trim_end_matches('/'))))
                }
                (None, None) => Ok(None),
            }
        };
        let traces_name = "--otlp-traces-endpoint (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)";
        let metrics_name = "--otlp-metrics-endpoint (OTEL_EXPORTER_OTLP_METRICS_ENDPOINT)";
        Ok(Otlp {
            traces: address(&self.otlp_traces_endpoint, traces_name, "/v1/traces", &self.traces_exporter)?,
            metrics: address(&self.otlp_metrics_endpoint, metrics_name, "/v1/metrics", &self.metrics_exporter)?,
            headers: self.headers()?,
            timeout: milliseconds(self.otlp_timeout, "--otlp-timeout (OTEL_EXPORTER_OTLP_TIMEOUT)", "10000")?,
            sampling: self.sampling()?,
            interval: milliseconds(
                self.metric_export_interval,
                "--metric-export-interval (OTEL_METRIC_EXPORT_INTERVAL)",
                "60000",
            )?,
            service_name: said(&self.service_name).map(str::to_owned),
        })
    }

    fn headers(&self) -> Result<HashMap<String, String>, WrongSetting> {
        // The values are secret: no part of them is repeated in the error.
        let wrong = || {
            WrongSetting::new(
                "--otlp-headers (OTEL_EXPORTER_OTLP_HEADERS)",
                "is not a list of name=value",
                "authorization=Bearer%20KEY",
            )
        };
        let pairs = said(&self.otlp_headers).unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
                let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| wrong())?;
                let name: http::HeaderName = name.trim().parse().map_err(|_| wrong())?;
                http::HeaderValue::from_str(&value).map_err(|_| wrong())?;
                Ok((name.as_str().to_owned(), value.into_owned()))
            })
            .collect()
    }

    fn sampling(&self) -> Result<Sampling, WrongSetting> {
        let ratio = self.traces_sampler_arg;
        if !(0.0..=1.0).contains(&ratio) {
            let problem = format!("{ratio} is not between 0 and 1");
            return Err(WrongSetting::new("--traces-sampler-arg (OTEL_TRACES_SAMPLER_ARG)", problem, "0.1"));
        }
        let (parent_based, kind) = match self.traces_sampler.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, self.traces_sampler.as_str()),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => {
                return Err(WrongSetting::new(
                    "--traces-sampler (OTEL_TRACES_SAMPLER)",
                    format!("{:?} is none of the samplers", self.traces_sampler),
                    "parentbased_traceidratio",
                ));
            }
        };
        Ok(Sampling { parent_based, ratio })
    }
}

/// An empty variable counts as none, as OpenTelemetry has it.
fn said(setting: &Option<String>) -> Option<&str> {
    setting.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// The address may hold a password and is not repeated.
fn checked(url: &str, name: &'static str) -> Result<String, WrongSetting> {
    let uri = url.parse::<http::Uri>().ok();
    let good = uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    if good { Ok(url.to_owned()) } else { Err(WrongSetting::new(name, "is no http or https URL", COLLECTOR)) }
}

fn milliseconds(count: u64, name: &'static str, example: &'static str) -> Result<Duration, WrongSetting> {
    if count == 0 {
        return Err(WrongSetting::new(name, "must be at least 1", example));
    }
    Ok(Duration::from_millis(count))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        telemetry: TelemetrySettings,
    }

    fn otlp(arguments: &[&str]) -> Result<Otlp, WrongSetting> {
        Cli::parse_from([&["prefecture"], arguments].concat()).telemetry.otlp()
    }

    #[test]
    fn nothing_goes_anywhere_unless_it_is_said_where() {
        let off = otlp(&[]).unwrap();
        assert_eq!((off.traces, off.metrics), (None, None));
        let disabled = otlp(&["--otlp-endpoint", "http://c:4318", "--otel-disabled", "TRUE"]).unwrap();
        assert_eq!((disabled.traces, disabled.metrics), (None, None));
    }

    #[test]
    fn one_address_gives_both_and_each_can_have_its_own() {
        let both = otlp(&["--otlp-endpoint", "http://c:4318/"]).unwrap();
        assert_eq!(both.traces.as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(both.metrics.as_deref(), Some("http://c:4318/v1/metrics"));
        let one = otlp(&["--otlp-traces-endpoint", "https://t/in"]).unwrap();
        assert_eq!((one.traces.as_deref(), one.metrics), (Some("https://t/in"), None));
        let none = otlp(&["--otlp-endpoint", "http://c:4318", "--traces-exporter", "none"]).unwrap();
        assert_eq!(none.traces, None);
    }

    #[test]
    fn samplers_by_the_names_of_the_standard() {
        let sampling =
            |name| otlp(&["--traces-sampler", name, "--traces-sampler-arg", "0.5"]).map(|otlp| otlp.sampling);
        assert_eq!(sampling("parentbased_traceidratio").unwrap(), Sampling { parent_based: true, ratio: 0.5 });
        assert_eq!(sampling("always_on").unwrap(), Sampling { parent_based: false, ratio: 1.0 });
        assert_eq!(sampling("parentbased_always_off").unwrap(), Sampling { parent_based: true, ratio: 0.0 });
        assert!(sampling("sometimes").is_err());
        assert!(otlp(&["--traces-sampler-arg", "2"]).is_err());
    }

    #[test]
    fn headers_are_decoded_and_never_repeated_in_an_error() {
        let good = otlp(&["--otlp-headers", "authorization=Bearer%20k,x-tenant=a=b"]).unwrap().headers;
        assert_eq!(good.get("authorization").map(String::as_str), Some("Bearer k"));
        assert_eq!(good.get("x-tenant").map(String::as_str), Some("a=b"));
        for (name, wrong) in [("--otlp-headers", "sesame"), ("--otlp-endpoint", "ftp://u:sesame@h")] {
            let error = otlp(&[name, wrong]).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| !error.contains("sesame")), "{name}");
        }
    }
}
