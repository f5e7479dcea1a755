//! The engine fails where it must: each rule of the book is broken here, in a small course of its own
//! or in a session of the real one, and the sentence that a writer needs comes, with its place. Where
//! sessions are run: on Linux.

#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use mdbook_driver::MDBook;
use notebook::build::Notebook;
use notebook::check::Course;
use notebook::project::{self, Programs};
use notebook::record::Recorder;
use notebook::run::{PATIENCE, Recording, What};
use notebook::session::{Action, Fault, Session};
use notebook::shelf;

const CHAPTER: &str = "# 01 Send {#send}\n\nIt holds.{{#fact a_claim_holds}} A [link](welcome.md#hello).\n\n\
                       ```rust\n{{#include ../../../lessons/01-send/send.rs:bind}}\n```\n\n\
                       ```diagram calls\nThe calls.\n```\n\n{{#source lessons/01-send/send.rs}}\n\n\
                       ## 1 {#what-you-will-see}\n## 2 {#run-it}\n## 3 {#the-code}\n## 4 {#on-the-wire}\n\
                       ## 5 {#where-it-breaks}\n## 6 {#exercise}\n## 7 {#what-you-know-now}\n## 8 {#the-whole-program}\n";

const LESSON: &str = "// \"Explained in chapter 01 of the book: Send.\"\n// ANCHOR: bind\nbind();\n// ANCHOR_END: bind\n";

/// A course of one lesson that keeps all rules.
fn course() -> TempDir {
    let root = TempDir::new().expect("a temporary folder can be made");
    let files = [
        ("lessons/01-send/send.rs", LESSON),
        // What stands beside the lesson and not in the book.
        ("lessons/01-send/exercise.rs", "// The task.\n"),
        ("lessons/01-send/solution.rs", "send();\n"),
        ("tests/facts/udp.rs", "#[test]\nfn a_claim_holds() {}\nfn no_test() {}\n"),
        ("book/diagrams/calls.svg", "<svg viewBox=\"0 0 440 300\"></svg>\n"),
        ("book/en/src/SUMMARY.md", "# Book\n\n[Welcome](welcome.md)\n- [01 Send](01-send.md)\n"),
        ("book/en/src/welcome.md", "# Welcome {#hello}\n\n[On](01-send.md#source-01-send-send)\n"),
        ("book/en/src/01-send.md", CHAPTER),
    ];
    for (file, text) in files {
        root.child(file).write_str(text).expect("the file can be written");
    }
    root
}

fn faults(root: &Path) -> Vec<String> {
    let course = Course::read(root, "book/en").expect("the course can be read");
    course.faults().iter().map(Fault::to_string).collect()
}

/// Replaces `from` by `to` in a file of a course that keeps all rules: the first fault is this one.
#[track_caller]
fn broken(file: &str, from: &str, to: &str, fault: &str) {
    let root = course();
    let text = std::fs::read_to_string(root.child(file).path()).expect("the file is there");
    assert!(text.contains(from), "{file} has no {from:?}");
    root.child(file).write_str(&text.replacen(from, to, 1)).expect("the file can be written");
    let faults = faults(root.path());
    assert!(faults.iter().any(|found| found == fault), "expected: {fault}\n    came: {faults:#?}");
}

/// Puts a block into the chapter of a course that keeps all rules, in line 13: this fault comes.
#[track_caller]
fn broken_with(block: &str, fault: &str) {
    let added = format!("The calls.\n```\n\n{block}```diagram calls\nAgain.\n");
    broken("book/en/src/01-send.md", "The calls.\n", &added, fault);
}

#[test]
fn a_course_that_keeps_the_rules_has_no_fault() {
    assert_eq!(faults(course().path()), Vec::<String>::new());
}

