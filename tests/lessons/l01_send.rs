use std::net::UdpSocket;

use assert_cmd::Command;
use predicates::prelude::*;
use support::{Terminal, datagram, program, udp, udp_on};

fn send() -> Command {
    let mut command = Command::from_std(program!("01-send"));
    command.timeout(support::PATIENCE);
    command
}

#[test]
fn the_message_is_the_whole_datagram() {
    let receiver = udp();
    let to = receiver.local_addr().unwrap().to_string();
    send().args([&to, "hello"]).assert().success();
    assert_eq!(datagram(&receiver).0, b"hello");
}
