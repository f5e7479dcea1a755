//! Grades the hand-ins of a class, each apart from the others and from this machine.
//!
//! Of a hand-in the exercises alone are used, as text. Each of them is a job of its own: it is compiled and
//! checked in boxes of bubblewrap, see [`sandbox`], with a network, processes and a disk of its own, and with
//! bounds on time, memory, processes, files and output, see [`job::Limits`]. So what one program does spoils
//! no other, of the same person or of another. The results of a hand-in are written when they are complete, so
//! a class that was stopped in the middle goes on where it stopped.
//!
//! # What this does not protect against
//!
//! - A fault of the kernel, of bubblewrap, or of the compiler. The boxes share the machine's kernel, and
//!   system calls are not filtered. Who fears that grades on a machine that may be lost.
//! - Reading what the system itself has: `/usr`, the Rust toolchain, the compiled crates, the version of
//!   the kernel, and how much memory there is. The teacher's folders, other hand-ins and the solutions
//!   are not there, unless somebody keeps them below `/usr`.
//! - Load. A hand-in computes on as many cores as it likes until its time is over; it runs with a lower
//!   priority, and a very busy machine can still make another's program late. With the bounds as they are,
//!   each job takes up to 1 GiB of memory, two of a hand-in run at a time, and the grader looks at them ten
//!   times a second: memory that is in no process (an unmapped memfd, full socket buffers) is not seen. A
//!   machine with less memory than 2 GiB a hand-in takes fewer `--jobs`, or less `--memory` for each.
//! - Side channels: what can be told from how long something takes.
//! - A program that knows its check. A promise is checked with what stands in `tests/exercises/`, which
//!   everybody can read; a hand-in that answers what the check asks, and does nothing else, gets its points.
//!   Copies of others' work are not looked for.
//! - Its own grade: a hand-in can harm its own network, processes and disk, and then its own checks fail.
//! - Without bubblewrap (macOS, Windows, most containers): nearly all of the above. A program then runs as
//!   whoever grades, can read and delete what that user can, reach the network, and fake or disturb others'
//!   grades. Only the bounds on time and output hold; on Linux also those on memory and on the size of a
//!   file, and processes that outlive their program are ended when the hand-in is done. The grader says so
//!   when it starts.
//!
//! What a student changed in `tests/exercises/`, `Cargo.toml` or a build script has no effect: it is not used.

pub mod hand_in;
pub mod job;
pub mod sandbox;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use sockets_by_example::text::printable;

use self::hand_in::{HandIn, Sources};
use self::job::{Done, Job, Limits, PROBE, Ran};
use self::sandbox::Sandbox;
use crate::EXERCISES;
use crate::check::Exercise;
use crate::compile::{Compiler, root};
use crate::grade::{Grade, NOT_BEGUN, Points, points};
use crate::side_by_side::side_by_side;

/// How a class is graded.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many hand-ins are graded at the same time; without it, as many as there are cores
    #[arg(long, value_name = "NUMBER", requires = "folder")]
    jobs: Option<usize>,
    /// Where the results go; without it, target/grade
    #[arg(long, value_name = "FOLDER", requires = "folder")]
    out: Option<PathBuf>,
    /// How long the compilation of one exercise may take, in seconds
    #[arg(long, value_name = "SECONDS", requires = "folder", default_value_t = Limits::default().compile)]
    compile: u64,
    /// How long all exercises of one hand-in may take, in seconds
    #[arg(long, value_name = "SECONDS", requires = "folder", default_value_t = Limits::default().whole)]
    whole: u64,
    /// How much memory all processes of one exercise may use together, in MiB
    #[arg(long, value_name = "MIB", requires = "folder", default_value_t = Limits::default().memory >> 20)]
    memory: u64,
}

