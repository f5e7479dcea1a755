use assert_cmd::assert::Assert;
use support::program;

use crate::tool::{finish, nc, python, reported_port, socat};

/// Receives one datagram, as the second lesson's steps tell it.
const RECEIVER: &str = r#"
from socket import *

receiver = socket(AF_INET, SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
print("listening on %s:%d" % receiver.getsockname())
payload, sender = receiver.recvfrom(1024)
print("%d bytes from %s:%d" % (len(payload), *sender))
print(payload.decode(), end="")
receiver.close()
"#;

#[track_caller]
fn send(to: &str, message: &str) -> Assert {
    finish(program!("01-send", to, message)).success()
}

#[test]
fn nc_receives_what_01_sends() {
    let Some(nc) = nc() else { return };
    let mut receiver = nc.start(&["-u", "-l", "-v", "-W", "1", "127.0.0.1", "0"]);
    let port = reported_port(&mut receiver);
    send(&format!("127.0.0.1:{port}"), "hello, 世界");
    assert_eq!(receiver.ends_with(0).output, "hello, 世界");
}

#[test]
fn socat_receives_what_01_sends() {
    let Some(socat) = socat() else { return };
    let mut receiver = socat.start(&["-u", "UDP4-LISTEN:0,bind=127.0.0.1", "STDOUT"]);
    let port = reported_port(&mut receiver);
    send(&format!("127.0.0.1:{port}"), "hello, 世界");
    receiver.expect("hello, 世界");
    assert_eq!(String::from_utf8_lossy(&receiver.output()), "hello, 世界");
}

/// Sends the message to Python: it arrives as it is, and Python says of it what 01 says.
#[track_caller]
fn python_receives(message: &str) {
    let Some(python) = python() else { return };
    let mut receiver = python.start(&[RECEIVER]);
    let to = receiver.listening().to_string();
    let report = send(&to, message);
    let heard = receiver.line();
    report.stdout(format!("sent {heard} to {to}\n"));
    assert!(receiver.ends_with(0).output.ends_with(&format!("{heard}\n{message}")));
}

#[test]
fn python_receives_what_01_sends() {
    python_receives("hello, 世界");
}

#[test]
fn python_receives_an_empty_datagram_from_01() {
    python_receives("");
}
