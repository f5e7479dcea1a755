use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use support::{Terminal, program, udp, udp_on};

use crate::to_its_end;

/// What the program prints behind `from ADDR: ` when it receives this.
#[track_caller]
fn shows(mut program: std::process::Command, payload: &[u8]) -> String {
    let mut receiver = Terminal::start({
        program.arg("127.0.0.1:0");
        program
    });
    let to = receiver.listening();
    let sender = udp();
    sender.send_to(payload, to).unwrap();
    let ended = receiver.ends_with(0);
    let expected = format!("listening on {to}\nfrom {}: ", sender.local_addr().unwrap());
    let shown = ended.output.strip_prefix(&expected);
    shown.unwrap_or_else(|| panic!("expected {expected:?}, came {:?}", ended.output)).to_owned()
}

#[test]
fn it_shows_one_datagram_and_its_sender_and_ends() {
    assert_eq!(shows(program!("02-receive"), b"hello"), "hello\n");
}

#[test]
fn it_hears_lesson_01() {
    let mut receiver = Terminal::start(program!("02-receive", "127.0.0.1:0"));
    let to = receiver.listening().to_string();
    to_its_end(program!("01-send", &to, "from one to two")).assert().success();
    assert!(receiver.line().ends_with(": from one to two"));
    receiver.ends_with(0);
}

#[test]
fn it_listens_on_ipv6_too() {
    let mut receiver = Terminal::start(program!("02-receive", "[::1]:0"));
    let to = receiver.listening();
    let sender = udp_on("[::1]:0");
    sender.send_to(b"six", to).unwrap();
    assert_eq!(receiver.line(), format!("from {}: six", sender.local_addr().unwrap()));
}

#[test]
fn an_empty_datagram_is_a_message() {
    assert_eq!(shows(program!("02-receive"), b""), "\n");
}

#[test]
fn a_datagram_longer_than_the_buffer_is_cut_and_said_to_be() {
    let shown = shows(program!("02-receive", "--buffer", "4"), b"ten bytes.");
    let cut = "(cut: it was longer than the buffer of 4 bytes, and the rest is gone)";
    assert_eq!(shown, format!("ten \n{cut}\n"));
}

#[test]
fn a_datagram_as_long_as_the_buffer_is_whole() {
    assert_eq!(shows(program!("02-receive", "--buffer", "4"), b"four"), "four\n");
}

#[test]
fn the_buffer_has_1024_bytes_unless_said() {
    let whole = "x".repeat(1024);
    assert_eq!(shows(program!("02-receive"), whole.as_bytes()), format!("{whole}\n"));
    let longer = "x".repeat(1025);
    let shown = shows(program!("02-receive"), longer.as_bytes());
    assert!(shown.starts_with(&format!("{whole}\n(cut: ")), "{shown}");
}

#[test]
fn the_largest_datagram_fits_the_largest_buffer() {
    let largest = "x".repeat(support::LONGEST_SENT);
    let shown = shows(program!("02-receive", "--buffer", "65536"), largest.as_bytes());
    assert_eq!(shown, format!("{largest}\n"));
}

#[test]
fn utf_8_and_gbk_are_read_as_told() {
    assert_eq!(shows(program!("02-receive"), "你好，世界".as_bytes()), "你好，世界\n");
    let gbk = b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7";
    assert_eq!(shows(program!("02-receive", "--encoding", "gbk"), gbk), "你好，世界\n");
    assert_eq!(shows(program!("02-receive", "--encoding", "GB18030"), gbk), "你好，世界\n");
}

#[test]
fn gbk_read_as_utf_8_is_marked_as_invalid() {
    let shown = shows(program!("02-receive"), b"\xc4\xe3\xba\xc3");
    let note = "(not valid UTF-8: U+FFFD stands for what could not be read)\n";
    assert!(shown.contains('\u{fffd}') && shown.ends_with(note), "{shown}");
}

#[test]
fn utf_8_read_as_gbk_is_mojibake_and_said_to_be_invalid_where_it_is() {
    let shown = shows(program!("02-receive", "--encoding", "gbk"), "你好，世界".as_bytes());
    assert!(shown.starts_with("浣犲ソ"), "{shown}");
    assert!(shown.contains("(not valid GBK: "), "{shown}");
}

#[test]
fn a_byte_order_mark_does_not_overrule_the_chosen_encoding() {
    let shown = shows(program!("02-receive", "--encoding", "gbk"), b"\xef\xbb\xbfhi");
    assert!(shown.starts_with("锘縣i"), "{shown}");
}

#[test]
fn control_characters_are_shown_escaped() {
    let shown = shows(program!("02-receive"), b"\x1b[2Jred\x07\r\nline two\0");
    assert_eq!(shown, "\\u{1b}[2Jred\\u{7}\\r\\nline two\\0\n");
    let shown = shows(program!("02-receive"), "\u{202e}txt.exe \u{9b}31m".as_bytes());
    assert_eq!(shown, "\\u{202e}txt.exe \\u{9b}31m\n");
}

#[test]
fn a_second_receiver_on_the_port_is_told_that_it_is_busy() {
    let mut first = Terminal::start(program!("02-receive", "127.0.0.1:0"));
    let address = first.listening();
    to_its_end(program!("02-receive", address.to_string()))
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains(format!("cannot bind {address}: ")));
}

#[test]
fn a_buffer_of_no_bytes_and_an_unknown_encoding_are_wrong_usage() {
    to_its_end(program!("02-receive", "--buffer", "0"))
        .assert()
        .code(2)
        .stderr(contains("--buffer"));
    to_its_end(program!("02-receive", "--encoding", "klingon"))
        .assert()
        .code(2)
        .stderr(contains("klingon").and(contains("no such encoding")));
}
