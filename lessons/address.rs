//! Addresses as people write them: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::str::FromStr;

use anyhow::{Context, Result};

use crate::text::printable;

/// A host and a port, as typed: the form is checked, the name is not looked up yet.
///
/// The host is an IPv4 address, an IPv6 address in brackets (RFC 3986, section 3.2.2) or a name.
#[derive(Clone, Debug)]
pub struct Address(String);

impl FromStr for Address {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        if typed.parse::<SocketAddr>().is_ok() {
            return Ok(Self(typed.to_owned()));
        }
        let example = "an address is HOST:PORT, as in 127.0.0.1:8080, [::1]:8080 or localhost:8080";
        let Some((host, port)) = typed.rsplit_once(':') else {
            return Err(format!("the port is missing; {example}"));
        };
        if host.is_empty() {
            return Err(format!("the host is missing; {example}"));
        }
        if host.contains([':', '[', ']']) {
            return Err(format!("this is no IPv6 address in brackets with a port; {example}"));
        }
        if port.parse::<u16>().is_err() {
            return Err(format!("a port is a number from 0 to 65535; {example}"));
        }
        Ok(Self(typed.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&printable(&self.0))
    }
}

impl Address {
    /// The socket address that this one stands for; of a name, the [`preferred`] one.
    ///
    /// Many names have an IPv4 and an IPv6 address, and a datagram to the one where nobody listens is
    /// lost in silence. So the choice is a fixed rule and not the order in which the resolver happens to
    /// answer.
    ///
    /// # Errors
    /// The name is not known.
    pub fn resolve(&self) -> Result<SocketAddr> {
        let found = || format!("cannot find {self}");
        let known: Vec<_> = self.0.to_socket_addrs().with_context(found)?.collect();
        preferred(&known).context("the name has no address").with_context(found)
    }
}

/// Which of a name's addresses is used: the first IPv4 one, else the first IPv6 one.
pub fn preferred(known: &[SocketAddr]) -> Option<SocketAddr> {
    let first_ipv4 = known.iter().find(|address| address.is_ipv4());
    first_ipv4.or(known.first()).copied()
}

/// "Any address of this machine, any free port", in the family of the peer: what a socket is bound to
/// that does not care where it sends from.
pub fn any_address_like(peer: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, 0)
}

/// The loopback address of the peer's family with this port.
pub fn loopback_like(peer: SocketAddr, port: u16) -> SocketAddr {
    let ip: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, port)
}

/// The address that the peer at `to` sees when `socket` sends to it.
///
/// A socket bound to 0.0.0.0 has a port but no one address: the system picks the source for each
/// datagram by the route it takes. Connecting a second datagram socket asks for that choice and
/// sends nothing (connect(2)).
///
/// # Errors
/// No route leads to `to`.
pub fn source_address(socket: &UdpSocket, to: SocketAddr) -> Result<SocketAddr> {
    let mut local = socket.local_addr()?;
    if local.ip().is_unspecified() {
        let probe = UdpSocket::bind(any_address_like(to))?;
        probe.set_broadcast(true)?;
        let reached = probe.connect(to);
        reached.with_context(|| format!("cannot tell from which address {to} is reached"))?;
        local.set_ip(probe.local_addr()?.ip());
    }
    Ok(local)
}