#[test]
fn an_include_without_its_file_or_anchor_is_a_fault() {
    let (send, chapter) = ("lessons/01-send/send.rs", "book/en/src/01-send.md");
    broken(
        chapter,
        "send.rs:bind",
        "sent.rs:bind",
        "book/en/src/01-send.md:5: cannot read lessons/01-send/sent.rs: No such file or directory (os error 2)",
    );
    broken(
        chapter,
        "send.rs:bind",
        "send.rs:bound",
        "book/en/src/01-send.md:5: lessons/01-send/send.rs has no anchor \"bound\"",
    );
    broken(
        send,
        "// ANCHOR: bind\nbind();\n// ANCHOR_END: bind\n",
        "bind();\n",
        "book/en/src/01-send.md:5: lessons/01-send/send.rs has no anchor \"bind\"",
    );
    broken(
        chapter,
        ":bind}}\n",
        ":bind}}\nlet x = 1;\n",
        "book/en/src/01-send.md:5: an include stands alone in its block",
    );
    broken(
        chapter,
        "{{#source lessons/01-send/send.rs}}",
        "{{#source lessons/send.rs}}",
        "book/en/src/01-send.md:13: cannot read lessons/send.rs: No such file or directory (os error 2)",
    );
}

#[test]
fn code_or_output_that_is_pasted_is_a_fault() {
    broken_with(
        "```rust\nlet x = 1;\n```\n\n",
        "book/en/src/01-send.md:13: code is pasted here: include a region, {{#include PATH:ANCHOR}}",
    );
    for (block, language) in [
        ("```\nlistening on 127.0.0.1:8080\n```\n\n", ""),
        ("```console\n$ 01-send\n```\n\n", "console"),
        ("```text\nlistening on 127.0.0.1:8080\n```\n\n", "text"),
        ("```sessions one\none| listening\n```\n\n", "sessions"),
        ("    listening on 127.0.0.1:8080\n\n", ""),
    ] {
        let fault = format!(
            "book/en/src/01-send.md:13: a block of \"{language}\" is none that this book knows: session, rust, diagram, sh"
        );
        broken_with(block, &fault);
    }
}

#[test]
fn an_anchor_that_is_empty_unclosed_or_never_shown_is_a_fault() {
    let send = "lessons/01-send/send.rs";
    broken(send, "bind();\n", "\n", "lessons/01-send/send.rs:2: the anchor \"bind\" is empty");
    broken(
        send,
        "// ANCHOR_END: bind\n",
        "",
        "lessons/01-send/send.rs:2: the anchor \"bind\" is never closed",
    );
    broken(
        send,
        "// ANCHOR_END: bind\n",
        "// ANCHOR_END: bind\n// ANCHOR: more\nx\n// ANCHOR_END: more\n",
        "lessons/01-send/send.rs:5: no chapter includes the anchor \"more\"",
    );
}

#[test]
fn a_link_that_leads_nowhere_is_a_fault() {
    let chapter = "book/en/src/01-send.md";
    broken(
        chapter,
        "welcome.md#hello",
        "welcom.md#hello",
        "book/en/src/01-send.md:3: the link welcom.md#hello leads to no chapter",
    );
    broken(
        chapter,
        "welcome.md#hello",
        "welcome.md#hallo",
        "book/en/src/01-send.md:3: the link welcome.md#hallo leads nowhere: welcome.md has no id \"hallo\"",
    );
    broken(
        chapter,
        "welcome.md#hello",
        "#hello",
        "book/en/src/01-send.md:3: the link #hello leads nowhere: 01-send.md has no id \"hello\"",
    );
}

#[test]
fn a_chapter_and_the_table_of_contents_belong_together() {
    broken(
        "book/en/src/SUMMARY.md",
        "[Welcome](welcome.md)\n",
        "",
        "book/en/src/welcome.md: SUMMARY.md does not name this chapter",
    );
    broken(
        "book/en/src/SUMMARY.md",
        "welcome.md",
        "welcome2.md",
        "book/en/src/SUMMARY.md:3: there is no chapter welcome2.md",
    );
}

