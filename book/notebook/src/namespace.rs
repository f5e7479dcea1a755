//! A network of our own: a namespace in which every port is free, and in which whoever started it may
//! record packets. It needs no privilege.

use std::io;

/// Moves this process into a new user namespace and a new network namespace, as `unshare -rn` does, and
/// sets the interface `lo` up: 127.0.0.0/8 and `::1` work, and lead to nobody outside. In there the
/// process is root, which is what recording packets asks for; outside it can do what it could before.
/// The programs that it starts are in there too. The namespaces end with the last process in them.
///
/// The process must have no second thread yet (`unshare(2)`: `EINVAL`).
///
/// # Errors
/// On Linux, what failed: `cannot start a user and a network namespace: Operation not permitted`. The
/// process may then be in the new namespaces already, where nothing works: it can only say so and end.
/// On any other system an error of the kind `Unsupported`.
#[cfg(target_os = "linux")]
pub fn enter() -> io::Result<()> {
    use std::fs;

    use nix::sched::{CloneFlags, unshare};
    use nix::unistd::{getegid, geteuid};

    // In the new namespace we are nobody until the maps below say who we are.
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| failed("start a user and a network namespace", errno.into()))?;

    // Without privilege only our own number can be mapped, and the group only after `deny`: else a
    // process could leave a group that keeps it out of something (user_namespaces(7)).
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        fs::write(file, text).map_err(|error| failed(&format!("write {file}"), error))?;
    }
    set_loopback_up().map_err(|error| failed("set the interface lo up", error))
}

/// As on Linux, where it works.
#[cfg(not(target_os = "linux"))]
pub fn enter() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has network namespaces"))
}

