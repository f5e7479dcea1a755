//! What a learner sees: the real program, on a copy of the course, so that nobody's files are touched.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use checks::EXERCISES;
use support::Terminal;
use tempfile::TempDir;

/// The exercise that is worked on.
const FOLDER: &str = "07-echo";

fn handed_out() -> String {
    let exercise =
        EXERCISES.iter().find(|it| it.folder == FOLDER).expect("there is an exercise 07");
    exercise.handed_out.to_owned()
}

/// The hand-out with something else at its two marked places.
fn worked_on(before_the_loop: &str, in_the_loop: &str) -> String {
    let mut text = handed_out();
    for (mark, code) in [
        ("    // TODO: something that remembers", before_the_loop),
        ("        // TODO: drop this datagram", in_the_loop),
    ] {
        let from = text.find(mark).expect("the place is marked");
        let to = from + text[from..].find('\n').expect("a line ends");
        text.replace_range(from..to, code);
    }
    text
}

const MEMORY: &str =
    "    let mut answered = std::collections::HashMap::<_, Vec<std::time::Instant>>::new();";

/// Everything is right.
fn done() -> String {
    let code = "let times = answered.entry(from).or_default();
        times.retain(|time| time.elapsed().as_millis() < 1000);
        if times.len() == 5 {
            continue;
        }
        times.push(std::time::Instant::now());";
    worked_on(MEMORY, code)
}

/// What is dropped counts as well: three promises of four are kept.
fn half_done() -> String {
    let code = "let times = answered.entry(from).or_default();
        times.retain(|time| time.elapsed().as_millis() < 1000);
        times.push(std::time::Instant::now());
        if times.len() > 5 {
            continue;
        }";
    worked_on(MEMORY, code)
}

fn does_not_compile() -> String {
    worked_on("    let five: u32 = \"five\";", "")
}

fn panics() -> String {
    worked_on("", "        panic!(\"no room for {}\", request.len());")
}

fn hangs() -> String {
    let code = "    while std::env::args().count() != 99 {\n        std::thread::park();\n    }";
    worked_on(code, "")
}

/// A course with the files of one exercise only: enough where nothing is built.
struct Files(TempDir);

impl Files {
    fn new(exercise: &str) -> Self {
        let files = Self(tempfile::tempdir().expect("a folder can be made"));
        fs::create_dir_all(files.lesson()).expect("a folder can be made");
        fs::write(files.file(), exercise).expect("a file can be written");
        files
    }

    fn lesson(&self) -> PathBuf {
        self.0.path().join("lessons").join(FOLDER)
    }

    fn file(&self) -> PathBuf {
        self.lesson().join("exercise.rs")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.lesson().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.lesson()).expect("the folder can be read");
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], status: i32) -> String {
        ran(exercise(self.0.path(), arguments), status)
    }
}

/// A course that is built. There is one, which the tests have one after the other: the first time its
/// dependencies are built as well, and kept below `target/`.
struct Course {
    root: PathBuf,
    /// Not for two runs of these tests at once.
    _lock: fs::File,
}

impl Course {
    #[track_caller]
    fn lock() -> MutexGuard<'static, Self> {
        static COURSE: OnceLock<Mutex<Course>> = OnceLock::new();
        let course = COURSE.get_or_init(|| Mutex::new(Self::make()));
        let course = course.lock().unwrap_or_else(PoisonError::into_inner);
        course.save(&handed_out());
        course
    }

    fn make() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("learner");
        let root = folder.join("course");
        fs::create_dir_all(&root).expect("a folder can be made");
        let lock = fs::File::create(folder.join("lock")).expect("a file can be made");
        #[cfg(unix)]
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
        for part in ["Cargo.toml", "Cargo.lock", ".cargo", "lessons", "tests", "book/notebook"] {
            copy(&here.join(part), &root.join(part));
        }
        // What a learner did here is none of our business.
        for exercise in EXERCISES {
            write(&root.join(exercise.file()), exercise.handed_out.as_bytes());
        }
        Self { root, _lock: lock }
    }

    fn file(&self) -> PathBuf {
        self.root.join("lessons").join(FOLDER).join("exercise.rs")
    }

    fn save(&self, text: &str) {
        fs::write(self.file(), text).expect("a file can be written");
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], status: i32) -> String {
        ran(exercise(&self.root, arguments), status)
    }

    /// Whether a program of this course runs.
    #[cfg(target_os = "linux")]
    fn is_running(&self, program: &str) -> bool {
        let program = self.root.join("target/debug").join(program);
        let mut processes = fs::read_dir("/proc").expect("/proc is there").flatten();
        processes.any(|it| {
            let line = fs::read(it.path().join("cmdline")).unwrap_or_default();
            line.starts_with(program.as_os_str().as_encoded_bytes())
        })
    }
}

