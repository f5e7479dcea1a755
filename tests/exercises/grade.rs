//! What the exercises of one person are worth: a table on the screen, and two files for machines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::EXERCISES;
use crate::check::{Exercise, Outcome};
use crate::compile::{self, root};
use crate::learner::{Mine, on_interrupt};
use crate::side_by_side::side_by_side;
use crate::stage::Subject;

/// The points of each exercise, by its number. The file is read anew, so that a teacher may change it
/// without building anything.
pub type Points = BTreeMap<String, u32>;

/// The most that one exercise may be worth: a class register has no more room, and no sum overflows.
pub const MOST_POINTS: u32 = 10_000;

/// Where [`points`] are, below the folder of the course.
const POINTS: &str = "tests/exercises/points.toml";

/// The remark on a file that is as it was handed out.
pub const NOT_BEGUN: &str = "not begun";

/// How many exercises are checked at the same time. Each is several programs, which wait for most of it.
const SIDE_BY_SIDE: usize = 4;

/// What each exercise is worth: `tests/exercises/points.toml`. Every exercise is in it.
///
/// # Errors
/// The file cannot be read, or a line of it is wrong or missing: the file, the line, and what is wrong.
pub fn points() -> Result<Points> {
    let path = root().join(POINTS);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    points_in(&text).with_context(|| path.display().to_string())
}

/// The points that this text of a `points.toml` gives.
///
/// # Errors
/// As of [`points`], without the file's name.
pub fn points_in(text: &str) -> Result<Points> {
    let line = |at: usize| text[..at].lines().count().max(1);
    // What `toml` says has several lines and draws the place; the number of the line is enough.
    let lines: BTreeMap<Spanned<String>, Spanned<toml::Value>> =
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line(span.end));
            anyhow::anyhow!("line {line}: {}", error.message())
        })?;
    let mut points = Points::new();
    for (number, value) in lines {
        let line = line(number.span().end);
        let number = number.into_inner();
        let known = EXERCISES.iter().any(|exercise| exercise.number() == number);
        ensure!(known, "line {line}: there is no exercise `{number}`; they are as in `07 = 10`");
        let worth = value.get_ref().as_integer().and_then(|worth| u32::try_from(worth).ok());
        match worth.filter(|worth| *worth <= MOST_POINTS) {
            Some(worth) => drop(points.insert(number, worth)),
            None => bail!(
                "line {line}: exercise {number} is worth a whole number of points, 0 to {MOST_POINTS}"
            ),
        }
    }
    for exercise in EXERCISES {
        let number = exercise.number();
        ensure!(points.contains_key(number), "a line for exercise {number} is missing");
    }
    Ok(points)
}

/// Checks the exercises in this folder of the course, prints what they are worth as a table, and writes
/// `target/grade/grade.json` ([`Sheet`]) and `target/grade/junit.xml` ([`junit`]). The last line of the
/// table is `points: 85 of 120`, for a machine as well as for a person.
///
/// The status is success whenever the grading worked, whatever the points.
///
/// # Errors
/// The points are not to be read, an exercise is not there at all, cargo cannot be started, or a file
/// cannot be written.
pub fn own() -> Result<ExitCode> {
    let points = points()?;
    let folder = root().join("target").join("grade");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // What an earlier run wrote is not to be taken for this one's.
    let (json, xml) = (folder.join("grade.json"), folder.join("junit.xml"));
    for file in [&json, &xml] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| file.display().to_string());
            }
            _ => {}
        }
    }

    // Whoever gives up does not leave the programs of a learner behind: 130 is how Ctrl-C ends a program.
    on_interrupt(130)?;
    let mut table = io::stdout().lock();
    let works = begun()?;
    // That nobody reads the table is no error: the files are there to be read.
    let show = |grade: &Grade| drop(table.write_all(row(grade).as_bytes()));
    let grades = side_by_side(&works, SIDE_BY_SIDE, |work| Ok(work.grade(&points)), show)?;
    let sheet = Sheet::of(grades);
    let written = |file: &Path, text: &[u8]| {
        fs::write(file, text).with_context(|| file.display().to_string())
    };
    written(&json, &serde_json::to_vec_pretty(&sheet)?)?;
    written(&xml, &junit(&sheet.exercises)?)?;
    let _ = writeln!(table, "\npoints: {} of {}", sheet.points, sheet.out_of);
    Ok(ExitCode::SUCCESS)
}

