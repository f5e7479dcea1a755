use std::net::{SocketAddr, UdpSocket};

use support::{Terminal, datagram, nothing_comes, program, text, udp};

fn server(arguments: &[&str]) -> (Terminal, SocketAddr) {
    let mut command = program!("10-group-server", "127.0.0.1:0");
    command.args(arguments);
    let mut server = Terminal::start(command);
    let address = server.listening();
    (server, address)
}

/// A member of the group at this server: a bare socket that has joined under this name.
fn member(server: SocketAddr, name: &str) -> UdpSocket {
    let socket = udp();
    socket.connect(server).unwrap();
    say(&socket, &format!("/name {name}"));
    // The list is the answer to the next line, so it comes when the name is set.
    assert!(ask(&socket, "/who").contains(name));
    socket
}

fn say(member: &UdpSocket, line: &str) {
    member.send(line.as_bytes()).unwrap();
}

fn ask(member: &UdpSocket, line: &str) -> String {
    say(member, line);
    text(member)
}

fn client(server: SocketAddr, arguments: &[&str]) -> Terminal {
    let mut command = program!("10-group-client", server.to_string());
    command.args(arguments);
    let mut client = Terminal::start(command);
    client.expect("anything else is said to all others\n");
    client
}

#[test]
fn what_one_says_all_others_hear() {
    let (mut server, address) = server(&[]);
    let mut alice = client(address, &["--name", "alice"]);
    server.expect(": /name alice\n");
    let mut bob = client(address, &["--name", "bob"]);
    server.expect(": /name bob\n");
    let carol = member(address, "carol");
    alice.type_line("hello, 大家好");
    bob.expect(&format!("from {address}: alice: hello, 大家好\n"));
    assert_eq!(text(&carol), "alice: hello, 大家好");
    bob.type_line("hi");
    // What alice hears first is bob: her own line did not come back to her.
    assert_eq!(alice.line(), format!("from {address}: bob: hi"));
}

#[test]
fn the_server_shows_what_it_hears() {
    let (mut server, address) = server(&[]);
    let socket = udp();
    socket.send_to(b"hello", address).unwrap();
    assert_eq!(server.line(), format!("from {}: hello", socket.local_addr().unwrap()));
}

#[test]
fn who_only_sends_plain_text_is_a_member_named_by_its_address() {
    let (_server, address) = server(&[]);
    let alice = member(address, "alice");
    let plain = udp();
    plain.send_to(b"hello from nc\n", address).unwrap();
    let name = plain.local_addr().unwrap();
    assert_eq!(text(&alice), format!("{name}: hello from nc"));
    say(&alice, "welcome");
    assert_eq!(text(&plain), "alice: welcome");
    assert_eq!(ask(&alice, "/who"), format!("2 here: {name}, alice"));
}

#[test]
fn quit_leaves_and_the_next_word_joins_again() {
    let (_server, address) = server(&[]);
    let (alice, bob) = (member(address, "alice"), member(address, "bob"));
    say(&bob, "/quit");
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
    say(&alice, "is anybody here?");
    nothing_comes(&bob);
    say(&bob, "back again");
    assert_eq!(text(&alice), format!("{}: back again", bob.local_addr().unwrap()));
}

#[test]
fn one_name_belongs_to_one_member() {
    let (_server, address) = server(&[]);
    let alice = member(address, "alice");
    let bob = member(address, "bob");
    assert_eq!(ask(&bob, "/name alice"), "not your name: alice is taken");
    assert_eq!(ask(&alice, "/who"), "2 here: alice, bob");
    // Free again when its owner has left.
    say(&alice, "/quit");
    say(&bob, "/name alice");
    assert_eq!(ask(&bob, "/who"), "1 here: alice");
    say(&bob, "/name alice");
    assert_eq!(ask(&bob, "/who"), "1 here: alice");
}

#[test]
fn a_name_that_is_empty_too_long_or_looks_like_something_else_is_refused() {
    let (_server, address) = server(&[]);
    let alice = member(address, "alice");
    let longest = "张".repeat(21) + "x";
    assert_eq!(ask(&alice, "/name"), "not your name: a name has 1 to 64 bytes");
    assert_eq!(
        ask(&alice, &format!("/name {longest}x")),
        "not your name: a name has 1 to 64 bytes"
    );
    assert_eq!(
        ask(&alice, &format!("/name {}", "x".repeat(9000))),
        "not your name: a name has 1 to 64 bytes"
    );
    let odd = "not your name: a name has no colon and does not begin with /";
    assert_eq!(ask(&alice, "/name 127.0.0.1:8080"), odd);
    assert_eq!(ask(&alice, "/name /who"), odd);
    alice.send(b"/name \xc4\xe3\xba\xc3").unwrap();
    assert_eq!(text(&alice), "not your name: a name is in UTF-8");
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
    say(&alice, &format!("/name {longest}"));
    assert_eq!(ask(&alice, "/who"), format!("1 here: {longest}"));
}

