//! What the tests of the course share: a program in a [`Terminal`], as a reader starts it, and bare
//! sockets that speak to it.
//!
//! Every wait is bounded, and nothing is waited for by sleeping. What must come may take [`PATIENCE`],
//! so that a busy machine fails no test; what must not come is waited for only [`BRIEFLY`].

mod sockets;
mod terminal;

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

pub use sockets::*;
pub use terminal::*;

/// How long something that must come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The longest payload, in bytes, of a datagram that this system sends over IPv4 unless it was told
/// otherwise: what fits into an IP packet; on macOS what `net.inet.udp.maxdgram` allows.
pub const LONGEST_SENT: usize = if cfg!(target_os = "macos") { 9216 } else { 65_507 };

/// How long something that must not come is waited for.
pub const BRIEFLY: Duration = Duration::from_millis(200);

/// Says that this test was skipped, and why. Not with `eprintln!`: the harness hides what a test
/// prints that passes.
pub fn skipped(why: &str) {
    let test = thread::current().name().unwrap_or_default().to_owned();
    let line = format!("skipped: {why} ({test})\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The command that runs a lesson's program, by its name: `program!("07-echo-server")`. A name that no
/// program has does not compile.
#[macro_export]
macro_rules! program {
    ($name:literal $(, $argument:expr)* $(,)?) => {{
        let mut command = ::std::process::Command::new(env!(concat!("CARGO_BIN_EXE_", $name)));
        $(command.arg($argument);)*
        command
    }};
}
