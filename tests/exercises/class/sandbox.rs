//! Where a hand-in runs: apart from this machine, from the others, and from what checks it.
//!
//! Two boxes of bubblewrap stand in one another. In the outer one, a hand-in's own, our program compiles
//! and checks: it has a network, processes and a small disk of its own. In an inner one runs what a
//! stranger wrote, and the compiler that reads it: it sees neither the checker nor its folder, and shares
//! with it the network alone.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The number of a user who owns nothing; a grader that is root becomes this one. The bound on processes
/// does not hold for root.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

/// Where the sources stand in the outer box. The names begin with a dot because the course may lie in
/// any other folder, and its crates keep their paths.
pub const HAND_IN: &str = "/.hand-in";
/// Where may be written in the outer box.
pub const WORK: &str = "/.work";
const GRADER: &str = "/.grader";

/// The boxes of this machine.
#[derive(Clone, Debug)]
pub struct Sandbox {
    bwrap: PathBuf,
    /// Whether the grader is root.
    root: bool,
}

impl Sandbox {
    /// bubblewrap, where it is installed. Whether the system allows what we need is not yet known.
    ///
    /// # Errors
    /// Why there is none.
    pub fn installed() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("this system has no bubblewrap".to_owned());
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join("bwrap"));
        let bwrap = found.into_iter().find(|path| path.is_file());
        let bwrap = bwrap.ok_or("bubblewrap is not installed")?;
        Ok(Self { bwrap, root: is_root() })
    }

    /// The program bwrap, for the inner boxes.
    pub fn bwrap(&self) -> &Path {
        &self.bwrap
    }

    /// The command that runs `grader`, our own program, as `arguments` say, in an outer box. It sees
    /// `hand_in` as [`HAND_IN`], may write at most `disk` bytes at [`WORK`], and sees these other files and
    /// folders where they are, all of them read-only.
    pub fn outer(
        &self,
        grader: &Path,
        arguments: &[&str],
        hand_in: &Path,
        disk: u64,
        sees: &[PathBuf],
    ) -> Command {
        let mut bwrap = Bwrap::new(&self.bwrap);
        bwrap.args(["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        // Not what stands in the teacher's environment: it holds passwords now and then.
        bwrap.args(["--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"]);
        bwrap.args(["--setenv", "LANG", "C.UTF-8", "--setenv", "TMPDIR", WORK]);
        bwrap.args(["--setenv", "HOME", WORK]);
        bwrap.system();
        bwrap.args(["--proc", "/proc", "--dir", "/tmp"]);
        bwrap.read_only(grader, GRADER.as_ref());
        bwrap.read_only(hand_in, HAND_IN.as_ref());
        bwrap.read_only(&hand_in.join("hosts"), "/etc/hosts".as_ref());
        for path in sees.iter().chain([&self.bwrap]) {
            if !path.starts_with("/usr") {
                bwrap.read_only(path, path);
            }
        }
        // Everybody may write there, for it is made before root becomes nobody.
        bwrap.args(["--perms", "0777", "--size", &disk.to_string(), "--tmpfs", WORK]);
        bwrap.args(["--remount-ro", "/", "--chdir", WORK]);
        if self.root {
            // Root may bind what lies in its own folder, nobody may not: so the folders first, then nobody,
            // then the network and the user namespace, to which the bound on processes belongs.
            bwrap.args(["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
            bwrap.args(["--", GRADER, "as-nobody"]);
            bwrap.0.arg(&self.bwrap).args(["--die-with-parent", "--dev-bind", "/", "/"]);
            bwrap.args(["--chdir", WORK]);
        }
        bwrap.args(["--unshare-user", "--unshare-net", "--", GRADER]);
        bwrap.args(arguments);
        bwrap.0
    }
}

/// The command that runs `program` in an inner box: it sees the system's programs and libraries and these
/// files and folders, may write in `folder` alone, and starts in `starts_in`. There is no `/proc`: the
/// system refuses a new one here, and the outer one lists the checker.
pub fn inner(
    bwrap: &Path,
    program: &Path,
    sees: &[PathBuf],
    folder: &Path,
    starts_in: &Path,
) -> Command {
    let mut bwrap = Bwrap::new(bwrap);
    bwrap.args(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
    bwrap.args(["--disable-userns"]);
    bwrap.system();
    bwrap.args(["--dir", "/tmp"]);
    bwrap.read_only("/etc/hosts".as_ref(), "/etc/hosts".as_ref());
    for path in sees {
        if !path.starts_with("/usr") {
            bwrap.read_only(path, path);
        }
    }
    bwrap.bind("--bind", folder, folder);
    bwrap.args(["--remount-ro", "/"]);
    for name in ["TMPDIR", "HOME"] {
        bwrap.0.arg("--setenv").arg(name).arg(folder);
    }
    bwrap.0.arg("--chdir").arg(starts_in).arg("--").arg(program);
    bwrap.0
}

/// bwrap with its arguments so far.
struct Bwrap(Command);

impl Bwrap {
    /// Whoever is in it dies with it, and has no terminal that it could type into.
    fn new(bwrap: &Path) -> Self {
        let mut command = Command::new(bwrap);
        command.args(["--die-with-parent", "--new-session"]);
        Self(command)
    }

    fn args<A: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = A>) {
        self.0.args(arguments);
    }

    /// The programs and libraries of the system, and the harmless devices.
    fn system(&mut self) {
        self.args(["--ro-bind", "/usr", "/usr"]);
        for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            match fs::read_link(name) {
                Ok(target) => drop(self.0.arg("--symlink").arg(target).arg(name)),
                Err(_) => self.args(["--ro-bind-try", name, name]),
            }
        }
        // The name of the linker is a link to a link there, on Debian and what is made of it.
        self.args(["--dir", "/etc"]);
        for name in ["/etc/alternatives", "/etc/ld.so.cache"] {
            self.args(["--ro-bind-try", name, name]);
        }
        self.args(["--dir", "/dev"]);
        for name in ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"] {
            self.args(["--dev-bind", name, name]);
        }
    }

    fn read_only(&mut self, from: &Path, to: &Path) {
        self.bind("--ro-bind", from, to);
    }

    /// bwrap makes the folders above a file for its owner alone, unless they are there already.
    fn bind(&mut self, how: &str, from: &Path, to: &Path) {
        let above: Vec<_> = to.ancestors().skip(1).filter(|it| it.parent().is_some()).collect();
        for folder in above.into_iter().rev() {
            self.0.arg("--dir").arg(folder);
        }
        self.0.arg(how).arg(from).arg(to);
    }
}

/// What is said when the system does not allow [`as_nobody`], as in a container that knows root alone.
pub const NOT_NOBODY: &str = "cannot become nobody";

/// Whether this, said by a job, means that the system does not allow what the boxes need.
pub fn says_no_box(said: &str) -> bool {
    said.contains("bwrap: ") || said.contains(NOT_NOBODY)
}

/// Becomes nobody, and then this command. It comes back only when that fails.
///
/// # Errors
/// The system does not allow it.
pub fn as_nobody(command: &[OsString]) -> std::io::Error {
    #[cfg(unix)]
    if let [program, arguments @ ..] = command {
        use std::os::unix::process::CommandExt;
        return Command::new(program).args(arguments).uid(NOBODY).gid(NOBODY).exec();
    }
    let _ = command;
    std::io::ErrorKind::Unsupported.into()
}

fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// What one program may use. What goes beyond is refused by the system, or ends the program.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of address space.
    pub memory: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Seconds of computing.
    pub cpu: u64,
    /// Open files and sockets.
    pub files: u64,
    /// Processes and threads of the whole box, where there is one.
    pub processes: Option<u64>,
}

