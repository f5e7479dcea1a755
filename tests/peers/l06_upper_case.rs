use support::{Terminal, program};

use crate::tool::{nc, python, reported_port, socat};

/// Asks once for every byte there is, and once with more than the 2048 bytes of the service.
const CLIENT: &str = r#"
import sys
from socket import *

client = socket(AF_INET, SOCK_DGRAM)
server = ("127.0.0.1", int(sys.argv[1]))
for request in ["hello, 世界, straße".encode(), bytes(range(256)), b"a" * 3000]:
    client.sendto(request, server)
    answer, sender = client.recvfrom(4096)
    print(sender == server, len(answer), answer == request[:2048].upper())
client.close()
"#;

/// The service, as the lesson's steps tell it.
const SERVER: &str = r#"
from socket import *

server = socket(AF_INET, SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("listening on %s:%d" % server.getsockname())
while True:
    request, client = server.recvfrom(2048)
    print(request.decode())
    server.sendto(request.upper(), client)
"#;

/// Starts the server: it, and its port.
fn serve() -> (Terminal, String) {
    let mut server = Terminal::start(program!("06-upper-server", "127.0.0.1:0"));
    let port = server.listening().port().to_string();
    (server, port)
}

/// Starts a client of the server on this port, where its person can type.
fn ask(port: u16) -> Terminal {
    let server = format!("127.0.0.1:{port}");
    let mut client = Terminal::start(program!("06-upper-client", server, "--timeout", "30"));
    client.expect(">>> ");
    client
}

#[test]
fn nc_is_answered_by_the_06_server() {
    let Some(nc) = nc() else { return };
    let (mut server, port) = serve();
    let answer = nc.run(&["-u", "-W", "1", "127.0.0.1", &port], "hello, 世界");
    assert_eq!(String::from_utf8_lossy(&answer), "HELLO, 世界");
    assert!(server.line().ends_with(": hello, 世界"));
}

#[test]
fn each_line_typed_into_nc_is_answered_by_the_06_server() {
    let Some(nc) = nc() else { return };
    let (mut server, port) = serve();
    let mut client = nc.start(&["-u", "127.0.0.1", &port]);
    for (line, answer) in [("one", "ONE"), ("世界 two", "世界 TWO")] {
        client.type_line(line);
        assert_eq!(client.line(), answer);
        assert!(server.line().ends_with(&format!(": {line}\\n")));
    }
}

#[test]
fn socat_is_answered_by_the_06_server() {
    let Some(socat) = socat() else { return };
    let (mut server, port) = serve();
    let request = "hello, 世界";
    let to = format!("UDP4:127.0.0.1:{port},readbytes={}", request.len());
    let answer = socat.run(&["STDIO", &to], request);
    assert_eq!(String::from_utf8_lossy(&answer), "HELLO, 世界");
    assert!(server.line().ends_with(": hello, 世界"));
}

#[test]
fn python_agrees_with_the_06_server_about_every_byte() {
    let Some(python) = python() else { return };
    let (_server, port) = serve();
    let said = python.run(&[CLIENT, &port], "");
    let expected = "True 22 True\nTrue 256 True\nTrue 2048 True\n";
    assert_eq!(String::from_utf8_lossy(&said), expected);
}

#[test]
fn a_person_at_nc_answers_the_06_client() {
    let Some(nc) = nc() else { return };
    let mut server = nc.start(&["-u", "-l", "-v", "127.0.0.1", "0"]);
    let port = reported_port(&mut server);
    let mut client = ask(port);
    client.type_line("hello, 世界");
    server.expect("hello, 世界");
    server.type_line("HELLO, 世界");
    client.expect(&format!("from 127.0.0.1:{port}: HELLO, 世界\\n\n"));
    client.end_input();
    client.ends_with(0);
}

#[test]
fn socat_and_tr_answer_the_06_client() {
    let Some(socat) = socat() else { return };
    let request = "hello, 世界";
    // tr answers at the end of its input: after these bytes.
    let listen = format!("UDP4-LISTEN:0,bind=127.0.0.1,readbytes={}", request.len());
    let mut server = socat.start(&[&listen, "SYSTEM:tr a-z A-Z"]);
    let port = reported_port(&mut server);
    let mut client = ask(port);
    client.type_line(request);
    client.expect(&format!("from 127.0.0.1:{port}: HELLO, 世界\n"));
    client.end_input();
    client.ends_with(0);
    server.ends_with(0);
}

#[test]
fn a_python_server_answers_the_06_client() {
    let Some(python) = python() else { return };
    let mut server = python.start(&[SERVER]);
    let port = server.listening().port();
    let mut client = ask(port);
    for (line, answer) in [("hello, 世界", "HELLO, 世界"), ("", ""), ("again", "AGAIN")] {
        client.type_line(line);
        client.expect(&format!("from 127.0.0.1:{port}: {answer}\n"));
        assert_eq!(server.line(), line);
    }
    client.end_input();
    client.ends_with(0);
}
