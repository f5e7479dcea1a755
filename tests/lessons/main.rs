//! The tests of the lessons: each program is started as its reader starts it and talks over loopback.
//! One module a lesson, with the lesson's number.

mod l01_send;
mod l02_receive;
mod l07_echo;
