//! How fast is it, against what is possible? Each goal is a ratio, its two sides taken in turn on the same machine.

mod append;
mod bed;
mod company;
pub(crate) mod cpu;
mod crowd;
mod fanout;
mod goal;
mod history;
mod idle;
mod latency;
mod listener;
mod pgbench;
mod poster;
mod project;
mod raw;
mod reader;
mod rebuild;
mod replay;
mod signin;
mod sink;
mod stage;
mod table;
mod tally;
mod turns;
mod written;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use bed::Bed;
use goal::Goal;
pub use pgbench::NoPgbench;

/// Measures the goals of one part of the system, on servers of its own.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// The part.
    #[arg(value_enum)]
    part: Part,

    /// Repetitions; each takes both sides twice: ours, reference, reference, ours.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,

    /// Posts, or pages, of one side in one turn. A single poster makes a tenth of it.
    #[arg(long, value_name = "N", default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(256..=1_000_000))]
    posts: u32,

    /// Events that are projected in a turn of `project`, that `rebuild` makes a model of, and that `replay` reads.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    events: Option<u32>,
    /// Sockets; each part has its own default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    sockets: Option<u32>,

    /// Deliveries to sockets of one side in one turn, at least.
    #[arg(long, value_name = "N", default_value_t = 128_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    deliveries: u32,

    /// With sockets: only what holds on a busy machine too (P5b, P6), with few of them.
    #[arg(long)]
    short: bool,

    /// `text`, or `json`: one object a goal.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Posting: P1, P1b, P1c and P2.
    Append,
    /// Reading pages of history: P4 and P4b. Needs pgbench; without it, it exits with 69.
    History,
    /// Projecting what waits in the log, 50,000 events a turn: P3.
    Project,
    /// Making a read model anew, of 1,000,000 events: P8.
    Rebuild,
    /// Replaying 1,000,000 events of the log for analysts: its rate, and that its memory does not grow.
    Replay,
    /// Posting while people sign in: P9.
    Signin,
    /// Delivering to the sockets of a room: P5 and P5b.
    Fanout,
    /// The memory of sockets that say nothing: P6.
    Idle,
    /// Delivering soon, also beside sockets that do not read: P7 and P10.
    Latency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Runs one part and prints its goals.
///
/// # Errors
/// When a goal's *must* is missed, or anything that was acknowledged is not there.
pub async fn run(args: BenchArgs) -> Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("This is a debug build: its figures say nothing about a release.");
    }
    let bed = Bed::start().await?;
    let measured = match args.part {
        Part::Append => append::measure(&bed, &args).await,
        Part::History => history::measure(&bed, &args).await,
        Part::Project => project::measure(&bed, &args).await,
        Part::Rebuild => rebuild::measure(&bed, &args).await,
        Part::Replay => replay::measure(&bed, &args).await,
        Part::Signin => signin::measure(&bed, &args).await,
        Part::Fanout => fanout::measure(&bed, &args).await,
        Part::Idle => idle::measure(&bed, &args).await,
        Part::Latency => latency::measure(&bed, &args).await,
    };
    // Also after a failure: what runs in processes of its own would outlive us.
    let stopped = bed.stop().await;
    let goals = measured?;
    stopped?;
    for goal in &goals {
        match args.output {
            Output::Text => println!("{goal}"),
            Output::Json => println!("{}", goal.json()),
        }
    }
    let missed: Vec<&str> = goals.iter().filter(|goal| !goal.holds()).map(Goal::name).collect();
    if !missed.is_empty() {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}
