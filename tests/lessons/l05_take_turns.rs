use support::{Terminal, datagram, program, text, udp};

fn client(server: impl ToString, timeout: &str) -> Terminal {
    Terminal::start(program!("05-turns-client", server.to_string(), "--timeout", timeout))
}

#[test]
fn two_people_take_turns() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    let mut client = client(address, "30");
    for (question, answer) in [("how are you?", "fine"), ("再见", "see you, 世界"), ("", "")] {
        client.expect(">>> ");
        client.type_line(question);
        server.expect(&format!(": {question}\n>>> "));
        server.type_line(answer);
        client.expect(&format!("from {address}: {answer}\n"));
    }
}

#[test]
fn what_the_person_at_the_server_types_is_the_whole_datagram() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    let asking = udp();
    asking.send_to(b"question", address).unwrap();
    server.expect(&format!("from {}: question\n>>> ", asking.local_addr().unwrap()));
    server.type_line("answer");
    assert_eq!(datagram(&asking), (b"answer".to_vec(), address));
}

#[test]
fn a_line_typed_at_the_server_before_the_question_is_its_answer() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    server.type_line("typed too early");
    let asking = udp();
    asking.send_to(b"question", address).unwrap();
    assert_eq!(datagram(&asking), (b"typed too early".to_vec(), address));
    // It was used up: the next question waits for a line of its own.
    asking.send_to(b"another one", address).unwrap();
    server.expect(": another one\n>>> ");
    server.type_line("in time");
    assert_eq!(text(&asking), "in time");
}

#[test]
fn what_the_person_at_the_client_types_is_the_whole_datagram() {
    let server = udp();
    let mut client = client(server.local_addr().unwrap(), "30");
    client.type_line("question");
    let (question, from) = datagram(&server);
    assert_eq!(question, b"question");
    server.send_to(b"answer", from).unwrap();
    client.expect(&format!("from {}: answer\n", server.local_addr().unwrap()));
}

#[test]
fn while_the_person_types_other_clients_wait() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    let (first, second) = (udp(), udp());
    first.send_to(b"me first", address).unwrap();
    server.expect(": me first\n>>> ");
    second.send_to(b"and me", address).unwrap();
    support::nothing_comes(&second);
    server.type_line("your turn");
    assert_eq!(text(&first), "your turn");
    // Had the second message been shown earlier, it would stand between the prompt and its line end.
    let second_shown = server.expect(">>> ");
    assert_eq!(second_shown, format!("\nfrom {}: and me\n>>> ", second.local_addr().unwrap()));
}

#[test]
fn a_lost_answer_is_waited_for_and_then_the_client_asks_on() {
    let server = udp();
    let address = server.local_addr().unwrap();
    let mut client = client(address, "0.3");
    client.type_line("lost");
    client.expect_error(&format!("no answer from {address} within 0.3 s\n"));
    client.type_line("second try");
    assert_eq!(text(&server), "lost");
    assert_eq!(text(&server), "second try");
}

#[test]
fn a_stranger_s_datagram_is_not_the_answer() {
    let (server, stranger) = (udp(), udp());
    let address = server.local_addr().unwrap();
    let mut client = client(address, "30");
    client.type_line("question");
    let (_, from) = datagram(&server);
    stranger.send_to(b"a lie", from).unwrap();
    server.send_to(b"the answer", from).unwrap();
    client.expect(&format!("from {address}: the answer\n"));
    assert!(!String::from_utf8(client.output()).unwrap().contains("a lie"));
}

#[test]
fn a_late_answer_is_shown_and_not_taken_for_the_next_one() {
    let server = udp();
    let address = server.local_addr().unwrap();
    // Long enough for the second answer on a busy machine, and waited for once in vain.
    let mut client = client(address, "2");
    client.type_line("first");
    let (_, from) = datagram(&server);
    client.expect_error("no answer from ");
    server.send_to(b"late", from).unwrap();
    client.type_line("second");
    client.expect(&format!("(late) from {address}: late\n"));
    assert_eq!(text(&server), "second");
    server.send_to(b"in time", from).unwrap();
    client.expect(&format!("from {address}: in time\n"));
}

#[test]
fn end_of_input_ends_both_sides_cleanly() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    let mut client = client(address, "30");
    client.expect(">>> ");
    client.end_input();
    assert_eq!(client.ends_with(0).errors, "");
    udp().send_to(b"are you there?", address).unwrap();
    server.expect(">>> ");
    server.end_input();
    assert_eq!(server.ends_with(0).errors, "");
}

#[test]
fn both_sides_work_over_ipv6() {
    let mut server = Terminal::start(program!("05-turns-server", "[::1]:0"));
    let address = server.listening();
    let mut client = client(address, "30");
    client.type_line("six?");
    server.expect(": six?\n");
    server.type_line("six.");
    client.expect(&format!("from {address}: six.\n"));
}

#[test]
#[cfg(target_os = "linux")] // other systems may report the closed port later, or not at all
fn a_port_that_nobody_is_bound_to_is_said_at_once_and_a_server_that_comes_later_is_heard() {
    let address = support::nobodys_address();
    let mut client = client(address, "0.5");
    client.type_line("anybody?");
    client.expect_error(&format!("nobody there at {address}: connection refused\n"));
    client.expect_error(&format!("no answer from {address} within 0.5 s\n"));
    let server = support::udp_on(&address.to_string());
    client.type_line("now?");
    assert_eq!(text(&server), "now?");
}
