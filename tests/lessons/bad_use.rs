//! What goes wrong at the keyboard: one sentence with the address or the name in it and the cause, on
//! standard error, and exit status 1; wrong usage is status 2. Nothing on standard output.

use std::process::Command;

use predicates::prelude::*;
use predicates::str::{contains, ends_with};
use support::{program, tcp, udp};

use crate::to_its_end;

/// Every program, with the arguments that make it use `address` as its own.
fn programs_that_bind(address: &str) -> Vec<Command> {
    vec![
        program!("01-send", "127.0.0.1:9", "123", "--bind", address),
        program!("02-receive", address),
        program!("03-duplex", "127.0.0.1:9", "123", "--bind", address),
        program!("04-menu-chat", "127.0.0.1:9", "--bind", address),
        program!("05-turns-server", address),
        program!("06-upper-server", address),
        program!("07-echo-server", address),
        program!("08-threads-chat", address),
        program!("09-broadcast-receive", address),
        program!("10-group-server", address),
        program!("11-tcp-server", address),
        program!("12-download-server", address),
    ]
}

/// Every program, with the arguments that make it use `address` as its peer's.
fn programs_that_send(address: &str) -> Vec<Command> {
    vec![
        program!("01-send", address),
        program!("03-duplex", address, "123", "--bind", "127.0.0.1:0"),
        program!("04-menu-chat", address, "--bind", "127.0.0.1:0"),
        program!("05-turns-client", address),
        program!("06-upper-client", address),
        program!("07-echo-client", address),
        program!("08-threads-chat", "127.0.0.1:0", "--to", address),
        program!("09-broadcast-send", address),
        program!("10-group-client", address),
        program!("11-tcp-client", address),
        program!("12-download-client", address, "name"),
        program!("12-broken-client", address),
    ]
}

/// Asserts one line on standard error that begins so, and exit status 1.
#[track_caller]
fn fails_with_one_sentence(command: Command, beginning: &str) {
    let shown = format!("{command:?}");
    let one_line = predicate::function(|text: &str| text.lines().count() == 1);
    let says = predicate::str::starts_with(beginning.to_owned()).and(ends_with("\n")).and(one_line);
    let asserted = to_its_end(command).assert().append_context("command", shown);
    asserted.code(1).stdout("").stderr(says.and(contains("os error").not()));
}

#[test]
fn a_busy_port_is_said_to_be_busy() {
    let taken = udp();
    let address = taken.local_addr().unwrap().to_string();
    let listener = tcp();
    let listening = listener.local_addr().unwrap().to_string();
    for command in programs_that_bind(&address).into_iter().take(10) {
        fails_with_one_sentence(command, &format!("cannot bind {address}: "));
    }
    for command in programs_that_bind(&listening).into_iter().skip(10) {
        fails_with_one_sentence(command, &format!("cannot bind {listening}: "));
    }
}

#[test]
#[cfg(unix)]
fn the_cause_is_the_system_s_own_word() {
    let taken = udp();
    let address = taken.local_addr().unwrap().to_string();
    to_its_end(program!("02-receive", &address))
        .assert()
        .code(1)
        .stderr(format!("cannot bind {address}: Address already in use\n"));
}

