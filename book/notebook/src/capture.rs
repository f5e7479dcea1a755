//! What goes over the wire: the packets on the interface `lo` of the network namespace that we are in,
//! recorded without another program, told in the manner of Wireshark, and written as a file that it
//! opens.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use etherparse::{
    Icmpv4Type, Icmpv6Type, LaxNetSlice, LaxSlicedPacket, TcpOptionElement, TcpSlice,
    TransportSlice, icmpv4, icmpv6,
};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, TsResolution};
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
pub use self::linux::Capture;

/// One packet. Stored are its time and its frame: all the rest follows from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Recorded", into = "Recorded")]
pub struct Packet {
    /// When it was sent, since the Unix epoch.
    pub time: Duration,
    pub protocol: Protocol,
    /// With port 0 where the protocol has no ports.
    pub source: SocketAddr,
    pub destination: SocketAddr,
    /// TCP: the flags that are set, in the order of [`Flag`].
    pub flags: Vec<Flag>,
    /// TCP: as in the header. [`numbers`] counts from the start of the connection.
    pub sequence: u32,
    pub acknowledgement: u32,
    pub window: u16,
    /// TCP: the option of a SYN which says by how many bits later windows of this side are shifted.
    pub window_scale: Option<u8>,
    /// ICMP: what it reports.
    pub report: Option<Report>,
    /// How long the frame is, in bytes: Wireshark's column Length.
    pub length: usize,
    /// What UDP or TCP carries; of ICMP what stands behind its first 8 bytes; else what IP carries.
    pub payload: Vec<u8>,
    /// The whole packet, from its Ethernet header on.
    pub frame: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Udp,
    Tcp,
    /// Version 4 or 6, as the addresses are.
    Icmp,
    /// Another one with its number in the header of IP, and also a fragment of a UDP packet: what is
    /// longer than 65,536 bytes with its headers, which only IPv6 can send.
    Other(u8),
}

/// The flags of TCP that are told, in the order in which Wireshark names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    Fin,
    Syn,
    Rst,
    Psh,
    Ack,
}

/// What an ICMP packet reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Nobody is bound to the port to which this packet was sent (RFC 792, RFC 4443).
    PortUnreachable { protocol: Protocol, source: SocketAddr, destination: SocketAddr },
    /// Any other type and code.
    Other { kind: u8, code: u8 },
}

/// A packet as it is stored.
#[derive(Serialize, Deserialize)]
struct Recorded {
    time: Duration,
    #[serde(with = "hex")]
    frame: Vec<u8>,
}

impl From<Packet> for Recorded {
    fn from(packet: Packet) -> Self {
        Self { time: packet.time, frame: packet.frame }
    }
}

impl TryFrom<Recorded> for Packet {
    type Error = &'static str;

    fn try_from(Recorded { time, frame }: Recorded) -> Result<Self, Self::Error> {
        Self::parse(time, &frame).ok_or("a recorded frame is no IP packet")
    }
}

impl Packet {
    /// Reads a frame that was sent at `time`: `None` when it is no IP packet.
    pub fn parse(time: Duration, frame: &[u8]) -> Option<Self> {
        let sliced = LaxSlicedPacket::from_ethernet(frame).ok()?;
        let (protocol, source, destination) = ends(&sliced)?;
        let mut packet = Self {
            time,
            protocol,
            source,
            destination,
            flags: Vec::new(),
            sequence: 0,
            acknowledgement: 0,
            window: 0,
            window_scale: None,
            report: None,
            length: frame.len(),
            payload: Vec::new(),
            frame: frame.to_vec(),
        };
        let payload = match &sliced.transport {
            Some(TransportSlice::Udp(udp)) => udp.payload(),
            Some(TransportSlice::Tcp(tcp)) => {
                packet.flags = flags(tcp);
                packet.sequence = tcp.sequence_number();
                packet.acknowledgement = tcp.acknowledgment_number();
                packet.window = tcp.window_size();
                packet.window_scale = tcp.options_iterator().find_map(|option| match option {
                    Ok(TcpOptionElement::WindowScale(bits)) => Some(bits),
                    _ => None,
                });
                tcp.payload()
            }
            Some(TransportSlice::Icmpv4(icmp)) => {
                let port = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
                let unreachable = icmp.icmp_type() == port;
                packet.report =
                    Some(report(unreachable, icmp.type_u8(), icmp.code_u8(), icmp.payload()));
                icmp.payload()
            }
            Some(TransportSlice::Icmpv6(icmp)) => {
                let port = Icmpv6Type::DestinationUnreachable(icmpv6::DestUnreachableCode::Port);
                let unreachable = icmp.icmp_type() == port;
                packet.report =
                    Some(report(unreachable, icmp.type_u8(), icmp.code_u8(), icmp.payload()));
                icmp.payload()
            }
            _ => sliced.ip_payload()?.payload,
        };
        packet.payload = payload.to_vec();
        Some(packet)
    }
}