/// What is found of an exercise before it is checked.
struct Work {
    exercise: &'static Exercise,
    /// The program, or why there is none to check.
    program: Result<PathBuf, &'static str>,
}

/// Builds the exercises that were begun, with one call of cargo.
fn begun() -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for &exercise in EXERCISES {
        let program = match Mine::read(exercise)? {
            // The hand-out keeps no promise: a test of the course proves it, and nobody has to wait.
            Mine::HandOut => Err(NOT_BEGUN),
            Mine::Changed(_) => Err("does not compile"),
            // Without it cargo builds none of the others.
            Mine::Missing => {
                let (file, number) = (exercise.file(), exercise.number());
                bail!("{} is not there; `make reset N={number}` puts it back", file.display());
            }
        };
        works.push(Work { exercise, program });
    }
    let begun = works.iter().filter(|work| work.program != Err(NOT_BEGUN));
    let names: Vec<_> = begun.map(|work| work.exercise.program()).collect();
    let mut all = match names.is_empty() {
        true => BTreeMap::new(),
        false => compile::build(names.iter().map(String::as_str))?,
    };
    for work in &mut works {
        let Some(built) = all.remove(&work.exercise.program()) else { continue };
        let _ = anstream::stderr().write_all(built.said.as_bytes());
        if let Some(program) = built.program {
            work.program = Ok(program);
        }
    }
    Ok(works)
}

impl Work {
    fn grade(&self, points: &Points) -> Grade {
        match &self.program {
            Ok(program) => {
                let subject = Subject::plain(&self.exercise.program(), program.clone());
                match self.exercise.check(&subject) {
                    Ok(outcomes) => Grade::checked(self.exercise, &outcomes, points),
                    Err(unchecked) => {
                        Grade::unchecked(self.exercise, unchecked.to_string(), points)
                    }
                }
            }
            Err(why) => Grade::unchecked(self.exercise, *why, points),
        }
    }
}

/// The line of a grade in the table.
fn row(grade: &Grade) -> String {
    let title = EXERCISES.iter().find(|it| it.number() == grade.number).map_or("", |it| it.title);
    let width = EXERCISES.iter().map(|it| it.title.chars().count()).max().unwrap_or(0);
    let kept = grade.promises.iter().filter(|promise| promise.kept).count();
    let line = format!(
        "{}  {title:width$}  {kept} of {} promises kept  {:>4} of {:>4} points  {}",
        grade.number,
        grade.promises.len(),
        grade.points,
        grade.out_of,
        grade.remark.as_deref().unwrap_or_default(),
    );
    format!("{}\n", line.trim_end())
}

/// All exercises of one person: what `grade.json` holds.
///
/// ```json
/// {
///   "points": 7,
///   "out_of": 120,
///   "exercises": [
///     {
///       "number": "07",
///       "folder": "07-echo",
///       "points": 7,
///       "out_of": 10,
///       "remark": null,
///       "promises": [
///         { "name": "another sender does not notice", "kept": true, "expected": null, "came": null }
///       ]
///     }
///   ]
/// }
/// ```
///
/// The exercises are in reading order. `remark` says why an exercise was not checked, such as `does not
/// compile`; then no promise is kept. `expected` and `came` are told of a broken promise of a program
/// that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The sum of the exercises' points.
    pub points: u32,
    /// The sum of what they are worth.
    pub out_of: u32,
    pub exercises: Vec<Grade>,
}

impl Sheet {
    /// The sum of these.
    pub fn of(exercises: Vec<Grade>) -> Self {
        let points = exercises.iter().map(|grade| grade.points).sum();
        let out_of = exercises.iter().map(|grade| grade.out_of).sum();
        Self { points, out_of, exercises }
    }
}

