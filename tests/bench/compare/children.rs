use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use support::{PATIENCE, peak_memory, prepare_to_end};

/// A server whose output nobody waits for. A [`support::Terminal`] reads it in a thread, which the
/// server would wake up with each line; here it fills a pipe, and we empty that now and then.
pub struct Unwatched {
    child: Killed,
    output: ChildStdout,
    printed: Vec<u8>,
    pub address: SocketAddr,
}

impl Unwatched {
    /// Starts a server and waits for its ready line.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        prepare_to_end(&mut command);
        let mut child = Killed(command.spawn().context("cannot start it")?);
        let output = child.0.stdout.take().context("its output is a pipe")?;
        let (output, address) = ready(output)?;
        fcntl_setfl(&output, OFlags::NONBLOCK)?;
        Ok(Self { child, output, printed: vec![0; PIPE], address })
    }

    /// Takes out of the pipe what was printed. A server that finds it full would wait.
    pub fn empty_pipe(&mut self) {
        while let Ok(1..) = self.output.read(&mut self.printed) {}
    }

    pub fn peak_memory(&self) -> Result<u64> {
        peak_memory(self.child.0.id()).context("a running program says how much memory it has")
    }
}

/// How many bytes a pipe holds (pipe(7)).
const PIPE: usize = 64 * 1024;

/// A process that is killed and reaped when this goes out of scope.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads the ready line, for [`PATIENCE`] at most: the address in it.
fn ready(output: ChildStdout) -> Result<(ChildStdout, SocketAddr)> {
    let (printed, first_line) = mpsc::channel();
    thread::spawn(move || {
        let (mut output, mut line) = (BufReader::new(output), String::new());
        let read = output.read_line(&mut line);
        printed.send(read.map(|_| (output.into_inner(), line)))
    });
    let (output, line) = first_line.recv_timeout(PATIENCE).context("no ready line came")??;
    let address = line.trim_end().strip_prefix("listening on ");
    let address = address.and_then(|address| address.parse().ok());
    Ok((output, address.with_context(|| format!("no ready line: {line:?}"))?))
}

/// Looks again and again at the peak memory of a process that ends by itself, since nobody can be
/// asked afterwards.
pub struct PeakWatch {
    stop: mpsc::Sender<()>,
    watcher: JoinHandle<u64>,
}

impl PeakWatch {
    pub fn start(process: u32) -> Self {
        let (stop, stopped) = mpsc::channel();
        let watcher = thread::spawn(move || {
            let mut peak = 0;
            loop {
                peak = peak_memory(process).unwrap_or(peak);
                if stopped.recv_timeout(Duration::from_millis(10)) != Err(RecvTimeoutError::Timeout)
                {
                    return peak;
                }
            }
        });
        Self { stop, watcher }
    }

    /// The peak memory in KiB.
    pub fn end(self) -> u64 {
        drop(self.stop);
        self.watcher.join().unwrap_or(0)
    }
}

/// Why a tool cannot be used here, if so: `socat: not installed`.
pub fn missing(tool: &str, ask_version: &str) -> Option<String> {
    let mut command = Command::new(tool);
    command.arg(ask_version).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = command.status().is_ok_and(|status| status.success());
    (!works).then(|| format!("{tool}: not installed"))
}

/// Keeps this thread, and each thread and program that it starts from now on, on one core: its number.
pub fn pin_to_one_core() -> Result<usize> {
    let allowed = sched_getaffinity(None)?;
    // The last one: the system's own work is often done on the first.
    let core = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core));
    let core = core.context("this program may run on no core")?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).context("cannot pin to one core")?;
    Ok(core)
}
