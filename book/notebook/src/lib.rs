//! The book's notebook: it runs the sessions of the chapters, checks that what they show is what
//! happens, records it, renders it, and builds and serves the book.
//!
//! A chapter is plain mdBook text. What the crate adds to it is told in `book/README.md`: sessions
//! ([`session`], [`run`], [`record`]), code included from tested files ([`source`]), facts and diagrams
//! ([`expand`]), and the rules that the book as a whole keeps ([`check`]).

pub mod build;
pub mod capture;
pub mod check;
pub mod expand;
pub mod html;
pub mod markdown;
pub mod namespace;
pub mod project;
pub mod record;
pub mod run;
pub mod serve;

pub mod session;
pub mod shelf;
pub mod source;