/// The protocol and the two addresses of an IP packet.
fn ends(packet: &LaxSlicedPacket) -> Option<(Protocol, SocketAddr, SocketAddr)> {
    let [source, destination] = match packet.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            [header.source_addr().into(), header.destination_addr().into()]
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            [header.source_addr().into(), header.destination_addr().into()]
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (protocol, [from, to]) = match &packet.transport {
        Some(TransportSlice::Udp(udp)) => {
            (Protocol::Udp, [udp.source_port(), udp.destination_port()])
        }
        Some(TransportSlice::Tcp(tcp)) => {
            (Protocol::Tcp, [tcp.source_port(), tcp.destination_port()])
        }
        Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_)) => (Protocol::Icmp, [0, 0]),
        Some(TransportSlice::Igmp(_)) | None => {
            (Protocol::Other(packet.ip_payload()?.ip_number.0), [0, 0])
        }
    };
    Some((protocol, SocketAddr::new(source, from), SocketAddr::new(destination, to)))
}

fn flags(tcp: &TcpSlice) -> Vec<Flag> {
    let all = [
        (Flag::Fin, tcp.fin()),
        (Flag::Syn, tcp.syn()),
        (Flag::Rst, tcp.rst()),
        (Flag::Psh, tcp.psh()),
        (Flag::Ack, tcp.ack()),
    ];
    all.into_iter().filter_map(|(flag, is_set)| is_set.then_some(flag)).collect()
}

/// What an ICMP packet reports. It quotes the packet that it is about, from the IP header on, and cuts
/// a long one.
fn report(port_unreachable: bool, kind: u8, code: u8, quoted: &[u8]) -> Report {
    let about = LaxSlicedPacket::from_ip(quoted).ok().and_then(|packet| ends(&packet));
    match about {
        Some((protocol, source, destination)) if port_unreachable => {
            Report::PortUnreachable { protocol, source, destination }
        }
        _ => Report::Other { kind, code },
    }
}

/// The numbers of a TCP segment as Wireshark shows them; all 0 for what is not TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Counted from the SYN of this side, which has 0.
    pub sequence: u32,
    /// Counted from the SYN of the other side.
    pub acknowledgement: u32,
    /// In bytes, after the scaling that both sides agreed on in their SYN.
    pub window: u32,
}

/// The numbers of each of these packets, which are in the order in which they were sent.
pub fn numbers(packets: &[Packet]) -> Vec<Numbers> {
    #[derive(Default)]
    struct Side {
        first: Option<u32>,
        scale: Option<u8>,
    }
    // One side of each connection is what goes from one address to another one.
    let mut sides: HashMap<(SocketAddr, SocketAddr), Side> = HashMap::new();
    let mut number = |packet: &Packet| {
        if packet.protocol != Protocol::Tcp {
            return Numbers::default();
        }
        let is = |flag| packet.flags.contains(&flag);
        let (there, back) =
            ((packet.source, packet.destination), (packet.destination, packet.source));
        let known = sides.get(&there).and_then(|side| side.first);
        if is(Flag::Syn) && !is(Flag::Ack) && known != Some(packet.sequence) {
            // A new connection, perhaps one between the addresses of an earlier one.
            sides.remove(&there);
            sides.remove(&back);
        }

        let side = sides.entry(there).or_default();
        // Who did not begin with a SYN counts as if it had been the byte before. So does a RST that
        // refuses a connection.
        let first = packet.sequence.wrapping_sub(u32::from(!is(Flag::Syn)));
        let first = *side.first.get_or_insert(first);
        if is(Flag::Syn) {
            side.scale = packet.window_scale;
        }
        let scale = side.scale;

        let other = sides.entry(back).or_default();
        let acknowledgement = if is(Flag::Ack) {
            let theirs = packet.acknowledgement.wrapping_sub(1);
            packet.acknowledgement.wrapping_sub(*other.first.get_or_insert(theirs))
        } else {
            0
        };
        // Both must offer it, and the window of a SYN itself is never scaled; 14 is the most
        // (RFC 7323, sections 2.2 and 2.3).
        let shift = match (scale, other.scale) {
            (Some(bits), Some(_)) if !is(Flag::Syn) => bits.min(14),
            _ => 0,
        };
        let window = u32::from(packet.window) << shift;
        Numbers { sequence: packet.sequence.wrapping_sub(first), acknowledgement, window }
    };
    packets.iter().map(&mut number).collect()
}