/// Grades every hand-in of this folder, and writes `class.csv` and a folder for each person.
///
/// # Errors
/// The folder cannot be read, or holds the results, which would be taken for hand-ins and written over
/// them; the course does not compile; or a result cannot be written.
pub fn grade(folder: &Path, options: &Options) -> Result<ExitCode> {
    let began = Instant::now();
    let hand_ins = hand_in::list(folder)?;
    if hand_ins.is_empty() {
        bail!("{} holds no hand-ins: a folder or an archive for each person", folder.display());
    }
    let count = match hand_ins.len() {
        1 => "1 hand-in".to_owned(),
        many => format!("{many} hand-ins"),
    };
    if std::io::stderr().is_terminal() {
        eprintln!("{count}. First the course is built, and a right program is tried.");
    }
    let grader = Grader::new(options)?;
    let (from, to) = (folder.canonicalize()?, grader.out.join("class").canonicalize()?);
    if from.starts_with(&to) || to.starts_with(&from) {
        bail!(
            "the hand-ins, {}, and the results, {}, cannot stand in one another",
            from.display(),
            to.display()
        );
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or(cores).clamp(1, hand_ins.len());

    let progress = Progress::new(hand_ins.len());
    let grade = |hand_in: &HandIn| {
        let row = grader.grade(hand_in).with_context(|| printable(&hand_in.name))?;
        progress.graded(&hand_in.name, &row);
        Ok(row)
    };
    let rows = side_by_side(&hand_ins, jobs, grade, |_| {})?;
    let names = hand_ins.iter().map(|hand_in| hand_in.name.clone());
    let rows: BTreeMap<_, _> = names.zip(rows).collect();
    progress.finish();

    let path = grader.out.join("class.csv");
    write_csv(&path, &rows)?;
    print!("{}", table(&rows));
    let again = rows.values().filter(|row| row.took.is_none()).count();
    let again = match again {
        0 => String::new(),
        _ => format!(", {again} of them graded before and unchanged"),
    };
    println!(
        "\n{count} in {:.1} s, {jobs} at a time{again}\n{}\n{}",
        began.elapsed().as_secs_f64(),
        path.display(),
        grader.out.join("class").join("NAME").join("report.txt").display(),
    );
    Ok(ExitCode::SUCCESS)
}

/// How many exercises of one hand-in are checked at the same time. Most of their time they wait.
const AT_ONCE: usize = 2;

/// What one hand-in is worth.
struct Row {
    /// One for each exercise.
    grades: Vec<Grade>,
    remarks: Vec<String>,
    /// How long it took; `None` when it was graded before.
    took: Option<Duration>,
}

impl Row {
    fn points(&self) -> u32 {
        self.grades.iter().map(|grade| grade.points).sum()
    }

    fn out_of(&self) -> u32 {
        self.grades.iter().map(|grade| grade.out_of).sum()
    }

    /// What is to be said: of the hand-in, then of its exercises. What could not be checked stands before
    /// what there was nothing to check of.
    fn remarks(&self) -> String {
        let mut all = self.remarks.clone();
        let mut said: Vec<(&str, Vec<usize>)> = Vec::new();
        for (place, grade) in self.grades.iter().enumerate() {
            let Some(remark) = &grade.remark else { continue };
            // Of an exercise that is worth nothing nobody misses anything.
            if is_nothing(remark) && grade.out_of == 0 {
                continue;
            }
            // Those that can be said of several, word for word.
            let of_several = is_nothing(remark) || remark.starts_with("ended");
            match said.iter_mut().find(|(other, _)| of_several && other == remark) {
                Some((_, places)) => places.push(place),
                None => said.push((remark, vec![place])),
            }
        }
        said.sort_by_key(|(remark, _)| is_nothing(remark));
        let worth = self.grades.iter().filter(|grade| grade.out_of > 0).count();
        for (remark, places) in said {
            if !is_nothing(remark) || places.len() < worth {
                all.push(format!("{} {remark}", self.numbers(&places)));
            } else if self.remarks.is_empty() {
                all.push(remark.to_owned());
            }
        }
        printable(&all.join("; "))
    }

    /// The numbers of the exercises at these places, as in `01, 04 to 07`.
    fn numbers(&self, places: &[usize]) -> String {
        let runs = places.chunk_by(|before, after| before + 1 == *after);
        let runs = runs.flat_map(|run| match run {
            [first, _, .., last] => {
                vec![format!("{} to {}", self.grades[*first].number, self.grades[*last].number)]
            }
            few => few.iter().map(|place| self.grades[*place].number.clone()).collect(),
        });
        runs.collect::<Vec<_>>().join(", ")
    }
}

/// The remark on an exercise that is not in the hand-in.
const NOT_HANDED_IN: &str = "not handed in";

/// Whether a remark says that there was nothing to check.
fn is_nothing(remark: &str) -> bool {
    [NOT_HANDED_IN, NOT_BEGUN].contains(&remark)
}

struct Grader {
    compiler: Compiler,
    /// Our own program.
    program: PathBuf,
    sandbox: Option<Sandbox>,
    limits: Limits,
    points: Points,
    out: PathBuf,
    /// What a result depends on beside the hand-in.
    fingerprint: String,
}

impl Grader {
    fn new(options: &Options) -> Result<Self> {
        let limits = Limits {
            compile: options.compile,
            whole: options.whole,
            memory: options.memory << 20,
            ..Limits::default()
        };
        let out = options.out.clone().unwrap_or_else(|| root().join("target/grade"));
        let out = std::path::absolute(out)?;
        fs::create_dir_all(out.join("class")).with_context(|| out.display().to_string())?;
        let mut grader = Self {
            compiler: Compiler::find()?,
            program: std::env::current_exe()?,
            sandbox: None,
            limits,
            points: points()?,
            out,
            fingerprint: String::new(),
        };
        let why_not = match Sandbox::installed() {
            Ok(sandbox) => {
                grader.sandbox = Some(sandbox);
                let why_not = grader.probe()?;
                // Another fault, as a machine that is too busy, is no reason to run strangers' programs bare.
                if let Some(why) = why_not.as_ref().filter(|why| !sandbox::says_no_box(why)) {
                    bail!("not even a right program can be graded here: {why}");
                }
                why_not
            }
            Err(why) => Some(why),
        };
        if let Some(why) = why_not {
            grader.sandbox = None;
            eprintln!(
                "no sandbox: {why}\n\
                 The programs of the hand-ins run as you: they can read and change whatever you can. Grade \
                 only what you would run yourself, or install bubblewrap 0.8 or newer (Linux)."
            );
            if let Some(why) = grader.probe()? {
                bail!("not even a right program can be graded here: {why}");
            }
        }
        let mut hasher = DefaultHasher::new();
        fs::read(&grader.program)?.hash(&mut hasher);
        format!("{:?} {}", grader.limits, grader.sandbox.is_some()).hash(&mut hasher);
        grader.fingerprint = format!("{:016x}", hasher.finish());
        Ok(grader)
    }

    /// Why nothing can be graded here, if that is so.
    fn probe(&self) -> Result<Option<String>> {
        let limits = Limits::default();
        let deadline = Instant::now() + Duration::from_secs(limits.whole);
        let ran = self.run(&PROBE, PROBE.handed_out.as_bytes(), limits, deadline)?;
        let done = ran.done;
        if done.as_ref().is_some_and(|done| done.grade.promises.iter().all(|promise| promise.kept))
        {
            return Ok(None);
        }
        let report = done.map(|done| done.report).unwrap_or_default();
        let said =
            [&ran.ended.unwrap_or_default(), &ran.errors, &report].map(|it| it.trim()).join("\n");
        let said: Vec<_> = said.lines().filter(|line| !line.is_empty()).map(printable).collect();
        Ok(Some(said.join("\n  ")))
    }

    /// Grades one hand-in, unless the same was graded before.
    fn grade(&self, hand_in: &HandIn) -> Result<Row> {
        let began = Instant::now();
        let sources = hand_in.read();
        let folder = self.out.join("class").join(&hand_in.name);
        let (all, mut remarks, took) = match self.before(&folder, &sources) {
            Some(before) => {
                let mut all = before.clone();
                // What an exercise is worth may have changed; what is kept has not.
                all.iter_mut().for_each(|done| done.grade.rate(&self.points));
                if all != before {
                    self.keep(&folder, &sources, &all, &self.stamp(&sources))?;
                }
                (all, Vec::new(), None)
            }
            None => {
                let (all, remarks) = self.grade_anew(&folder, &sources)?;
                (all, remarks, Some(began.elapsed()))
            }
        };
        remarks.splice(0..0, sources.remarks);
        let grades = all.into_iter().map(|done| done.grade).collect();
        Ok(Row { grades, remarks, took })
    }

    /// What this grader said of exactly these sources, one for each exercise.
    fn before(&self, folder: &Path, sources: &Sources) -> Option<Vec<Done>> {
        let grader = fs::read_to_string(folder.join(".grader")).ok()?;
        let same = EXERCISES.iter().all(|exercise| {
            let copy = fs::read(folder.join(exercise.folder).join("exercise.rs")).ok();
            copy.as_ref() == sources.files.get(exercise.folder)
        });
        if grader != self.stamp(sources) || !same {
            return None;
        }
        let all = fs::read(folder.join(".graded.json")).ok()?;
        serde_json::from_slice(&all).ok()
    }

    fn stamp(&self, sources: &Sources) -> String {
        format!("{} {:?}\n", self.fingerprint, sources.refused)
    }

    fn grade_anew(&self, folder: &Path, sources: &Sources) -> Result<(Vec<Done>, Vec<String>)> {
        let mut tasks = Vec::new();
        for &exercise in EXERCISES {
            match sources.files.get(exercise.folder) {
                // The proof of the checks says that they refuse it.
                Some(text) if !exercise.is_handed_out(text) => tasks.push((exercise, &text[..])),
                _ => {}
            }
        }
        let mut ran = self.run_all(&tasks)?;
        let mut remarks = Vec::new();
        let mut broke_off = false;
        let mut all = Vec::new();
        for &exercise in EXERCISES {
            let unchecked = |why: &str| Done {
                grade: Grade::unchecked(exercise, why, &self.points),
                report: format!(
                    "Exercise {} · {}\n\n  {}\n",
                    exercise.number(),
                    exercise.title,
                    printable(why)
                ),
            };
            all.push(match ran.remove(exercise.folder) {
                Some(Ran { done: Some(done), .. }) => done,
                Some(ran) => {
                    broke_off |= ran.broke_off;
                    let said = ran.errors.trim().lines().last().map(str::to_owned);
                    remarks.extend(said.filter(|said| !remarks.contains(said)));
                    unchecked(&ran.ended.unwrap_or_default())
                }
                None if sources.files.contains_key(exercise.folder) => unchecked(NOT_BEGUN),
                None => match sources.refused.get(exercise.folder) {
                    Some(why) => unchecked(why),
                    None => unchecked(NOT_HANDED_IN),
                },
            });
        }
        // What this machine did not finish is tried again the next time.
        let stamp = if broke_off { String::new() } else { self.stamp(sources) };
        self.keep(folder, sources, &all, &stamp)?;
        Ok((all, remarks))
    }

    /// Writes all results beside their place and then moves them there, so that whoever stops the grader
    /// finds none that is half done.
    fn keep(&self, folder: &Path, sources: &Sources, all: &[Done], stamp: &str) -> Result<()> {
        let mut report = String::new();
        for Done { grade, report: told } in all {
            let _ = write!(report, "{told}\n{} of {} points\n\n\n", grade.points, grade.out_of);
        }
        let grades: Vec<_> = all.iter().map(|done| &done.grade).collect();
        let sum = |points: fn(&Grade) -> u32| grades.iter().map(|grade| points(grade)).sum::<u32>();
        let (points, out_of) = (sum(|grade| grade.points), sum(|grade| grade.out_of));
        let _ = writeln!(report, "points: {points} of {out_of}");

        let class = self.out.join("class");
        let part = tempfile::Builder::new().prefix(".part-").tempdir_in(&class)?;
        for (name, text) in &sources.files {
            fs::create_dir(part.path().join(name))?;
            fs::write(part.path().join(name).join("exercise.rs"), text)?;
        }
        fs::write(part.path().join("grade.json"), serde_json::to_vec_pretty(&grades)?)?;
        fs::write(part.path().join("report.txt"), report)?;
        fs::write(part.path().join(".graded.json"), serde_json::to_vec(all)?)?;
        fs::write(part.path().join(".grader"), stamp)?;
        open_to_all(part.path())?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::rename(part.path(), folder).with_context(|| folder.display().to_string())?;
        Ok(())
    }

    /// Compiles and checks these texts, each as a job of its own: what became of each, by its folder.
    fn run_all(&self, tasks: &[(&Exercise, &[u8])]) -> Result<BTreeMap<&'static str, Ran>> {
        let deadline = Instant::now() + Duration::from_secs(self.limits.whole);
        let run = |(exercise, text): &(&Exercise, &[u8])| match Instant::now() < deadline {
            true => self.run(exercise, text, self.limits, deadline),
            false => Ok(Ran { ended: Some(self.limits.time_is_up()), ..Ran::default() }),
        };
        let all = side_by_side(tasks, AT_ONCE, run, |_| {})?;
        Ok(tasks.iter().map(|(exercise, _)| exercise.folder).zip(all).collect())
    }

    /// Compiles and checks this text.
    fn run(
        &self,
        exercise: &Exercise,
        text: &[u8],
        limits: Limits,
        deadline: Instant,
    ) -> Result<Ran> {
        let stage = tempfile::Builder::new().prefix(".job-").tempdir_in(&self.out)?;
        let source = stage.path().join("hand-in");
        fs::create_dir(&source)?;
        fs::write(source.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        // The lesson's other files, which it may use as modules.
        let lesson = root().join("lessons").join(exercise.folder);
        for entry in fs::read_dir(lesson).into_iter().flatten() {
            let entry = entry?;
            let is_rust = entry.path().extension().is_some_and(|extension| extension == "rs");
            if is_rust && entry.file_name() != "solution.rs" && entry.file_type()?.is_file() {
                fs::copy(entry.path(), source.join(entry.file_name()))?;
            }
        }
        fs::write(source.join("exercise.rs"), text)?;
        let (seen, work) = match &self.sandbox {
            Some(_) => (PathBuf::from(sandbox::HAND_IN), PathBuf::from(sandbox::WORK)),
            None => (source.clone(), stage.path().to_path_buf()),
        };
        let mut sees = vec![self.compiler.sysroot.clone()];
        sees.extend(self.compiler.files.iter().cloned());
        let program = work.join(format!("{}{}", exercise.program(), std::env::consts::EXE_SUFFIX));
        let arguments = self.compiler.arguments("exercise.rs".as_ref(), &program);
        let arguments = arguments
            .into_iter()
            .map(|it| it.into_string().ok().context("the path of the course is no Unicode"));
        let job = Job {
            bwrap: self.sandbox.as_ref().map(|it| it.bwrap().to_path_buf()),
            rustc: self.compiler.rustc.clone(),
            sees,
            source: seen,
            work,
            folder: exercise.folder.to_owned(),
            arguments: arguments.collect::<Result<_>>()?,
            program,
            points: self.points.clone(),
            limits,
        };
        let command = match &self.sandbox {
            Some(sandbox) => {
                open_to_all(&source)?;
                let disk = limits.disk;
                sandbox.outer(&self.program, &["grade-one"], &source, disk, &job.sees)
            }
            None => {
                let mut command = Command::new(&self.program);
                command.arg("grade-one").env("TMPDIR", &job.work);
                command
            }
        };
        job::run(command, &job, deadline)
    }
}

/// Lets everybody read what is in this folder: who checks is not who wrote it.
fn open_to_all(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let is_folder = path.is_dir();
        let mode = if is_folder { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        if is_folder {
            for entry in fs::read_dir(path)? {
                open_to_all(&entry?.path())?;
            }
        }
    }
    let _ = path;
    Ok(())
}

/// A bar on a terminal, a line for each hand-in elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    all: usize,
    done: AtomicUsize,
}

