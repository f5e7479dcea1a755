//! Programs that are not ours on the other side of the wire: netcat (the OpenBSD one), socat and a few
//! lines of Python, each in the place of one half of a lesson; and the habits that they have.
//!
//! A test whose tool is not installed says on standard error that it was skipped. With
//! `SOCKETS_REQUIRE_PEERS=1` in the environment it fails instead, so that nothing is skipped unnoticed.

#![cfg(unix)]

mod habits;
mod l01_send;
mod l02_receive;
mod l06_upper_case;
mod l07_echo;
// The loopback of other systems does not broadcast.
#[cfg(target_os = "linux")]
mod l09_broadcast;
mod l11_tcp;
mod l12_downloader;
mod tool;