/// What Wireshark's column Info is for: `40123 → 8080 Len=5`,
/// `45678 → 7788 [SYN] Seq=0 Win=65495 Len=0`.
pub fn info(packet: &Packet, numbers: Numbers) -> String {
    let (source, destination) = (packet.source.port(), packet.destination.port());
    let length = packet.payload.len();
    match (packet.protocol, &packet.report) {
        (Protocol::Udp, _) => format!("{source} → {destination} Len={length}"),
        (Protocol::Tcp, _) => {
            let Numbers { sequence, acknowledgement, window } = numbers;
            let acknowledgement = if packet.flags.contains(&Flag::Ack) {
                format!(" Ack={acknowledgement}")
            } else {
                String::new()
            };
            let flags = list(&packet.flags);
            format!(
                "{source} → {destination} {flags} Seq={sequence}{acknowledgement} Win={window} Len={length}"
            )
        }
        (_, Some(Report::PortUnreachable { protocol, source, destination })) => {
            let (source, destination) = (source.port(), destination.port());
            format!(
                "Destination unreachable (Port unreachable): {protocol} {source} → {destination}"
            )
        }
        (_, Some(Report::Other { kind, code })) => format!("Type={kind} Code={code} Len={length}"),
        (Protocol::Icmp | Protocol::Other(_), None) => format!("{} Len={length}", packet.protocol),
    }
}

/// A packet in a line, as a session names it: `UDP 127.0.0.1:40123 > 127.0.0.1:8080 5 bytes`,
/// `TCP 127.0.0.1:1 > 127.0.0.1:2 [SYN, ACK] 0 bytes`,
/// `ICMP 127.0.0.1 > 127.0.0.1 port unreachable (UDP 127.0.0.1:40123 > 127.0.0.1:9)`.
pub fn summary(packet: &Packet) -> String {
    let Packet { protocol, source, destination, .. } = packet;
    let length = packet.payload.len();
    match protocol {
        Protocol::Udp => format!("{protocol} {source} > {destination} {length} bytes"),
        Protocol::Tcp => {
            let flags = list(&packet.flags);
            format!("{protocol} {source} > {destination} {flags} {length} bytes")
        }
        Protocol::Icmp | Protocol::Other(_) => {
            let ends = format!("{protocol} {} > {}", source.ip(), destination.ip());
            match &packet.report {
                Some(Report::PortUnreachable { protocol, source, destination }) => {
                    format!("{ends} port unreachable ({protocol} {source} > {destination})")
                }
                Some(Report::Other { kind, code }) => format!("{ends} type {kind} code {code}"),
                None => format!("{ends} {length} bytes"),
            }
        }
    }
}

/// `[SYN, ACK]`.
fn list(flags: &[Flag]) -> String {
    let names: Vec<String> = flags.iter().map(Flag::to_string).collect();
    format!("[{}]", names.join(", "))
}

impl Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Udp => f.write_str("UDP"),
            Self::Tcp => f.write_str("TCP"),
            Self::Icmp => f.write_str("ICMP"),
            Self::Other(number) => write!(f, "IP protocol {number}"),
        }
    }
}

impl Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Fin => "FIN",
            Self::Syn => "SYN",
            Self::Rst => "RST",
            Self::Psh => "PSH",
            Self::Ack => "ACK",
        })
    }
}