#[test]
fn the_longest_message_fits_one_frame_and_a_longer_one_is_refused() {
    let (_server, address) = server(&[]);
    let (alice, bob) = (member(address, &"a".repeat(64)), member(address, "bob"));
    let longest = "x".repeat(1406);
    say(&alice, &longest);
    assert_eq!(text(&bob).len(), 1472);
    assert_eq!(
        ask(&alice, &format!("{longest}x")),
        "not passed on: a message has at most 1406 bytes"
    );
    assert_eq!(
        ask(&alice, &"x".repeat(support::LONGEST_SENT)),
        "not passed on: a message has at most 1406 bytes"
    );
    say(&alice, "still here");
    assert!(text(&bob).ends_with("a: still here"));
}

#[test]
fn a_message_is_one_line_without_control_bytes() {
    let (_server, address) = server(&[]);
    let (alice, bob) = (member(address, "alice"), member(address, "bob"));
    say(&alice, "hi\tyou\r\nbob: I owe you money\x1b[2J\r\n");
    assert_eq!(text(&bob), "alice: hi\tyou  bob: I owe you money [2J");
    // Text in another encoding goes through as it is.
    alice.send(b"\xc4\xe3\xba\xc3").unwrap();
    assert_eq!(datagram(&bob).0, b"alice: \xc4\xe3\xba\xc3");
    // Nothing said is nothing to pass on.
    say(&alice, "");
    say(&alice, "\n");
    say(&alice, "next");
    assert_eq!(text(&bob), "alice: next");
}

#[test]
fn a_word_that_only_looks_like_a_command_is_a_message() {
    let (_server, address) = server(&[]);
    let (alice, bob) = (member(address, "alice"), member(address, "bob"));
    for line in ["/help", "/whoever", "/quit now", " /quit"] {
        say(&alice, line);
        assert_eq!(text(&bob), format!("alice: {line}"));
    }
}

