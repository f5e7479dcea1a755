use std::time::{Duration, Instant};

use support::{Terminal, datagram, program, text, udp, udp_on};

use crate::to_its_end;

#[test]
fn it_sends_and_then_receives_on_the_same_port() {
    let peer = udp();
    let to = peer.local_addr().unwrap();
    let mut duplex =
        Terminal::start(program!("03-duplex", to.to_string(), "ping", "--bind", "127.0.0.1:0"));
    let local = duplex.listening();
    assert_eq!(datagram(&peer), (b"ping".to_vec(), local));
    assert_eq!(duplex.line(), format!("sent 4 bytes from {local} to {to}"));
    peer.send_to(b"pong", local).unwrap();
    assert_eq!(duplex.line(), format!("from {to}: pong"));
    duplex.ends_with(0);
}

#[test]
fn two_of_them_talk() {
    let mut answering = Terminal::start(program!("02-receive", "127.0.0.1:0"));
    let to = answering.listening();
    let mut duplex =
        Terminal::start(program!("03-duplex", to.to_string(), "hello", "--bind", "127.0.0.1:0"));
    let local = duplex.listening();
    assert_eq!(answering.line(), format!("from {local}: hello"));
    to_its_end(program!("01-send", local.to_string(), "I heard you")).assert().success();
    duplex.expect(": I heard you\n");
    duplex.ends_with(0);
}

#[test]
fn without_a_message_it_asks_for_one() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut duplex = Terminal::start(program!("03-duplex", &to, "--bind", "127.0.0.1:0"));
    let local = duplex.listening();
    duplex.expect(">>> ");
    duplex.type_line("typed");
    assert_eq!(text(&peer), "typed");
    peer.send_to(b"read", local).unwrap();
    duplex.expect(&format!("from {to}: read\n"));
    duplex.ends_with(0);
}

#[test]
fn end_of_input_instead_of_a_message_ends_it_cleanly() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut duplex = Terminal::start(program!("03-duplex", &to, "--bind", "127.0.0.1:0"));
    duplex.expect(">>> ");
    duplex.end_input();
    let ended = duplex.ends_with(0);
    assert_eq!(ended.errors, "");
    support::nothing_comes(&peer);
}

#[test]
fn whoever_answers_is_shown() {
    let (peer, stranger) = (udp(), udp());
    let to = peer.local_addr().unwrap().to_string();
    let mut duplex = Terminal::start(program!("03-duplex", &to, "ping", "--bind", "127.0.0.1:0"));
    let local = duplex.listening();
    stranger.send_to(b"not me", local).unwrap();
    duplex.expect(&format!("from {}: not me\n", stranger.local_addr().unwrap()));
}

#[test]
fn the_wait_for_an_answer_ends() {
    let silent = udp();
    let to = silent.local_addr().unwrap();
    let start = Instant::now();
    let mut command = program!("03-duplex", to.to_string(), "ping", "--bind", "127.0.0.1:0");
    command.args(["--timeout", "0.3"]);
    to_its_end(command).assert().code(1).stderr(format!("no answer from {to} within 0.3 s\n"));
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn towards_ipv6_it_binds_ipv6() {
    let peer = udp_on("[::1]:0");
    let to = peer.local_addr().unwrap();
    let mut duplex =
        Terminal::start(program!("03-duplex", to.to_string(), "six", "--bind", "[::1]:0"));
    let local = duplex.listening();
    assert_eq!(datagram(&peer), (b"six".to_vec(), local));
    peer.send_to(b"6", local).unwrap();
    duplex.expect(&format!("from {to}: 6\n"));
}

#[test]
fn gbk_is_used_both_ways() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut command = program!("03-duplex", &to, "你好", "--bind", "127.0.0.1:0");
    command.args(["--encoding", "gbk"]);
    let mut duplex = Terminal::start(command);
    let local = duplex.listening();
    assert_eq!(datagram(&peer).0, b"\xc4\xe3\xba\xc3");
    peer.send_to(b"\xca\xc0\xbd\xe7", local).unwrap();
    duplex.expect(&format!("from {to}: 世界\n"));
}

#[test]
fn a_character_without_a_place_in_the_encoding_is_not_sent() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut command = program!("03-duplex", &to, "ok 😀", "--bind", "127.0.0.1:0");
    command.args(["--encoding", "gbk"]);
    to_its_end(command).assert().code(1).stderr("GBK has no place for \"😀\"\n");
    support::nothing_comes(&peer);
}

#[test]
#[cfg(target_os = "linux")]
fn a_wait_that_was_stopped_and_goes_on_still_hears_the_answer() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut command = program!("03-duplex", &to, "ping", "--bind", "127.0.0.1:0");
    command.args(["--timeout", "60"]);
    let mut duplex = Terminal::start(command);
    let local = duplex.listening();
    duplex.expect("sent 4 bytes");
    duplex.stop_and_go_on();
    duplex.stop_and_go_on();
    peer.send_to(b"pong", local).unwrap();
    duplex.expect(&format!("from {to}: pong\n"));
    duplex.ends_with(0);
}
