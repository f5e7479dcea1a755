use support::{Terminal, program};

use crate::tool::{nc, python, reported_port, socat};

/// Sends every byte there is, nothing at all, and as much as a datagram holds.
const CLIENT: &str = r#"
import sys
from socket import *

client = socket(AF_INET, SOCK_DGRAM)
server = ("127.0.0.1", int(sys.argv[1]))
for request in ["hello, 世界".encode(), bytes(range(256)), b"", b"\xff" * 65507]:
    client.sendto(request, server)
    answer, sender = client.recvfrom(65535)
    print(sender == server, len(answer), answer == request)
client.close()
"#;

/// Echoes one datagram and closes, as the lesson's first steps tell it.
const SERVER: &str = r#"
from socket import *

server = socket(AF_INET, SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("listening on %s:%d" % server.getsockname())
payload, client = server.recvfrom(1024)
server.sendto(payload, client)
server.close()
"#;

/// Starts a server that ends after one answer: it, and its port.
fn serve_once() -> (Terminal, String) {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0", "--once"));
    let port = server.listening().port().to_string();
    (server, port)
}

/// Starts a client of the server on this port, where its person can type.
fn ask(port: u16) -> Terminal {
    let server = format!("127.0.0.1:{port}");
    let mut client = Terminal::start(program!("07-echo-client", server, "--timeout", "30"));
    client.expect(">>> ");
    client
}

#[test]
fn nc_gets_its_echo_from_the_07_server() {
    let Some(nc) = nc() else { return };
    let (mut server, port) = serve_once();
    let echo = nc.run(&["-u", "-W", "1", "127.0.0.1", &port], "hello, 世界");
    assert_eq!(String::from_utf8_lossy(&echo), "hello, 世界");
    assert!(server.ends_with(0).output.ends_with(": hello, 世界\n"));
}

#[test]
fn socat_gets_its_echo_from_the_07_server() {
    let Some(socat) = socat() else { return };
    let (mut server, port) = serve_once();
    // GBK: to an echo the encoding does not matter.
    let request = b"\xca\xc0\xbd\xe7";
    let to = format!("UDP4:127.0.0.1:{port},readbytes={}", request.len());
    assert_eq!(socat.run(&["STDIO", &to], request), request);
    server.ends_with(0);
}

#[test]
fn python_gets_every_byte_and_every_length_back_from_the_07_server() {
    let Some(python) = python() else { return };
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let port = server.listening().port().to_string();
    let said = python.run(&[CLIENT, &port], "");
    let expected = "True 13 True\nTrue 256 True\nTrue 0 True\nTrue 65507 True\n";
    assert_eq!(String::from_utf8_lossy(&said), expected);
}

#[test]
fn a_person_at_nc_answers_the_07_client() {
    let Some(nc) = nc() else { return };
    let mut server = nc.start(&["-u", "-l", "-v", "127.0.0.1", "0"]);
    let port = reported_port(&mut server);
    let mut client = ask(port);
    client.type_line("hello, 世界");
    server.expect("hello, 世界");
    server.type_line("hello, 世界");
    client.expect(&format!("from 127.0.0.1:{port}: hello, 世界\\n\n"));
    client.end_input();
    client.ends_with(0);
}

#[test]
fn socat_echoes_for_the_07_client() {
    let Some(socat) = socat() else { return };
    let mut server = socat.start(&["UDP4-LISTEN:0,bind=127.0.0.1", "PIPE"]);
    let port = reported_port(&mut server);
    let mut client = ask(port);
    for line in ["hello", "世界", "again"] {
        client.type_line(line);
        client.expect(&format!("from 127.0.0.1:{port}: {line}\n"));
    }
    client.end_input();
    client.ends_with(0);
}

#[test]
fn the_07_client_outlives_a_python_server_that_echoes_once() {
    let Some(python) = python() else { return };
    let mut server = python.start(&[SERVER]);
    let port = server.listening().port();
    let mut client = ask(port);
    client.type_line("hello, 世界");
    client.expect(&format!("from 127.0.0.1:{port}: hello, 世界\n>>> "));
    server.ends_with(0);
    client.type_line("anybody there?");
    client.expect_error(&format!("nobody there at 127.0.0.1:{port}: connection refused\n"));
    assert!(client.is_running());
}