impl Bounds {
    /// Lets `command` start with these bounds. On Windows there are none.
    pub fn hold(self, command: &mut Command) {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;

            use rustix::process::{Resource, Rlimit, nice, setrlimit};
            let prepare = move || {
                let set = |what, most| {
                    setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) })
                };
                // Who is checked waits for who checks.
                let _ = nice(5);
                set(Resource::Core, 0)?;
                set(Resource::Fsize, self.file)?;
                set(Resource::Cpu, self.cpu)?;
                set(Resource::Nofile, self.files)?;
                #[cfg(target_os = "linux")]
                {
                    set(Resource::As, self.memory)?;
                    if let Some(most) = self.processes {
                        set(Resource::Nproc, most)?;
                    }
                }
                Ok(())
            };
            // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
            unsafe { command.pre_exec(prepare) };
        }
        #[cfg(not(unix))]
        let _ = command;
    }
}

/// Lets none of the files that are open here be open in `command`.
pub fn close_the_rest(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        let prepare = || {
            // SAFETY: close_range(2) with this flag changes nothing but which files are open after the exec.
            // An old system does not know it, and then only what was inherited stays open.
            unsafe {
                libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
        unsafe { command.pre_exec(prepare) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Lets `command` begin with an empty keyring, on Linux: no namespace hides that of whoever logged in, and
/// it holds tickets of Kerberos now and then.
pub fn leave_the_keys(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        let prepare = || {
            // SAFETY: keyctl(2), told so, changes nothing but which keyring this process has. A system
            // without keyrings refuses it.
            unsafe {
                let no_name = std::ptr::null::<libc::c_char>();
                libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, no_name);
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
        unsafe { command.pre_exec(prepare) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// What a process's children and theirs use now: how many threads, how many bytes of memory. What several
/// share is counted for each. Elsewhere than on Linux nothing is known.
pub fn usage(process: u32) -> (u64, u64) {
    family(process).iter().fold((0, 0), |used, it| (used.0 + it.threads, used.1 + it.bytes))
}

/// Kills a process's children and theirs, on Linux: also those that left its group and its session, as
/// long as [`adopt_orphans`] keeps them in the family.
pub fn kill_family(process: u32) {
    #[cfg(target_os = "linux")]
    for member in family(process) {
        if let Some(id) = member.id.try_into().ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    }
    let _ = process;
}

/// From now on whose parent ends becomes a child of this process, on Linux.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// A process of a family.
struct Member {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code))]
    id: u32,
    threads: u64,
    bytes: u64,
}

#[cfg(target_os = "linux")]
fn family(process: u32) -> Vec<Member> {
    let page = rustix::param::page_size() as u64;
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // proc_pid_stat(5): behind the name, which may hold anything, come the fields from the third.
        let Some((_, fields)) = stat.rsplit_once(')') else { continue };
        let field =
            |number: usize| fields.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
        if let (Some(parent), Some(threads), Some(pages)) = (field(4), field(20), field(24)) {
            all.push((parent, Member { id, threads, bytes: pages * page }));
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![u64::from(process)];
    while let Some(parent) = parents.pop() {
        let (children, others) = all.into_iter().partition(|(of, _)| *of == parent);
        all = others;
        let children: Vec<(u64, Member)> = children;
        parents.extend(children.iter().map(|(_, child)| u64::from(child.id)));
        found.extend(children.into_iter().map(|(_, child)| child));
    }
    found
}

#[cfg(not(target_os = "linux"))]
fn family(_process: u32) -> Vec<Member> {
    Vec::new()
}
