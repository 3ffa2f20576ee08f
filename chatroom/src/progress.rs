//! How far is it? A bar where somebody looks, a line every few seconds where nobody does.

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// One phase. Its end is when it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: Option<JoinHandle<()>>,
}

impl Progress {
    /// Of so many, some of which may be done already.
    pub(crate) fn of(what: &'static str, all: u64, done: u64) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(all) } else { ProgressBar::hidden() };
        bar.set_length(all);
        let style =
            ProgressStyle::with_template("{msg:14} {bar:32} {human_pos}/{human_len}  {per_sec}  ETA {eta}  {prefix}");
        bar.set_style(style.expect("the template is valid"));
        bar.set_message(what);
        bar.set_position(done);
        bar.reset_eta();
        let lines = bar.is_hidden().then(|| tokio::spawn(say(what, bar.clone(), done)));
        Self { bar, lines }
    }

    pub(crate) fn inc(&self) {
        self.bar.inc(1);
    }

    pub(crate) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// What else there is to tell, beside the numbers.
    pub(crate) fn note(&self, words: &str) {
        self.bar.set_prefix(words.to_owned());
    }

    /// Says something without disturbing the bar.
    pub(crate) fn say(&self, words: &str) {
        self.bar.suspend(|| eprintln!("{words}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.abort();
            eprintln!("{}: {} of {}", self.bar.message(), self.bar.position(), self.bar.length().unwrap_or_default());
        }
        self.bar.finish_and_clear();
    }
}

async fn say(what: &'static str, bar: ProgressBar, before: u64) {
    let begun = Instant::now();
    let mut every = tokio::time::interval_at((begun + LINE_EVERY).into(), LINE_EVERY);
    loop {
        every.tick().await;
        let (done, all) = (bar.position(), bar.length().unwrap_or_default());
        let rate = done.saturating_sub(before) as f64 / begun.elapsed().as_secs_f64();
        let left = all.saturating_sub(done) as f64 / rate.max(0.001);
        eprintln!(
            "{what}: {done} of {all}, {rate:.0}/s, ETA {}  {}",
            HumanDuration(Duration::from_secs_f64(left.min(1e9))),
            bar.prefix()
        );
    }
}