#[test]
fn a_claim_without_its_test_is_a_fault() {
    broken(
        "book/en/src/01-send.md",
        "a_claim_holds",
        "a_claim",
        "book/en/src/01-send.md:3: no test is named \"a_claim\"",
    );
    broken(
        "book/en/src/01-send.md",
        "a_claim_holds",
        "no_test",
        "book/en/src/01-send.md:3: no test is named \"no_test\"",
    );
    let fault = "book/en/src/01-send.md:3: no test is named \"a_claim_holds\"";
    for off in ["", "#[test]\n#[ignore = \"later\"]\n", "/*\n#[test]\n", "/* #[test]\n*/\n"] {
        broken("tests/facts/udp.rs", "#[test]\n", off, fault);
    }
}

#[test]
fn a_lesson_and_its_chapter_belong_together() {
    let root = course();
    root.child("lessons/02-receive/receive.rs").write_str("receive();\n").unwrap();
    let found = faults(root.path());
    assert!(
        found.contains(&"lessons/02-receive: this lesson has no chapter".to_owned()),
        "{found:#?}"
    );

    let root = course();
    root.child("book/en/src/03-duplex.md").write_str("# 03 Duplex {#duplex}\n").unwrap();
    let found = faults(root.path());
    assert!(
        found.contains(&"book/en/src/03-duplex.md: there is no lesson 03".to_owned()),
        "{found:#?}"
    );

    let title = "lessons/01-send/send.rs:1: --help names the chapter \"01 Send\", which is called \"01 Sent\"";
    broken("book/en/src/01-send.md", "# 01 Send", "# 01 Sent", title);
    broken(
        "book/en/src/01-send.md",
        "{{#source lessons/01-send/send.rs}}",
        "",
        "lessons/01-send/send.rs: no chapter shows this file whole: {{#source PATH}}",
    );
}

#[test]
fn a_lesson_s_chapter_has_all_its_parts() {
    let fault = "book/en/src/01-send.md: a lesson's chapter has a part with the id \"exercise\"";
    broken("book/en/src/01-send.md", "## 6 {#exercise}\n", "", fault);
}

#[test]
fn a_heading_has_an_id_of_its_own() {
    broken(
        "book/en/src/welcome.md",
        " {#hello}",
        "",
        "book/en/src/welcome.md:1: the heading \"Welcome\" has no id: {#some-id}",
    );
    broken(
        "book/en/src/welcome.md",
        "\n\n",
        "\n\n## Again {#hello}\n\n",
        "book/en/src/welcome.md:3: a second heading has the id \"hello\"",
    );
}

#[test]
fn a_diagram_is_there_is_shown_and_is_told_in_words() {
    let chapter = "book/en/src/01-send.md";
    broken(
        chapter,
        "```diagram calls\nThe calls.\n```\n",
        "",
        "book/diagrams/calls.svg: no chapter shows this diagram",
    );
    broken(
        chapter,
        "diagram calls",
        "diagram call",
        "book/en/src/01-send.md:9: no diagram book/diagrams/call.svg: No such file or directory (os error 2)",
    );
    broken(
        chapter,
        "The calls.\n",
        "",
        "book/en/src/01-send.md:9: the diagram calls says nothing in words",
    );
}

#[test]
fn a_directive_that_nobody_knows_is_a_fault() {
    broken(
        "book/en/src/01-send.md",
        "{{#fact",
        "{{#fakt",
        "book/en/src/01-send.md:3: {{#fakt}} is nothing that this book knows",
    );
}

#[test]
fn a_block_that_is_no_session_is_a_fault() {
    broken_with(
        "```session one\na> typed\n```\n\n",
        "book/en/src/01-send.md:14: the terminal \"a\" was never started: a$ PROGRAM",
    );
    broken_with(
        "```session one\na$ 01-send\n```\n\n```session one\na$ 01-send\n```\n\n",
        "book/en/src/01-send.md:17: a second session \"one\"",
    );
}