impl Progress {
    fn new(all: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(all as u64);
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed}  {msg}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        Self { bar, all, done: AtomicUsize::new(0) }
    }

    fn graded(&self, name: &str, row: &Row) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let how = match row.took {
            Some(took) => format!("{:.1} s", took.as_secs_f64()),
            None => "as before".to_owned(),
        };
        let name = printable(name);
        let line = format!("{name}: {} of {}, {how}", row.points(), row.out_of());
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(line);
            }
            None => eprintln!("{done}/{} {line}", self.all),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Names stand last: how wide a name is on the screen, nobody has to know.
fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = String::new();
    for exercise in EXERCISES {
        let _ = write!(text, " {:>3}", exercise.number());
    }
    text.push_str("      points\n");
    for (name, row) in rows {
        for grade in &row.grades {
            // What was checked and is worth nothing differs from what could not be checked.
            match grade.remark {
                Some(_) => text.push_str("   -"),
                None => drop(write!(text, " {:>3}", grade.points)),
            }
        }
        let _ = writeln!(text, "  {:>4}/{:<4}  {}", row.points(), row.out_of(), printable(name));
    }
    text.push('\n');
    for (name, row) in rows {
        let remarks = row.remarks();
        if !remarks.is_empty() {
            let _ = writeln!(text, "  {}: {remarks}", printable(name));
        }
    }
    text
}

