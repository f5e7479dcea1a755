use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::{env, io};

use assert_cmd::assert::Assert;
use support::{PATIENCE, Terminal, skipped};

/// A program from elsewhere that is installed on this machine.
pub struct Tool {
    program: PathBuf,
    /// What stands before the arguments of each test.
    always: &'static [&'static str],
}

/// netcat; `None`, and the test is to return, where the OpenBSD one is missing. Others have other
/// options.
#[track_caller]
pub fn nc() -> Option<&'static Tool> {
    static NC: LazyLock<Result<Tool, String>> = LazyLock::new(|| {
        let help = printed_by("nc", &["-h"])?;
        if !help.contains("OpenBSD") {
            return Err("nc is not the OpenBSD netcat".into());
        }
        // Numbers instead of names, which would have to be looked up.
        Ok(Tool { program: "nc".into(), always: &["-n"] })
    });
    found(&NC)
}

/// socat; `None`, and the test is to return, where it is missing.
#[track_caller]
pub fn socat() -> Option<&'static Tool> {
    static SOCAT: LazyLock<Result<Tool, String>> = LazyLock::new(|| {
        printed_by("socat", &["-V"])?;
        // It reports the port where it listens, and it waits for the rest of an answer.
        Ok(Tool { program: "socat".into(), always: &["-d", "-d", "-t", "30"] })
    });
    found(&SOCAT)
}

/// Python 3, whose first argument is a script; `None`, and the test is to return, where it is missing.
#[track_caller]
pub fn python() -> Option<&'static Tool> {
    static PYTHON: LazyLock<Result<Tool, String>> = LazyLock::new(|| {
        // What is named python3 may be a launcher that takes its time at each start.
        let itself = printed_by("python3", &["-c", "import sys; print(sys.executable)"])?;
        // UTF-8 whatever the locale says, printed at once, and nothing that this machine adds.
        let always = &["-X", "utf8", "-u", "-I", "-S", "-c"];
        Ok(Tool { program: itself.trim_end().into(), always })
    });
    found(&PYTHON)
}

#[track_caller]
fn found(tool: &'static Result<Tool, String>) -> Option<&'static Tool> {
    match tool {
        Ok(tool) => Some(tool),
        Err(why) if env::var_os("SOCKETS_REQUIRE_PEERS").is_some_and(|value| value == "1") => {
            panic!("{why}, and SOCKETS_REQUIRE_PEERS=1 wants every peer")
        }
        Err(why) => {
            skipped(why);
            None
        }
    }
}

/// All that a program prints, on either stream.
fn printed_by(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = assert_cmd::Command::new(program);
    let output = command.args(arguments).timeout(PATIENCE).output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{program} is not installed"),
        _ => format!("{program} does not run: {error}"),
    })?;
    if !output.status.success() {
        return Err(format!("{program} does not run: {}", output.status));
    }
    let printed = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

impl Tool {
    /// The command that runs it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.always).args(arguments);
        command
    }

    /// Starts it in the background.
    pub fn start(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(self.command(arguments))
    }

    /// Runs it to its end with `input` on its standard input, and asserts that it succeeded: what it
    /// printed on standard output.
    #[track_caller]
    pub fn run(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Vec<u8> {
        let mut command = assert_cmd::Command::from_std(self.command(arguments));
        let ended = command.write_stdin(input).timeout(PATIENCE).assert().success();
        ended.get_output().stdout.clone()
    }
}

/// Runs one of our own programs to its end: how it ended, to be asserted.
pub fn finish(program: Command) -> Assert {
    assert_cmd::Command::from_std(program).timeout(PATIENCE).assert()
}

/// The port where nc or socat says that it listens: `Bound on 127.0.0.1 40123`,
/// `… listening on AF=2 127.0.0.1:40123`.
#[track_caller]
pub fn reported_port(peer: &mut Terminal) -> u16 {
    peer.expect_error(" on ");
    let place = peer.expect_error("\n");
    let port = place.trim_end().rsplit([' ', ':']).next().and_then(|port| port.parse().ok());
    port.unwrap_or_else(|| panic!("no port: {place:?}"))
}
