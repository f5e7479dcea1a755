use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use predicates::str::{contains, starts_with};
use socket2::{Domain, Socket, Type};
use support::{Terminal, accept, again, connect, nobodys_address, program, read_to_end, tcp};

use crate::to_its_end;

const THANKS: &[u8] = b"thank you !";

fn server(arguments: &[&str]) -> (Terminal, SocketAddr) {
    let mut command = program!("11-tcp-server", "127.0.0.1:0");
    command.args(arguments);
    let mut server = Terminal::start(command);
    let address = server.listening();
    (server, address)
}

#[track_caller]
fn thanked(stream: &mut TcpStream) {
    let mut answer = [0; THANKS.len()];
    stream.read_exact(&mut answer).expect("an answer comes");
    assert_eq!(answer, THANKS);
}

#[test]
fn a_client_sends_and_is_thanked() {
    let (mut server, address) = server(&[]);
    let client = to_its_end(program!("11-tcp-client", address.to_string())).assert().success();
    let from = server.line();
    let from =
        from.strip_prefix("from ").and_then(|line| line.strip_suffix(": hello word")).unwrap();
    server.expect(&format!("{from} closed\n"));
    client.stdout(format!("sent 10 bytes from {from} to {address}\nfrom {address}: thank you !\n"));
}

#[test]
fn each_piece_that_the_server_reads_is_answered_until_the_client_closes() {
    let (mut server, address) = server(&[]);
    let mut client = connect(address);
    for piece in ["one", "two", "三"] {
        client.write_all(piece.as_bytes()).unwrap();
        thanked(&mut client);
        server.expect(&format!("from {}: {piece}\n", client.local_addr().unwrap()));
    }
    let from = client.local_addr().unwrap();
    drop(client);
    server.expect(&format!("{from} closed\n"));
}

#[test]
fn a_client_that_sends_once_reads_once_and_closes_is_served() {
    let (_server, address) = server(&[]);
    let mut client = connect(address);
    client.write_all(b"hello word").unwrap();
    let mut buffer = [0; 1024];
    let length = again(|| client.read(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], THANKS);
}

#[test]
fn after_a_half_close_the_answers_still_come() {
    let (_server, address) = server(&[]);
    let mut client = connect(address);
    client.write_all(b"last words").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut client), THANKS);
}

#[test]
fn a_character_cut_between_two_pieces_is_shown_whole() {
    let (mut server, address) = server(&[]);
    let mut client = connect(address);
    let bytes = "你".as_bytes();
    client.write_all(&bytes[..2]).unwrap();
    thanked(&mut client);
    client.write_all(&bytes[2..]).unwrap();
    thanked(&mut client);
    let shown = server.expect("你\n");
    assert!(!shown.contains('\u{fffd}'), "{shown}");
}

#[test]
fn a_character_cut_by_the_end_of_the_stream_is_said_to_be_invalid() {
    let (mut server, address) = server(&[]);
    let mut client = connect(address);
    client.write_all(b"a\xe4\xbd").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.expect("\u{fffd}\n(not valid UTF-8: ");
    server.expect(" closed\n");
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_out() {
    let (_server, address) = server(&[]);
    let _silent = connect(address);
    for _ in 0..3 {
        to_its_end(program!("11-tcp-client", address.to_string())).assert().success();
    }
}

#[test]
fn a_client_that_never_reads_its_answers_is_let_go() {
    let (mut server, address) = server(&["--idle", "0.3"]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // The least that the system gives: the sooner its answers have no room.
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut client = TcpStream::from(socket);
    client.set_write_timeout(Some(support::PATIENCE)).unwrap();
    let from = client.local_addr().unwrap();
    let refused = loop {
        if let Err(error) = client.write_all(&[b'x'; 256]) {
            break error;
        }
    };
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(kinds.contains(&refused.kind()), "{refused}");
    server.expect_error(&format!("{from}: cannot answer: "));
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let (mut server, address) = server(&["--idle", "0.3"]);
    let mut silent = connect(address);
    let from = silent.local_addr().unwrap();
    server.expect(&format!("{from} said nothing for 0.3 s and is let go\n"));
    assert_eq!(read_to_end(&mut silent), b"");
}

#[test]
fn many_clients_are_served_at_once() {
    let (_server, address) = server(&[]);
    let mut clients: Vec<_> = (0..50).map(|_| connect(address)).collect();
    for client in &mut clients {
        client.write_all(b"all of us").unwrap();
    }
    for client in clients.iter_mut().rev() {
        thanked(client);
    }
}

#[test]
fn a_client_that_resets_its_connection_ends_nobody_else() {
    let (mut server, address) = server(&[]);
    let mut other = connect(address);
    let rude = connect(address);
    // What is left unread makes the close a reset.
    (&rude).write_all(b"hello").unwrap();
    server.expect(": hello\n");
    again(|| rude.peek(&mut [0])).unwrap();
    drop(rude);
    server.expect_error("cannot read: ");
    other.write_all(b"I am still here").unwrap();
    thanked(&mut other);
}

#[test]
fn once_serves_one_client_and_ends() {
    let (mut server, address) = server(&["--once"]);
    let mut client = connect(address);
    client.write_all(b"a").unwrap();
    thanked(&mut client);
    client.write_all(b"b").unwrap();
    thanked(&mut client);
    drop(client);
    assert_eq!(server.ends_with(0).errors, "");
}

#[test]
fn the_port_is_free_for_the_next_server_at_once() {
    let (mut first, address) = server(&["--once"]);
    to_its_end(program!("11-tcp-client", address.to_string())).assert().success();
    first.ends_with(0);
    // The closed connection still waits in the system (TIME_WAIT), under the same port.
    let mut second = Terminal::start(program!("11-tcp-server", address.to_string()));
    assert_eq!(second.listening(), address);
}

#[test]
#[cfg(target_os = "linux")]
fn after_the_exchange_it_is_the_client_s_port_that_waits() {
    let (mut server, address) = server(&[]);
    let mut client = Terminal::start(program!("11-tcp-client", address.to_string()));
    client.expect(" from ");
    let from = client.expect(" ").trim_end().parse().unwrap();
    client.ends_with(0);
    server.expect(" closed\n");
    support::until_in_time_wait(from, address);
    assert!(!support::is_in_time_wait(address, from));
}

#[test]
fn the_client_sends_its_message_bare_and_ends_its_half_when_it_is_answered() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address, "你好"));
    let mut server = accept(&listener);
    let mut message = [0; 6];
    server.read_exact(&mut message).unwrap();
    assert_eq!(message, "你好".as_bytes());
    // Not ended yet: whoever takes his time for the answer is not met by the end of the stream.
    server.set_nonblocking(true).unwrap();
    assert_eq!(again(|| server.read(&mut message)).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_nonblocking(false).unwrap();
    server.write_all(THANKS).unwrap();
    assert_eq!(read_to_end(&mut server), b"");
    // The rest of the answer may take its time too.
    server.write_all(b"and again").unwrap();
    drop(server);
    client.expect(&format!("from {address}: thank you !\nfrom {address}: and again\n"));
    client.ends_with(0);
}

