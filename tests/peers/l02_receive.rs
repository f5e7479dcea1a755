use support::{Terminal, program};

use crate::tool::{nc, python, socat};

/// Sends one text in the encoding it is told.
const SENDER: &str = r#"
import sys
from socket import *

port, text, encoding = sys.argv[1:]
sender = socket(AF_INET, SOCK_DGRAM)
sender.sendto(text.encode(encoding), ("127.0.0.1", int(port)))
print(sender.getsockname()[1])
sender.close()
"#;

/// "你好，世界" in GBK.
const GREETING_IN_GBK: &[u8] = b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7";

/// Starts a receiver in this encoding: it, and its port.
fn receive(encoding: &str) -> (Terminal, String) {
    let mut receiver =
        Terminal::start(program!("02-receive", "127.0.0.1:0", "--encoding", encoding));
    let port = receiver.listening().port().to_string();
    (receiver, port)
}

/// The text in the next line, whoever sent it.
#[track_caller]
fn text_of_the_next_line(receiver: &mut Terminal) -> String {
    receiver.expect("from 127.0.0.1:");
    receiver.expect(": ");
    receiver.line()
}

#[test]
fn what_nc_sends_arrives_in_02() {
    let Some(nc) = nc() else { return };
    for (encoding, payload) in [("utf-8", "你好，世界".as_bytes()), ("gbk", GREETING_IN_GBK)] {
        let (mut receiver, port) = receive(encoding);
        nc.run(&["-u", "-q", "0", "127.0.0.1", &port], payload);
        assert_eq!(text_of_the_next_line(&mut receiver), "你好，世界");
        receiver.ends_with(0);
    }
}

#[test]
fn the_enter_that_is_typed_into_nc_is_a_part_of_its_datagram() {
    let Some(nc) = nc() else { return };
    let (mut receiver, port) = receive("utf-8");
    let mut sender = nc.start(&["-u", "127.0.0.1", &port]);
    sender.type_line("hello");
    assert_eq!(text_of_the_next_line(&mut receiver), "hello\\n");
    receiver.ends_with(0);
}

#[test]
fn what_socat_sends_arrives_in_02() {
    let Some(socat) = socat() else { return };
    for (encoding, payload) in [("utf-8", "你好，世界".as_bytes()), ("gbk", GREETING_IN_GBK)] {
        let (mut receiver, port) = receive(encoding);
        socat.run(&["-u", "STDIN", &format!("UDP4-SENDTO:127.0.0.1:{port}")], payload);
        assert_eq!(text_of_the_next_line(&mut receiver), "你好，世界");
        receiver.ends_with(0);
    }
}

#[test]
fn what_python_sends_arrives_in_02_with_its_port() {
    let Some(python) = python() else { return };
    for encoding in ["utf-8", "gbk", "gb18030", "big5"] {
        let (mut receiver, port) = receive(encoding);
        let from = python.run(&[SENDER, &port, "一二三 hello", encoding], "");
        let from = String::from_utf8(from).unwrap();
        assert_eq!(receiver.line(), format!("from 127.0.0.1:{}: 一二三 hello", from.trim_end()));
        receiver.ends_with(0);
    }
}

#[test]
fn gbk_from_python_taken_for_utf_8_is_said_to_be_faulty() {
    let Some(python) = python() else { return };
    let (mut receiver, port) = receive("utf-8");
    python.run(&[SENDER, &port, "世界", "gbk"], "");
    assert!(text_of_the_next_line(&mut receiver).contains('\u{fffd}'));
    assert!(receiver.line().starts_with("(not valid UTF-8"));
    receiver.ends_with(0);
}

#[test]
fn a_character_of_python_that_the_buffer_cuts_in_two_is_said_to_be_cut() {
    let Some(python) = python() else { return };
    let (mut receiver, port) = receive("utf-8");
    // 1026 bytes: the last character has 1 of its 3 within the 1024.
    python.run(&[SENDER, &port, &"世".repeat(342), "utf-8"], "");
    assert_eq!(text_of_the_next_line(&mut receiver), "世".repeat(341) + "\u{fffd}");
    assert!(receiver.line().starts_with("(not valid UTF-8"));
    assert!(receiver.line().starts_with("(cut: it was longer than the buffer of 1024 bytes"));
    receiver.ends_with(0);
}
