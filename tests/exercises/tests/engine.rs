//! Programs that misbehave: each is ended within a few seconds, its learner is told so, and no process is
//! left behind.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use checks::check::{Broken, Exercise, Outcome, Promise};
use checks::report::report;
use checks::stage::{Stage, Subject};

/// How long the check of a program that misbehaves may take until its learner is told.
const SOON: Duration = Duration::from_secs(8);

/// `odd.rs`, compiled once.
fn odd() -> Subject {
    static PROGRAM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let program = folder.path().join(format!("odd{}", std::env::consts::EXE_SUFFIX));
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition=2024", "-o"]).arg(&program);
        rustc.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/odd.rs"));
        assert!(rustc.status().expect("rustc can be started").success());
        (folder, program)
    });
    Subject::plain("07-exercise", program.clone())
}

/// Checks `odd` with one promise: what became of it, and the report. It is over soon.
#[track_caller]
fn tried(check: fn(&mut Stage) -> Outcome) -> (Outcome, String) {
    let promise = Promise { name: "all is well", task: "Let all be well.", check };
    let exercise = Exercise {
        folder: "07-echo",
        title: "Echo",
        promises: Box::leak(Box::new([promise])),
        hints: &[],
        handed_out: "",
    };
    let subject = odd();
    let began = Instant::now();
    let mut outcomes = exercise.check(&subject).expect("a check does its own part");
    let took = began.elapsed();
    let report = report(&exercise, &outcomes);
    assert!(took < SOON, "it took {took:?}\n{report}");
    (outcomes.remove(0), report)
}

#[track_caller]
fn broken(check: fn(&mut Stage) -> Outcome) -> (Broken, String) {
    let (outcome, report) = tried(check);
    (outcome.expect_err("the promise is broken"), report)
}

/// By which the processes of one test are found.
fn mark(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

/// The numbers of the processes that run with this mark. A process that is dead but not reaped has no
/// command line any more.
#[cfg(target_os = "linux")]
fn processes(mark: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").expect("/proc is there").flatten() {
        let Some(number) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if line.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()) {
            found.push(number);
        }
    }
    found
}

#[track_caller]
fn assert_nobody_is_left(mark: &str) {
    #[cfg(target_os = "linux")]
    {
        // SIGKILL was sent; the end of a process takes a moment.
        let deadline = Instant::now() + Duration::from_secs(2);
        while !processes(mark).is_empty() {
            assert!(Instant::now() < deadline, "left behind: {:?}", processes(mark));
            std::thread::yield_now();
        }
    }
    let _ = mark;
}

#[test]
fn a_program_that_hangs_is_ended() {
    let (broken, report) = broken(|stage| {
        let program = stage.start(&["hangs", &mark("hangs")])?;
        program.listening().map(drop)
    });
    assert_eq!(broken.came, "nothing of that within 4 s");
    assert!(report.contains("The screen of your program is empty."), "{report}");
    assert_nobody_is_left(&mark("hangs"));
}

#[test]
fn a_program_that_prints_lines_without_end_is_ended() {
    let (broken, report) = broken(|stage| {
        let program = stage.start(&["floods lines", &mark("lines")])?;
        program.line("a line that shows \"x\"", |line| line == "x").map(drop)
    });
    assert!(broken.came.starts_with("more than 1 MiB of output"), "{}", broken.came);
    assert!(report.len() < 4000, "{} bytes", report.len());
    assert!(report.contains("    | y ("), "{report}");
    assert_nobody_is_left(&mark("lines"));
}

#[test]
fn a_program_that_prints_a_line_without_end_is_ended() {
    let (broken, report) =
        broken(|stage| stage.start(&["floods one line", &mark("one-line")])?.listening().map(drop));
    assert!(broken.came.starts_with("more than 1 MiB of output"), "{}", broken.came);
    assert!(report.len() < 4000, "{} bytes", report.len());
    assert_nobody_is_left(&mark("one-line"));
}

#[test]
fn a_program_that_prints_without_end_breaks_a_promise_that_it_keeps() {
    let (broken, _) = broken(|stage| {
        let program = stage.start(&["floods errors", &mark("errors")])?;
        program.expect("ready")?;
        stage.peer("the client")?.nothing_comes("nothing is sent")?;
        // What is printed is waited for, so that the check does not end before the flood.
        let _ = program.expect_error("x");
        Ok(())
    });
    assert_eq!(broken.expected, "a few lines on the screen");
    assert_nobody_is_left(&mark("errors"));
}

#[test]
fn a_check_that_takes_all_that_comes_ends_when_datagrams_come_without_end() {
    let (broken, report) = broken(|stage| {
        let peer = stage.peer("the client")?;
        let to = peer.address().to_string();
        let _program = stage.start(&["floods a peer", &mark("peer"), &to])?;
        peer.receive("a datagram")?;
        while peer.receive_within(checks::stage::PATIENCE).is_some() {}
        Ok(())
    });
    assert!(broken.came.starts_with("no end: 10000"), "{}", broken.came);
    assert!(report.contains("times)"), "{report}");
    assert_nobody_is_left(&mark("peer"));
}

#[test]
fn a_check_that_waits_for_another_datagram_ends_when_wrong_ones_come_without_end() {
    let (broken, _) = broken(|stage| {
        let peer = stage.peer("the client")?;
        let to = peer.address().to_string();
        let _program = stage.start(&["floods a peer", &mark("wrong"), &to])?;
        while peer.receive("the right datagram")?.payload != b"right" {}
        Ok(())
    });
    assert!(broken.came.starts_with("no end: 10000"), "{}", broken.came);
    assert_eq!(broken.expected, "the right datagram");
    assert_nobody_is_left(&mark("wrong"));
}