/// Copies a file or a folder, without what is built or fetched. What is there already keeps its time.
fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        return write(to, &fs::read(from).unwrap_or_else(|error| panic!("{from:?}: {error}")));
    }
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{from:?}: {error}")) {
        let name = entry.expect("a folder can be read").file_name();
        let by_the_way = ["target", "node_modules"].map(OsStr::new);
        let backup = Path::new(&name).extension() == Some("bak".as_ref());
        if !by_the_way.contains(&&*name) && !backup {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

fn write(to: &Path, bytes: &[u8]) {
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return;
    }
    fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("a folder can be made");
    fs::write(to, bytes).unwrap_or_else(|error| panic!("{to:?}: {error}"));
}

/// `cargo exercise` in this course.
fn exercise(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exercise"));
    command.args(arguments).env("SOCKETS_COURSE", root).env("LC_ALL", "C.UTF-8");
    command.env("CARGO_TARGET_DIR", root.join("target"));
    for name in ["MAKELEVEL", "MAKEFLAGS", "NO_COLOR", "CLICOLOR_FORCE", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// What it printed on both streams, when it ended with this status.
#[track_caller]
fn ran(mut command: Command, status: i32) -> String {
    let Output { status: ended, stdout, stderr } = command.output().expect("it can be started");
    let printed = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    assert_eq!(ended.code(), Some(status), "{printed}");
    printed.into_owned()
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "not there: {part}\n{text}");
    }
}