#[test]
fn an_address_that_is_not_this_machine_s_cannot_be_bound() {
    // TEST-NET-1 (RFC 5737): never any machine's address. Binding sends nothing.
    for command in programs_that_bind("192.0.2.1:7878") {
        fails_with_one_sentence(command, "cannot bind 192.0.2.1:7878: ");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_privileged_port_needs_the_right_to_bind_it() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first.trim() != "1024" {
        support::skipped(&format!("here anybody may bind the ports from {}", first.trim()));
        return;
    }
    // Whoever is root here is nobody towards the machine's network in a user namespace of its own.
    let unshare = Command::new("unshare").args(["-r", "true"]).status();
    if !unshare.is_ok_and(|status| status.success()) {
        support::skipped("this system lets nobody make a user namespace");
        return;
    }
    for command in programs_that_bind("127.0.0.1:80") {
        let mut unprivileged = Command::new("unshare");
        unprivileged.arg("-r").arg(command.get_program()).args(command.get_args());
        fails_with_one_sentence(unprivileged, "cannot bind 127.0.0.1:80: Permission denied\n");
    }
}

#[test]
fn a_host_name_that_nobody_knows_is_named() {
    // Too long to be a name (RFC 1035, section 2.3.4: a label has 63 bytes), so that no resolver is
    // asked for it.
    let address = format!("{}.invalid:7878", "x".repeat(64));
    for command in programs_that_send(&address) {
        fails_with_one_sentence(command, &format!("cannot find {address}: "));
    }
    for command in programs_that_bind(&address) {
        fails_with_one_sentence(command, &format!("cannot find {address}: "));
    }
}

#[test]
fn a_malformed_address_is_wrong_usage_and_shown_the_right_form() {
    for (address, problem) in [
        ("127.0.0.1", "the port is missing"),
        ("localhost", "the port is missing"),
        (":8080", "the host is missing"),
        ("127.0.0.1:", "a port is a number from 0 to 65535"),
        ("127.0.0.1:65536", "a port is a number from 0 to 65535"),
        ("127.0.0.1:http", "a port is a number from 0 to 65535"),
        ("::1:8080", "this is no IPv6 address in brackets"),
        ("[::1]", "this is no IPv6 address in brackets"),
    ] {
        let right_form = "HOST:PORT, as in 127.0.0.1:8080, [::1]:8080 or localhost:8080";
        let commands = programs_that_send(address).into_iter().chain(programs_that_bind(address));
        for command in commands {
            let shown = format!("{command:?}");
            let asserted = to_its_end(command).assert().append_context("command", shown);
            let named = contains(address).and(contains(problem)).and(contains(right_form));
            asserted.code(2).stdout("").stderr(named);
        }
    }
}

#[test]
fn unknown_options_and_too_many_arguments_are_wrong_usage() {
    for command in
        programs_that_send("127.0.0.1:9").iter_mut().chain(&mut programs_that_bind("[::1]:0"))
    {
        command.args(["--no-such-option"]);
        let mut again = Command::new(command.get_program());
        again.args(command.get_args());
        to_its_end(again).assert().code(2).stdout("").stderr(contains("--no-such-option"));
    }
}

#[test]
fn a_time_that_is_none_is_wrong_usage() {
    for time in ["0", "-1", "nan", "inf", "soon", "86401", ""] {
        let timeout = format!("--timeout={time}");
        to_its_end(program!("07-echo-client", "127.0.0.1:9", timeout))
            .assert()
            .code(2)
            .stderr(contains("a time in seconds is a number above 0 and at most 86400"));
    }
}

#[test]
fn an_unknown_encoding_is_wrong_usage() {
    for command in [
        program!("02-receive", "127.0.0.1:0", "--encoding", "klingon"),
        program!("03-duplex", "127.0.0.1:9", "hi", "--encoding", "klingon"),
        program!("04-menu-chat", "127.0.0.1:9", "--encoding", "klingon"),
        program!("09-broadcast-receive", "127.0.0.1:0", "--encoding", "klingon"),
    ] {
        let named = contains("klingon").and(contains("no such encoding"));
        to_its_end(command).assert().code(2).stdout("").stderr(named);
    }
}

#[test]
fn help_explains_the_program_and_names_its_chapter_and_its_defaults() {
    let helps = [
        (program!("01-send", "--help"), "01", vec!["127.0.0.1:7878", "123"]),
        (program!("02-receive", "--help"), "02", vec!["127.0.0.1:7878", "utf-8", "1024"]),
        (
            program!("03-duplex", "--help"),
            "03",
            vec!["127.0.0.1:7788", "127.0.0.1:7789", "utf-8", "5"],
        ),
        (
            program!("04-menu-chat", "--help"),
            "04",
            vec!["127.0.0.1:7788", "127.0.0.1:7789", "utf-8", "5"],
        ),
        (program!("05-turns-server", "--help"), "05", vec!["127.0.0.1:6000"]),
        (program!("05-turns-client", "--help"), "05", vec!["127.0.0.1:6000", "5"]),
        (program!("06-upper-server", "--help"), "06", vec!["127.0.0.1:12345"]),
        (program!("06-upper-client", "--help"), "06", vec!["127.0.0.1:12345", "5"]),
        (program!("07-echo-server", "--help"), "07", vec!["127.0.0.1:8080"]),
        (program!("07-echo-client", "--help"), "07", vec!["127.0.0.1:8080", "5"]),
        (program!("08-threads-chat", "--help"), "08", vec!["127.0.0.1:8080"]),
        (
            program!("09-broadcast-send", "--help"),
            "09",
            vec!["127.255.255.255:2425", "[default: \"will broadcast\"]"],
        ),
        (
            program!("09-broadcast-receive", "--help"),
            "09",
            vec!["0.0.0.0:2425", "[default: gbk for IPMSG"],
        ),
        (program!("10-group-server", "--help"), "10", vec!["127.0.0.1:6001"]),
        (program!("10-group-client", "--help"), "10", vec!["127.0.0.1:6001"]),
        (program!("11-tcp-server", "--help"), "11", vec!["127.0.0.1:7788"]),
        (
            program!("11-tcp-client", "--help"),
            "11",
            vec!["127.0.0.1:7788", "[default: \"hello word\"]", "5"],
        ),
        (program!("11-pieces", "--help"), "11", vec![]),
        (program!("12-download-server", "--help"), "12", vec!["127.0.0.1:7890", "."]),
        (program!("12-download-client", "--help"), "12", vec!["127.0.0.1:7890", "5"]),
        (program!("12-broken-client", "--help"), "12", vec!["127.0.0.1:7890", "LICENSE-APACHE"]),
    ];
    for (command, chapter, defaults) in helps {
        let shown = format!("{command:?}");
        let mut asserted = to_its_end(command).assert().append_context("command", shown).success();
        asserted =
            asserted.stdout(contains(format!("Explained in chapter {chapter} of the book: ")));
        for default in defaults {
            asserted = asserted.stdout(contains(default));
        }
    }
}
