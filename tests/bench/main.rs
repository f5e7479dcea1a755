//! What `make bench` runs: the programs of the course beside bare loops and the usual tools, as ratios
//! measured in one run, over the loopback.
//!
//! All of it:            cargo bench --bench compare
//! Sooner and rougher:   cargo bench --bench compare -- --mebibytes 64 --rounds 3 --seconds 0.1

#[cfg(target_os = "linux")]
mod compare;

#[cfg(target_os = "linux")]
fn main() {
    sockets_by_example::program::finish(compare::run());
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("measured on Linux only: cores are pinned and memory is read as Linux does it");
}
