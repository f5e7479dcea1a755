use support::{Terminal, datagram, nothing_comes, program, text, udp, udp_on};

fn chat(arguments: &[&str]) -> Terminal {
    let mut command = program!("08-threads-chat");
    command.args(arguments);
    Terminal::start(command)
}

#[test]
fn both_sides_send_and_receive_whenever_they_like() {
    let mut one = chat(&["127.0.0.1:0"]);
    let first = one.listening();
    let mut two = chat(&["127.0.0.1:0", "--to", &first.to_string()]);
    let second = two.listening();
    two.type_line("hello");
    one.expect(&format!("from {second}: hello\n"));
    // Three in a row from one side, which no taking of turns would let through.
    for line in ["一", "二", "三"] {
        one.type_line(line);
    }
    for line in ["一", "二", "三"] {
        two.expect(&format!("from {first}: {line}\n"));
    }
    two.type_line("and back");
    one.expect(&format!("from {second}: and back\n"));
}

#[test]
fn the_first_datagram_names_the_peer_and_a_later_one_does_not_change_it() {
    let mut chat = chat(&["127.0.0.1:0"]);
    let address = chat.listening();
    let (peer, stranger) = (udp(), udp());
    peer.send_to(b"I am first", address).unwrap();
    chat.expect(": I am first\n");
    stranger.send_to(b"I am second", address).unwrap();
    chat.expect(&format!("from {}: I am second\n", stranger.local_addr().unwrap()));
    chat.type_line("for the first");
    assert_eq!(datagram(&peer), (b"for the first".to_vec(), address));
    nothing_comes(&stranger);
}

#[test]
fn before_there_is_a_peer_it_says_so_and_goes_on() {
    let mut chat = chat(&["127.0.0.1:0"]);
    let address = chat.listening();
    chat.type_line("too early");
    chat.expect_error("nobody to send to: wait for the first message, or start with --to\n");
    let peer = udp();
    peer.send_to(b"here I am", address).unwrap();
    chat.expect(": here I am\n");
    chat.type_line("in time");
    assert_eq!(text(&peer), "in time");
}

#[test]
fn quit_ends_our_side_at_once_and_is_not_sent() {
    let peer = udp();
    let mut chat = chat(&["127.0.0.1:0", "--to", &peer.local_addr().unwrap().to_string()]);
    chat.listening();
    chat.type_line("last words");
    chat.type_line("/quit");
    assert_eq!(chat.ends_with(0).errors, "");
    assert_eq!(text(&peer), "last words");
    nothing_comes(&peer);
}

#[test]
fn end_of_input_ends_our_side_at_once() {
    let mut chat = chat(&["127.0.0.1:0"]);
    chat.listening();
    chat.end_input();
    assert_eq!(chat.ends_with(0).errors, "");
}

#[test]
fn the_other_side_goes_on_when_one_has_quit() {
    let mut one = chat(&["127.0.0.1:0"]);
    let mut two = chat(&["127.0.0.1:0", "--to", &one.listening().to_string()]);
    two.type_line("bye");
    one.expect(": bye\n");
    two.type_line("/quit");
    two.ends_with(0);
    one.type_line("into the void");
    let next = udp();
    next.send_to(b"and I?", one_address(&one)).unwrap();
    one.expect(": and I?\n");
}

fn one_address(chat: &Terminal) -> String {
    let output = String::from_utf8(chat.output()).unwrap();
    output.lines().next().unwrap().strip_prefix("listening on ").unwrap().to_owned()
}

#[test]
fn it_talks_over_ipv6() {
    let peer = udp_on("[::1]:0");
    let to = peer.local_addr().unwrap();
    let mut chat = chat(&["[::1]:0", "--to", &to.to_string()]);
    let address = chat.listening();
    chat.type_line("six");
    assert_eq!(datagram(&peer), (b"six".to_vec(), address));
    peer.send_to(b"6", address).unwrap();
    chat.expect(&format!("from {to}: 6\n"));
}

#[test]
fn a_line_too_long_for_a_datagram_is_refused_and_the_next_one_goes() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut chat = chat(&["127.0.0.1:0", "--to", &to]);
    chat.type_line("x".repeat(65_508));
    chat.expect_error(&format!("cannot send 65508 bytes to {to}: "));
    chat.type_line("short");
    assert_eq!(text(&peer), "short");
}
