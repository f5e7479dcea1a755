use std::net::{SocketAddr, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use predicates::str::contains;
use support::{Terminal, program, text, udp};

use crate::to_its_end;

/// The receiver on a free port, and the address that one datagram to it alone goes to.
fn receiver(arguments: &[&str]) -> (Terminal, SocketAddr) {
    let mut command = program!("09-broadcast-receive", "0.0.0.0:0");
    command.args(arguments);
    let mut receiver = Terminal::start(command);
    let port = receiver.listening().port();
    (receiver, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// What the receiver shows of this datagram, without the address of its sender: the line with the
/// text, the fields and whatever follows.
fn shows(arguments: &[&str], payload: &[u8]) -> String {
    let (mut receiver, to) = receiver(arguments);
    let sender = udp();
    sender.send_to(payload, to).unwrap();
    // A second datagram marks the end of what is shown of the first.
    sender.send_to(b"the end", to).unwrap();
    let from = format!("from {}: ", sender.local_addr().unwrap());
    let shown = receiver.expect(&format!("{from}the end\n"));
    let shown = shown.strip_suffix("the end\n").and_then(|shown| shown.strip_suffix(&from));
    shown.and_then(|shown| shown.strip_prefix(&from)).expect("from stands first").to_owned()
}

#[test]
#[cfg(target_os = "linux")] // the loopback of other systems may not broadcast
fn one_datagram_reaches_every_receiver() {
    let (mut first, to) = receiver(&[]);
    let address = format!("0.0.0.0:{}", to.port());
    let mut second = Terminal::start(program!("09-broadcast-receive", &address));
    assert_eq!(second.listening().port(), to.port());
    let everybody = format!("127.255.255.255:{}", to.port());
    to_its_end(program!("09-broadcast-send", &everybody))
        .assert()
        .success()
        .stdout(contains(format!(" to {everybody}")));
    for receiver in [&mut first, &mut second] {
        receiver.expect(": will broadcast\n  version: 1\n  packet number: ");
        receiver.expect(
            "  user: will\n  host: will-pc\n  command: 32 (SENDMSG)\n  text: will broadcast\n",
        );
    }
}

#[test]
fn the_message_has_ipmsg_s_form_and_the_time_as_its_number() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let before = unix_time();
    to_its_end(program!("09-broadcast-send", &to)).assert().success();
    let message = text(&receiver);
    let number = message.strip_prefix("1:").and_then(|rest| rest.split(':').next()).unwrap();
    assert!((before..=unix_time()).contains(&number.parse().unwrap()), "{message}");
    assert_eq!(message, format!("1:{number}:will:will-pc:32:will broadcast"));
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn text_beyond_ascii_says_that_it_is_utf_8() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let mut command = program!("09-broadcast-send", &to, "大家好: hi");
    command.args(["--user", "张三", "--host", "pc"]);
    to_its_end(command).assert().success();
    let message = text(&receiver);
    assert!(message.ends_with(":张三:pc:8388640:大家好: hi"), "{message}");
}

#[test]
fn a_name_with_a_colon_would_break_the_fields_and_is_refused() {
    let command = program!("09-broadcast-send", "127.0.0.1:9", "hi", "--user", "a:b");
    to_its_end(command).assert().code(2).stderr(contains("a name holds no colon"));
}

#[test]
fn the_six_fields_are_shown_by_name() {
    assert_eq!(
        shows(&[], b"1:100:will:will-pc:32:will broadcast"),
        "will broadcast\n  version: 1\n  packet number: 100\n  user: will\n  host: will-pc\n  \
         command: 32 (SENDMSG)\n  text: will broadcast\n"
    );
}

#[test]
fn text_without_the_utf_8_option_is_gbk_unless_told_otherwise() {
    let message = b"1:1:\xd5\xc5\xc8\xfd:pc:32:\xb4\xf3\xbc\xd2\xba\xc3";
    let shown = shows(&[], message);
    assert!(shown.starts_with("大家好\n") && shown.contains("  user: 张三\n"), "{shown}");
    let shown = shows(&["--encoding", "utf-8"], message);
    assert!(shown.contains("(not valid UTF-8: "), "{shown}");
}

#[test]
fn text_with_the_utf_8_option_is_utf_8_whatever_was_chosen() {
    let shown = shows(&["--encoding", "gbk"], "1:1:张三:pc:8388640:大家好".as_bytes());
    assert!(shown.starts_with("大家好\n") && shown.contains("  user: 张三\n"), "{shown}");
    assert!(shown.contains("  command: 8388640 (SENDMSG, UTF8)\n"), "{shown}");
}

#[test]
fn a_trailing_nul_and_an_extra_section_are_allowed() {
    let shown = shows(&[], b"1:1:u:h:32:text\0");
    assert!(shown.ends_with("  text: text\n"), "{shown}");
    let shown = shows(&[], b"1:1:u:h:1:name\0the group\0");
    assert!(shown.ends_with("  text: name\n  extra: the group\n"), "{shown}");
}

#[test]
fn the_text_may_hold_colons_and_the_version_a_client_s_name() {
    let shown = shows(&[], b"1_lbt6_0#128#AABBCC#0#0#0#4001#9:7:u:h:288:a:b:c");
    assert!(shown.starts_with("a:b:c\n  version: 1\n  packet number: 7\n"), "{shown}");
    assert!(shown.contains("  command: 288 (SENDMSG, SENDCHECK)\n"), "{shown}");
}

#[test]
fn what_is_not_ipmsg_is_shown_as_it_is() {
    for raw in [
        "hello",
        "1:2:3:4:5",
        "x:1:u:h:32:text",
        ":1:u:h:32:text",
        "1:x:u:h:32:text",
        "1:1:u:h:-32:text",
        "1:1:u:h:4294967296:text",
        "1:99999999999999999999:u:h:32:text",
    ] {
        assert_eq!(shows(&[], raw.as_bytes()), format!("{raw}\n"));
    }
}

#[test]
fn other_text_is_utf_8_unless_told_otherwise() {
    assert_eq!(shows(&[], "大家好".as_bytes()), "大家好\n");
    assert_eq!(shows(&["--encoding", "gbk"], b"\xb4\xf3\xbc\xd2\xba\xc3"), "大家好\n");
}

#[test]
fn names_and_text_from_strangers_are_shown_escaped() {
    let shown = shows(&[], b"1:1:\x1b[2J:h\n:32:\x07text\0\x1bextra");
    assert!(shown.starts_with("\\u{7}text\n"), "{shown}");
    assert!(shown.contains("  user: \\u{1b}[2J\n  host: h\\n\n"), "{shown}");
    assert!(shown.ends_with("  text: \\u{7}text\n  extra: \\u{1b}extra\n"), "{shown}");
}

#[test]
fn a_port_that_its_owner_does_not_share_is_busy() {
    let owner = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = owner.local_addr().unwrap();
    to_its_end(program!("09-broadcast-receive", address.to_string()))
        .assert()
        .code(1)
        .stderr(contains(format!("cannot bind {address}: ")));
}

#[test]
fn one_receiver_s_own_address_works_too_also_over_ipv6() {
    let mut receiver = Terminal::start(program!("09-broadcast-receive", "[::1]:0"));
    let to = receiver.listening().to_string();
    to_its_end(program!("09-broadcast-send", &to, "six")).assert().success();
    receiver.expect(": six\n");
}
