//! How every program ends: Ctrl-C at once, quietly when the reader of its output has gone, and with a
//! sentence when its output cannot be written.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use support::{PATIENCE, Terminal, program, udp};

/// Every program that goes on until somebody ends it, in a state in which it waits.
fn waiting_programs(peer: &str) -> Vec<Command> {
    vec![
        program!("02-receive", "127.0.0.1:0"),
        program!("03-duplex", peer, "123", "--bind", "127.0.0.1:0", "--timeout", "60"),
        program!("04-menu-chat", peer, "--bind", "127.0.0.1:0"),
        program!("05-turns-server", "127.0.0.1:0"),
        program!("06-upper-server", "127.0.0.1:0"),
        program!("07-echo-server", "127.0.0.1:0"),
        program!("08-threads-chat", "127.0.0.1:0"),
        program!("09-broadcast-receive", "127.0.0.1:0"),
        program!("10-group-server", "127.0.0.1:0"),
        program!("11-tcp-server", "127.0.0.1:0"),
        program!("12-download-server", "127.0.0.1:0"),
    ]
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_every_waiting_program_at_once() {
    use std::os::unix::process::ExitStatusExt;

    let peer = udp();
    for command in waiting_programs(&peer.local_addr().unwrap().to_string()) {
        let mut program = Terminal::start(command);
        program.listening();
        program.interrupt();
        let ended = program.wait();
        assert_eq!(ended.status.signal(), Some(2), "{ended:?}");
        assert_eq!(ended.errors, "");
    }
}

#[test]
fn a_program_whose_output_nobody_reads_ends_quietly() {
    let peer = udp();
    let peer = peer.local_addr().unwrap().to_string();
    let mut commands = waiting_programs(&peer);
    commands.push(program!("01-send", &peer));
    commands.push(program!("05-turns-client", &peer));
    commands.push(program!("06-upper-client", &peer));
    commands.push(program!("07-echo-client", &peer));
    commands.push(program!("09-broadcast-send", &peer));
    commands.push(program!("11-pieces"));
    commands.push(program!("12-download-client", &peer));
    for command in commands {
        let shown = format!("{command:?}");
        let mut program = Terminal::start_printing_to(command, Stdio::from(closed_pipe()));
        let ended = program.wait();
        assert_eq!((ended.status.code(), &*ended.errors), (Some(0), ""), "{shown}");
    }
}

/// A pipe that nobody can read from any more. A program that another test is just starting may hold a
/// copy of the reading end until it runs, so the pipe is tried until it is broken.
fn closed_pipe() -> io::PipeWriter {
    let (reader, mut writer) = io::pipe().unwrap();
    drop(reader);
    for _ in 0..60_000 {
        if writer.write(b".").is_err() {
            return writer;
        }
        std::thread::yield_now();
    }
    panic!("somebody holds the pipe open");
}

#[test]
fn a_server_whose_reader_leaves_later_ends_at_its_next_line() {
    for command in
        [program!("06-upper-server", "127.0.0.1:0"), program!("07-echo-server", "127.0.0.1:0")]
    {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut server = Terminal::start_printing_to(command, Stdio::from(writer));
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            reader.read_exact(&mut byte).expect("the ready line comes");
            line.extend(byte);
        }
        drop(reader);
        let line = String::from_utf8(line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        // Also here somebody may hold the reading end for a moment longer: another line then.
        let asking = udp();
        let deadline = Instant::now() + PATIENCE;
        while server.is_running() {
            assert!(Instant::now() < deadline, "the server goes on for nobody");
            asking.send_to(b"hello", address).unwrap();
            asking.set_read_timeout(Some(support::BRIEFLY)).unwrap();
            let _ = asking.recv(&mut [0; 16]);
        }
        let ended = server.wait();
        assert_eq!((ended.status.code(), &*ended.errors), (Some(0), ""));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_an_error() {
    for command in waiting_programs("127.0.0.1:9") {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut program = Terminal::start_printing_to(command, Stdio::from(full));
        let ended = program.ends_with(1);
        assert_eq!(ended.errors, "cannot write to standard output: No space left on device\n");
    }
}

#[test]
fn a_typed_line_that_is_not_utf_8_is_asked_for_again() {
    let peer = udp();
    let address = peer.local_addr().unwrap().to_string();
    for command in [
        program!("03-duplex", &address, "--bind", "127.0.0.1:0"),
        program!("07-echo-client", &address),
        program!("08-threads-chat", "127.0.0.1:0", "--to", &address),
        program!("10-group-client", &address),
    ] {
        let mut program = Terminal::start(command);
        program.type_line(b"\xc4\xe3\xba\xc3");
        program.expect_error("that line is not valid UTF-8 and was not used; type it again\n");
        program.type_line("你好");
        assert_eq!(support::text(&peer), "你好");
    }
}

#[test]
fn a_last_line_without_its_ending_and_one_with_a_windows_ending_count_too() {
    let peer = udp();
    let address = peer.local_addr().unwrap().to_string();
    for (typed, sent) in [("one\r\n", "one"), ("two", "two"), (" \r", " \r")] {
        crate::to_its_end(program!("07-echo-client", &address, "--timeout", "0.05"))
            .write_stdin(typed)
            .assert()
            .success();
        assert_eq!(support::text(&peer), sent);
    }
}
