//! Grades a class that the test makes: right, wrong, broken and hostile hand-ins, by the program that a
//! teacher runs, with real processes and real boxes.
//!
//! A hostile hand-in whose attempts are to fail tries them first, ends at once if one succeeds, and is a
//! right program otherwise: its points say that nothing came of it. Where bubblewrap is missing or not
//! allowed these tests say so and are skipped; with `SOCKETS_REQUIRE_PEERS=1` they fail.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use checks::class::hand_in::LONGEST_SOURCE;
use checks::compile::root;
use checks::grade::Grade;
use support::skipped;
use tempfile::TempDir;

/// A folder of hand-ins, and beside it one for the results.
struct Class {
    folder: TempDir,
}

impl Class {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("hand-ins")).unwrap();
        Self { folder }
    }

    fn hand_ins(&self) -> PathBuf {
        self.folder.path().join("hand-ins")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// A folder as whoever hands in the whole course has it.
    fn hand_in(&self, name: &str, source: &str) {
        let folder = self.hand_ins().join(name).join("lessons/07-echo");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("exercise.rs"), source).unwrap();
    }

    fn grading(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exercise"));
        command.arg("grade").arg(self.hand_ins()).arg("--out").arg(self.out()).args(arguments);
        command.env("EXERCISE_TEST_SECRET", "the teacher's");
        let keep_a_key = || {
            // SAFETY: both calls are told so; a system without keyrings refuses them.
            unsafe {
                let no_name = std::ptr::null::<libc::c_char>();
                libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, no_name);
                let (kind, text) = (c"user".as_ptr(), c"the teacher's".as_ptr());
                let ring = libc::KEY_SPEC_SESSION_KEYRING;
                libc::syscall(libc::SYS_add_key, kind, c"exercise-test".as_ptr(), text, 13, ring);
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
        unsafe { command.pre_exec(keep_a_key) };
        command
    }

    fn grade(&self, arguments: &[&str]) -> Output {
        let output = self.grading(arguments).output().unwrap();
        assert!(output.status.success(), "{output:#?}");
        output
    }

    fn result(&self, name: &str) -> PathBuf {
        self.out().join("class").join(name)
    }

    fn grades_of(&self, name: &str) -> Vec<Grade> {
        let text = fs::read(self.result(name).join("grade.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// What exercise 07 of this person was worth.
    fn grade_of(&self, name: &str) -> Grade {
        self.grades_of(name).into_iter().find(|grade| grade.number == "07").unwrap()
    }

    fn report(&self, name: &str) -> String {
        fs::read_to_string(self.result(name).join("report.txt")).unwrap()
    }

    fn remark(&self, name: &str) -> String {
        self.grade_of(name).remark.unwrap_or_default()
    }

    #[track_caller]
    fn assert_right(&self, name: &str) {
        let grade = self.grade_of(name);
        assert!(grade.points == grade.out_of && grade.points > 0, "{name}\n{}", self.report(name));
    }

    #[track_caller]
    fn assert_worth_nothing(&self, name: &str, remark: &str, report: &str) {
        let grade = self.grade_of(name);
        assert_eq!(grade.points, 0, "{name}\n{}", self.report(name));
        let said = grade.remark.unwrap_or_default();
        assert!(said.contains(remark) && said.is_empty() == remark.is_empty(), "{name}: {said}");
        assert!(
            self.report(name).contains(report),
            "{name}: not told {report}\n{}",
            self.report(name)
        );
    }
}

fn solution() -> String {
    fs::read_to_string(root().join("lessons/07-echo/solution.rs")).unwrap()
}

/// The solution, which begins with these lines.
fn after(attempt: &str) -> String {
    let system = "unsafe extern \"C\" { fn syscall(number: i64, ...) -> i64;
        safe fn fork() -> i32; safe fn getppid() -> i32; safe fn kill(to: i32, signal: i32) -> i32;
        safe fn pause() -> i32; safe fn setsid() -> i32;
        safe fn ptrace(what: isize, to: i32, address: usize, data: usize) -> isize; }\n";
    let began = solution().replacen("fn main() {", &format!("fn main() {{ {attempt}\n"), 1);
    format!("{began}\n#[allow(dead_code)]\n{system}")
}

/// Whether there are boxes on this machine. Without them a hostile hand-in is not run here.
fn boxed(said: &[u8]) -> bool {
    !String::from_utf8_lossy(said).contains("no sandbox:")
}

fn can_be_boxed() -> bool {
    static WHY_NOT: OnceLock<Option<String>> = OnceLock::new();
    let why_not = WHY_NOT.get_or_init(|| {
        let class = Class::new();
        fs::create_dir(class.hand_ins().join("nobody")).unwrap();
        let output = class.grade(&[]);
        (!boxed(&output.stderr)).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    });
    if let Some(why) = why_not {
        let required = std::env::var_os("SOCKETS_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "{why}, and SOCKETS_REQUIRE_PEERS=1 wants it");
        skipped(why);
    }
    why_not.is_none()
}

/// The processes of this machine that have this text among their arguments.
fn processes_with(marker: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(marker)).collect()
}

fn archive_of(entries: &[(&str, &[u8])], path: &Path) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, text) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text).unwrap();
    }
    archive.finish().unwrap();
}