#[test]
fn a_server_that_answers_once_and_closes_satisfies_the_client() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address));
    let mut server = accept(&listener);
    let mut buffer = [0; 1024];
    let length = again(|| server.read(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], b"hello word");
    server.write_all(THANKS).unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    client.ends_with(0);
}

#[test]
fn a_server_that_answers_and_does_not_close_satisfies_the_client_too() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address, "hi", "--timeout", "2"));
    let mut server = accept(&listener);
    server.write_all(THANKS).unwrap();
    client.expect(&format!("from {address}: thank you !\n"));
    client.expect("has answered and keeps the connection open; we close it)\n");
    client.ends_with(0);
}

#[test]
fn a_server_that_answers_before_it_has_read_all_satisfies_the_client_too() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address));
    let mut server = accept(&listener);
    server.read_exact(&mut [0; 4]).unwrap();
    server.write_all(THANKS).unwrap();
    client.expect(&format!("from {address}: thank you !\n"));
    // With six bytes unread: a reset.
    drop(server);
    client.expect(&format!("({address} has answered and reset the connection)\n"));
    assert_eq!(client.ends_with(0).errors, "");
}

#[test]
fn a_server_that_closes_without_an_answer_is_an_error() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address));
    let mut server = accept(&listener);
    server.read_exact(&mut [0; 10]).unwrap();
    drop(server);
    client.expect_error(&format!("{address} closed the connection without an answer\n"));
    client.ends_with(1);
}

#[test]
fn the_client_s_wait_is_bounded() {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    let mut client = Terminal::start(program!("11-tcp-client", &address, "hi", "--timeout", "0.3"));
    let _silent = accept(&listener);
    client.expect_error(&format!("no answer from {address} within 0.3 s\n"));
    client.ends_with(1);
}

#[test]
fn nobody_listening_is_one_sentence() {
    let address = nobodys_address();
    to_its_end(program!("11-tcp-client", address.to_string()))
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains(format!("cannot connect to {address}: ")));
}

#[test]
fn both_sides_work_over_ipv6_and_by_name() {
    let mut server = Terminal::start(program!("11-tcp-server", "[::1]:0"));
    let address = server.listening().to_string();
    to_its_end(program!("11-tcp-client", &address, "six"))
        .assert()
        .success()
        .stdout(contains(format!("from {address}: thank you !\n")));
    server.expect(": six\n");

    let mut server = Terminal::start(program!("11-tcp-server", "localhost:0"));
    let port = server.listening().port();
    to_its_end(program!("11-tcp-client", format!("localhost:{port}"))).assert().success();
}

#[test]
fn a_stream_comes_out_in_the_pieces_of_its_reads() {
    to_its_end(program!("11-pieces")).assert().stdout(starts_with(
        "two writes of 5 bytes: one read gives helloworld\n\
         one write of 3000 bytes: the first read gives 1024\n\
         one write of 3000 bytes: the second read gives 1024\n\
         one write of 3000 bytes: the third read gives 952\n",
    ));
}

#[test]
#[cfg(target_os = "linux")]
fn of_a_write_that_nobody_reads_a_part_is_taken() {
    let pieces = to_its_end(program!("11-pieces")).assert().success();
    let shown = String::from_utf8_lossy(&pieces.get_output().stdout);
    let last = shown.lines().last().unwrap().strip_prefix("one write of 67108864 bytes: ");
    let taken = last.and_then(|last| last.strip_suffix(" of them are taken")).expect(&shown);
    let taken: usize = taken.parse().unwrap();
    assert!(0 < taken && taken < 67_108_864, "{taken}");
}
