use support::{Terminal, datagram, program, text, udp, udp_on};

/// The server on a free port, and a socket that is connected to it.
fn server() -> (Terminal, std::net::UdpSocket) {
    let mut server = Terminal::start(program!("06-upper-server", "127.0.0.1:0"));
    let socket = udp();
    socket.connect(server.listening()).unwrap();
    (server, socket)
}

#[test]
fn a_person_types_and_reads_it_in_upper_case() {
    let mut server = Terminal::start(program!("06-upper-server", "127.0.0.1:0"));
    let address = server.listening().to_string();
    let mut client = Terminal::start(program!("06-upper-client", &address, "--timeout", "30"));
    client.expect(">>> ");
    client.type_line("hello, world");
    client.expect(&format!("from {address}: HELLO, WORLD\n"));
    assert!(server.line().ends_with(": hello, world"));
    client.end_input();
    client.ends_with(0);
}

#[test]
fn only_ascii_letters_change() {
    let (_server, socket) = server();
    for (request, answer) in [
        ("abc xyz ABC 123 @[`{", "ABC XYZ ABC 123 @[`{"),
        ("straße é 你好", "STRAßE é 你好"),
        ("", ""),
    ] {
        socket.send(request.as_bytes()).unwrap();
        assert_eq!(text(&socket), answer);
    }
    // In GBK the second byte of a character may look like a letter: 0x61 to 0x7A is changed there too.
    socket.send(b"\xff\x00a\xfe").unwrap();
    assert_eq!(datagram(&socket).0, b"\xff\x00A\xfe");
}

#[test]
fn a_request_of_2048_bytes_is_answered_whole_and_a_longer_one_up_to_there() {
    let (mut server, socket) = server();
    socket.send(&[b'x'; 2048]).unwrap();
    assert_eq!(datagram(&socket).0, [b'X'; 2048]);
    assert!(!server.line().contains("(cut"));
    socket.send(&[b'y'; 2049]).unwrap();
    assert_eq!(datagram(&socket).0, [b'Y'; 2048]);
    server.expect("(cut: it was longer than the buffer of 2048 bytes, and the rest is gone)\n");
}

#[test]
fn each_client_gets_its_own_answer() {
    let (_server, one) = server();
    let two = udp();
    two.connect(one.peer_addr().unwrap()).unwrap();
    one.send(b"one").unwrap();
    two.send(b"two").unwrap();
    assert_eq!((text(&two), text(&one)), ("TWO".to_owned(), "ONE".to_owned()));
}

#[test]
fn the_client_sends_the_bare_line_and_shows_what_its_server_answers() {
    let (server, stranger) = (udp(), udp());
    let address = server.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("06-upper-client", &address, "--timeout", "30"));
    client.type_line("some text");
    let (request, from) = datagram(&server);
    assert_eq!(request, b"some text");
    stranger.send_to(b"A LIE", from).unwrap();
    server.send_to(b"SOME TEXT", from).unwrap();
    client.expect(&format!("from {address}: SOME TEXT\n"));
    assert!(!String::from_utf8(client.output()).unwrap().contains("A LIE"));
}

#[test]
fn the_client_s_wait_is_bounded_and_it_asks_on() {
    let server = udp();
    let address = server.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("06-upper-client", &address, "--timeout", "0.3"));
    client.type_line("lost");
    client.expect_error(&format!("no answer from {address} within 0.3 s\n"));
    client.type_line("next");
    assert_eq!([text(&server), text(&server)], ["lost", "next"]);
    client.end_input();
    client.ends_with(0);
}

#[test]
fn both_sides_work_over_ipv6_and_by_name() {
    let mut server = Terminal::start(program!("06-upper-server", "[::1]:0"));
    let address = server.listening();
    let socket = udp_on("[::1]:0");
    socket.send_to(b"six", address).unwrap();
    assert_eq!(text(&socket), "SIX");
    let mut client = Terminal::start(program!("06-upper-client", address.to_string()));
    client.type_line("six");
    client.expect(&format!("from {address}: SIX\n"));

    let mut server = Terminal::start(program!("06-upper-server", "localhost:0"));
    let named = format!("localhost:{}", server.listening().port());
    let mut client = Terminal::start(program!("06-upper-client", named));
    client.type_line("name");
    client.expect(": NAME\n");
}