#[test]
fn a_recording_of_no_session_is_a_fault_where_all_sessions_can_be_read() {
    let root = course();
    root.child("book/recordings/01-send.gone.json").write_str("{}").unwrap();
    let strangers = || -> Vec<String> {
        let course = Course::read(root.path(), "book/en").expect("the course can be read");
        course.strangers().expect("a folder").iter().map(Fault::to_string).collect()
    };
    let fault = "book/recordings/01-send.gone.json: it is the recording of no session: make record";
    assert_eq!(strangers(), [fault]);
    // Else one broken line would be told among the recordings of the whole book.
    let chapter = format!("{CHAPTER}\n```session one\na> typed\n```\n");
    root.child("book/en/src/01-send.md").write_str(&chapter).unwrap();
    assert_eq!(strangers(), Vec::<String>::new());
}

/// Builds the book of a course, as `make book-build` does: the page of its first lesson.
fn built(root: &Path) -> Result<String, String> {
    std::fs::write(
        root.join("book/en/book.toml"),
        "[preprocessor.notebook]\nbefore = [\"links\"]\n",
    )
    .expect("the file can be written");
    let mut book = MDBook::load(root.join("book/en")).expect("it is a book");
    book.with_preprocessor(Notebook { program: notebook(), programs: None, stale: false });
    book.build().map_err(|error| format!("{error:#}"))?;
    let page = std::fs::read_to_string(root.join("book/en/book/01-send.html"));
    Ok(page.expect("the page was written"))
}

#[test]
fn a_book_is_built_with_what_its_sessions_printed_and_with_the_code_of_its_files() {
    let root = course();
    let session = "```session one\n# It says `three`.\none$ 01-send 127.0.0.1:7878 \"<b>\"\none| sent 3 bytes from [..]\n```\n";
    root.child("book/en/src/01-send.md").write_str(&format!("{CHAPTER}\n{session}")).unwrap();
    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    let page = built(root.path()).expect("it can be built");
    for part in [
        "<kbd class=\"command\">cargo run --bin 01-send -- 127.0.0.1:7878 \"&lt;b&gt;\"</kbd>",
        "<samp>sent 3 bytes from 127.0.0.1:",
        "to 127.0.0.1:7878</samp>",
        "<figcaption>It says <code>three</code>.</figcaption>",
        "<a href=\"#source-01-send-send\"><code>lessons/01-send/send.rs</code></a>",
        "aria-label=\"tested: a claim holds\"",
        "--width:440",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("ANCHOR") && !page.contains("{{#") && !page.contains("[..]"), "{page}");
}

#[test]
fn what_a_session_prints_is_no_directive_of_mdbook() {
    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    let root = course();
    let session = "```session one\none$ 01-send 127.0.0.1:7878 '{{#include welcome.md}}'\none| sent 23 bytes from [..]\n```\n";
    root.child("book/en/src/01-send.md").write_str(&format!("{CHAPTER}\n{session}")).unwrap();
    let page = built(root.path()).expect("it can be built");
    assert!(page.contains("'{{#include welcome.md}}'</kbd>"), "{page}");
}

#[test]
fn a_broken_include_or_session_stops_the_build_with_its_sentence() {
    let root = course();
    let chapter = root.child("book/en/src/01-send.md");
    chapter.write_str(&CHAPTER.replace("send.rs:bind", "send.rs:bound")).unwrap();
    let error = built(root.path()).expect_err("no such anchor");
    let sentence = "book/en/src/01-send.md:5: lessons/01-send/send.rs has no anchor \"bound\"";
    assert!(error.contains(sentence), "{error}");

    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    chapter
        .write_str(&format!(
            "{CHAPTER}\n```session one\none$ 01-send\none| sent 4 bytes [..]\n```\n"
        ))
        .unwrap();
    let error = built(root.path()).expect_err("it sends 3 bytes");
    let sentence = "book/en/src/01-send.md:26: session one: expected: sent 4 bytes [..]\n    came: sent 3 bytes from 127.0.0.1:";
    assert!(error.contains(sentence), "{error}");
}

#[test]
fn it_speaks_the_protocol_of_a_preprocessor() {
    let status =
        std::process::Command::new(notebook()).args(["preprocess", "supports", "html"]).status();
    assert!(status.expect("it can be started").success());
}

fn recorder() -> &'static Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| Recorder::new(notebook(), programs()))
}

