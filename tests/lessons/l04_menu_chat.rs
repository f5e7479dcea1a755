use support::{Terminal, datagram, nothing_comes, program, udp, udp_on};

const MENU: &str = "1: send\n2: receive\n0: quit\n>>> ";

fn chat(arguments: &[&str]) -> Terminal {
    let mut command = program!("04-menu-chat");
    command.args(arguments);
    Terminal::start(command)
}

#[test]
fn two_of_them_talk() {
    let mut one = chat(&["127.0.0.1:9", "--bind", "127.0.0.1:0", "--timeout", "30"]);
    let address = one.listening();
    let mut two = chat(&[&address.to_string(), "--bind", "127.0.0.1:0"]);
    let local = two.listening();
    one.expect(MENU);
    one.type_line("2");
    two.expect(MENU);
    two.type_line("1");
    two.expect("text >>> ");
    two.type_line("hello, 你好");
    two.expect(&format!("sent 13 bytes from {local} to {address}\n"));
    one.expect(&format!("from {local}: hello, 你好\n"));
    one.expect(MENU);
    one.type_line("0");
    one.ends_with(0);
}

#[test]
fn one_line_is_one_datagram() {
    let peer = udp();
    let mut chat = chat(&[&peer.local_addr().unwrap().to_string(), "--bind", "127.0.0.1:0"]);
    let local = chat.listening();
    chat.type_line("1");
    chat.type_line(" a line, as typed ");
    assert_eq!(datagram(&peer), (b" a line, as typed ".to_vec(), local));
}

#[test]
fn receive_takes_one_datagram_from_whoever_sends() {
    let (peer, stranger) = (udp(), udp());
    let mut chat = chat(&[&peer.local_addr().unwrap().to_string(), "--bind", "127.0.0.1:0"]);
    let local = chat.listening();
    chat.expect(MENU);
    stranger.send_to(b"first", local).unwrap();
    stranger.send_to(b"second", local).unwrap();
    chat.type_line("2");
    chat.expect(&format!("from {}: first\n", stranger.local_addr().unwrap()));
    assert_eq!(chat.expect(MENU), MENU);
    chat.type_line("2");
    chat.expect(": second\n");
}

#[test]
fn a_receive_that_nobody_answers_leads_back_to_the_menu() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut chat = chat(&[&to, "--bind", "127.0.0.1:0", "--timeout", "0.2"]);
    chat.expect(MENU);
    chat.type_line("2");
    chat.expect_error(&format!("no answer from {to} within 0.2 s\n"));
    chat.expect(MENU);
    chat.type_line("1");
    chat.type_line("still here");
    assert_eq!(datagram(&peer).0, b"still here");
}

#[test]
fn any_other_input_gets_a_clear_line_and_the_menu() {
    let peer = udp();
    let mut chat = chat(&[&peer.local_addr().unwrap().to_string(), "--bind", "127.0.0.1:0"]);
    for other in ["3", "", "send", "11", "\u{1b}[2J"] {
        chat.expect(MENU);
        chat.type_line(other);
        let shown = other.escape_debug();
        chat.expect(&format!("\"{shown}\" is not on the menu: type 1, 2 or 0\n"));
    }
    nothing_comes(&peer);
}

#[test]
fn end_of_input_at_either_prompt_ends_it_cleanly() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut at_the_menu = chat(&[&to, "--bind", "127.0.0.1:0"]);
    at_the_menu.expect(MENU);
    at_the_menu.end_input();
    assert_eq!(at_the_menu.ends_with(0).errors, "");
    let mut at_the_text = chat(&[&to, "--bind", "127.0.0.1:0"]);
    at_the_text.type_line("1");
    at_the_text.expect("text >>> ");
    at_the_text.end_input();
    let ended = at_the_text.ends_with(0);
    // Not back to the menu, which on a terminal would go on.
    assert!(ended.output.ends_with("text >>> \n"), "{}", ended.output);
    assert_eq!(ended.errors, "");
    nothing_comes(&peer);
}

#[test]
fn what_cannot_be_sent_is_said_and_the_menu_comes_back() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut chat = chat(&[&to, "--bind", "127.0.0.1:0", "--encoding", "gbk"]);
    chat.type_line("1");
    chat.type_line("😀");
    chat.expect_error("GBK has no place for \"😀\"\n");
    chat.type_line("1");
    chat.type_line("x".repeat(65_508));
    chat.expect_error(&format!("cannot send 65508 bytes to {to}: "));
    chat.type_line("1");
    chat.type_line("你好");
    assert_eq!(datagram(&peer).0, b"\xc4\xe3\xba\xc3");
}

#[test]
fn gbk_is_read_as_told() {
    let peer = udp();
    let to = peer.local_addr().unwrap().to_string();
    let mut chat = chat(&[&to, "--bind", "127.0.0.1:0", "--encoding", "gbk"]);
    let local = chat.listening();
    peer.send_to(b"\xc4\xe3\xba\xc3", local).unwrap();
    chat.type_line("2");
    chat.expect(&format!("from {to}: 你好\n"));
}

#[test]
fn it_talks_over_ipv6() {
    let peer = udp_on("[::1]:0");
    let mut chat = chat(&[&peer.local_addr().unwrap().to_string(), "--bind", "[::1]:0"]);
    let local = chat.listening();
    chat.type_line("1");
    chat.type_line("six");
    assert_eq!(datagram(&peer), (b"six".to_vec(), local));
}
