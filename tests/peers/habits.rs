//! What the book says of nc and socat themselves: habits that surprise whoever takes one of them for
//! the other half of a lesson.

use std::io::{ErrorKind, Read};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use support::{BRIEFLY, Terminal, again, connect, text, udp};

use crate::tool::{nc, reported_port, socat};

#[test]
fn nc_with_v_sends_an_x_before_anything_is_typed() {
    let Some(nc) = nc() else { return };
    let ours = udp();
    let address = ours.local_addr().unwrap();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut peer = nc.start(&["-u", "-v", &ip, &port]);
    assert_eq!(text(&ours), "X");
    // Nobody has answered, and it is content.
    peer.expect_error("succeeded!");
    peer.type_line("hello");
    let behind_the_probes = (0..20).map(|_| text(&ours)).find(|text| text != "X");
    assert_eq!(behind_the_probes.as_deref(), Some("hello\n"));
}

#[test]
fn nc_without_v_sends_only_what_is_typed() {
    let Some(nc) = nc() else { return };
    let ours = udp();
    let address = ours.local_addr().unwrap();
    let mut peer = nc.start(&["-u", &address.ip().to_string(), &address.port().to_string()]);
    peer.type_line("hello");
    assert_eq!(text(&ours), "hello\n");
}

#[test]
fn nc_that_listens_over_udp_keeps_its_first_sender_and_others_find_nobody() {
    let Some(nc) = nc() else { return };
    let mut receiver = nc.start(&["-u", "-l", "-v", "127.0.0.1", "0"]);
    let port = reported_port(&mut receiver);
    let (first, second) = (udp(), udp());
    for sender in [&first, &second] {
        sender.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    first.send(b"first\n").unwrap();
    receiver.expect("first\n");
    second.send(b"second\n").unwrap();
    // Its socket is connected to the first one: for all others nobody is bound there.
    assert_eq!(again(|| second.recv(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    first.send(b"third\n").unwrap();
    receiver.expect("third\n");
    assert_eq!(String::from_utf8_lossy(&receiver.output()), "first\nthird\n");
}

/// Starts nc as a server that sends this file, by the shell's `<`: it, and its port.
fn nc_that_sends(file: &Path, options: &str) -> (Terminal, u16) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec nc -n -l -v {options} 127.0.0.1 0 < \"$0\"")]).arg(file);
    let mut server = Terminal::start(shell);
    let port = reported_port(&mut server);
    (server, port)
}

#[test]
fn nc_that_sends_a_file_closes_at_its_end_only_with_n() {
    let Some(_) = nc() else { return };
    let folder = TempDir::new().unwrap();
    let file = folder.child("file");
    file.write_str("the whole file").unwrap();

    let (mut server, port) = nc_that_sends(file.path(), "");
    let mut client = connect((Ipv4Addr::LOCALHOST, port).into());
    let mut content = [0; "the whole file".len()];
    client.read_exact(&mut content).unwrap();
    assert_eq!(&content, b"the whole file");
    client.set_read_timeout(Some(BRIEFLY)).unwrap();
    let over = again(|| client.read(&mut [0])).unwrap_err().kind();
    assert!(matches!(over, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{over}");
    // It has waited for us.
    drop(client);
    server.ends_with(0);

    let (mut server, port) = nc_that_sends(file.path(), "-N");
    let mut client = connect((Ipv4Addr::LOCALHOST, port).into());
    assert_eq!(support::read_to_end(&mut client), b"the whole file");
    drop(client);
    server.ends_with(0);
}

#[test]
fn socat_that_listens_over_udp_takes_an_empty_datagram_for_the_end() {
    let Some(socat) = socat() else { return };
    let mut receiver = socat.start(&["-u", "UDP4-LISTEN:0,bind=127.0.0.1", "STDOUT"]);
    let port = reported_port(&mut receiver);
    let sender = udp();
    sender.send_to(b"hello\n", (Ipv4Addr::LOCALHOST, port)).unwrap();
    receiver.expect("hello\n");
    assert!(receiver.is_running());
    sender.send_to(b"", (Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(receiver.ends_with(0).output, "hello\n");
}