#[test]
fn the_hand_out_is_told_where_to_begin() {
    let text = Course::lock().run(&["07"], 1);
    assert_has(
        &text,
        &[
            "Exercise 07 · Echo   lessons/07-echo/exercise.rs\n",
            "  ✗  five datagrams at once come back unchanged, the sixth does not\n",
            "\n0 of 4 promises are kept.\n",
            "\n  the task     Answer at most five datagrams a second for one sender.",
            "\n  expected     no answer to the sixth within one second\n  but          \"six\"\n",
            "This is still the hand-out.",
            "lessons/07-echo/exercise.rs, line ",
            "A hint: cargo exercise hint 07",
        ],
    );
    assert!(!text.contains("Hint 1"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_right_program_is_told_what_comes_next() {
    let course = Course::lock();
    course.save(&done());
    let text = course.run(&["7"], 0);
    assert_has(
        &text,
        &[
            "  ✓  who goes on asking too much still gets five a second\n",
            "4 of 4 promises are kept.",
            "Exercise 07 is done.",
            "cargo exercise solution 07",
            "lessons/08-threads/exercise.rs",
        ],
    );
    assert!(!text.contains('✗') && !text.contains("Hint"), "{text}");
}

#[test]
fn a_half_done_exercise_is_told_the_first_broken_promise_and_a_hint() {
    let course = Course::lock();
    course.save(&half_done());
    // As on the first day: no hint was seen.
    let _ = fs::remove_file(course.root.join("target/exercises/07-echo.hints"));
    for (level, next) in
        [("0", "The next hint: cargo exercise hint 07"), ("1", "The next hint: make hint N=07")]
    {
        let mut command = exercise(&course.root, &["07"]);
        command.env("MAKELEVEL", level);
        let text = ran(command, 1);
        assert_has(
            &text,
            &[
                "3 of 4 promises are kept.",
                "The one that is broken: who goes on asking too much still gets five a second\n",
                "the client got \"one\", \"two\", \"三\", \"four\", \"five\"\n",
                "Hint 1 of 3",
                "If you are past this one, ask for the next.",
                next,
            ],
        );
        assert!(!text.contains("Hint 2"), "{text}");
    }
    course.run(&["hint", "07"], 0);
    let text = course.run(&["07"], 1);
    assert!(text.contains("Hint 2 of 3") && !text.contains("Hint 1"), "{text}");
}

#[test]
fn the_compiler_is_heard_and_nobody_else() {
    let course = Course::lock();
    course.save(&does_not_compile());
    let text = course.run(&["07"], 1);
    assert_has(
        &text,
        &["error[E0308]", "let five: u32 = \"five\";", "lessons/07-echo/exercise.rs:"],
    );
    assert_has(&text, &["Exercise 07 does not compile yet. Begin with the first error above."]);
    for noise in ["could not compile", "aborting", "promises", "\x1b"] {
        assert!(!text.contains(noise), "{noise}\n{text}");
    }
    let mut colours = exercise(&course.root, &["07"]);
    colours.env("CLICOLOR_FORCE", "1");
    assert!(ran(colours, 1).contains("\x1b["));

    // It stops nothing else, though the tests of the course look at this package too.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--quiet", "--locked", "--no-run", "--package", "exercises"]);
    cargo.current_dir(&course.root).env("CARGO_TARGET_DIR", course.root.join("target"));
    ran(cargo, 0);
}

#[test]
fn a_panic_is_told_without_a_backtrace() {
    let course = Course::lock();
    course.save(&panics());
    let mut command = exercise(&course.root, &["07"]);
    command.env("RUST_BACKTRACE", "1");
    let text = ran(command, 1);
    assert_has(&text, &["your program panicked: no room for 3", "lessons/07-echo/exercise.rs:"]);
    assert!(!text.contains("BACKTRACE") && !text.contains("stack backtrace"), "{text}");
}

#[test]
fn a_program_that_hangs_is_told_so() {
    let course = Course::lock();
    course.save(&hangs());
    let text = course.run(&["07"], 1);
    assert_has(&text, &["but          nothing within 4 s", "    | listening on 127.0.0.1:"]);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_a_check_and_leaves_no_program_behind() {
    let course = Course::lock();
    course.save(&hangs());
    let mut check = Terminal::start(exercise(&course.root, &["07"]));
    wait_until(|| course.is_running("07-exercise"));
    check.interrupt();
    check.ends_with(130);
    wait_until(|| !course.is_running("07-exercise"));
}

/// Waits for something that nobody tells.
#[cfg(target_os = "linux")]
fn wait_until(it_is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + support::PATIENCE;
    while !it_is_so() {
        assert!(std::time::Instant::now() < deadline, "it does not become so");
        std::thread::yield_now();
    }
}

#[test]
fn progress_is_a_line_for_each_exercise_and_names_the_first_to_do() {
    let course = Course::lock();
    let other = course.root.join("lessons/11-tcp/exercise.rs");
    let hand_out = fs::read_to_string(&other).expect("there is an exercise 11");
    fs::write(&other, format!("{hand_out}\nfn five() -> u32 {{}}\n")).expect("it can be written");
    course.save(&half_done());
    let text = course.run(&[], 0);
    fs::remove_file(&other).expect("it can be removed");
    course.save(&done());
    let later = course.run(&[], 0);
    fs::write(&other, hand_out).expect("it can be written");

    assert_eq!(text.lines().take_while(|line| !line.is_empty()).count(), EXERCISES.len());
    assert_has(
        &text,
        &[
            "  01  Send         not begun\n",
            "  07  Echo         3 of 4 promises\n",
            "  11  TCP          does not compile\n",
            &format!("\n0 of {} exercises are done.\n", EXERCISES.len()),
            "\nNext: 01 · Send\n  your file        lessons/01-send/exercise.rs\n",
            "cargo exercise 01\n",
        ],
    );
    assert!(!text.contains("error"), "{text}");
    assert_has(&later, &["  07  Echo         done\n", "  11  TCP          the file is missing\n"]);
    assert_has(&later, &[&format!("1 of {} exercises are done.", EXERCISES.len())]);
}

#[test]
fn watch_checks_again_on_each_save() {
    let course = Course::lock();
    let mut watch = Terminal::start(exercise(&course.root, &["watch", "07"]));
    watch.expect("0 of 4 promises are kept.");
    watch.expect("Watching lessons/07-echo/exercise.rs");

    course.save(&done());
    watch.expect("4 of 4 promises are kept.");
    watch.expect("Watching");

    // As many editors save: a new file gets the old one's name.
    let new = course.file().with_file_name("exercise.rs~");
    fs::write(&new, half_done()).expect("a file can be written");
    fs::rename(&new, course.file()).expect("a file can be renamed");
    watch.expect("3 of 4 promises are kept.");
    watch.expect("Watching");

    course.save(&does_not_compile());
    watch.expect("does not compile yet");
    watch.expect("Watching");

    #[cfg(target_os = "linux")]
    {
        // A check that waits for a program that hangs is given up for a newer save.
        course.save(&hangs());
        wait_until(|| course.is_running("07-exercise"));
        course.save(&done());
        let text = watch.expect("4 of 4 promises are kept.");
        assert!(!text.contains("nothing within"), "{text}");
        watch.expect("Watching");
    }
    assert!(!String::from_utf8_lossy(&watch.output()).contains('\x1b'));
    #[cfg(unix)]
    {
        watch.interrupt();
        watch.ends_with(0);
    }
}

#[test]
fn hints_come_one_by_one_and_begin_again() {
    let files = Files::new(&half_done());
    for (arguments, hint, other) in [
        (&["hint", "07"][..], "Hint 1 of 3", "Hint 2"),
        (&["hint", "07"], "Hint 2 of 3", "Hint 1"),
        (&["hint", "07"], "Hint 3 of 3", "Hint 2"),
        (&["hint", "07", "--again"], "Hint 1 of 3", "Hint 2"),
        (&["hint", "7"], "Hint 2 of 3", "Hint 3"),
        (&["hint", "07-echo"], "Hint 3 of 3", "Hint 1"),
    ] {
        let text = files.run(arguments, 0);
        assert_has(&text, &[hint]);
        assert!(!text.contains(other), "{text}");
    }
    let text = files.run(&["hint", "07"], 0);
    assert_has(&text, &["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "cargo exercise solution 07"]);
}

#[test]
fn reset_keeps_every_file() {
    let files = Files::new("first");
    for (number, text) in ["first", "second", "third"].iter().enumerate() {
        fs::write(files.file(), text).expect("a file can be written");
        let told = files.run(&["reset", "07"], 0);
        let backup = format!("exercise.{}.bak", number + 1);
        assert_has(&told, &[&format!("Your file is kept: lessons/07-echo/{backup}")]);
        assert_eq!(files.read("exercise.rs"), handed_out());
        assert_eq!(files.read(&backup), *text);
    }
    assert_eq!(files.read("exercise.1.bak"), "first");
    let told = files.run(&["reset", "07"], 0);
    assert_has(&told, &["nothing to do"]);
    let names = ["exercise.1.bak", "exercise.2.bak", "exercise.3.bak", "exercise.rs"];
    assert_eq!(files.names(), names, "nothing else is left");
}

#[cfg(unix)]
#[test]
fn reset_loses_nothing_that_is_saved_meanwhile() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let files = Files::new("0");
    let saved_beside = files.lesson().join("saved");
    // As an editor does: a new file gets the old one's name.
    let save = |number: usize| {
        fs::write(&saved_beside, number.to_string()).expect("a file can be written");
        fs::rename(&saved_beside, files.file()).expect("a file can be renamed");
    };
    // Somebody saves once while a reset is at work, each time a little later.
    for round in 0..120 {
        save(2 * round);
        let mut reset = exercise(files.0.path(), &["reset", "07"]);
        let mut reset = reset.stdout(Stdio::null()).spawn().expect("it can be started");
        let when = Instant::now() + Duration::from_micros(50) * u32::try_from(round).unwrap();
        while Instant::now() < when {
            std::hint::spin_loop();
        }
        save(2 * round + 1);
        assert!(reset.wait().expect("a child can be waited for").success());
        let last = (2 * round + 1).to_string();
        let kept = files.names().iter().any(|name| files.read(name) == last);
        assert!(kept, "save {last} is lost: {:?}", files.names());
    }
}

#[test]
fn reset_brings_back_what_is_missing_and_keeps_what_is_no_text() {
    let files = Files::new("");
    fs::remove_file(files.file()).expect("a file can be removed");
    assert_has(&files.run(&["07"], 1), &["exercise.rs is missing", "cargo exercise reset 07"]);
    files.run(&["reset", "07"], 0);
    assert_eq!(files.read("exercise.rs"), handed_out());
    assert_eq!(files.names(), ["exercise.rs"]);

    fs::write(files.file(), b"\xff\xfe\0").expect("a file can be written");
    files.run(&["reset", "07"], 0);
    let kept = fs::read(files.lesson().join("exercise.1.bak")).expect("it is kept");
    assert_eq!(kept, b"\xff\xfe\0");
}

#[test]
fn other_line_endings_are_no_change() {
    let files = Files::new(&handed_out().replace('\n', "\r\n"));
    assert_has(&files.run(&["reset", "07"], 0), &["nothing to do"]);
    assert_eq!(files.names(), ["exercise.rs"]);
    fs::write(files.lesson().join("solution.rs"), handed_out()).expect("a file can be written");
    assert_has(&files.run(&["solution", "07"], 0), &["letter for letter"]);
}

#[test]
fn the_solution_is_shown_as_a_difference() {
    let files = Files::new(&half_done());
    let solution = files.lesson().join("solution.rs");
    let text = files.run(&["solution", "07"], 1);
    assert_has(&text, &["your teacher has them"]);

    fs::write(&solution, done()).expect("a file can be written");
    let text = files.run(&["solution", "07"], 0);
    assert_has(
        &text,
        &[
            "--- lessons/07-echo/exercise.rs\n+++ lessons/07-echo/solution.rs\n@@ ",
            "\n-        times.push(",
            "\n+        if times.len() == 5 {",
        ],
    );
    assert!(!text.contains("You have not begun"), "{text}");

    fs::write(files.file(), handed_out()).expect("a file can be written");
    let text = files.run(&["solution", "07"], 0);
    assert_has(
        &text,
        &["You have not begun", "\n-        // TODO: drop", "\n+        times.retain("],
    );
}

#[test]
fn colours_are_for_those_who_want_them() {
    let files = Files::new(&half_done());
    let colours = |name: &str| {
        let mut command = exercise(files.0.path(), &["hint", "07"]);
        command.env(name, "1");
        ran(command, 0).contains('\x1b')
    };
    assert!(colours("CLICOLOR_FORCE"));
    assert!(!colours("NO_COLOR"));
    assert!(!colours("NOTHING"), "what is printed here goes to no terminal");
}

#[test]
fn a_wrong_call_is_explained() {
    let files = Files::new("");
    let last = EXERCISES.last().expect("there are exercises").number();
    let said = format!("the exercises are 01 to {last}");
    assert_has(&files.run(&["99"], 2), &["'99'", &said]);
    assert_has(&files.run(&["hint"], 2), &["Usage: cargo exercise hint"]);
    assert_has(&files.run(&["--help"], 0), &["Usage: cargo exercise [NUMBER]", "watch", "hint"]);
}