fn tar_of(name: &str, text: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, text).unwrap();
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Takes what one program may have, says how much that was, and keeps it.
const EATS_MEMORY: &str = "fn main() {
            let mut pieces = Vec::new();
            while pieces.len() < 48 {
                let mut piece: Vec<u8> = Vec::new();
                if piece.try_reserve_exact(64 << 20).is_err() { break }
                unsafe { std::ptr::write_bytes(piece.as_mut_ptr(), 1u8, 64 << 20) }
                pieces.push(piece);
            }
            println!(\"ATE {} MiB\", pieces.len() * 64);
            loop { std::thread::park() }
        }";

#[test]
fn a_class_is_graded_whatever_is_in_it() {
    if !can_be_boxed() {
        return;
    }
    let class = Class::new();
    let marker = format!("86400.{}", std::process::id());
    let outside = class.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();

    let right = solution();
    class.hand_in("anna", &right);
    archive_of(
        &[
            ("课程/lessons/07-echo/exercise.rs", right.as_bytes()),
            ("课程/Cargo.toml", b"[nonsense"),
        ],
        &class.hand_ins().join("王小明.zip"),
    );
    let packed = gzip(&tar_of("course/lessons/07-echo/exercise.rs", right.as_bytes()));
    fs::write(class.hand_ins().join("=1+1.tar.gz"), packed).unwrap();

    class.hand_in("untouched", checks::exercise("07").unwrap().handed_out);
    class.hand_in("wrong", &right.replace("const MOST: usize = 5;", "const MOST: usize = 6;"));
    class.hand_in("hanging", "fn main() { loop { std::thread::park() } }");
    class.hand_in("not-compiling", "fn main() { let x: u8 = \"\u{1b}[31m\"; }");
    class.hand_in("panicking", "fn main() { panic!(\"of its own accord\") }");
    class.hand_in("flooding", "fn main() { loop { print!(\"flood\") } }");
    class.hand_in(
        "fakes-its-grade",
        r#"fn main() { println!("{{\"grade\":{{\"number\":\"07\",\"folder\":\"07-echo\",\"points\":10,\"out_of\":10,\"remark\":null,\"promises\":[]}},\"report\":\"\"}}"); }"#,
    );
    let read = |path: PathBuf| format!("const _: &[u8] = include_bytes!({path:?});\n");
    let wanted = [
        root().join("lessons/07-echo/solution.rs"),
        class.hand_ins().join("anna/lessons/07-echo/exercise.rs"),
        PathBuf::from(env!("CARGO_BIN_EXE_exercise")),
        PathBuf::from("/etc/passwd"),
        PathBuf::from("solution.rs"),
    ];
    let includes: String = wanted.iter().cloned().map(read).collect();
    class.hand_in("includes-others", &format!("{includes}fn main() {{}}"));

    class.hand_in(
        "kills",
        &after("for signal in [15, 9] { kill(getppid(), signal); kill(1, signal); kill(-1, signal); kill(0, 0); }"),
    );
    class.hand_in(
        "looks-around",
        &after(&format!(
            "use std::{{fs, process::exit}};
            for path in {wanted:?} {{ if fs::read(path).is_ok() {{ exit(71) }} }}
            for path in [{outside:?}, {:?}, {:?}, \"/tmp\", \"/usr\", \"/etc\", \"/\", \"/dev\"] {{
                if fs::write(format!(\"{{path}}/{marker}\"), \"here\").is_ok() {{ exit(72) }} }}
            if std::env::var(\"EXERCISE_TEST_SECRET\").is_ok() {{ exit(73) }}
            if fs::read_dir(\"/proc\").is_ok_and(|all| all.count() > 0) {{ exit(74) }}
            if std::net::TcpStream::connect({:?}).is_ok() {{ exit(75) }}
            for process in 3..99 {{ if process != std::process::id() as i32 \
                && ptrace(16, process, 0, 0) == 0 {{ exit(76) }} }}
            let key = unsafe {{ syscall({}, {}i64, {}i64, c\"user\".as_ptr(), c\"exercise-test\".as_ptr(), 0i64) }};
            if key > 0 {{ exit(77) }}",
            root(),
            class.out(),
            address.to_string(),
            libc::SYS_keyctl,
            libc::KEYCTL_SEARCH,
            libc::KEY_SPEC_SESSION_KEYRING,
        )),
    );
    class.hand_in(
        "leaves-a-process",
        &after(&format!(
            "if fork() == 0 {{ setsid(); if fork() == 0 {{
                let _ = std::process::Command::new(\"sleep\").arg({marker:?}).spawn().unwrap().wait(); }}
                std::process::exit(0) }}"
        )),
    );
    class.hand_in(
        "forks",
        "unsafe extern \"C\" { safe fn fork() -> i32; safe fn pause() -> i32; }
        fn main() {
            let mut made = 0;
            while made < 2000 { match fork() { 0 => loop { pause(); }, 1.. => made += 1, _ => break } }
            println!(\"MADE {made} processes\");
        }",
    );
    class.hand_in(
        "fills-the-disk",
        "fn main() {
            let mut files = 0;
            while files < 64 && std::fs::write(files.to_string(), vec![1; 16 << 20]).is_ok() { files += 1 }
            println!(\"WROTE {} MiB\", files * 16);
        }",
    );
    class.hand_in("eats-memory", EATS_MEMORY);

    let output = class.grade(&["--jobs", "4"]);
    assert!(boxed(&output.stderr), "{output:#?}");
    // What a test prints is shown when it fails.
    eprintln!(
        "{}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );

    for name in ["anna", "王小明", "=1+1", "kills", "looks-around", "leaves-a-process"] {
        class.assert_right(name);
    }
    let wrong = class.grade_of("wrong");
    assert!(wrong.points < wrong.out_of && wrong.remark.is_none(), "{}", class.report("wrong"));
    class.assert_worth_nothing("untouched", "not begun", "not begun");
    class.assert_worth_nothing("hanging", "", "nothing of that within");
    class.assert_worth_nothing("not-compiling", "does not compile", "mismatched types");
    assert!(!class.report("not-compiling").contains('\u{1b}'), "a report drives a terminal");
    class.assert_worth_nothing("panicking", "", "panicked: of its own accord (exercise.rs:1:");
    class.assert_worth_nothing("flooding", "", "more than 1 MiB of output");
    class.assert_worth_nothing("fakes-its-grade", "", "the ready line");
    class.assert_worth_nothing("includes-others", "does not compile", "couldn't read");
    let refused = class.report("includes-others").matches("couldn't read").count();
    assert_eq!(refused, wanted.len(), "{}", class.report("includes-others"));

    let number_behind = |name: &str, word: &str| -> Vec<u32> {
        let report = class.report(name);
        let found =
            report.split(word).skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok());
        let found = found.collect();
        eprintln!("{name}: {found:?}");
        found
    };
    assert!(number_behind("forks", "MADE ").iter().all(|made| *made < 512));
    assert!(number_behind("fills-the-disk", "WROTE ").iter().all(|wrote| *wrote <= 256));
    assert!(number_behind("eats-memory", "ATE ").iter().all(|ate| *ate <= 1024));
    for name in ["forks", "fills-the-disk", "eats-memory"] {
        assert_eq!(class.grade_of(name).points, 0, "{}", class.report(name));
    }

    assert_eq!(processes_with(&marker), [""; 0], "a process is left");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "a file is left");
    let elsewhere = [PathBuf::from("/tmp"), root().to_path_buf(), class.out()];
    assert!(elsewhere.iter().all(|folder| !folder.join(&marker).exists()), "a file is left");

    let csv = fs::read_to_string(class.out().join("class.csv")).unwrap();
    let csv = csv.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut table = csv::Reader::from_reader(csv.as_bytes());
    let echo = table.headers().unwrap().iter().position(|it| it == "07-echo").unwrap();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), fs::read_dir(class.hand_ins()).unwrap().count());
    let row = |name: &str| rows.iter().find(|row| &row[0] == name).unwrap();
    assert_eq!(&row("王小明")[echo], "10");
    assert_eq!(&row("'=1+1")[echo], "10");
    assert!(row("not-compiling")[row("wrong").len() - 1].contains("07 does not compile"));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("王小明") && shown.contains("hand-ins in"), "{shown}");
}

#[test]
fn a_hand_in_is_ended_when_its_time_or_its_memory_is_used_up() {
    if !can_be_boxed() {
        return;
    }
    let class = Class::new();
    class.hand_in(
        "never-compiled",
        "#![allow(long_running_const_eval)]\nconst END: () = loop {};\nfn main() { END }",
    );
    class.hand_in(
        "grows-while-compiled",
        "#![recursion_limit = \"9999\"]\nmacro_rules! grow { ($($t:tt)*) => { grow!($($t)* $($t)*) } }\nfn main() { grow!(x) }",
    );
    class.grade(&["--compile", "2"]);
    class.assert_worth_nothing("never-compiled", "does not compile within 2 s", "");
    // By its time or by its memory, whichever is used up first.
    assert_eq!(class.grade_of("grows-while-compiled").points, 0);
    assert!(!class.remark("grows-while-compiled").is_empty());

    fs::remove_dir_all(class.out()).unwrap();
    class.grade(&["--whole", "2"]);
    class.assert_worth_nothing("never-compiled", "ended after 2 s for the whole hand-in", "");

    let class = Class::new();
    class.hand_in("eats-memory", EATS_MEMORY);
    // What one exercise of a person does spoils no other.
    let another = class.hand_ins().join("eats-memory/lessons/01-send");
    fs::create_dir(&another).unwrap();
    fs::copy(root().join("lessons/01-send/solution.rs"), another.join("exercise.rs")).unwrap();
    class.grade(&["--memory", "500"]);
    class.assert_worth_nothing("eats-memory", "ended: more than 500 MiB of memory", "");
    let first = &class.grades_of("eats-memory")[0];
    assert!(first.points == first.out_of, "{}", class.report("eats-memory"));
}

#[test]
fn what_was_graded_is_not_graded_again_and_what_was_stopped_is_not_half_done() {
    if !can_be_boxed() {
        return;
    }
    let class = Class::new();
    let marker = format!("86401.{}", std::process::id());
    class.hand_in("a-broken", "fn main() { }");
    class.hand_in(
        "b-hanging",
        &format!("fn main() {{ let _ = std::process::Command::new(\"sleep\").arg({marker:?}).status(); }}"),
    );
    let mut grading = class.grading(&["--jobs", "1"]);
    let mut grader = grading.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(grader.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("1/2 a-broken"));
    // The next one's program runs, and in the middle of that the grader is killed.
    until("the program runs", || !processes_with(&marker).is_empty());
    grader.kill().unwrap();
    grader.wait().unwrap();
    until("no process is left", || processes_with(&marker).is_empty());
    let results: Vec<_> = fs::read_dir(class.out().join("class")).unwrap().flatten().collect();
    assert_eq!(results.len(), 1, "{results:?}");
    class.assert_worth_nothing("a-broken", "", "the ready line");

    let second = String::from_utf8(class.grade(&[]).stderr).unwrap();
    assert!(second.contains("a-broken: 0 of ") && second.contains("as before"), "{second}");
    assert_eq!(second.matches("as before").count(), 1, "{second}");
    class.assert_worth_nothing("b-hanging", "", "nothing of that within");

    class.hand_in("a-broken", "fn main() { println!(\"listening\") }");
    let third = String::from_utf8(class.grade(&[]).stderr).unwrap();
    assert_eq!(third.matches("as before").count(), 1, "{third}");
    assert!(class.report("a-broken").contains("listening"), "{}", class.report("a-broken"));
    let fourth = String::from_utf8(class.grade(&[]).stderr).unwrap();
    assert_eq!(fourth.matches("as before").count(), 2, "{fourth}");
}

#[test]
fn without_a_sandbox_it_says_so_and_grades_all_the_same() {
    let class = Class::new();
    class.hand_in("anna", &solution());
    class.hand_in("flooding", "fn main() { loop { print!(\"flood\") } }");
    // All programs of this machine, but for bubblewrap.
    let programs = class.folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for program in
        std::env::split_paths(&path).filter_map(|it| fs::read_dir(it).ok()).flatten().flatten()
    {
        if program.file_name() != "bwrap" {
            // The first of a name is the one that counts.
            let _ = std::os::unix::fs::symlink(program.path(), programs.join(program.file_name()));
        }
    }
    let output = class.grading(&[]).env("PATH", &programs).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("no sandbox: bubblewrap is not installed").count(), 1, "{said}");
    class.assert_right("anna");
    class.assert_worth_nothing("flooding", "", "more than 1 MiB of output");
}

#[test]
fn where_root_is_the_only_user_there_is_no_sandbox_and_it_says_why() {
    if !can_be_boxed() {
        return;
    }
    let class = Class::new();
    class.hand_in("anna", &solution());
    // So it is in some containers.
    let mut command = Command::new("unshare");
    command.arg("--map-root-user").arg(env!("CARGO_BIN_EXE_exercise"));
    command.arg("grade").arg(class.hand_ins()).arg("--out").arg(class.out());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no sandbox: ") && said.contains("cannot become nobody"), "{said}");
    class.assert_right("anna");
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn hand_ins_and_results_do_not_stand_in_one_another() {
    let class = Class::new();
    let anna = class.out().join("class/anna");
    fs::create_dir_all(&anna).unwrap();
    fs::write(anna.join("notes.txt"), "of her own").unwrap();
    for folder in [class.out().join("class"), class.out()] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exercise"));
        command.arg("grade").arg(folder).arg("--out").arg(class.out());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("cannot stand in one another"), "{said}");
    }
    assert_eq!(fs::read_to_string(anna.join("notes.txt")).unwrap(), "of her own");
}

#[test]
fn a_hand_in_that_cannot_be_read_is_a_remark_and_stops_nobody() {
    let class = Class::new();
    let hand_ins = class.hand_ins();
    let big = vec![b' '; usize::try_from(LONGEST_SOURCE).unwrap() + 1];
    archive_of(&[("07-echo/exercise.rs", &big)], &hand_ins.join("big.zip"));
    archive_of(
        &[("../../../slipped/07-echo/exercise.rs", b"fn main() {}")],
        &hand_ins.join("slips.zip"),
    );
    fs::write(hand_ins.join("broken.zip"), b"PK\x03\x04 and nothing else").unwrap();
    fs::write(hand_ins.join("broken.tar.gz"), b"\x1f\x8b and nothing else").unwrap();
    fs::write(hand_ins.join("other.rar"), b"Rar!").unwrap();
    fs::create_dir(hand_ins.join("empty")).unwrap();
    // As learning platforms give out a class.
    fs::create_dir(hand_ins.join("sent")).unwrap();
    archive_of(&[("07-echo/exercise.rs", b"fn main() { }")], &hand_ins.join("sent/echo.zip"));
    archive_of(&[("07-echo/exercise.rs", &big)], &hand_ins.join("sent/first try.zip"));
    fs::write(hand_ins.join("sent/broken.zip"), b"PK\x03\x04 and nothing else").unwrap();

    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_link(&mut header, "07-echo/exercise.rs", "/etc/passwd").unwrap();
    fs::write(hand_ins.join("links.tar"), archive.into_inner().unwrap()).unwrap();
    let folder = hand_ins.join("links-too/07-echo");
    fs::create_dir_all(&folder).unwrap();
    let solution = root().join("lessons/07-echo/solution.rs");
    std::os::unix::fs::symlink(solution, folder.join("exercise.rs")).unwrap();
    std::os::unix::fs::symlink(root().join("lessons"), hand_ins.join("links-away")).unwrap();

    // A head that promises a gigabyte, and a megabyte of zeros, packed once and repeated.
    let mut header = tar::Header::new_gnu();
    header.set_path("rubbish").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let mut bomb = gzip(header.as_bytes());
    let zeros = gzip(&vec![0; 1 << 20]);
    (0..1024).for_each(|_| bomb.extend(&zeros));
    assert!(bomb.len() < 16 << 20);
    fs::write(hand_ins.join("bomb.tgz"), bomb).unwrap();

    class.grade(&[]);
    let csv = fs::read_to_string(class.out().join("class.csv")).unwrap();
    for (name, remark) in [
        ("big,", "07 is longer than 256 KiB"),
        ("slips,", "leads out of it"),
        ("broken,", "the archive is broken"),
        ("broken.zip,", "the archive is broken"),
        ("other.rar,", "no folder and no .zip"),
        ("empty,", "no exercise is in it"),
        ("links,", "07 is a link"),
        ("links-too,", "07 is a link"),
        ("links-away,", "neither a folder nor an archive"),
        ("bomb,", "it unpacks to more than"),
        ("sent,", "broken.zip: the archive is broken"),
    ] {
        let line = csv.lines().find(|line| line.starts_with(name)).expect(name);
        assert!(line.contains(remark), "{line}");
    }
    class.assert_worth_nothing("sent", "", "the ready line");
    assert!(!class.folder.path().join("slipped").exists());
}
