//! Standard output when it is a pipe, and a thread that waits for the keyboard: what can be seen
//! only from outside, of a program of its own.

use std::io::{self, Write, stdin};
use std::sync::mpsc;
use std::thread;

use support::{BRIEFLY, Terminal};

use crate::program::{is_played, program};

/// The next line that was typed, or nothing when the input has ended.
fn typed() -> String {
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Prints "said" in the way that was typed, and then waits until it is killed.
#[test]
#[ignore = "a program that other tests start"]
fn a_program_that_prints() {
    if !is_played() {
        return;
    }
    match typed().as_str() {
        "println" => println!("said"),
        "print" => print!("said"),
        "print and flush" => {
            print!("said");
            io::stdout().flush().unwrap();
        }
        other => panic!("print how? {other:?}"),
    }
    eprintln!("printed");
    typed();
}

/// All that came out of the program before it was killed: what it had only kept for later is lost
/// with it.
fn output_until_killed(how: &str) -> String {
    let mut terminal = Terminal::start(program("terminal::a_program_that_prints"));
    terminal.type_line(how);
    terminal.expect_error("printed\n");
    terminal.kill();
    terminal.wait().output
}

/// std sends standard output on at the end of every line, into a pipe too (`std::io::Stdout`): C
/// would keep the lines until its buffer is full.
#[test]
fn println_into_a_pipe_is_out_at_once() {
    assert!(output_until_killed("println").ends_with("said\n"));
}

/// Less than a line stays in the program until something flushes it.
#[test]
fn print_into_a_pipe_stays_in_the_program() {
    assert!(!output_until_killed("print").contains("said"));
}

/// A prompt needs a flush (`std::print`).
#[test]
fn print_and_flush_into_a_pipe_is_out_at_once() {
    assert!(output_until_killed("print and flush").ends_with("said"));
}

/// Joins a thread that waits for the keyboard, in vain, and then lets `main` end.
#[test]
#[ignore = "a program that other tests start"]
fn a_program_with_a_thread_at_the_keyboard() {
    if !is_played() {
        return;
    }
    let (lines, first) = mpsc::channel();
    let reader = thread::spawn(move || while lines.send(typed()).is_ok() {});
    println!("typed: {}", first.recv().unwrap());

    let (joined, answer) = mpsc::channel();
    thread::spawn(move || joined.send(reader.join()));
    let answer = answer.recv_timeout(BRIEFLY);
    assert!(matches!(answer, Err(mpsc::RecvTimeoutError::Timeout)), "the thread waits for a line");
    println!("main ends");
}

/// Nothing in std wakes a thread from `read_line`: who joins it waits for the next line. The end of
/// `main` ends the process with all its threads, while the keyboard is still there (`std::thread`,
/// "The threading model").
#[test]
fn the_end_of_main_ends_a_thread_that_waits_for_the_keyboard() {
    let mut terminal =
        Terminal::start(program("terminal::a_program_with_a_thread_at_the_keyboard"));
    terminal.type_line("hello");
    terminal.expect("typed: hello\n");
    terminal.expect("main ends\n");
    terminal.ends_with(0);
}

#[cfg(unix)]
mod closed_pipe {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{self, Child, ExitStatus, Stdio};

    use support::PATIENCE;

    use super::*;

    /// Prints in the way that was typed, and goes on until that fails: a pipe is closed when the
    /// last copy of its other end is, and a program that some test is just starting may hold one.
    #[test]
    #[ignore = "a program that other tests start"]
    fn a_program_that_prints_for_nobody() {
        if !is_played() {
            return;
        }
        println!("ready");
        match typed().as_str() {
            "println" => loop {
                println!("said");
            },
            "writeln" => loop {
                if let Err(refused) = writeln!(io::stdout(), "said") {
                    eprintln!("handled: {:?}", refused.kind());
                    process::exit(0);
                }
            },
            other => panic!("print how? {other:?}"),
        }
    }

    /// A child that is killed and reaped however the test ends.
    struct Ending(Child);

    impl Drop for Ending {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Does this in a thread of its own, and waits for it only so long: a pipe knows no timeout.
    #[track_caller]
    fn bounded<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, answer) = mpsc::channel();
        thread::spawn(move || done.send(work()));
        answer.recv_timeout(PATIENCE).expect("the program goes on")
    }

    /// Starts the program, closes the pipe that it prints into once it is ready, as `head` does,
    /// and lets it print: how it ended, and what it said on standard error.
    fn print_for_nobody(how: &str) -> (ExitStatus, String) {
        let mut command = program("terminal::closed_pipe::a_program_that_prints_for_nobody");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Ending(command.spawn().unwrap());
        let mut output = BufReader::new(child.0.stdout.take().unwrap());
        bounded(move || {
            let mut line = String::new();
            while !line.ends_with("ready\n") {
                assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended: {line}");
            }
        });
        writeln!(child.0.stdin.take().unwrap(), "{how}").unwrap();
        let mut errors = child.0.stderr.take().unwrap();
        let errors = bounded(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text).unwrap()
        });
        (child.0.wait().unwrap(), errors)
    }

    /// `println!` does not tell its program that nobody reads: it panics (`std::println`,
    /// "Panics"), and a program that panics ends with 101. (The test harness, in whose hands this
    /// program is, catches the panic and ends with the same status.)
    #[test]
    fn println_into_a_closed_pipe_panics() {
        let (status, errors) = print_for_nobody("println");
        assert!(errors.contains("failed printing to stdout: Broken pipe"), "{errors}");
        assert_eq!(status.code(), Some(101), "{errors}");
    }

    /// `writeln!` hands the error over, and the program may end as it likes.
    #[test]
    fn writeln_into_a_closed_pipe_is_an_error_to_handle() {
        let (status, errors) = print_for_nobody("writeln");
        assert_eq!(errors, "handled: BrokenPipe\n");
        assert_eq!(status.code(), Some(0));
    }
}

/// Rust programs start with SIGPIPE ignored, which is why they live to see `BrokenPipe`
/// (signal(7)); other programs that they start get the default back, which is to end.
#[test]
#[cfg(target_os = "linux")]
fn a_rust_program_ignores_the_signal_of_a_closed_pipe_and_its_children_do_not() {
    let ours = std::fs::read_to_string("/proc/self/status").unwrap();
    let child = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap();
    assert!(ignores_sigpipe(&ours));
    assert!(!ignores_sigpipe(&String::from_utf8(child.stdout).unwrap()));
}

/// Whether signal 13 is in the set of ignored signals (proc(5), /proc/pid/status: SigIgn).
#[cfg(target_os = "linux")]
fn ignores_sigpipe(status: &str) -> bool {
    const SIGPIPE: u32 = 13;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    ignored & (1 << (SIGPIPE - 1)) != 0
}
