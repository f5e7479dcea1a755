use std::time::{SystemTime, UNIX_EPOCH};

use support::{Terminal, program};

use crate::tool::{finish, nc, python, reported_port, socat};

/// Where everything here is broadcast to: the loopback alone, on the receiver's port.
const EVERYBODY: &str = "127.255.255.255";

/// Broadcasts one text in the encoding it is told.
const SENDER: &str = r#"
import sys
from socket import *

everybody, port, text, encoding = sys.argv[1:]
sender = socket(AF_INET, SOCK_DGRAM)
sender.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
sender.sendto(text.replace("|", "\0").encode(encoding), (everybody, int(port)))
sender.close()
"#;

/// Hears one broadcast on a port that it shares, and takes it apart in its own way.
const RECEIVER: &str = r#"
import sys
from socket import *

receiver = socket(AF_INET, SOCK_DGRAM)
receiver.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
receiver.bind(("0.0.0.0", int(sys.argv[1])))
print("listening on %s:%d" % receiver.getsockname())
payload, sender = receiver.recvfrom(1024)
for field in payload.decode().split(":", 5):
    print(field)
receiver.close()
"#;

/// Starts a receiver on this port, 0 for a free one: it, and its port.
fn receive_on(port: &str) -> (Terminal, String) {
    let mut receiver = Terminal::start(program!("09-broadcast-receive", format!("0.0.0.0:{port}")));
    let port = receiver.listening().port().to_string();
    (receiver, port)
}

/// Broadcasts this message with our own program.
#[track_caller]
fn send(port: &str, message: &str) {
    let to = format!("{EVERYBODY}:{port}");
    finish(program!("09-broadcast-send", to, message)).success();
}

/// What our receiver shows of the message `1:100:张三:will-pc:COMMAND:说: 你好`, whoever sent it.
fn shown(command: &str) -> String {
    format!(
        ": 说: 你好\n  version: 1\n  packet number: 100\n  user: 张三\n  host: will-pc\n  \
         command: {command}\n  text: 说: 你好\n"
    )
}

#[test]
fn two_09_receivers_hear_ipmsg_in_utf_8_from_python() {
    let Some(python) = python() else { return };
    let (mut one, port) = receive_on("0");
    let (mut two, _) = receive_on(&port);
    let message = "1:100:张三:will-pc:8388640:说: 你好|研发组|";
    python.run(&[SENDER, EVERYBODY, &port, message, "utf-8"], "");
    for receiver in [&mut one, &mut two] {
        receiver.expect(&(shown("8388640 (SENDMSG, UTF8)") + "  extra: 研发组\n"));
    }
}

#[test]
fn a_09_receiver_hears_ipmsg_in_gbk_from_python() {
    let Some(python) = python() else { return };
    let (mut receiver, port) = receive_on("0");
    let message = "1:100:张三:will-pc:32:说: 你好|研发组|";
    python.run(&[SENDER, EVERYBODY, &port, message, "gbk"], "");
    receiver.expect(&(shown("32 (SENDMSG)") + "  extra: 研发组\n"));
}

#[test]
fn a_09_receiver_shows_what_python_broadcasts_that_is_no_ipmsg() {
    let Some(python) = python() else { return };
    let (mut receiver, port) = receive_on("0");
    python.run(&[SENDER, EVERYBODY, &port, "大家好: hello", "utf-8"], "");
    receiver.expect(": 大家好: hello\n");
}

/// `1:100:张三:will-pc:32:说: 你好` in GBK, a NUL, and the extra section 研发组.
const IN_GBK: &[u8] =
    b"1:100:\xd5\xc5\xc8\xfd:will-pc:32:\xcb\xb5: \xc4\xe3\xba\xc3\0\xd1\xd0\xb7\xa2\xd7\xe9\0";

#[test]
fn a_09_receiver_hears_ipmsg_from_socat() {
    let Some(socat) = socat() else { return };
    let (mut receiver, port) = receive_on("0");
    let everybody = format!("UDP4-DATAGRAM:{EVERYBODY}:{port},broadcast");
    let in_utf_8 = "1:100:张三:will-pc:8388640:说: 你好\0";
    socat.run(&["-u", "STDIN", &everybody], in_utf_8);
    receiver.expect(&shown("8388640 (SENDMSG, UTF8)"));
    socat.run(&["-u", "STDIN", &everybody], IN_GBK);
    receiver.expect(&(shown("32 (SENDMSG)") + "  extra: 研发组\n"));
}

#[test]
fn a_09_receiver_hears_ipmsg_from_nc() {
    let Some(nc) = nc() else { return };
    let (mut receiver, port) = receive_on("0");
    nc.run(&["-u", "-b", "-q", "0", EVERYBODY, &port], IN_GBK);
    receiver.expect(&(shown("32 (SENDMSG)") + "  extra: 研发组\n"));
}

#[test]
fn two_python_receivers_hear_what_09_broadcasts() {
    let Some(python) = python() else { return };
    for (message, command) in [("to: everybody", "32"), ("大家好", "8388640")] {
        let mut one = python.start(&[RECEIVER, "0"]);
        let port = one.listening().port().to_string();
        let mut two = python.start(&[RECEIVER, &port]);
        two.listening();
        let before = unix_time();
        send(&port, message);
        for receiver in [&mut one, &mut two] {
            assert_eq!(receiver.line(), "1");
            let number = receiver.line().parse().expect("the packet number is a number");
            assert!((before..=unix_time()).contains(&number), "{number} is not the time");
            for field in ["will", "will-pc", command, message] {
                assert_eq!(receiver.line(), field);
            }
            receiver.ends_with(0);
        }
    }
}

#[test]
fn nc_hears_what_09_broadcasts() {
    let Some(nc) = nc() else { return };
    let mut receiver = nc.start(&["-u", "-l", "-v", "-W", "1", "0.0.0.0", "0"]);
    let port = reported_port(&mut receiver).to_string();
    send(&port, "大家好");
    let heard = receiver.ends_with(0).output;
    assert!(heard.starts_with("1:") && heard.ends_with(":will:will-pc:8388640:大家好"), "{heard}");
}

#[test]
fn socat_hears_what_09_broadcasts() {
    let Some(socat) = socat() else { return };
    let mut receiver = socat.start(&["-u", "UDP4-LISTEN:0", "STDOUT"]);
    let port = reported_port(&mut receiver).to_string();
    send(&port, "大家好");
    receiver.expect(":will:will-pc:8388640:大家好");
    assert!(
        receiver.output().starts_with(b"1:") && receiver.output().ends_with("大家好".as_bytes())
    );
}

/// Whole seconds.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
