//! A job, one exercise of one hand-in: what runs in its box, and what waits outside until it is done.

use std::fs;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sockets_by_example::text::printable;
use support::{Missing, Terminal};

use super::sandbox::{self, Bounds};
use crate::check::{Exercise, Promise};
use crate::grade::{Grade, Points};
use crate::report::report;
use crate::stage::Subject;

/// What the grader tells our own program in the box, as one line of JSON on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The program bwrap, if there are boxes.
    pub bwrap: Option<PathBuf>,
    pub rustc: PathBuf,
    /// What the compiler has to see beyond the system.
    pub sees: Vec<PathBuf>,
    /// Where the source is, `exercise.rs`, and the other files of its lesson.
    pub source: PathBuf,
    /// Where may be written.
    pub work: PathBuf,
    /// The folder of the lesson: `07-echo`.
    pub folder: String,
    /// What rustc is called with where the source is.
    pub arguments: Vec<String>,
    /// Where rustc writes the program.
    pub program: PathBuf,
    pub points: Points,
    pub limits: Limits,
}

/// What an exercise of a hand-in may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// For the compilation of one exercise, in seconds.
    pub compile: u64,
    /// For all exercises of a hand-in, in seconds.
    pub whole: u64,
    /// Address space of one program, in bytes.
    pub program_memory: u64,
    /// Address space of the compiler, in bytes.
    pub compiler_memory: u64,
    /// Memory in use by all its processes together, in bytes.
    pub memory: u64,
    /// All its processes and threads together, the check's own among them.
    pub processes: u64,
    /// All that it writes, in bytes.
    pub disk: u64,
    /// One file of a program, in bytes.
    pub file: u64,
    /// Computing of one program, in seconds.
    pub cpu: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compile: 60,
            whole: 300,
            program_memory: 1 << 30,
            compiler_memory: 4 << 30,
            memory: 1 << 30,
            processes: 512,
            disk: 256 << 20,
            file: 64 << 20,
            cpu: 20,
        }
    }
}

impl Limits {
    /// What is said of an exercise when the time of its whole hand-in is over.
    pub fn time_is_up(&self) -> String {
        format!("ended after {} s for the whole hand-in", self.whole)
    }
}

/// What the program in the box answers, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub grade: Grade,
    /// What its learner is told.
    pub report: String,
}

/// What became of a job.
#[derive(Default)]
pub struct Ran {
    pub done: Option<Done>,
    /// Why it was not checked, if that is so.
    pub ended: Option<String>,
    /// Whether it ended by itself before it was done, which may be this machine's fault.
    pub broke_off: bool,
    /// What our program said on standard error.
    pub errors: String,
}

/// How much a job may answer, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// How much the compiler may say, in bytes. Of that, [`LONGEST_SHOWN`] are shown.
const LONGEST_SAID: usize = 1 << 20;
const LONGEST_SHOWN: usize = 16 << 10;

/// How often the grader looks at what a job uses.
const GLANCE: Duration = Duration::from_millis(100);

/// Starts `command`, our own program in a box or without one, hands it the job, and waits until it is
/// done or has used up what it may use. At `deadline` the time of its whole hand-in is over.
///
/// # Errors
/// The job cannot be written as JSON: a path is no Unicode.
pub fn run(mut command: Command, job: &Job, deadline: Instant) -> Result<Ran> {
    let description = serde_json::to_string(job)?;
    let limits = job.limits;
    let mut ran = Ran::default();
    sandbox::close_the_rest(&mut command);
    sandbox::leave_the_keys(&mut command);
    let mut terminal = Terminal::start(command);
    terminal.limit_output(LONGEST_ANSWER);
    // If it is gone already, its end says so.
    let _ = terminal.try_type_line(description);
    terminal.end_input();
    loop {
        match terminal.try_expect("\n", GLANCE) {
            Ok(line) => match serde_json::from_str::<Done>(&line) {
                Ok(done) => ran.done = Some(done),
                Err(_) => {
                    ran.ended = Some("could not be graded: its job spoke nonsense".to_owned())
                }
            },
            Err(Missing::Late) => {}
            Err(Missing::TooMuch) => {
                ran.ended = Some("could not be graded: its job spoke without end".to_owned())
            }
            Err(Missing::Closed) => break,
        }
        let (threads, bytes) = sandbox::usage(terminal.process_id());
        if Instant::now() >= deadline {
            ran.ended = Some(limits.time_is_up());
        } else if bytes > limits.memory {
            ran.ended = Some(format!("ended: more than {} MiB of memory", limits.memory >> 20));
        } else if threads > 2 * limits.processes {
            ran.ended = Some(format!("ended: more than {} processes", 2 * limits.processes));
        }
        if ran.ended.is_some() {
            break;
        }
    }
    sandbox::kill_family(terminal.process_id());
    terminal.kill();
    ran.errors = String::from_utf8_lossy(&terminal.errors()).into_owned();
    if ran.ended.is_none() && ran.done.is_none() {
        ran.ended = Some("could not be graded: its job ended before it was done".to_owned());
        ran.broke_off = true;
    }
    Ok(ran)
}

