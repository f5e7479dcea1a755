use predicates::str::contains;
use support::{datagram, nobodys_address, program, udp, udp_on};

use crate::to_its_end;

#[test]
fn the_message_is_the_whole_datagram() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    to_its_end(program!("01-send", &to, "hello")).assert().success();
    assert_eq!(datagram(&receiver).0, b"hello");
}

#[test]
fn without_a_message_it_sends_123() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    to_its_end(program!("01-send", &to)).assert().success();
    assert_eq!(datagram(&receiver).0, b"123");
}

#[test]
fn the_report_names_the_address_that_the_receiver_sees() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let sent = to_its_end(program!("01-send", &to)).assert().success();
    let (_, from) = datagram(&receiver);
    sent.stdout(format!("sent 3 bytes from {from} to {to}\n")).stderr("");
}

#[test]
#[cfg(target_os = "linux")] // elsewhere the loopback has one address
fn bind_chooses_the_address_and_the_port_that_it_sends_from() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let bind = nobodys_address();
    let mut command = program!("01-send", &to);
    command.args(["--bind", &bind.to_string()]);
    let sent = to_its_end(command).assert().success();
    assert_eq!(datagram(&receiver), (b"123".to_vec(), bind));
    sent.stdout(format!("sent 3 bytes from {bind} to {to}\n"));
}

#[test]
fn an_empty_message_is_an_empty_datagram() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let sent = to_its_end(program!("01-send", &to, "")).assert().success();
    assert_eq!(datagram(&receiver).0, b"");
    sent.stdout(contains("sent 0 bytes from "));
}

#[test]
fn chinese_goes_out_in_utf_8() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    let sent = to_its_end(program!("01-send", &to, "你好，世界")).assert().success();
    assert_eq!(datagram(&receiver).0, "你好，世界".as_bytes());
    sent.stdout(contains("sent 15 bytes from "));
}

#[test]
fn ipv6_and_names_work_where_ipv4_does() {
    let receiver = udp_on("[::1]:0");
    let to = receiver.local_addr().unwrap().to_string();
    let sent = to_its_end(program!("01-send", &to, "six")).assert().success();
    let (payload, from) = datagram(&receiver);
    assert_eq!(payload, b"six");
    sent.stdout(format!("sent 3 bytes from {from} to {to}\n"));

    let receiver = udp_on("127.0.0.1:0");
    let to = receiver.local_addr().unwrap();
    to_its_end(program!("01-send", format!("localhost:{}", to.port()), "name"))
        .assert()
        .success()
        .stdout(contains(format!(" to {to}")));
    assert_eq!(datagram(&receiver).0, b"name");
}

#[test]
fn nobody_tells_the_sender_that_nobody_listens() {
    let to = nobodys_address().to_string();
    to_its_end(program!("01-send", &to)).assert().success().stdout(contains("sent 3 bytes from "));
}

#[test]
#[cfg(not(target_os = "macos"))] // whose limit is a setting, and less
fn the_longest_message_has_65507_bytes() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    to_its_end(program!("01-send", &to, "x".repeat(65_507))).assert().success();
    assert_eq!(datagram(&receiver).0.len(), 65_507);
    let refused = to_its_end(program!("01-send", &to, "x".repeat(65_508))).assert().code(1);
    refused.stdout("").stderr(contains(format!("cannot send 65508 bytes to {to}: ")));
}

#[test]
fn a_local_address_of_the_other_family_is_refused_with_both_addresses() {
    let refused =
        to_its_end(program!("01-send", "[::1]:7878", "--bind", "127.0.0.1:0")).assert().code(1);
    refused.stdout("").stderr(contains("cannot send 3 bytes to [::1]:7878"));
}
