use assert_cmd::assert::Assert;
use support::{Terminal, program};

use crate::tool::{finish, nc, python, reported_port, socat};

/// Sends once, reads once and closes, as the lesson's steps tell it.
const CLIENT: &str = r#"
import sys
from socket import *

client = socket(AF_INET, SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
client.send("hello, 世界".encode())
print(client.recv(1024).decode())
client.close()
"#;

/// Sends a character in two pieces, reads the answer to each, and resets the connection.
const RUDE_CLIENT: &str = r#"
import struct, sys
from socket import *

client = socket(AF_INET, SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
for piece in ["世".encode()[:1], "世".encode()[1:]]:
    client.send(piece)
    print(client.recv(1024).decode())
client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
client.close()
"#;

/// Connects and says nothing until its own person does.
const SILENT_CLIENT: &str = r#"
import sys
from socket import *

client = socket(AF_INET, SOCK_STREAM)
client.connect(("127.0.0.1", int(sys.argv[1])))
print("connected")
sys.stdin.readline()
client.send(b"at last")
print(client.recv(1024).decode())
"#;

/// Reads once, answers once and closes, as the lesson's steps tell it.
const SERVER: &str = r#"
from socket import *

listener = socket(AF_INET, SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print("listening on %s:%d" % listener.getsockname())
client, address = listener.accept()
print("%s:%d: %s" % (*address, client.recv(1024).decode()))
client.send("thank you, 世界!".encode())
client.close()
listener.close()
"#;

/// Starts the server: it, and its port.
fn serve() -> (Terminal, String) {
    let mut server = Terminal::start(program!("11-tcp-server", "127.0.0.1:0"));
    let port = server.listening().port().to_string();
    (server, port)
}

/// Runs our client against the server on this port.
#[track_caller]
fn ask(port: u16, message: &str) -> Assert {
    let server = format!("127.0.0.1:{port}");
    finish(program!("11-tcp-client", server, message, "--timeout", "30")).success()
}

/// What our client shows: first what it sent, then these answers.
#[track_caller]
fn shows(client: &Assert, answers: &str) {
    let shown = String::from_utf8_lossy(&client.get_output().stdout).into_owned();
    let (sent, rest) = shown.split_once('\n').unwrap_or_default();
    assert!(sent.starts_with("sent "), "{shown}");
    assert_eq!(rest, answers);
}

#[test]
fn nc_is_thanked_by_the_11_server() {
    let Some(nc) = nc() else { return };
    let (mut server, port) = serve();
    let answer = nc.run(&["-N", "127.0.0.1", &port], "hello, 世界");
    assert_eq!(String::from_utf8_lossy(&answer), "thank you !");
    assert!(server.line().ends_with(": hello, 世界"));
    assert!(server.line().ends_with(" closed"));
}

#[test]
fn each_line_typed_into_nc_is_thanked_by_the_11_server() {
    let Some(nc) = nc() else { return };
    let (mut server, port) = serve();
    let mut client = nc.start(&["-N", "127.0.0.1", &port]);
    for line in ["hello", "世界", "bye"] {
        client.type_line(line);
        client.expect("thank you !");
        assert!(server.line().ends_with(&format!(": {line}\\n")));
    }
    client.end_input();
    assert_eq!(client.ends_with(0).output, "thank you !".repeat(3));
    assert!(server.line().ends_with(" closed"));
}

#[test]
fn socat_is_thanked_by_the_11_server() {
    let Some(socat) = socat() else { return };
    let (mut server, port) = serve();
    let answer = socat.run(&["STDIO", &format!("TCP4:127.0.0.1:{port}")], "hello, 世界");
    assert_eq!(String::from_utf8_lossy(&answer), "thank you !");
    assert!(server.line().ends_with(": hello, 世界"));
    assert!(server.line().ends_with(" closed"));
}

#[test]
fn a_python_client_that_sends_once_and_reads_once_is_served_by_the_11_server() {
    let Some(python) = python() else { return };
    let (mut server, port) = serve();
    for _ in 0..2 {
        let said = python.run(&[CLIENT, &port], "");
        assert_eq!(String::from_utf8_lossy(&said), "thank you !\n");
        assert!(server.line().ends_with(": hello, 世界"));
        assert!(server.line().ends_with(" closed"));
    }
}

#[test]
fn a_python_client_that_resets_ends_nothing_but_its_own_connection_to_11() {
    let Some(python) = python() else { return };
    let (mut server, port) = serve();
    let said = python.run(&[RUDE_CLIENT, &port], "");
    assert_eq!(String::from_utf8_lossy(&said), "thank you !\nthank you !\n");
    server.expect(": 世\n");
    server.expect_error("cannot read: ");
    python.run(&[CLIENT, &port], "");
    server.expect(": hello, 世界\n");
}

#[test]
fn a_silent_python_client_keeps_nobody_out_of_11() {
    let Some(python) = python() else { return };
    let (_server, port) = serve();
    let mut silent = python.start(&[SILENT_CLIENT, &port]);
    silent.expect("connected\n");
    let said = python.run(&[CLIENT, &port], "");
    assert_eq!(String::from_utf8_lossy(&said), "thank you !\n");
    silent.type_line("");
    silent.expect("thank you !\n");
    silent.ends_with(0);
}

#[test]
fn a_person_at_nc_answers_the_11_client() {
    let Some(nc) = nc() else { return };
    let mut server = nc.start(&["-l", "-v", "127.0.0.1", "0"]);
    let address = format!("127.0.0.1:{}", reported_port(&mut server));
    let mut client =
        Terminal::start(program!("11-tcp-client", &address, "hello, 世界", "--timeout", "30"));
    server.expect("hello, 世界");
    server.type_line("thank you !");
    client.expect(&format!("from {address}: thank you !\\n\n"));
    client.ends_with(0);
    server.ends_with(0);
}

#[test]
fn nc_with_its_answer_ready_satisfies_the_11_client() {
    let Some(nc) = nc() else { return };
    let mut server = nc.start(&["-l", "-v", "127.0.0.1", "0"]);
    let port = reported_port(&mut server);
    server.type_line("thank you !");
    shows(&ask(port, "hello, 世界"), &format!("from 127.0.0.1:{port}: thank you !\\n\n"));
    assert_eq!(server.ends_with(0).output, "hello, 世界");
}

#[test]
fn socat_that_answers_when_it_has_read_a_piece_satisfies_the_11_client() {
    let Some(socat) = socat() else { return };
    // As many bytes as the message has.
    let answer = "SYSTEM:head -c 13 >&2; echo thank you !";
    let mut server = socat.start(&["TCP4-LISTEN:0,bind=127.0.0.1", answer]);
    let port = reported_port(&mut server);
    shows(&ask(port, "hello, 世界"), &format!("from 127.0.0.1:{port}: thank you !\\n\n"));
    server.expect_error("hello, 世界");
    server.ends_with(0);
}

#[test]
fn socat_that_echoes_satisfies_the_11_client() {
    let Some(socat) = socat() else { return };
    let mut server = socat.start(&["TCP4-LISTEN:0,bind=127.0.0.1", "PIPE"]);
    let port = reported_port(&mut server);
    shows(&ask(port, "hello, 世界"), &format!("from 127.0.0.1:{port}: hello, 世界\n"));
    server.ends_with(0);
}

#[test]
fn a_python_server_that_answers_once_and_closes_satisfies_the_11_client() {
    let Some(python) = python() else { return };
    let mut server = python.start(&[SERVER]);
    let port = server.listening().port();
    let client = ask(port, "hello, 世界");
    shows(&client, &format!("from 127.0.0.1:{port}: thank you, 世界!\n"));
    assert!(server.line().ends_with(": hello, 世界"));
    server.ends_with(0);
}