/// The grades as JUnit XML: a test suite for each exercise, in it a test case for each promise, with a
/// failure where it is broken. It is well-formed XML 1.0 whatever a program printed.
///
/// # Errors
/// There is none that we know of: it is written to memory.
pub fn junit(grades: &[Grade]) -> Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = |promises: &mut dyn Iterator<Item = &Kept>| {
        let (mut tests, mut failures) = (0, 0);
        for promise in promises {
            tests += 1;
            failures += usize::from(!promise.kept);
        }
        (tests.to_string(), failures.to_string())
    };
    let (tests, failures) = counts(&mut grades.iter().flat_map(|grade| &grade.promises));
    let suites = xml.create_element("testsuites").with_attributes([
        ("name", "Sockets by Example"),
        ("tests", &tests),
        ("failures", &failures),
    ]);
    suites.write_inner_content(|xml| {
        for grade in grades {
            let (tests, failures) = counts(&mut grade.promises.iter());
            let suite = xml.create_element("testsuite").with_attributes([
                ("name", &*grade.folder),
                ("tests", &tests),
                ("failures", &failures),
                ("errors", "0"),
                ("skipped", "0"),
            ]);
            suite.write_inner_content(|xml| {
                for promise in &grade.promises {
                    let case = xml.create_element("testcase").with_attributes([
                        ("classname", &*grade.folder),
                        ("name", &xml_text(&promise.name)),
                    ]);
                    if promise.kept {
                        case.write_empty()?;
                        continue;
                    }
                    let (short, long) = failure(grade, promise);
                    case.write_inner_content(|xml| {
                        let failure = xml.create_element("failure");
                        let failure = failure
                            .with_attributes([("message", &*xml_text(&short)), ("type", "broken")]);
                        failure.write_text_content(BytesText::new(&xml_text(&long)))?;
                        Ok(())
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let mut text = xml.into_inner();
    text.push(b'\n');
    Ok(text)
}

/// What JUnit is told of a broken promise: in a line, and in full.
fn failure(grade: &Grade, promise: &Kept) -> (String, String) {
    match (&grade.remark, &promise.expected, &promise.came) {
        (Some(remark), ..) => (remark.clone(), format!("the exercise was not checked: {remark}")),
        (None, expected, came) => {
            let expected = expected.as_deref().unwrap_or_default();
            let came = came.as_deref().unwrap_or_default();
            let short = format!("expected {expected}; came {came}").replace('\n', " ");
            (short, format!("expected: {expected}\ncame: {came}"))
        }
    }
}

/// The text without the characters that XML 1.0 (section 2.2) allows in no form, each as `\u{1b}`.
fn xml_text(text: &str) -> String {
    let mut allowed = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' | '\n' => allowed.push(character),
            // A parser would make a new line of it.
            '\r' | '\u{fffe}' | '\u{ffff}' => allowed.extend(character.escape_unicode()),
            control if control.is_control() => allowed.extend(control.escape_unicode()),
            other => allowed.push(other),
        }
    }
    allowed
}

/// What one exercise of one person is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// Two digits: `07`.
    pub number: String,
    /// The folder of the lesson: `07-echo`.
    pub folder: String,
    pub points: u32,
    pub out_of: u32,
    /// Why nothing could be checked: it was not handed in, does not compile, took too long.
    pub remark: Option<String>,
    pub promises: Vec<Kept>,
}

/// What became of a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    pub kept: bool,
    /// What was to come, where it is broken.
    pub expected: Option<String>,
    /// What came instead.
    pub came: Option<String>,
}

impl Grade {
    /// Of a program that ran.
    pub fn checked(exercise: &Exercise, outcomes: &[Outcome], points: &Points) -> Self {
        let mut grade = Self::nothing(exercise, points);
        for (promise, outcome) in grade.promises.iter_mut().zip(outcomes) {
            promise.kept = outcome.is_ok();
            if let Err(broken) = outcome {
                promise.expected = Some(broken.expected.clone());
                promise.came = Some(broken.came.clone());
            }
        }
        grade.rate(points);
        grade
    }

    /// Gives the points for the promises that are kept: in proportion, rounded down.
    pub fn rate(&mut self, points: &Points) {
        let kept = self.promises.iter().filter(|promise| promise.kept).count();
        self.out_of = points.get(&self.number).copied().unwrap_or(0);
        if let (Ok(kept), Ok(all @ 1..)) = (u32::try_from(kept), u32::try_from(self.promises.len()))
        {
            self.points = self.out_of * kept / all;
        }
    }

    /// Of a program that could not be checked, and why.
    pub fn unchecked(exercise: &Exercise, remark: impl Into<String>, points: &Points) -> Self {
        Self { remark: Some(remark.into()), ..Self::nothing(exercise, points) }
    }

    fn nothing(exercise: &Exercise, points: &Points) -> Self {
        let broken = |promise: &crate::check::Promise| Kept {
            name: promise.name.to_owned(),
            kept: false,
            expected: None,
            came: None,
        };
        Self {
            number: exercise.number().to_owned(),
            folder: exercise.folder.to_owned(),
            points: 0,
            out_of: points.get(exercise.number()).copied().unwrap_or(0),
            remark: None,
            promises: exercise.promises.iter().map(broken).collect(),
        }
    }
}