fn notebook() -> std::path::PathBuf {
    env!("CARGO_BIN_EXE_notebook").into()
}

fn programs() -> Programs {
    project::build_programs().expect("the lessons compile")
}

fn session(body: &str) -> Session {
    let info = if body.contains("wire|") { "session tried packets" } else { "session tried" };
    Session::parse("07-echo.md", info, body, 2).expect("it is a session")
}

/// The fault of a session that does not come true.
#[track_caller]
fn fails(body: &str) -> String {
    recorder().record(&session(body)).expect_err("the session fails").to_string()
}

const ECHO: &str = "server$ 07-echo-server\nserver| listening on 127.0.0.1:8080\nclient$ 07-echo-client\nclient? >>>\n\
                    client> hello\nserver| from 127.0.0.1:[..]: hello\nclient| from 127.0.0.1:8080: hello\nclient? >>>\n\
                    client^D\nclient! 0\n";

#[test]
fn a_session_is_recorded_in_its_order_with_its_wildcards_filled_in() {
    let Recording { events, packets } = recorder().record(&session(ECHO)).expect("it comes true");
    assert_eq!(events.len(), 10);
    assert!(packets.is_empty());
    assert!(events.is_sorted_by_key(|event| event.time));
    let What::Line(line) = &events[5].what else { panic!("{:?}", events[5]) };
    assert!(line.starts_with("from 127.0.0.1:") && line.ends_with(": hello"), "{line}");
    assert!(!line.contains("[..]"));
    assert_eq!(events[9].what, What::Status(0));
}

/// Every character of every expected line of a real session, one changed at a time, would take minutes:
/// here the last one of each line is changed.
#[test]
fn one_changed_character_of_an_expected_line_fails_with_its_chapter_and_line() {
    let chapter = project::root().join("book/en/src/07-echo.md");
    let text = std::fs::read_to_string(chapter).expect("the chapter is there");
    let chapter = notebook::expand::Chapter::new("book/en/src/07-echo.md", &text);
    let sessions = chapter.sessions().expect("its sessions can be read");
    let session = sessions.first().expect("it has one");
    assert!(session.packets, "this one also expects packets");
    let change = |text: &mut String| {
        let last = text.pop().expect("something is expected");
        text.push(if last == '~' { '#' } else { '~' });
    };
    let mut changed = Vec::new();
    for index in 0..session.steps.len() {
        let mut other = session.clone();
        match &mut other.steps[index].action {
            Action::Line { pattern, .. } | Action::Prompt { pattern, .. } => change(pattern),
            Action::Packet { pattern } if recorder().is_apart() => change(pattern),
            Action::Status { status, .. } => *status += 1,
            _ => continue,
        }
        changed.push((session.steps[index].line, other));
    }
    assert!(changed.len() > 10, "{changed:#?}");
    thread::scope(|scope| {
        for (line, session) in changed {
            // A prompt that does not come is waited for: all of them at the same time.
            scope.spawn(move || {
                let fault = recorder().record(&session).expect_err("the change is noticed");
                assert_eq!(
                    (fault.file.as_str(), fault.line),
                    ("book/en/src/07-echo.md", line),
                    "{fault}"
                );
                assert!(
                    fault.what.contains("expected: ") && fault.what.contains("came: "),
                    "{fault}"
                );
            });
        }
    });
}

/// As the test of the session does it, for which the recording on the shelf has become old, too.
#[test]
fn a_changed_line_is_told_before_the_recording_that_does_not_fit_it_any_more() {
    let root = TempDir::new().expect("a temporary folder can be made");
    let (body, recorder) = ("one$ 01-send\none| sent 3 bytes [..]\n", recorder());
    let recording = recorder.record(&session(body)).expect("it comes true");
    shelf::put(root.path(), &session(body), recording).expect("it can be written");
    shelf::hold(root.path(), &session(body), recorder).expect("both fit");

    let changed = session(&body.replace('3', "4"));
    let fault = shelf::hold(root.path(), &changed, recorder).expect_err("it sends 3 bytes");
    assert_eq!(fault.line, 3, "{fault}");
    let expected = "expected: sent 4 bytes [..]\n    came: sent 3 bytes from 127.0.0.1:";
    assert!(fault.what.contains(expected), "{fault}");

    let other = session(&body.replace(" [..]", "[..]"));
    let fault = shelf::hold(root.path(), &other, recorder).expect_err("nobody recorded this one");
    assert!(fault.what.contains("its recording is of another text: make record"), "{fault}");
}