/// One line for each person. The file begins with a byte order mark, without which Excel takes it for the
/// system's old code page and shows other characters than the names have.
fn write_csv(path: &Path, rows: &BTreeMap<String, Row>) -> Result<()> {
    let mut csv = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let mut head = vec!["student".to_owned()];
    head.extend(EXERCISES.iter().map(|exercise| exercise.folder.to_owned()));
    head.extend(["total", "out of", "remarks"].map(str::to_owned));
    csv.write_record(&head)?;
    for (name, row) in rows {
        let mut cells = vec![harmless(name)];
        cells.extend(row.grades.iter().map(|grade| grade.points.to_string()));
        cells.extend([row.points().to_string(), row.out_of().to_string()]);
        cells.push(harmless(&row.remarks()));
        csv.write_record(&cells)?;
    }
    let text = csv.into_inner().map_err(|error| error.into_error())?;
    let folder = path.parent().unwrap_or(path);
    let part = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
    fs::write(part.path(), text)?;
    part.persist(path).with_context(|| path.display().to_string())?;
    Ok(())
}

/// A cell that no spreadsheet takes for a formula: a text that begins as one gets an apostrophe in front,
/// which is how a person types it as a text.
fn harmless(cell: &str) -> String {
    match cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
    {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row in which the exercises have these remarks, from 01 on, and the others this one.
    fn row(remarks: &[Option<&str>], others: &str) -> Row {
        let mut remarks = remarks.iter().copied();
        let points: Points = EXERCISES.iter().map(|it| (it.number().to_owned(), 10)).collect();
        let grades = EXERCISES.iter().map(|exercise| {
            let remark = remarks.next().unwrap_or(Some(others));
            let mut grade = Grade::unchecked(exercise, "", &points);
            grade.remark = remark.map(str::to_owned);
            grade
        });
        Row { grades: grades.collect(), remarks: Vec::new(), took: None }
    }

    #[test]
    fn a_teacher_reads_first_what_failed_and_then_in_short_what_is_missing() {
        let broken = Some("does not compile");
        let mixed = row(&[None, Some(NOT_BEGUN), broken, broken], NOT_HANDED_IN).remarks();
        let failed = "03 does not compile; 04 does not compile; 02 not begun; 05 to ";
        assert!(mixed.starts_with(failed) && mixed.ends_with(" not handed in"), "{mixed}");

        let late = row(&[None, Some("ended: late"), Some("ended: late")], NOT_HANDED_IN).remarks();
        assert!(late.starts_with("02, 03 ended: late; 04 to "), "{late}");

        let mut nothing = row(&[], NOT_HANDED_IN);
        assert_eq!(nothing.remarks(), "not handed in");
        nothing.remarks.push("the archive is broken".to_owned());
        assert_eq!(nothing.remarks(), "the archive is broken");

        let mut first_afternoon = row(&[None, None], NOT_HANDED_IN);
        first_afternoon.grades[2..].iter_mut().for_each(|grade| grade.out_of = 0);
        assert_eq!(first_afternoon.remarks(), "");
    }
}
