//! Every session of the book is a test of its own, named after its chapter; and so is each chapter's
//! text, whose code, links and facts must lead somewhere.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use notebook::check::Course;
use notebook::project;
use notebook::record::Recorder;
use notebook::session::Fault;
use notebook::shelf;

/// Sessions mostly wait, for answers that come and for answers that do not.
const AT_ONCE: usize = 8;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let course = Course::read(project::root(), "book/en")?;
    let programs = project::build_programs()?;
    let recorder = Arc::new(Recorder::new(env!("CARGO_BIN_EXE_notebook").into(), programs));

    let root = project::root();
    let mut faults = course.faults();
    faults.extend(course.strangers()?);
    // On other systems errors read otherwise, and the loopback does not do all that it does on Linux.
    let elsewhere = cfg!(not(target_os = "linux"));
    let mut trials = Vec::new();
    for chapter in &course.chapters {
        let (of_this, others) = faults.into_iter().partition(|fault| fault.file == chapter.file);
        faults = others;
        trials.push(trial(format!("{}::text", chapter.name()), of_this));
        for session in chapter.sessions().unwrap_or_default() {
            let recorder = recorder.clone();
            let name = format!("{}::{}", chapter.name(), session.name);
            let run = move || {
                let held = shelf::hold(root, &session, &recorder);
                held.map_err(|fault| Failed::from(fault.to_string()))
            };
            trials.push(Trial::test(name, run).with_ignored_flag(elsewhere));
        }
    }
    trials.push(trial("lessons::all_are_in_the_book".to_owned(), faults));
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// A test that fails with these faults, when there are any.
fn trial(name: String, faults: Vec<Fault>) -> Trial {
    Trial::test(name, move || match faults.is_empty() {
        true => Ok(()),
        false => {
            let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
            Err(Failed::from(told.join("\n")))
        }
    })
}