/// What could not be done, why, and where the reason may lie.
#[cfg(target_os = "linux")]
fn failed(what: &str, error: io::Error) -> io::Error {
    let hint = match error.kind() {
        // Debian and Ubuntu let AppArmor take from a user namespace what it gives; a container may not
        // be allowed to start one.
        io::ErrorKind::PermissionDenied => {
            " (user namespaces are restricted here: \
             see kernel.apparmor_restrict_unprivileged_userns, or the container's rules)"
        }
        // ENOSPC: user.max_user_namespaces or user.max_net_namespaces.
        io::ErrorKind::StorageFull => " (the limit user.max_user_namespaces is reached)",
        io::ErrorKind::InvalidInput => " (the process has more than one thread)",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot {what}: {error}{hint}"))
}

/// What `ip link set lo up` does, where no `ip` is installed. With that the system gives `lo` its
/// addresses.
#[cfg(target_os = "linux")]
fn set_loopback_up() -> io::Result<()> {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use nix::libc;

    nix::ioctl_read_bad!(interface_flags, libc::SIOCGIFFLAGS, libc::ifreq);
    nix::ioctl_write_ptr_bad!(set_interface_flags, libc::SIOCSIFFLAGS, libc::ifreq);

    // Any socket leads to the interfaces of its namespace (netdevice(7)). This one binds to no address of
    // theirs: there is none as yet.
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed() as libc::c_char;
    }
    // SAFETY: the descriptor is open, and the request is a whole `ifreq` whose name ends with a zero;
    // the system writes into it and keeps no pointer.
    unsafe { interface_flags(socket.as_raw_fd(), &raw mut request) }?;
    // SAFETY: both calls use the field `ifru_flags`, which was written above and by the system.
    unsafe { request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
    // SAFETY: as for the first call; the system reads the request.
    unsafe { set_interface_flags(socket.as_raw_fd(), &raw const request) }?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod tests {
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Output, Stdio};
    use std::time::Duration;
    use std::{env, fs};

    use nix::libc;

    /// Whether this test program is one that [`again_in_a_namespace`] started.
    pub fn is_in_a_namespace() -> bool {
        env::var_os(INSIDE).is_some()
    }

    const INSIDE: &str = "NOTEBOOK_TEST_IN_A_NAMESPACE";

    /// Runs this test program again in a namespace of its own, for the one test with this name, and
    /// asserts that it passes there; with the reason on standard error it does not where there are no
    /// namespaces. A test runs in a second thread, so it cannot enter one itself.
    #[track_caller]
    pub fn again_in_a_namespace(module: &str, test: &str) {
        let (_, module) = module.split_once("::").expect("a module of this crate");
        let program = env::current_exe().expect("a test program has a path");
        let mut command = Command::new(program);
        command.args(["--exact", &format!("{module}::{test}"), "--nocapture"]);
        command.env(INSIDE, "yes").stdin(Stdio::null());
        // Of an error here only the number reaches the parent.
        let enter = || {
            super::enter().map_err(|error| {
                eprintln!("{error}");
                io::Error::from_raw_os_error(match error.kind() {
                    ErrorKind::PermissionDenied => libc::EPERM,
                    ErrorKind::StorageFull => libc::ENOSPC,
                    ErrorKind::Unsupported => libc::ENOSYS,
                    _ => libc::EINVAL,
                })
            })
        };
        // SAFETY: the child of a fork has one thread. What it calls before exec are system calls, and
        // the allocator, which the C libraries of Linux keep usable behind a fork.
        unsafe { command.pre_exec(enter) };
        match command.output() {
            Ok(Output { status, stdout, stderr }) => {
                let printed = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
                assert!(status.success() && printed.contains("1 passed"), "{status}\n{printed}");
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => panic!("see above: {error}"),
            Err(error) => eprintln!("{test} is skipped: no namespace can be had here: {error}"),
        }
    }

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

    #[test]
    fn a_namespace_has_a_loopback_network_of_its_own() -> io::Result<()> {
        if !is_in_a_namespace() {
            let test = "a_namespace_has_a_loopback_network_of_its_own";
            again_in_a_namespace(module_path!(), test);
            return Ok(());
        }
        let map = fs::read_to_string("/proc/self/uid_map")?;
        assert_eq!(map.split_whitespace().next(), Some("0"), "root, inside: {map}");
        // Nobody else is in there: no port is in use.
        for file in ["/proc/self/net/udp", "/proc/self/net/tcp"] {
            assert_eq!(fs::read_to_string(file)?.lines().count(), 1, "the head line of {file}");
        }

        let receiver = UdpSocket::bind("127.0.0.1:8080")?;
        receiver.set_read_timeout(PATIENCE)?;
        let sender = UdpSocket::bind("127.0.0.1:0")?;
        let mut buffer = [0; 100];
        sender.send_to(b"one", receiver.local_addr()?)?;
        assert_eq!(receiver.recv_from(&mut buffer)?, (3, sender.local_addr()?));

        let receiver = UdpSocket::bind("0.0.0.0:0")?;
        receiver.set_read_timeout(PATIENCE)?;
        sender.set_broadcast(true)?;
        sender.send_to(b"everybody", ("127.255.255.255", receiver.local_addr()?.port()))?;
        assert_eq!(receiver.recv_from(&mut buffer)?, (9, sender.local_addr()?));

        let listener = TcpListener::bind("[::1]:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        server.set_read_timeout(PATIENCE)?;
        client.write_all(b"over version 6")?;
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text)?;
        assert_eq!(text, "over version 6");

        // A child is in there too, and is reaped.
        assert!(Command::new("true").status()?.success());
        let child = Command::new("readlink").arg("/proc/self/ns/net").output()?;
        let ours = fs::read_link("/proc/self/ns/net")?;
        assert_eq!(String::from_utf8_lossy(&child.stdout).trim(), ours.to_string_lossy());
        Ok(())
    }

    #[test]
    fn a_process_with_two_threads_is_told_why_it_cannot_enter() {
        // The thread of a test is not the first one of its process.
        let error = super::enter().expect_err("a test program has two threads");
        assert!(error.to_string().contains("cannot start a user and a network namespace"));
    }
}