/// Our own program in the box: takes a [`Job`] from standard input, and answers on standard output.
///
/// # Errors
/// There is no job.
pub fn grade_one() -> Result<()> {
    let mut description = String::new();
    std::io::stdin().read_to_string(&mut description)?;
    let job: Job = serde_json::from_str(&description).context("no job")?;
    // When the machine has no memory left, this goes first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");

    sandbox::adopt_orphans();

    let exercise = exercise(&job.folder).with_context(|| format!("no {}", job.folder))?;
    let done = match compile(&job, exercise) {
        Ok(()) => check(&job, exercise),
        Err(refused) => Done {
            grade: Grade::unchecked(exercise, refused.why, &job.points),
            report: refused.report,
        },
    };
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(&done)?)?;
    output.flush()?;
    Ok(())
}

/// Why an exercise is not checked, and what its learner is told.
struct Refused {
    why: String,
    report: String,
}

fn compile(job: &Job, exercise: &Exercise) -> Result<(), Refused> {
    let folder = &job.source;
    let mut command = match &job.bwrap {
        Some(bwrap) => {
            let mut sees = job.sees.clone();
            // The linker asks there where it is itself.
            sees.extend([folder.clone(), PathBuf::from("/proc")]);
            sandbox::inner(bwrap, &job.rustc, &sees, &job.work, folder)
        }
        None => {
            let mut command = Command::new(&job.rustc);
            command.current_dir(folder);
            command
        }
    };
    command.args(&job.arguments);
    sandbox::close_the_rest(&mut command);
    Bounds {
        memory: job.limits.compiler_memory,
        file: job.limits.disk,
        cpu: job.limits.compile,
        files: 1024,
        processes: job.bwrap.is_some().then_some(job.limits.processes),
    }
    .hold(&mut command);
    let refused = |why: String, said: &str| {
        let mut report = format!(
            "Exercise {} · {}   {}\n\n  {why}\n",
            exercise.number(),
            exercise.title,
            exercise.file().display()
        );
        for line in said.lines() {
            report.push_str(&format!("  {}\n", printable(line)));
        }
        Refused { why, report }
    };
    let started = catch_unwind(AssertUnwindSafe(|| {
        let mut terminal = Terminal::start(command);
        terminal.limit_output(LONGEST_SAID);
        terminal.end_input();
        let ended = terminal.try_wait(Duration::from_secs(job.limits.compile));
        terminal.kill();
        (ended, String::from_utf8_lossy(&terminal.errors()).into_owned())
    }));
    let Ok((ended, said)) = started else {
        return Err(refused("could not be compiled: the compiler did not start".to_owned(), ""));
    };
    let shown: String = said.chars().take(LONGEST_SHOWN).collect();
    match ended {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(_) | Err(Missing::Closed) => Err(refused("does not compile".to_owned(), &shown)),
        Err(Missing::Late) => {
            let why = format!("does not compile within {} s", job.limits.compile);
            Err(refused(why, &shown))
        }
        Err(Missing::TooMuch) => {
            Err(refused("does not compile: the compiler has too much to say".to_owned(), &shown))
        }
    }
}

fn check(job: &Job, exercise: &Exercise) -> Done {
    let bounds = Bounds {
        memory: job.limits.program_memory,
        file: job.limits.file,
        cpu: job.limits.cpu,
        files: 256,
        processes: job.bwrap.is_some().then_some(job.limits.processes),
    };
    let (bwrap, program) = (job.bwrap.clone(), job.program.clone());
    let command = move |folder: &Path| {
        let mut command = match &bwrap {
            Some(bwrap) => {
                sandbox::inner(bwrap, &program, std::slice::from_ref(&program), folder, folder)
            }
            None => Command::new(&program),
        };
        sandbox::close_the_rest(&mut command);
        bounds.hold(&mut command);
        command
    };
    let subject = Subject { name: exercise.program(), command: Arc::new(command) };
    // The check itself fails when the program leaves it no room on the disk or no process to start.
    match exercise.check(&subject) {
        Ok(outcomes) => Done {
            grade: Grade::checked(exercise, &outcomes, &job.points),
            report: report(exercise, &outcomes),
        },
        Err(unchecked) => {
            let why = unchecked.to_string();
            let report =
                format!("Exercise {} · {}\n\n  {why}\n", exercise.number(), exercise.title);
            Done { grade: Grade::unchecked(exercise, why, &job.points), report }
        }
    }
}

/// The exercise in this folder, [`PROBE`] among them.
fn exercise(folder: &str) -> Option<&'static Exercise> {
    let all = crate::EXERCISES.iter().copied();
    all.chain([&PROBE]).find(|exercise| exercise.folder == folder)
}

/// An exercise that every machine passes whose boxes work: a class begins with it.
pub static PROBE: Exercise = Exercise {
    folder: "00-probe",
    title: "Probe",
    promises: &[Promise {
        name: "a program can be compiled and run apart",
        task: "Compile and run.",
        check: |stage| stage.start::<&str>(&[])?.expect("ready").map(drop),
    }],
    hints: &[],
    handed_out: "fn main() { println!(\"ready\"); }",
};
