//! What a program still does when a person or the system ends it in the middle.

/// Runs `clean_up` in a thread of its own on Ctrl-C and on every other signal that ends a program and
/// can be caught. `clean_up` ends the process.
///
/// # Errors
/// The system lets nobody handle its signals.
#[cfg(unix)]
pub fn before_the_end(clean_up: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};

    // A file longer than `ulimit -f` allows: a write that fails, as on a full disk, once somebody
    // handles the signal. Its default would be to end us.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            clean_up();
        }
    });
    Ok(())
}

/// Runs `clean_up` in a thread of its own on Ctrl-C. `clean_up` ends the process.
///
/// # Errors
/// The system lets nobody handle Ctrl-C.
#[cfg(not(unix))]
pub fn before_the_end(clean_up: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(clean_up)?)
}