#[test]
fn silent_members_are_dropped_and_told_so_and_the_others_stay() {
    let (_server, address) = server(&["--idle", "0.5"]);
    let (alice, bob) = (member(address, "alice"), member(address, "bob"));
    let dropped = "you said nothing for 0.5 s and left; say something to join again";
    // Alice talks on, until bob's time is up.
    bob.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    let deadline = std::time::Instant::now() + support::PATIENCE;
    let mut heard = Vec::new();
    while !heard.iter().any(|line| line == dropped) {
        assert!(std::time::Instant::now() < deadline, "bob was never dropped: {heard:?}");
        assert!(ask(&alice, "/who").contains("alice"));
        while let Ok(length) = bob.recv(&mut buffer) {
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    }
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
}

#[test]
fn a_client_that_was_dropped_joins_again_under_its_name() {
    let (mut server, address) = server(&["--idle", "0.5"]);
    let mut alice = client(address, &["--name", "alice"]);
    server.expect(": /name alice\n");
    let bob = member(address, "bob");
    let deadline = std::time::Instant::now() + support::PATIENCE;
    while ask(&bob, "/who").contains("alice") {
        assert!(std::time::Instant::now() < deadline, "alice was never dropped");
    }
    alice.expect(": you said nothing for 0.5 s and left; say something to join again\n");
    alice.type_line("was I away?");
    assert_eq!(text(&bob), "alice: was I away?");
}

#[test]
fn a_member_who_talks_like_the_server_makes_no_client_join_again() {
    let server = udp();
    let mut alice = client(server.local_addr().unwrap(), &["--name", "alice"]);
    let (hello, from) = datagram(&server);
    assert_eq!(hello, b"/name alice");
    server.send_to(b"you said nothing for 600 s and left: hi", from).unwrap();
    alice.expect(": you said nothing for 600 s and left: hi\n");
    alice.type_line("still here");
    assert_eq!(text(&server), "still here");
}

#[test]
fn a_full_group_refuses_newcomers_and_cuts_nobody_off() {
    let (_server, address) = server(&["--members", "2"]);
    let (alice, bob) = (member(address, "alice"), member(address, "bob"));
    let late = udp();
    late.connect(address).unwrap();
    assert_eq!(ask(&late, "let me in"), "the group is full: it has 2 members");
    say(&alice, "hello");
    assert_eq!(text(&bob), "alice: hello");
    nothing_comes(&late);
    say(&bob, "/quit");
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
    say(&late, "now?");
    assert_eq!(text(&alice), format!("{}: now?", late.local_addr().unwrap()));
}

#[test]
fn members_that_vanished_do_not_keep_the_others_from_hearing() {
    let (_server, address) = server(&[]);
    let alice = member(address, "alice");
    for name in ["gone1", "gone2", "gone3"] {
        drop(member(address, name));
    }
    let bob = member(address, "bob");
    for number in 0..20 {
        say(&alice, &number.to_string());
        assert_eq!(text(&bob), format!("alice: {number}"));
    }
}

#[test]
fn the_list_of_a_large_group_is_cut_to_one_answer() {
    let (_server, address) = server(&[]);
    let mut list = String::new();
    let members: Vec<_> = (10..40).map(|_| udp()).collect();
    for (number, member) in (10..).zip(&members) {
        member.connect(address).unwrap();
        say(member, &format!("/name {number}{}", "x".repeat(60)));
        list = ask(member, "/who");
    }
    assert!(list.starts_with("30 here: 10xxx") && list.ends_with(" more"), "{list}");
    assert!(list.len() < 1200, "{}", list.len());
}

#[test]
fn the_client_joins_with_its_name_sends_bare_lines_and_says_goodbye() {
    let server = udp();
    let mut client = client(server.local_addr().unwrap(), &["--name", "alice"]);
    assert_eq!(text(&server), "/name alice");
    client.type_line("hello");
    client.type_line("/who");
    assert_eq!([text(&server), text(&server)], ["hello", "/who"]);
    client.type_line("/quit");
    assert_eq!(text(&server), "/quit");
    assert_eq!(client.ends_with(0).errors, "");
}

#[test]
fn without_a_name_the_client_s_first_datagram_is_its_first_line() {
    let server = udp();
    let mut client = client(server.local_addr().unwrap(), &[]);
    client.type_line("first");
    let (first, from) = datagram(&server);
    assert_eq!(first, b"first");
    server.send_to("bob: 你好".as_bytes(), from).unwrap();
    client.expect(&format!("from {}: bob: 你好\n", server.local_addr().unwrap()));
    // A stranger is not the group.
    udp().send_to(b"bob: a lie", from).unwrap();
    server.send_to(b"bob: the truth", from).unwrap();
    let shown = client.expect("bob: the truth\n");
    assert!(!shown.contains("a lie"), "{shown}");
}

#[test]
fn the_end_of_the_client_s_input_leaves_the_group() {
    let (_server, address) = server(&[]);
    let alice = member(address, "alice");
    let mut bob = client(address, &["--name", "bob"]);
    bob.type_line("hello");
    assert_eq!(text(&alice), "bob: hello");
    bob.end_input();
    assert_eq!(bob.ends_with(0).errors, "");
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
}

#[test]
#[cfg(target_os = "linux")] // other systems may report the closed port later, or not at all
fn a_client_outlives_its_server_and_tells_the_next_one_its_name() {
    let address = support::nobodys_address();
    let mut client = client(address, &["--name", "alice"]);
    client.expect_error(&format!("no server at {address}: connection refused\n"));
    let server = support::udp_on(&address.to_string());
    client.type_line("now?");
    let (introduction, from) = datagram(&server);
    assert_eq!(introduction, b"/name alice");
    assert_eq!(text(&server), "now?");
    server.send_to(b"bob: yes", from).unwrap();
    client.expect(": bob: yes\n");
    // Once is enough.
    client.type_line("good");
    assert_eq!(text(&server), "good");
}

#[test]
fn a_member_that_was_silent_while_its_server_was_restarted_has_lost_its_name() {
    let address = support::nobodys_address();
    let start = || {
        let mut server = Terminal::start(program!("10-group-server", address.to_string()));
        assert_eq!(server.listening(), address);
        server
    };
    let mut server = start();
    let mut bob = client(address, &["--name", "bob"]);
    server.expect(": /name bob\n");
    server.kill();

    let mut server = start();
    let alice = member(address, "alice");
    say(&alice, "are you there, bob?");
    assert_eq!(ask(&alice, "/who"), "1 here: alice");
    bob.type_line("did I miss anything?");
    let shown = server.expect(": did I miss anything?\n");
    // The line that the server shows begins with his address, and so does what it passes on.
    let (_, line) = shown.rsplit_once("\nfrom ").unwrap();
    assert_eq!(text(&alice), line.trim_end());
    bob.type_line("/name bob");
    bob.type_line("hello again");
    assert_eq!(text(&alice), "bob: hello again");
    assert!(!String::from_utf8(bob.output()).unwrap().contains("are you there"));
}

#[test]
fn a_group_meets_over_ipv6() {
    let mut server = Terminal::start(program!("10-group-server", "[::1]:0"));
    let address = server.listening();
    let mut alice = client(address, &["--name", "alice"]);
    server.expect(": /name alice\n");
    let mut bob = client(address, &["--name", "bob"]);
    bob.type_line("six");
    alice.expect(": bob: six\n");
}
