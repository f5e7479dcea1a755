mod bare;
mod children;
mod contest;
mod download;
mod group_chat;
mod round_trips;
mod table;

use std::path::{Path, PathBuf};
use std::{env, fs, process, thread};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sockets_by_example::program::Seconds;

use bare::Bare;
use children::pin_to_one_core;
use contest::Contest;
use table::Table;

/// Measures the programs of the course beside bare loops and the usual tools, and prints one table.
#[derive(Parser)]
struct Args {
    /// The length of the file that is downloaded, in MiB
    #[arg(long, value_name = "MIB", default_value = "512")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    mebibytes: u64,
    /// How many turns each contender has
    #[arg(long, value_name = "COUNT", default_value = "11")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a turn is that is not a download
    #[arg(long, value_name = "SECONDS", default_value = "0.5")]
    seconds: Seconds,
    /// Measure: what `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    bare: Option<Bare>,
}

/// Everything, or, when this program was started by itself, one bare contender.
pub fn run() -> Result<()> {
    // `cargo test --all-targets` starts this as well, and has nothing to test here.
    if !env::args().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured: cargo bench --bench compare");
        return Ok(());
    }
    let args = Args::parse();
    match &args.bare {
        Some(bare) => bare.run(),
        None => compare(&args),
    }
}

fn compare(args: &Args) -> Result<()> {
    let contest = Contest { rounds: args.rounds, duration: args.seconds.0 };
    let mut table = Table::default();
    let cores = thread::available_parallelism()?;
    let load = load_average()?;
    // Before anything is measured: it may be refused.
    group_chat::allow_sockets()?;

    let folder = temporary_folder()?;
    download::compare(&contest, folder.path(), args.mebibytes << 20, &mut table)?;
    folder.close().context("cannot remove the temporary folder")?;

    // In the rest, one side always waits for the other. On two cores that would measure how soon the
    // system wakes a core up: five times what the programs do.
    let core = pin_to_one_core()?;
    round_trips::compare(&contest, &mut table);
    group_chat::compare(&contest, &mut table);

    let Args { mebibytes, rounds, seconds, .. } = args;
    print!(
        "Ratio: ours by theirs, above 1 ours is faster. {cores} cores, loopback, load {load} before it began.\n\
         It is the median of {rounds} rounds in which all contenders took turns, beside it the least and the most.\n\
         Downloads: {mebibytes} MiB from the page cache; 1 GB is 10^9 bytes. The rest: turns of {seconds}, servers and\n\
         peers all on core {core}; 1 k is 1000 round trips or deliveries. What our servers print fills a pipe.\n\
         Peak memory: VmHWM of our server and, where the download is stored, of our client.\n\n{table}"
    );
    ensure!(table.is_whole(), "not everything could be measured: see the remarks");
    Ok(())
}

/// How many programs want to run on average, in the last minute: with the machine to ourselves, 0.
fn load_average() -> Result<String> {
    let averages = fs::read_to_string("/proc/loadavg").context("cannot read the load average")?;
    Ok(averages.split(' ').next().unwrap_or_default().to_owned())
}

/// A folder for the files that are downloaded, on the file system that we build on: what is in memory
/// alone (as /tmp may be) would be stored faster than a reader stores it.
fn temporary_folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.context("cannot make a temporary folder")?;
    remove_when_interrupted(folder.path())?;
    Ok(folder)
}

fn remove_when_interrupted(folder: &Path) -> Result<()> {
    let folder = PathBuf::from(folder);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = fs::remove_dir_all(&folder);
            process::exit(1);
        }
    });
    Ok(())
}