#[test]
fn a_lesson_that_prints_something_else_fails_every_session_that_shows_it() {
    let mut changed = programs();
    let upper = changed["06-upper-server"].clone();
    changed.insert("07-echo-server".to_owned(), upper);
    let body = ECHO.replace("07-echo-server", "07-echo-server 127.0.0.1:8080");
    let fault =
        Recorder::new(notebook(), changed).record(&session(&body)).expect_err("it is noticed");
    assert_eq!((fault.file.as_str(), fault.line), ("07-echo.md", 8), "{fault}");
    let expected = "expected: from 127.0.0.1:8080: hello\n    came: from 127.0.0.1:8080: HELLO";
    assert!(fault.what.contains(expected), "{fault}");
    assert!(
        fault.what.contains("on server, 07-echo-server:\n    listening on 127.0.0.1:8080\n"),
        "{fault}"
    );
}

#[test]
fn a_program_that_no_lesson_has_is_named() {
    assert_eq!(
        fails("server$ 07-ecko-server\n"),
        "07-echo.md:2: no lesson has a program \"07-ecko-server\""
    );
}

/// All of them at the same time: each takes as long as a session waits.
#[test]
fn a_line_or_an_end_that_never_comes_is_told_with_what_was_printed() {
    thread::scope(|scope| {
        scope.spawn(|| {
            let fault = fails(
                "server$ 07-echo-server\nserver| listening on 127.0.0.1:8080\nserver| and more\n",
            );
            assert!(
                fault.starts_with(
                    "07-echo.md:4: session tried: expected: and more\n    came: \"\" and no more"
                ),
                "{fault}"
            );
            assert!(
                fault.contains("on server, 07-echo-server:\n    listening on 127.0.0.1:8080"),
                "{fault}"
            );
        });
        for (script, expected) in [
            // It goes on without an output, and somebody else goes on with its output.
            ("echo one; exec >&- 2>&-; exec sleep 100", "expected: the end of shell\n"),
            ("echo one; sleep 30 & exit 0", "expected: the end of the program\n"),
        ] {
            scope.spawn(move || {
                let begun = Instant::now();
                let fault = shell_fails(script, "one| one\none! 0\n");
                assert!(
                    fault.starts_with("07-echo.md:4: session tried: ") && fault.contains(expected),
                    "{fault}"
                );
                assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
            });
        }
    });
}

/// The fault of a session whose program does this, in the words of a shell.
#[track_caller]
fn shell_fails(script: &str, lines: &str) -> String {
    let programs = Programs::from([("shell".to_owned(), "/bin/sh".into())]);
    let body = format!("one$ shell -c '{script}'\n{lines}");
    let recorder = Recorder::new(notebook(), programs);
    recorder.record(&session(&body)).expect_err("the session fails").to_string()
}