/// These packets as a capture file, which Wireshark, tshark and tcpdump open: the classic format
/// (pcap-savefile(5)), little-endian, with nanoseconds, of Ethernet frames.
///
/// # Errors
/// A time does not fit in the format: it ends in the year 2106.
pub fn pcap(packets: &[Packet]) -> io::Result<Vec<u8>> {
    let longest = packets.iter().map(|packet| packet.frame.len()).max().unwrap_or_default();
    let header = PcapHeader {
        // At least what tcpdump says, and never less than what is inside.
        snaplen: u32::try_from(longest).unwrap_or(u32::MAX).max(262_144),
        datalink: DataLink::ETHERNET,
        ts_resolution: TsResolution::NanoSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).map_err(io::Error::other)?;
    for packet in packets {
        let length = u32::try_from(packet.frame.len()).map_err(io::Error::other)?;
        let packet = PcapPacket::new(packet.time, length, &packet.frame);
        writer.write_packet(&packet).map_err(io::Error::other)?;
    }
    Ok(writer.into_writer())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut, PipeReader, PipeWriter};
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use nix::cmsg_space;
    use nix::errno::Errno;
    use nix::libc;
    use nix::net::if_::if_nametoindex;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::socket::sockopt::{RcvBuf, ReceiveTimestampns};
    use nix::sys::socket::{
        AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike,
        bind, recvmsg, setsockopt, socket,
    };
    use nix::sys::time::TimeSpec;
    use socket2::{SockFilter, SockRef};

    use super::Packet;

    /// How many packets a recording holds, and how many bytes they have together.
    const MOST_PACKETS: usize = 10_000;
    const MOST_BYTES: usize = 64 << 20;

    /// The longest frame on `lo`, in bytes: its MTU and an Ethernet header.
    const LONGEST_FRAME: usize = 65_536 + 14;

    /// How many bytes may wait until our thread reads them. The system may allow less:
    /// net.core.rmem_max.
    const WAITING_BYTES: usize = 16 << 20;

    /// A recording that goes on. Let it out of scope to end it without a result.
    pub struct Capture {
        reader: JoinHandle<io::Result<Vec<Packet>>>,
        /// Nothing is written into this pipe: it is closed when the recording shall end.
        going_on: PipeWriter,
    }

    impl Capture {
        /// Begins to record the packets on `lo`: each one that is sent from now on, until
        /// [`stop`](Self::stop).
        ///
        /// # Errors
        /// Packets cannot be recorded: we are in no namespace of our own and not privileged (packet(7)).
        pub fn start() -> io::Result<Self> {
            let socket = packet_socket().map_err(|error| {
                io::Error::new(error.kind(), format!("cannot record packets on lo: {error}"))
            })?;
            let (ending, going_on) = io::pipe()?;
            let reader = thread::Builder::new().name("capture".to_owned());
            let reader = reader.spawn(move || read(&socket, &ending))?;
            Ok(Self { reader, going_on })
        }

        /// Ends the recording: all the packets that were sent before this call, in the order in which
        /// they were sent, but for those that are no IP packets.
        ///
        /// # Errors
        /// The recording is not complete: there were more than 10,000 packets or 64 MiB, or more than
        /// we could read in time.
        pub fn stop(self) -> io::Result<Vec<Packet>> {
            drop(self.going_on);
            self.reader.join().unwrap_or_else(|_| Err(io::Error::other("the recording broke off")))
        }
    }

    /// A socket that gets each frame on `lo` once, when it is sent: on this interface the same frame is
    /// sent and received. A frame is put into our socket within the system call that sends it, so what
    /// was sent before we look is there. When it is received is less certain.
    fn packet_socket() -> io::Result<OwnedFd> {
        // The protocol is 0 until the socket is bound: nothing comes before the filter stands.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        let instruction = |code: u32, if_true, if_false, value| {
            SockFilter::new(code as u16, if_true, if_false, value)
        };
        let packet_type = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
        let outgoing = u32::from(libc::PACKET_OUTGOING);
        let filter = [
            instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, packet_type),
            instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, outgoing),
            instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
            instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        ];
        SockRef::from(&socket).attach_filter(&filter)?;
        setsockopt(&socket, RcvBuf, &WAITING_BYTES)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        bind(socket.as_raw_fd(), &every_protocol_on_loopback()?)?;
        Ok(socket)
    }

    fn every_protocol_on_loopback() -> nix::Result<LinkAddr> {
        let interface = if_nametoindex("lo")?;
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: interface.cast_signed(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: it points to a whole address of the family that it names, and this is its length.
        unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }
            .ok_or(Errno::EINVAL)
    }

    /// Collects what the socket gets until the other end of the pipe is closed.
    fn read(socket: &OwnedFd, ending: &PipeReader) -> io::Result<Vec<Packet>> {
        let mut packets = Vec::new();
        let mut bytes = 0;
        let mut buffer = vec![0; LONGEST_FRAME];
        loop {
            let mut waiting = [socket.as_fd(), ending.as_fd()]
                .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
            match poll(&mut waiting, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                result => result?,
            };
            // What was sent before the pipe was closed is in the socket by now.
            let is_last = waiting[1].any().unwrap_or(true);
            while let Some((time, frame)) = receive(socket, &mut buffer)? {
                bytes += frame.len();
                if packets.len() == MOST_PACKETS || bytes > MOST_BYTES {
                    return Err(io::Error::other(format!(
                        "more than {MOST_PACKETS} packets or {} MiB on lo: too much to record",
                        MOST_BYTES >> 20
                    )));
                }
                packets.extend(Packet::parse(time, frame));
            }
            if is_last {
                break;
            }
        }
        let lost = lost(socket)?;
        if lost > 0 {
            return Err(io::Error::other(format!(
                "{lost} packets came faster than they could be recorded"
            )));
        }
        // The system begins to note the time of a packet a moment after it is asked to. Until then it is
        // the time at which we read it, which may be later than that of the next packet.
        let mut next = Duration::MAX;
        for packet in packets.iter_mut().rev() {
            packet.time = packet.time.min(next);
            next = packet.time;
        }
        Ok(packets)
    }

    /// The next frame, and when it was sent: `None` when none waits.
    fn receive<'a>(
        socket: &OwnedFd,
        buffer: &'a mut [u8],
    ) -> io::Result<Option<(Duration, &'a [u8])>> {
        let mut control = cmsg_space!(TimeSpec);
        let (length, time) = loop {
            let mut pieces = [IoSliceMut::new(buffer)];
            let descriptor = socket.as_raw_fd();
            let control = Some(control.as_mut_slice());
            match recvmsg::<()>(descriptor, &mut pieces, control, MsgFlags::empty()) {
                Ok(message) if message.flags.contains(MsgFlags::MSG_TRUNC) => {
                    return Err(io::Error::other("a packet on lo is longer than its MTU"));
                }
                Ok(message) => {
                    let time = message.cmsgs()?.find_map(|note| match note {
                        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                        _ => None,
                    });
                    break (message.bytes, time.unwrap_or_default());
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        };
        Ok(Some((time, &buffer[..length])))
    }

    /// How many packets found no room in the socket since this was last asked.
    fn lost(socket: &OwnedFd) -> io::Result<u32> {
        let mut counts = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
        let mut length = size_of_val(&counts) as libc::socklen_t;
        // SAFETY: the descriptor is open; both pointers lead to variables of the size that is told, and
        // the system keeps neither.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut length,
            )
        };
        Errno::result(result)?;
        Ok(counts.tp_drops)
    }
}

