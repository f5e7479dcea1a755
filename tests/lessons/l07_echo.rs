use support::{LONGEST_SENT, Terminal, datagram, program, text, udp, udp_on};

#[test]
fn what_a_person_types_comes_back() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let address = server.listening().to_string();
    let mut client = Terminal::start(program!("07-echo-client", &address, "--timeout", "30"));
    client.expect(">>> ");
    client.type_line("hello, 世界");
    client.expect(&format!("from {address}: hello, 世界\n"));
    assert!(server.line().ends_with(": hello, 世界"));
    client.end_input();
    assert_eq!(client.ends_with(0).errors, "");
}

#[test]
fn every_datagram_comes_back_unchanged_whatever_its_bytes_and_its_length() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let socket = udp();
    socket.connect(server.listening()).unwrap();
    for length in [0, 1, 3, 1024, 1025, 2049, LONGEST_SENT] {
        let payload: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
        socket.send(&payload).unwrap();
        assert!(datagram(&socket).0 == payload, "{length} bytes came back changed");
    }
}

#[test]
fn once_answers_one_datagram_and_ends() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0", "--once"));
    let address = server.listening();
    let socket = udp();
    socket.send_to(b"just one", address).unwrap();
    assert_eq!(datagram(&socket), (b"just one".to_vec(), address));
    let ended = server.ends_with(0);
    let from = socket.local_addr().unwrap();
    assert_eq!(ended.output, format!("listening on {address}\nfrom {from}: just one\n"));
}

#[test]
fn it_answers_for_ever_and_everybody() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let address = server.listening();
    for number in 0..50 {
        let socket = udp();
        socket.send_to(number.to_string().as_bytes(), address).unwrap();
        assert_eq!(text(&socket), number.to_string());
    }
}

#[test]
fn the_client_sends_the_bare_line_and_shows_what_its_server_answers() {
    let (server, stranger) = (udp(), udp());
    let address = server.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("07-echo-client", &address, "--timeout", "30"));
    client.type_line("ping");
    let (request, from) = datagram(&server);
    assert_eq!(request, b"ping");
    stranger.send_to(b"a lie", from).unwrap();
    server.send_to(b"ping", from).unwrap();
    client.expect(&format!("from {address}: ping\n"));
    assert!(!String::from_utf8(client.output()).unwrap().contains("a lie"));
}

#[test]
fn the_client_s_wait_is_bounded_and_it_asks_on() {
    let server = udp();
    let address = server.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("07-echo-client", &address, "--timeout", "0.3"));
    client.type_line("lost");
    client.expect_error(&format!("no answer from {address} within 0.3 s\n"));
    client.type_line("next");
    assert_eq!([text(&server), text(&server)], ["lost", "next"]);
}

#[test]
fn an_empty_line_is_an_empty_datagram_and_comes_back() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let address = server.listening();
    let mut client = Terminal::start(program!("07-echo-client", address.to_string()));
    client.type_line("");
    client.expect(&format!("from {address}: \n"));
}

#[test]
fn the_longest_line_comes_back_and_a_longer_one_is_refused() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let address = server.listening();
    let mut client = Terminal::start(program!("07-echo-client", address.to_string()));
    let longest = "x".repeat(LONGEST_SENT);
    client.type_line(format!("{longest}x"));
    client.expect_error(&format!("cannot send {} bytes to {address}: ", LONGEST_SENT + 1));
    client.type_line(&longest);
    client.expect(&format!("from {address}: {longest}\n"));
}

#[test]
fn both_sides_work_over_ipv6() {
    let mut server = Terminal::start(program!("07-echo-server", "[::1]:0"));
    let address = server.listening();
    let socket = udp_on("[::1]:0");
    socket.send_to(b"six", address).unwrap();
    assert_eq!(text(&socket), "six");
    let mut client = Terminal::start(program!("07-echo-client", address.to_string()));
    client.type_line("six");
    client.expect(&format!("from {address}: six\n"));
}
