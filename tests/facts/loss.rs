//! Loss without a network: a receive buffer that is full.
//!
//! The receive buffer is set, so that it is the same on every machine: the kernel doubles the
//! 106,496 bytes (socket(7), SO_RCVBUF) to 212,992, the usual default. How many datagrams that
//! holds differs a little from kernel to kernel.

use std::net::{SocketAddr, UdpSocket};

use socket2::SockRef;
use support::{BRIEFLY, again, receive, udp};

const SENT: usize = 5000;

/// A socket with the usual receive buffer.
fn reader() -> UdpSocket {
    let reader = udp();
    SockRef::from(&reader).set_recv_buffer_size(106_496).unwrap();
    assert_eq!(SockRef::from(&reader).recv_buffer_size().unwrap(), 212_992);
    reader
}

/// Sends [`SENT`] datagrams of this many bytes to a socket that does not read meanwhile. Every send
/// says that it succeeded; returns how many are there to be read afterwards.
fn kept_of_a_burst(bytes: usize) -> usize {
    let reader = reader();
    send_burst(&reader, bytes);

    reader.set_read_timeout(Some(BRIEFLY)).unwrap();
    let mut buffer = [0; 65_535];
    std::iter::from_fn(|| receive(&reader, &mut buffer).ok())
        .inspect(|&(got, _)| assert_eq!(got, bytes))
        .count()
}

fn send_burst(reader: &UdpSocket, bytes: usize) {
    let (sender, to) = (udp(), reader.local_addr().unwrap());
    let payload = vec![7; bytes];
    for _ in 0..SENT {
        assert_eq!(sender.send_to(&payload, to).unwrap(), bytes);
    }
}

/// Nothing is wrong with any send, and most of the datagrams are gone: UDP has no way to say
/// "wait".
#[test]
fn a_reader_that_does_not_read_loses_what_was_sent_without_an_error() {
    let kept = kept_of_a_burst(1);
    assert!((100..1000).contains(&kept), "{kept} of {SENT}");
}

/// The kernel counts what a datagram costs it, not the payload alone: a hundred bytes cost no more
/// than one, and the buffer is full long before as many bytes of payload are in it.
#[test]
fn small_datagrams_fill_the_buffer_by_their_number() {
    let (kept_of_1, kept_of_100) = (kept_of_a_burst(1), kept_of_a_burst(100));
    assert!(kept_of_1.abs_diff(kept_of_100) * 4 < kept_of_1, "{kept_of_1} and {kept_of_100}");
    assert!(kept_of_100 * 100 < 212_992 / 2, "{kept_of_100} datagrams of 100 bytes");
}

/// The longer the datagrams, the fewer are kept.
#[test]
fn of_long_datagrams_only_a_few_are_kept() {
    let kept = [1400, 8192, 60_000].map(kept_of_a_burst);
    assert!((30..300).contains(&kept[0]), "at 1400 bytes {kept:?}");
    assert!((4..40).contains(&kept[1]), "at 8 KiB {kept:?}");
    assert!((1..10).contains(&kept[2]), "at 60 kB {kept:?}");
    assert!(kept.is_sorted_by(|more, fewer| more > fewer), "{kept:?}");
}

/// What came first stays, and what finds no room is gone: no newer datagram takes an older one's
/// place.
#[test]
fn a_full_buffer_keeps_the_oldest_and_drops_the_newest() {
    let (reader, sender) = (reader(), udp());
    let to = reader.local_addr().unwrap();
    for number in 0..SENT {
        assert_eq!(sender.send_to(&number.to_be_bytes(), to).unwrap(), size_of::<usize>());
    }

    reader.set_read_timeout(Some(BRIEFLY)).unwrap();
    let mut number = [0; size_of::<usize>()];
    let kept: Vec<_> = std::iter::from_fn(|| {
        receive(&reader, &mut number).ok()?;
        Some(usize::from_be_bytes(number))
    })
    .collect();
    assert!((100..1000).contains(&kept.len()), "{} of {SENT}", kept.len());
    assert!(kept.iter().copied().eq(0..kept.len()), "{kept:?}");
}

/// What waits at a socket is seen from outside, as `ss -uan` shows it under Recv-Q: not the bytes of
/// its payload but what they cost, and nothing once it was received.
#[test]
fn the_system_lists_what_waits_at_a_socket_with_all_that_it_costs() {
    let (reader, sender) = (reader(), udp());
    let address = reader.local_addr().unwrap();
    assert_eq!(waiting_at(address), 0);
    sender.send_to(b"question", address).unwrap();
    again(|| reader.peek(&mut [0; 64])).unwrap();
    let cost = waiting_at(address);
    assert!((100..10_000).contains(&cost), "{cost} for 8 bytes");
    again(|| reader.recv(&mut [0; 64])).unwrap();
    assert_eq!(waiting_at(address), 0);
}

/// rx_queue of /proc/net/udp (proc(5)): `5: 0100007F:1770 00000000:0000 07 00000000:00000300 …`.
fn waiting_at(address: SocketAddr) -> u64 {
    let SocketAddr::V4(address) = address else { panic!("only IPv4 is listed here: {address}") };
    let ip = u32::from_ne_bytes(address.ip().octets());
    let local = format!("{ip:08X}:{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let mut lines = table.lines().map(|line| line.split_whitespace().skip(1));
    let mut fields = lines.find(|fields| fields.clone().next() == Some(&local)).unwrap();
    let (_, waiting) = fields.nth(3).unwrap().split_once(':').unwrap();
    u64::from_str_radix(waiting, 16).unwrap()
}

/// What was lost is counted for the whole system: RcvbufErrors, as `nstat UdpRcvbufErrors` shows.
#[test]
fn the_system_counts_the_datagrams_that_found_the_buffer_full() {
    let before = receive_buffer_errors();
    let lost = (SENT - kept_of_a_burst(100)) as u64;
    let counted = receive_buffer_errors() - before;
    assert!((1..=counted).contains(&lost), "{lost} lost, {counted} counted");
}

/// RcvbufErrors of /proc/net/snmp: a line of names, and below it a line of numbers.
fn receive_buffer_errors() -> u64 {
    let counters = std::fs::read_to_string("/proc/net/snmp").unwrap();
    let mut lines = counters.lines().filter(|line| line.starts_with("Udp:"));
    let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let mut counters = names.split(' ').zip(numbers.split(' '));
    let (_, number) = counters.find(|(name, _)| *name == "RcvbufErrors").unwrap();
    number.parse().unwrap()
}
