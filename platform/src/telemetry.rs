//! What does a process say about itself? Logs on stderr, and metrics that the admin listener renders.

mod runtime;

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

pub use runtime::report;

/// Buckets of every histogram whose name ends in `_seconds`: 50 µs to 10 s.
const SECONDS_BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Buckets of every histogram whose name ends in `_count`: how many in one batch or page.
const COUNT_BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// What is logged and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryArgs {
    /// Form of the log lines, which go to stderr. [default: human on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT", value_name = "FORM", global = true)]
    pub log_format: Option<LogFormat>,

    /// What is logged: a level, or directives such as `info,query_service=debug`.
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = "info", global = true)]
    pub log: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for a person.
    Human,
    /// One JSON object a line.
    Json,
}

/// What renders the metrics of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// All metrics in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what histograms have buffered. To be called every few seconds; [`report`] does.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Installs logs and metrics for the process. Later calls change nothing and return the same
/// metrics, so that every role and every test may call it.
///
/// # Errors
/// A filter that cannot be read; another metrics recorder that is already installed.
pub fn install(args: &TelemetryArgs) -> anyhow::Result<Metrics> {
    static LOGS: OnceLock<()> = OnceLock::new();
    let filter = EnvFilter::try_new(&args.log).with_context(|| format!("LOG={:?} is no filter", args.log))?;
    LOGS.get_or_init(|| logs(filter, args.log_format));
    metrics()
}

/// The metrics of the process, installed at the first call.
///
/// # Errors
/// When another recorder is already installed.
pub fn metrics() -> anyhow::Result<Metrics> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = installed.as_ref() {
        return Ok(Metrics(handle.clone()));
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_count".to_owned()), &COUNT_BUCKETS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| anyhow!("installing the metrics recorder: {error}"))?;
    *installed = Some(handle.clone());
    Ok(Metrics(handle))
}

fn logs(filter: EnvFilter, format: Option<LogFormat>) {
    let on_terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if on_terminal { LogFormat::Human } else { LogFormat::Json });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Where stderr is closed nothing can be said of that either: printing it would panic whoever logs.
    let lines = lines.log_internal_errors(false);
    // Somebody else's subscriber (a test's) may be there already: then its lines are as good.
    let _already = match format {
        LogFormat::Human => lines.with_ansi(on_terminal).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_gives_the_same_metrics_with_buckets() {
        let args = TelemetryArgs { log_format: None, log: "info".to_owned() };
        let first = install(&args).expect("the first time");
        metrics::histogram!("brewing_seconds").record(0.003);
        let second = install(&args).expect("the second time");
        assert!(second.render().contains("brewing_seconds_bucket{le=\"0.005\"} 1"), "{}", first.render());
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let args = TelemetryArgs { log_format: None, log: "info,=,".to_owned() };
        assert!(install(&args).is_err());
    }
}