/// As on Linux, where packets can be recorded.
#[cfg(not(target_os = "linux"))]
pub struct Capture(std::convert::Infallible);

#[cfg(not(target_os = "linux"))]
impl Capture {
    pub fn start() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "packets are recorded on Linux only"))
    }

    pub fn stop(self) -> io::Result<Vec<Packet>> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etherparse::{PacketBuilder, PacketBuilderStep, icmpv4};

    use super::*;

    const TIME: Duration = Duration::new(1_800_000_000, 123_456_789);

    #[test]
    fn a_udp_packet_is_told() {
        let frame = PacketBuilder::ethernet2([0; 6], [0; 6])
            .ipv4([127, 0, 0, 1], [127, 0, 0, 2], 64)
            .udp(40123, 8080);
        let mut bytes = Vec::new();
        frame.write(&mut bytes, b"hello").expect("a vector takes it");

        let packet = Packet::parse(TIME, &bytes).expect("an IP packet");
        assert_eq!(packet.payload, b"hello");
        assert_eq!(packet.length, 14 + 20 + 8 + 5);
        assert_eq!(summary(&packet), "UDP 127.0.0.1:40123 > 127.0.0.2:8080 5 bytes");
        assert_eq!(info(&packet, Numbers::default()), "40123 → 8080 Len=5");
    }

    #[test]
    fn a_refused_datagram_is_told_with_its_ports_also_when_its_quotation_is_cut() {
        let mut refused = Vec::new();
        PacketBuilder::ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
            .udp(40123, 9)
            .write(&mut refused, &[7; 2000])
            .expect("a vector takes it");
        let unreachable = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
        for length in [548, 28] {
            let mut bytes = Vec::new();
            PacketBuilder::ethernet2([0; 6], [0; 6])
                .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
                .icmpv4(unreachable.clone())
                .write(&mut bytes, &refused[..length])
                .expect("a vector takes it");

            let packet = Packet::parse(TIME, &bytes).expect("an IP packet");
            assert_eq!(
                summary(&packet),
                "ICMP 127.0.0.1 > 127.0.0.1 port unreachable \
                 (UDP 127.0.0.1:40123 > 127.0.0.1:9)"
            );
            assert_eq!(
                info(&packet, Numbers::default()),
                "Destination unreachable (Port unreachable): UDP 40123 → 9"
            );
        }
    }

    #[test]
    fn the_numbers_of_tcp_are_counted_from_the_start_of_each_connection() {
        let (client, server) = (45678, 7788);
        let scale = |bits| [TcpOptionElement::WindowScale(bits)];
        let packets = [
            // The first number is as near to the turn as can be.
            tcp(client, server, u32::MAX, 65495, |tcp| {
                tcp.syn().options(&scale(7)).expect("one option fits")
            }),
            tcp(server, client, 1000, 65483, |tcp| {
                tcp.syn().ack(0).options(&scale(7)).expect("one option fits")
            }),
            tcp(client, server, 0, 512, |tcp| tcp.ack(1001)),
            tcp(server, client, 1001, 512, |tcp| tcp.psh().ack(0).fin()),
            // The same addresses again: refused.
            tcp(client, server, 777, 65495, |tcp| tcp.syn()),
            tcp(server, client, 0, 0, |tcp| tcp.rst().ack(778)),
        ];
        let told: Vec<String> = packets
            .iter()
            .zip(numbers(&packets))
            .map(|(packet, numbers)| info(packet, numbers))
            .collect();
        assert_eq!(
            told,
            [
                "45678 → 7788 [SYN] Seq=0 Win=65495 Len=0",
                "7788 → 45678 [SYN, ACK] Seq=0 Ack=1 Win=65483 Len=0",
                "45678 → 7788 [ACK] Seq=1 Ack=1 Win=65536 Len=0",
                "7788 → 45678 [FIN, PSH, ACK] Seq=1 Ack=1 Win=65536 Len=0",
                "45678 → 7788 [SYN] Seq=0 Win=65495 Len=0",
                "7788 → 45678 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0",
            ]
        );
        assert_eq!(summary(&packets[1]), "TCP [::1]:7788 > [::1]:45678 [SYN, ACK] 0 bytes");
    }

    fn tcp(
        source: u16,
        destination: u16,
        sequence: u32,
        window: u16,
        more: impl Fn(
            PacketBuilderStep<etherparse::TcpHeader>,
        ) -> PacketBuilderStep<etherparse::TcpHeader>,
    ) -> Packet {
        let here = std::net::Ipv6Addr::LOCALHOST.octets();
        let step = PacketBuilder::ethernet2([0; 6], [0; 6]).ipv6(here, here, 64).tcp(
            source,
            destination,
            sequence,
            window,
        );
        let mut bytes = Vec::new();
        more(step).write(&mut bytes, &[]).expect("a vector takes it");
        Packet::parse(TIME, &bytes).expect("an IP packet")
    }

    #[test]
    fn any_bytes_are_a_packet_or_none() {
        for bytes in [&[][..], &[0; 13], &[0; 14], &[0xff; 60]] {
            assert_eq!(Packet::parse(TIME, bytes), None, "{bytes:?}");
        }
        let mut cut = tcp(1, 2, 3, 4, |tcp| tcp.syn()).frame;
        while cut.pop().is_some() {
            if let Some(packet) = Packet::parse(TIME, &cut) {
                summary(&packet);
                info(&packet, Numbers::default());
            }
        }
    }

    #[test]
    fn a_packet_is_stored_as_its_time_and_its_frame() {
        let packet = tcp(1, 2, 3, 4, |tcp| tcp.psh().ack(5));
        let json = serde_json::to_string(&packet).expect("a packet is stored");
        assert!(json.starts_with(r#"{"time":{"secs":1800000000,"nanos":123456789},"frame":"00"#));
        let read: Packet = serde_json::from_str(&json).expect("what was stored can be read");
        assert_eq!(read, packet);

        let json = r#"{"time":{"secs":1,"nanos":0},"frame":"0000"}"#;
        let error = serde_json::from_str::<Packet>(json).expect_err("two bytes are no packet");
        assert!(error.to_string().contains("no IP packet"), "{error}");
    }

    #[test]
    fn a_capture_file_has_what_was_recorded() {
        let packets = [tcp(1, 2, 3, 4, |tcp| tcp.syn()), tcp(2, 1, 9, 4, |tcp| tcp.syn().ack(4))];
        let file = pcap(&packets).expect("the time fits");
        let mut reader = pcap_file::pcap::PcapReader::new(&file[..]).expect("a capture file");
        assert_eq!(reader.header().datalink, DataLink::ETHERNET);
        for packet in packets {
            let read = reader.next_packet().expect("one more").expect("a packet");
            assert_eq!((read.timestamp, &read.data[..]), (packet.time, &packet.frame[..]));
        }
        assert!(reader.next_packet().is_none());
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests_on_linux {
    use std::collections::HashSet;
    use std::io::{self, Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::{Duration, Instant, SystemTime};
    use std::{fs, thread};

    use super::{Capture, Flag, Protocol, info, numbers, summary};
    use crate::namespace::tests::{again_in_a_namespace, is_in_a_namespace};

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn datagrams_are_recorded_once_each_and_in_order_with_the_refusal() -> io::Result<()> {
        if !is_in_a_namespace() {
            let test = "datagrams_are_recorded_once_each_and_in_order_with_the_refusal";
            again_in_a_namespace(module_path!(), test);
            return Ok(());
        }
        let before = SystemTime::UNIX_EPOCH.elapsed().expect("we live after 1970");
        let capture = Capture::start()?;
        let server = UdpSocket::bind("127.0.0.1:8080")?;
        let client = UdpSocket::bind("127.0.0.1:40123")?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.connect("127.0.0.1:8080")?;
        client.send(b"hello")?;
        server.send_to(b"answer", "127.0.0.1:40123")?;
        assert_eq!(client.recv(&mut [0; 100])?, 6);
        drop(server);
        client.send(b"nobody")?;
        let refused = client.recv(&mut [0; 100]).expect_err("nobody is bound there");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        let everybody = UdpSocket::bind("127.0.0.1:40124")?;
        everybody.set_broadcast(true)?;
        everybody.send_to(&[7; 65_507], "127.255.255.255:9")?;
        let over_6 = UdpSocket::bind("[::1]:40126")?;
        over_6.send_to(b"six", "[::1]:40126")?;
        let packets = capture.stop()?;

        let told: Vec<String> = packets.iter().map(summary).collect();
        assert_eq!(
            told,
            [
                "UDP 127.0.0.1:40123 > 127.0.0.1:8080 5 bytes",
                "UDP 127.0.0.1:8080 > 127.0.0.1:40123 6 bytes",
                "UDP 127.0.0.1:40123 > 127.0.0.1:8080 6 bytes",
                "ICMP 127.0.0.1 > 127.0.0.1 port unreachable \
                 (UDP 127.0.0.1:40123 > 127.0.0.1:8080)",
                "UDP 127.0.0.1:40124 > 127.255.255.255:9 65507 bytes",
                "UDP [::1]:40126 > [::1]:40126 3 bytes",
            ]
        );
        assert_eq!(packets[1].payload, b"answer");
        assert!(packets.is_sorted_by_key(|packet| packet.time));
        let after = SystemTime::UNIX_EPOCH.elapsed().expect("we live after 1970");
        assert!(packets.iter().all(|packet| (before..=after).contains(&packet.time)));
        Ok(())
    }

    #[test]
    fn a_tcp_connection_is_recorded_from_its_first_packet_to_its_last() -> io::Result<()> {
        if !is_in_a_namespace() {
            let test = "a_tcp_connection_is_recorded_from_its_first_packet_to_its_last";
            again_in_a_namespace(module_path!(), test);
            return Ok(());
        }
        let capture = Capture::start()?;
        let listener = TcpListener::bind("127.0.0.1:7788")?;
        let mut client = TcpStream::connect("127.0.0.1:7788")?;
        let (mut server, address) = listener.accept()?;
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        client.write_all(b"question")?;
        server.read_exact(&mut [0; 8])?;
        server.write_all(&[7; 100_000])?;
        drop(server);
        assert_eq!(client.read_to_end(&mut Vec::new())?, 100_000);
        drop(client);
        let packets = capture.stop()?;

        assert!(packets.iter().all(|packet| packet.protocol == Protocol::Tcp));
        let numbers = numbers(&packets);
        let told: Vec<String> =
            packets.iter().zip(&numbers).map(|(packet, &numbers)| info(packet, numbers)).collect();
        let (client, server) = (address.port(), 7788);
        // On a machine that is very busy a segment may be sent twice.
        let mut rest = told.iter();
        for text in [
            format!("{client} → {server} [SYN] Seq=0 Win="),
            format!("{server} → {client} [SYN, ACK] Seq=0 Ack=1 Win="),
            format!("{client} → {server} [ACK] Seq=1 Ack=1 Win="),
            format!("{client} → {server} [PSH, ACK] Seq=1 Ack=1 Win="),
        ] {
            assert!(rest.any(|line| line.starts_with(&text)), "{text}: {told:#?}");
        }
        let mut stream = vec![0; 100_001];
        for (packet, numbers) in packets.iter().zip(&numbers) {
            if packet.source.port() == server && !packet.payload.is_empty() {
                let first = numbers.sequence as usize;
                stream[first..first + packet.payload.len()].copy_from_slice(&packet.payload);
            }
        }
        // What has the number 0 is the SYN.
        assert!(stream.iter().skip(1).all(|&byte| byte == 7), "{told:#?}");
        let finished: HashSet<u16> = packets
            .iter()
            .filter(|packet| packet.flags.contains(&Flag::Fin))
            .map(|packet| packet.source.port())
            .collect();
        assert_eq!(finished, HashSet::from([client, server]), "{told:#?}");
        // The last byte before the end of both streams counts, and so do SYN and FIN.
        let last = numbers.iter().map(|numbers| numbers.acknowledgement).max();
        assert_eq!(last, Some(1 + 100_000 + 1), "{told:#?}");
        Ok(())
    }

    #[test]
    fn a_recording_that_would_grow_without_end_is_refused() -> io::Result<()> {
        if !is_in_a_namespace() {
            let test = "a_recording_that_would_grow_without_end_is_refused";
            again_in_a_namespace(module_path!(), test);
            return Ok(());
        }
        let capture = Capture::start()?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        for _ in 0..20_000 {
            socket.send_to(b"again", socket.local_addr()?)?;
        }
        let error = capture.stop().expect_err("20,000 packets are too many");
        // Some may have been lost before the limit was seen.
        assert!(error.to_string().contains("packets"), "{error}");
        Ok(())
    }

    #[test]
    fn a_recording_that_nobody_stops_ends_by_itself() -> io::Result<()> {
        if !is_in_a_namespace() {
            let test = "a_recording_that_nobody_stops_ends_by_itself";
            again_in_a_namespace(module_path!(), test);
            return Ok(());
        }
        drop(Capture::start()?);
        let names = || -> io::Result<Vec<String>> {
            let threads = fs::read_dir("/proc/self/task")?;
            let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
            // A thread may end between the two calls.
            Ok(threads.filter_map(|thread| name(thread.ok()?).ok()).collect())
        };
        let deadline = Instant::now() + PATIENCE;
        while names()?.iter().any(|name| name.trim() == "capture") {
            assert!(Instant::now() < deadline, "the thread goes on");
            thread::yield_now();
        }
        Ok(())
    }
}