#[test]
fn a_program_that_prints_without_end_is_ended_and_told_in_few_words() {
    for (script, lines) in [
        ("exec yes", "one| y\none| y\none! 0\n"),
        ("exec yes", "one| y\none| y\n"),
        ("exec tr x y </dev/zero", "one| y\n"),
    ] {
        let begun = Instant::now();
        let fault = shell_fails(script, lines);
        assert!(fault.len() < 20_000, "{} bytes", fault.len());
        assert!(fault.contains("expected: "), "{fault}");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_line_that_the_session_does_not_show_is_a_fault() {
    let shown = "server| from 127.0.0.1:[..]: hello\n";
    let fault = fails(&ECHO.replace(shown, ""));
    assert!(
        fault.starts_with(
            "07-echo.md:10: session tried: expected: nothing more from 07-echo-server"
        ),
        "{fault}"
    );
    assert!(fault.contains("came: from 127.0.0.1:") && fault.contains(": hello\n"), "{fault}");
}

#[test]
fn an_exit_status_that_nobody_tells_must_be_zero() {
    let fault = fails(
        "sender$ 01-send 127.0.0.1\nsender| [..]\nsender| [..]\nsender| [..]\nsender$ 01-send\n",
    );
    assert!(fault.contains("07-echo.md:"), "{fault}");
    let fault = fails(
        "sender$ 02-receive --buffer 4\nsender| listening on 127.0.0.1:7878\nsender^C\nsender! 0\n",
    );
    assert!(
        fault.starts_with(
            "07-echo.md:5: session tried: expected: exit status 0\n    came: exit status 130"
        ),
        "{fault}"
    );
}

#[test]
fn typing_to_a_program_that_has_ended_is_a_fault() {
    let fault = fails("one$ 01-send\none| sent 3 bytes [..]\none! 0\none> more\n");
    assert!(
        fault.starts_with("07-echo.md:5: session tried: 01-send does not read what is typed"),
        "{fault}"
    );
}

#[test]
fn a_packet_that_nobody_sent_is_told_with_those_that_were() {
    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    let body = "one$ 02-receive\none| listening on 127.0.0.1:7878\ntwo$ 01-send\ntwo| sent 3 bytes [..]\n\
                wire| UDP 127.0.0.1:[..] > 127.0.0.1:7878 4 bytes\none| from 127.0.0.1:[..]: 123\n";
    let fault = fails(body);
    assert!(
        fault.starts_with("07-echo.md:6: session tried: no packet came\n  expected: UDP"),
        "{fault}"
    );
    assert!(fault.contains("> 127.0.0.1:7878 3 bytes"), "{fault}");
}

#[test]
fn packets_come_with_the_line_behind_which_they_are_expected() {
    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    let there = "wire| UDP 127.0.0.1:[..] > 127.0.0.1:8080 5 bytes\n";
    let back = "wire| UDP 127.0.0.1:8080 > 127.0.0.1:[..] 5 bytes\n";
    let body = ECHO.replace("client> hello\n", &format!("client> hello\n{there}"));
    let body = body.replace("[..]: hello\n", &format!("[..]: hello\n{back}"));
    let recording = recorder().record(&session(&body)).expect("it comes true");
    let events: Vec<usize> = recording.packets.iter().map(|packet| packet.event).collect();
    assert_eq!(events, [4, 5]);
    assert_eq!(recording.packets[0].packet.payload, b"hello");
}

#[test]
fn a_busy_port_of_the_machine_disturbs_no_session_that_has_a_network_of_its_own() {
    if !recorder().is_apart() {
        return support::skipped("no network of our own to be had");
    }
    // Somebody else may hold it already, which is as good.
    let _held = std::net::UdpSocket::bind("127.0.0.1:8080");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| recorder().record(&session(ECHO)).expect("both come true"));
        }
    });
}

#[test]
fn where_no_network_of_its_own_is_to_be_had_a_busy_port_is_said_to_be_just_that() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = held.local_addr().expect("it is bound").port();
    let body =
        format!("server$ 11-tcp-server 127.0.0.1:{port}\nserver| listening on 127.0.0.1:{port}\n");
    let recorder = Recorder::on_this_machine(notebook(), programs());
    let fault = recorder.record(&session(&body)).expect_err("the port is busy").to_string();
    assert!(
        fault.contains(&format!("came: cannot bind 127.0.0.1:{port}: Address already in use")),
        "{fault}"
    );
    drop(held);
}

#[test]
fn sessions_on_the_machine_s_own_ports_run_one_after_the_other() {
    let address = format!("{}:8080", support::own_ip());
    let body = format!("server$ 07-echo-server {address}\nserver| listening on {address}\n");
    let recorder = Recorder::on_this_machine(notebook(), programs());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                recorder.record(&session(&body)).expect("no other one holds the address")
            });
        }
    });
}
