//! What strangers may send: rubbish of every length, terminal escape sequences, invalid text, a flood.
//! The program goes on, prints nothing raw, and its memory does not grow.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use support::{LONGEST_SENT, PATIENCE, Terminal, assert_harmless, datagram, program, udp};

use crate::to_its_end;

/// Every program that receives datagrams for ever, started on a free port of 127.0.0.1, and a question
/// with the answer that shows that it is alive: sent back, or on its screen.
fn receivers() -> Vec<(Command, &'static str, Alive)> {
    vec![
        (program!("06-upper-server", "127.0.0.1:0"), "alive?", Alive::Answers("ALIVE?")),
        (program!("07-echo-server", "127.0.0.1:0"), "alive?", Alive::Answers("alive?")),
        (program!("08-threads-chat", "127.0.0.1:0"), "alive?", Alive::Shows(": alive?\n")),
        (program!("09-broadcast-receive", "127.0.0.1:0"), "alive?", Alive::Shows(": alive?\n")),
        (program!("10-group-server", "127.0.0.1:0"), "/who", Alive::Answers(" here: ")),
    ]
}

#[derive(Clone, Copy)]
enum Alive {
    Answers(&'static str),
    Shows(&'static str),
}

/// Asks until the answer comes. A question may be lost where it meets a full receive buffer: that is
/// UDP, and the reason why somebody who wants an answer asks again.
#[track_caller]
fn assert_alive(program: &mut Terminal, address: SocketAddr, question: &str, alive: Alive) {
    let asking = udp();
    // Until it asks again, or looks again at the screen of a program that sends nothing.
    let pause = match alive {
        Alive::Answers(_) => 300,
        Alive::Shows(_) => 10,
    };
    asking.set_read_timeout(Some(Duration::from_millis(pause))).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 65_535];
    while Instant::now() < deadline {
        asking.send_to(question.as_bytes(), address).unwrap();
        let answer = asking.recv_from(&mut buffer).map(|(length, _)| &buffer[..length]);
        let answer = answer.map(String::from_utf8_lossy).unwrap_or_default();
        let answered = match alive {
            Alive::Answers(expected) => answer.contains(expected),
            Alive::Shows(expected) => {
                // Only the end of the screen: a flood's worth may stand above it.
                let shown = program.output();
                String::from_utf8_lossy(&shown[shown.len().saturating_sub(4096)..])
                    .contains(expected)
            }
        };
        if answered {
            return;
        }
    }
    panic!("the program does not answer any more");
}

/// Datagrams that nobody should send.
fn rubbish() -> Vec<Vec<u8>> {
    let mut datagrams: Vec<Vec<u8>> = [
        // Terminal escape sequences, in 7 and 8 bits, and marks that turn the direction of writing.
        &b"\x1b[2J\x1b]0;owned\x07\x1bc"[..],
        b"\xc2\x9b31mred\xc2\x9d",
        "\u{202e}exe.txt\u{2066}\u{2028}\u{85}".as_bytes(),
        b"back\x08\x08\x7f\r\nspace\0",
        // Not UTF-8: alone, overlong, a surrogate, cut, beyond Unicode.
        b"\xff\xfe",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"a\xe4\xbd",
        b"\xf4\x90\x80\x80",
        // Not GBK: cut, and a second byte out of range, which is a control character or an escape.
        b"\x81",
        b"\x81\x1b[2J",
        b"\xff\xff\x80",
        // Almost IPMSG.
        b"::::::",
        b"1:::::",
        b"1:1:u:h:32:",
        b"1:1:\x1b[2J:\xc2\x9b:32:\x81\x1b\0\x1b[2J\0",
        b"99999999999999999999:1:u:h:32:t",
        // Almost commands of the group.
        b"/name",
        b"/name \x1b[2J",
        b"/name \xff\xfe",
        b"/name :",
        b"/",
        b"//",
        b"/quit",
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .collect();
    let mut random = fastrand::Rng::with_seed(7);
    for length in [
        0,
        1,
        2,
        3,
        64,
        1000,
        1024,
        1025,
        1472,
        1473,
        2048,
        2049,
        8192,
        LONGEST_SENT - 1,
        LONGEST_SENT,
    ] {
        datagrams.push((0..length).map(|_| random.u8(..)).collect());
    }
    for _ in 0..200 {
        let length = random.usize(..400);
        datagrams.push((0..length).map(|_| random.u8(..)).collect());
    }
    datagrams
}

#[test]
fn rubbish_is_shown_harmless_and_ends_no_receiver() {
    for (command, question, alive) in receivers() {
        let mut program = Terminal::start(command);
        let address = program.listening();
        let stranger = udp();
        for datagram in rubbish() {
            stranger.send_to(&datagram, address).unwrap();
        }
        assert_alive(&mut program, address, question, alive);
        assert_harmless(&program.output());
        assert_eq!(String::from_utf8_lossy(&program.errors()), "");
    }
}

#[test]
fn rubbish_is_shown_harmless_by_a_program_that_takes_one_datagram() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut some = rubbish();
    random.shuffle(&mut some);
    for datagram in some.iter().take(12).chain(&[vec![b'\x1b'; LONGEST_SENT], Vec::new()]) {
        for encoding in ["utf-8", "gbk"] {
            let mut receiver =
                Terminal::start(program!("02-receive", "127.0.0.1:0", "--encoding", encoding));
            udp().send_to(datagram, receiver.listening()).unwrap();
            let ended = receiver.ends_with(0);
            assert_harmless(ended.output.as_bytes());
            assert_eq!(ended.errors, "");
        }
    }
}

#[test]
fn rubbish_is_shown_harmless_by_the_programs_that_wait_for_one_answer() {
    let stranger = udp();
    let to = stranger.local_addr().unwrap().to_string();
    let mut menu = Terminal::start(program!("04-menu-chat", &to, "--bind", "127.0.0.1:0"));
    let address = menu.listening();
    for rubbish in rubbish().iter().take(45) {
        stranger.send_to(rubbish, address).unwrap();
        menu.type_line("2");
        menu.expect(&format!("from {to}: "));
        let command = program!("03-duplex", &to, "hello", "--bind", "127.0.0.1:0");
        let mut duplex = Terminal::start(command);
        stranger.send_to(rubbish, duplex.listening()).unwrap();
        assert_harmless(duplex.ends_with(0).output.as_bytes());
    }
    assert_harmless(&menu.output());
    assert_eq!(String::from_utf8_lossy(&menu.errors()), "");
}

#[test]
fn rubbish_as_an_answer_is_shown_harmless_and_the_client_asks_on() {
    for client in ["05", "06", "07", "10"] {
        let server = udp();
        let address = server.local_addr().unwrap().to_string();
        let mut client = Terminal::start(match client {
            "05" => program!("05-turns-client", &address, "--timeout", "30"),
            "06" => program!("06-upper-client", &address, "--timeout", "30"),
            "07" => program!("07-echo-client", &address, "--timeout", "30"),
            _ => program!("10-group-client", &address),
        });
        for rubbish in rubbish().iter().take(45) {
            client.type_line("hello");
            let (_, from) = datagram(&server);
            server.send_to(rubbish, from).unwrap();
            client.expect("from ");
        }
        client.type_line("and now?");
        let (question, from) = datagram(&server);
        assert_eq!(question, b"and now?");
        server.send_to(b"the answer", from).unwrap();
        client.expect(": the answer\n");
        assert_harmless(&client.output());
        assert_eq!(String::from_utf8_lossy(&client.errors()), "");
    }
}

#[test]
fn a_flood_of_100_000_datagrams_ends_no_receiver_and_fills_no_memory() {
    let rubbish_from = |stranger: &UdpSocket, address| {
        for datagram in rubbish() {
            stranger.send_to(&datagram, address).unwrap();
        }
    };
    let flood_from = |stranger: &UdpSocket, address| {
        for number in 0..100_000_u32 {
            stranger.send_to(&number.to_be_bytes(), address).unwrap();
        }
    };
    // The rubbish shows how much memory the longest datagram takes to be shown at all.
    receivers_stay_alive_and_bounded(rubbish_from, flood_from);
}

#[test]
fn the_memory_does_not_grow_with_the_number_of_strangers() {
    // More than the group has places for, and then twice as many again.
    let hello = |count| move |_: &UdpSocket, address| strangers(count, address);
    receivers_stay_alive_and_bounded(hello(1500), hello(3000));
}

/// Each receiver answers after `first` and after `then`, which takes it no more memory.
#[track_caller]
fn receivers_stay_alive_and_bounded(
    first: impl Fn(&UdpSocket, SocketAddr),
    then: impl Fn(&UdpSocket, SocketAddr),
) {
    for (command, question, alive) in receivers() {
        let mut program = Terminal::start(command);
        let address = program.listening();
        let stranger = udp();
        first(&stranger, address);
        assert_alive(&mut program, address, question, alive);
        #[cfg(target_os = "linux")]
        let before = program.peak_memory();
        then(&stranger, address);
        assert_alive(&mut program, address, question, alive);
        #[cfg(target_os = "linux")]
        assert_bounded(before, program.peak_memory());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_memory_of_the_group_does_not_grow_with_the_number_of_those_who_want_to_join() {
    let mut server = Terminal::start(program!("10-group-server", "127.0.0.1:0"));
    let address = server.listening();
    let member = udp();
    member.connect(address).unwrap();
    let join = |count: usize| {
        for _ in 0..count / 50 {
            for _ in 0..50 {
                // Joins, and says nothing that all the others would have to hear.
                udp().send_to(b"/name", address).unwrap();
            }
            // The answer comes when all of them have been heard.
            member.send(b"/who").unwrap();
            assert!(support::text(&member).contains(" here: "));
        }
    };
    join(2000);
    let before = server.peak_memory();
    join(10_000);
    assert_bounded(before, server.peak_memory());
    member.send(b"/who").unwrap();
    assert!(support::text(&member).starts_with("1024 here: "));
}

/// So many strangers say hello, each from an address of its own, and are gone when the answer comes.
fn strangers(count: usize, address: SocketAddr) {
    for _ in 0..count {
        udp().send_to(b"hello", address).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[track_caller]
fn assert_bounded(before: u64, after: u64) {
    assert!(after < before + 512, "from {before} KiB to {after} KiB");
    assert!(after < 16 * 1024, "{after} KiB");
}

#[test]
fn a_group_that_strangers_flooded_still_serves_its_members() {
    let mut server = Terminal::start(program!("10-group-server", "127.0.0.1:0"));
    let address = server.listening();
    let members: Vec<_> = (0..2).map(|_| udp()).collect();
    for (member, name) in members.iter().zip(["alice", "bob"]) {
        member.connect(address).unwrap();
        member.send(format!("/name {name}").as_bytes()).unwrap();
        member.send(b"/who").unwrap();
        assert!(support::text(member).contains(name));
    }
    strangers(3000, address);
    // What the strangers said has reached the members; what follows is told apart by its text.
    let deadline = Instant::now() + PATIENCE;
    let mut number = 0;
    members[1].set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut buffer = [0; 2048];
    'saying: loop {
        assert!(Instant::now() < deadline, "bob hears alice no more");
        number += 1;
        let line = format!("alice: number {number}");
        members[0].send(&line.as_bytes()[7..]).unwrap();
        while let Ok(length) = members[1].recv(&mut buffer) {
            if buffer[..length] == *line.as_bytes() {
                break 'saying;
            }
        }
    }
    assert_harmless(&server.output());
}

#[test]
fn a_peer_that_has_gone_before_its_answer_ends_no_server() {
    for (command, question, alive) in receivers() {
        let mut program = Terminal::start(command);
        let address = program.listening();
        strangers(20, address);
        assert_alive(&mut program, address, question, alive);
        assert!(program.is_running());
    }
}

#[test]
fn a_server_at_the_console_survives_rubbish_between_two_questions() {
    let mut server = Terminal::start(program!("05-turns-server", "127.0.0.1:0"));
    let address = server.listening();
    for rubbish in rubbish().iter().take(45) {
        let stranger = udp();
        stranger.send_to(rubbish, address).unwrap();
        server.expect(">>> ");
        server.type_line("pardon?");
        assert_eq!(support::text(&stranger), "pardon?");
    }
    assert_harmless(&server.output());
    assert_eq!(String::from_utf8_lossy(&server.errors()), "");
}

#[test]
fn rubbish_over_tcp_is_shown_harmless_and_keeps_nobody_out() {
    use std::io::{Read as _, Write as _};

    let mut server = Terminal::start(program!("11-tcp-server", "127.0.0.1:0"));
    let address = server.listening();
    for rubbish in rubbish() {
        let mut stranger = support::connect(address);
        stranger.write_all(&rubbish).unwrap();
        stranger.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers = Vec::new();
        stranger.read_to_end(&mut answers).unwrap();
        assert_eq!(answers.is_empty(), rubbish.is_empty());
    }
    to_its_end(program!("11-tcp-client", address.to_string())).assert().success();
    assert_harmless(&server.output());
    assert_eq!(String::from_utf8_lossy(&server.errors()), "");
}

#[test]
fn rubbish_as_an_answer_over_tcp_is_shown_harmless() {
    use std::io::{Read as _, Write as _};

    let listener = support::tcp();
    let address = listener.local_addr().unwrap().to_string();
    for rubbish in rubbish().iter().take(45).filter(|rubbish| !rubbish.is_empty()) {
        let mut client = Terminal::start(program!("11-tcp-client", &address));
        let mut server = support::accept(&listener);
        server.read_exact(&mut [0; 10]).unwrap();
        server.write_all(rubbish).unwrap();
        drop(server);
        let ended = client.ends_with(0);
        assert_harmless(ended.output.as_bytes());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_memory_of_the_tcp_server_does_not_grow_with_the_number_of_clients() {
    use std::io::{Read as _, Write as _};

    let mut server = Terminal::start(program!("11-tcp-server", "127.0.0.1:0"));
    let address = server.listening();
    // All of them at once, each in its thread: as many as are ever served at a time.
    let full_house = || {
        let mut clients: Vec<_> = (0..128).map(|_| support::connect(address)).collect();
        for client in &mut clients {
            client.write_all(b"hello").unwrap();
            client.read_exact(&mut [0; 11]).unwrap();
        }
        for client in &mut clients {
            client.shutdown(std::net::Shutdown::Write).unwrap();
            support::read_to_end(client);
        }
    };
    full_house();
    full_house();
    let before = server.peak_memory();
    for _ in 0..10 {
        full_house();
    }
    let after = server.peak_memory();
    assert!(after < before + 2048, "from {before} KiB to {after} KiB");
}