#[test]
fn a_check_that_takes_all_that_comes_ends_when_a_stream_has_no_end() {
    let (broken, _) = broken(|stage| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let to = listener.local_addr().expect("a bound listener has an address").to_string();
        let _program = stage.start(&["floods a stream", &mark("stream"), &to])?;
        let mut connection = stage.accept("the server", &listener)?;
        while connection.read_within(checks::stage::PATIENCE).is_some() {}
        Ok(())
    });
    assert!(broken.came.starts_with("no end: "), "{}", broken.came);
    assert_nobody_is_left(&mark("stream"));
}

#[test]
fn a_panic_is_told_with_its_message_and_its_line() {
    let (broken, report) =
        broken(|stage| stage.start(&["panics", &mark("panics")])?.listening().map(drop));
    assert!(broken.came.contains("ended with exit status 101"), "{}", broken.came);
    assert!(broken.came.contains("your program panicked: there is something ("), "{report}");
    assert!(broken.came.contains("odd.rs:"), "{}", broken.came);
    assert!(!report.contains("RUST_BACKTRACE"), "{report}");
}

#[test]
fn a_program_that_ends_at_once_is_not_waited_for() {
    let began = Instant::now();
    let (broken, _) = broken(|stage| {
        let _program = stage.start(&["ends", &mark("ends")])?;
        stage.peer("the client")?.receive("a datagram").map(drop)
    });
    assert!(broken.came.contains("ended with exit status 3"), "{}", broken.came);
    assert!(began.elapsed() < SOON);
}

#[cfg(unix)]
#[test]
fn a_program_that_closes_its_output_and_goes_on_is_ended() {
    let (broken, _) = broken(|stage| {
        stage.start(&["closes its output", &mark("closes")])?.ends("at once").map(drop)
    });
    assert!(broken.came.starts_with("it still runs after"), "{}", broken.came);
    let (broken, _) = self::broken(|stage| {
        stage.start(&["closes its output", &mark("closes")])?.listening().map(drop)
    });
    assert_eq!(broken.came, "nothing of that: it closed its output");
    assert_nobody_is_left(&mark("closes"));
}

#[test]
fn a_program_that_does_not_read_is_not_written_to_for_ever() {
    let (broken, _) = broken(|stage| {
        let program = stage.start(&["does not read", &mark("unread")])?;
        let mut client = stage.connect("the client", program.listening()?)?;
        client.write(vec![b'x'; 64 << 20])
    });
    assert!(broken.came.starts_with("it does not read the last "), "{}", broken.came);
    assert_nobody_is_left(&mark("unread"));
}

#[test]
fn nothing_is_sent_to_another_machine() {
    let (broken, _) = broken(|stage| {
        let program = stage.start(&["is elsewhere", &mark("elsewhere")])?;
        program.listening().map(drop)
    });
    assert_eq!(broken.came, "the line \"listening on 192.0.2.1:7000\"");
    assert_nobody_is_left(&mark("elsewhere"));
}

#[test]
fn a_program_that_does_not_read_is_not_typed_to_for_ever() {
    let (broken, _) = broken(|stage| {
        let program = stage.start(&["hangs", &mark("deaf")])?;
        program.type_line(&"x".repeat(1 << 20))
    });
    assert_eq!(broken.expected, "the program reads what is typed");
    assert_nobody_is_left(&mark("deaf"));
}

#[cfg(unix)]
#[test]
fn what_a_program_started_ends_with_it() {
    for kind in ["has a child", "leaves a child"] {
        let check: fn(&mut Stage) -> Outcome = match kind {
            "has a child" => |stage| {
                stage.start(&["has a child", &mark("child")])?.expect("ready")?;
                Ok(())
            },
            _ => |stage| {
                let program = stage.start(&["leaves a child", &mark("child")])?;
                program.ends_with(0, "at once").map(drop)
            },
        };
        let (outcome, report) = tried(check);
        assert!(outcome.is_ok(), "{kind}\n{report}");
        assert_nobody_is_left(&mark("child"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_program_started_in_a_session_of_its_own_ends_with_it() {
    let (outcome, report) = tried(|stage| {
        let how = "has a child in a session of its own";
        stage.start(&[how, &mark("session")])?.expect("ready").map(drop)
    });
    assert!(outcome.is_ok(), "{report}");
    assert_nobody_is_left(&mark("session"));

    let (outcome, report) = tried(|stage| {
        let how = "leaves a child in a session of its own";
        let program = stage.start(&[how, &mark("session")])?;
        program.ends_with(0, "at once").map(drop)
    });
    assert!(outcome.is_ok(), "{report}");
    assert_nobody_is_left(&mark("session"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_program_left_behind_does_not_hide_that_it_has_ended() {
    let (broken, _) = broken(|stage| {
        let how = "leaves a child in a session of its own";
        let program = stage.start(&[how, &mark("hidden")])?;
        program.expect("ready")?;
        program.expect("something else").map(drop)
    });
    assert_eq!(broken.came, "nothing: your program ended with exit status 0");
    assert_nobody_is_left(&mark("hidden"));
}

#[test]
fn a_check_that_fails_itself_is_no_broken_promise() {
    let exercise = Exercise {
        folder: "07-echo",
        title: "Echo",
        promises: &[
            Promise { name: "is kept", task: "", check: |_| Ok(()) },
            Promise { name: "cannot be checked", task: "", check: |_| panic!("no room") },
        ],
        hints: &[],
        handed_out: "",
    };
    let unchecked = exercise.check(&odd()).expect_err("there is no outcome");
    assert!(unchecked.to_string().starts_with("could not be checked"));
}
