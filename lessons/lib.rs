//! What more than one lesson of *Sockets by Example* uses, and nothing else.
//!
//! The sockets are opened, bound, used and closed in the lessons themselves, under `lessons/NN-name/`.
//! Here is what stands around them: addresses that a person types ([`address`]), bytes that become
//! text and text that a terminal may safely show ([`text`]), lines on the screen and from the keyboard
//! ([`terminal`]), bounded waits on a datagram socket ([`datagram`]), one thread for each TCP client
//! ([`stream`]), and the one place where a program ends ([`program`]).

pub mod address;
pub mod datagram;
pub mod program;
pub mod stream;
pub mod terminal;
pub mod text;
