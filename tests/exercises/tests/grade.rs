//! What one person's exercises are worth: on the screen, for a machine, and in a test report.

mod course;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use checks::EXERCISES;
use checks::check::{Broken, Exercise};
use checks::compile::root;
use checks::grade::{Grade, Kept, Points, Sheet, junit, points, points_in};
use checks::handout::{files, packed};
use course::Course;
use roxmltree::{Document, Node};

const POINTS: &str = "tests/exercises/points.toml";

/// What a `points.toml` holds in which each exercise is worth ten.
fn ten_each() -> String {
    EXERCISES.iter().map(|exercise| format!("{} = 10\n", exercise.number())).collect()
}

fn exercise(number: &str) -> &'static Exercise {
    checks::exercise(number).expect("there is such an exercise")
}

/// The solution of an exercise, with one of its typical mistakes.
fn with_the_mistake(exercise: &Exercise, name: &str) -> Result<String> {
    let mistakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("mistakes").join(exercise.folder);
    let patch = fs::read_to_string(mistakes.join(name))?;
    let patch = diffy::Patch::from_str(&patch[patch.find("--- ").context("no patch")?..])?;
    Ok(diffy::apply(&solution(exercise)?, &patch)?)
}

fn solution(exercise: &Exercise) -> Result<String> {
    let path = root().join("lessons").join(exercise.folder).join("solution.rs");
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// What grading a copy of the course printed, and what it wrote.
struct Graded {
    table: String,
    sheet: Sheet,
    xml: String,
}

fn graded(course: &Course) -> Result<Graded> {
    let table = course.run(course.command(env!("CARGO_BIN_EXE_exercise")).arg("grade"))?;
    let written = course.folder.join("target").join("grade");
    let sheet = serde_json::from_slice(&fs::read(written.join("grade.json"))?)?;
    let xml = fs::read_to_string(written.join("junit.xml"))?;
    Ok(Graded { table, sheet, xml })
}

impl Graded {
    fn of(&self, number: &str) -> &Grade {
        let grade = self.sheet.exercises.iter().find(|grade| grade.number == number);
        grade.expect("every exercise is graded")
    }
}

/// The test cases of a report, of one exercise or of all: how many, and how many failed.
fn cases(report: &Document, folder: Option<&str>) -> (usize, usize) {
    let cases = report.descendants().filter(|node| {
        node.has_tag_name("testcase")
            && folder.is_none_or(|folder| node.attribute("classname") == Some(folder))
    });
    let failed = |case: &Node| case.children().any(|child| child.has_tag_name("failure"));
    let cases: Vec<_> = cases.collect();
    (cases.len(), cases.iter().filter(|case| failed(case)).count())
}

#[test]
fn a_working_copy_gets_what_its_promises_are_worth() -> Result<()> {
    let course = Course::unpacked(&packed(&files()?)?)?;
    // The teacher may have changed the course's own.
    course.write(POINTS, ten_each())?;
    let (echo, upper) = (exercise("07"), exercise("06"));
    let all = EXERCISES.len() * 10;
    let promises: usize = EXERCISES.iter().map(|exercise| exercise.promises.len()).sum();

    // Nobody has begun.
    let none = graded(&course)?;
    assert!(none.table.ends_with(&format!("\npoints: 0 of {all}\n")), "{}", none.table);
    assert_eq!(none.sheet.exercises.len(), EXERCISES.len());
    assert!(none.sheet.exercises.iter().all(|grade| grade.remark.as_deref() == Some("not begun")));
    let report = Document::parse(&none.xml)?;
    assert_eq!(cases(&report, None), (promises, promises));

    // One is right, and one does not compile.
    course.write(echo.file(), solution(echo)?)?;
    course.write(upper.file(), "fn main() { this is not Rust }\n")?;
    let right = graded(&course)?;
    assert_eq!(right.of("07").points, 10, "{}", right.table);
    assert_eq!(right.of("07").remark, None);
    assert_eq!(right.of("06").points, 0);
    assert_eq!(right.of("06").remark.as_deref(), Some("does not compile"));
    assert!(right.table.ends_with(&format!("\npoints: 10 of {all}\n")), "{}", right.table);
    let report = Document::parse(&right.xml)?;
    assert_eq!(cases(&report, Some(echo.folder)), (echo.promises.len(), 0));
    assert_eq!(cases(&report, None), (promises, promises - echo.promises.len()));

    // Three promises of four are kept, and the teacher gives this exercise more.
    course.write(echo.file(), with_the_mistake(echo, "counts-what-it-drops.patch")?)?;
    course.write(POINTS, ten_each().replace("07 = 10", "07 = 30"))?;
    let half = graded(&course)?;
    let kept = half.of("07").promises.iter().filter(|promise| promise.kept).count();
    assert_eq!((kept, half.of("07").points, half.of("07").out_of), (3, 22, 30), "{}", half.table);
    assert!(half.table.ends_with(&format!("\npoints: 22 of {}\n", all + 20)), "{}", half.table);
    let broken = half.of("07").promises.iter().find(|promise| !promise.kept).context("all kept")?;
    let report = Document::parse(&half.xml)?;
    assert_eq!(cases(&report, Some(echo.folder)), (4, 1));
    let failure = report.descendants().find(|node| {
        node.has_tag_name("failure")
            && node.parent().and_then(|case| case.attribute("name")) == Some(&broken.name)
    });
    let told = failure.and_then(|failure| failure.text()).context("no failure is told")?;
    for words in [&broken.expected, &broken.came] {
        assert!(told.contains(words.as_deref().context("nothing is told")?), "{told}");
    }

    // What cannot be graded at all is an error, and leaves no file that somebody takes for a grade: a course
    // that cargo cannot build says nothing of the exercises.
    let manifest = fs::read_to_string(course.folder.join("lessons/Cargo.toml"))?;
    course
        .write("lessons/Cargo.toml", manifest.replace("socket2.workspace", "nonsense.workspace"))?;
    let output = course.command(env!("CARGO_BIN_EXE_exercise")).arg("grade").output()?;
    assert!(!output.status.success(), "{output:?}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("nonsense"), "{errors}");
    assert!(!course.folder.join("target/grade/grade.json").exists());

    fs::remove_file(course.folder.join(echo.file()))?;
    let output = course.command(env!("CARGO_BIN_EXE_exercise")).arg("grade").output()?;
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("make reset N=07"), "{errors}");
    assert!(!course.folder.join("target/grade/grade.json").exists());
    Ok(())
}

#[test]
fn a_class_that_was_graded_is_rated_anew_when_the_points_change() -> Result<()> {
    let course = Course::unpacked(&packed(&files()?)?)?;
    let echo = exercise("07");
    let class = tempfile::tempdir()?;
    let (hand_ins, out) = (class.path().join("hand-ins"), class.path().join("out"));
    let folder = hand_ins.join("anna").join(echo.folder);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("exercise.rs"), solution(echo)?)?;
    let grade = |points: &str| -> Result<(String, String)> {
        course.write(POINTS, points)?;
        let mut command = course.command(env!("CARGO_BIN_EXE_exercise"));
        let table = course.run(command.arg("grade").arg(&hand_ins).arg("--out").arg(&out))?;
        Ok((table, fs::read_to_string(out.join("class/anna/report.txt"))?))
    };
    let all = EXERCISES.len() * 10;
    let (table, report) = grade(&ten_each())?;
    assert!(table.contains(&format!("10/{all}")), "{table}");
    assert!(report.ends_with(&format!("\npoints: 10 of {all}\n")), "{report}");

    let (table, report) = grade(&ten_each().replace("07 = 10", "07 = 30"))?;
    assert!(table.contains("1 of them graded before"), "{table}");
    assert!(report.contains("\n30 of 30 points\n"), "{report}");
    assert!(report.ends_with(&format!("\npoints: 30 of {}\n", all + 20)), "{report}");
    let grades: Vec<Grade> = serde_json::from_slice(&fs::read(out.join("class/anna/grade.json"))?)?;
    assert!(grades.iter().any(|grade| (grade.points, grade.out_of) == (30, 30)), "{grades:?}");
    Ok(())
}

#[test]
fn points_are_in_proportion_to_the_promises_kept_and_rounded_down() -> Result<()> {
    let echo = exercise("07");
    let broken = Broken {
        expected: "an answer".to_owned(),
        came: "nothing".to_owned(),
        steps: Vec::new(),
        screens: Vec::new(),
    };
    let points = Points::from([("07".to_owned(), 10)]);
    for (kept, worth) in [(0, 0), (1, 2), (2, 5), (3, 7), (4, 10)] {
        let outcomes: Vec<_> =
            (0..4).map(|it| if it < kept { Ok(()) } else { Err(broken.clone()) }).collect();
        assert_eq!(Grade::checked(echo, &outcomes, &points).points, worth, "{kept} of 4");
    }
    Ok(())
}

#[test]
fn the_file_of_the_points_names_every_exercise() -> Result<()> {
    assert_eq!(points()?.len(), EXERCISES.len());
    Ok(())
}

#[test]
fn a_wrong_line_of_the_points_is_named() {
    assert!(points_in(&ten_each()).is_ok());
    let refused = |line: &str, fault: &str| {
        let error = points_in(&ten_each().replace("07 = 10\n", line)).expect_err("a wrong line");
        assert!(error.to_string().contains(fault), "{line:?}: {error}");
    };
    refused("07 = \"ten\"\n", "line 7: exercise 07 is worth a whole number");
    refused("07 = -1\n", "line 7: exercise 07 is worth a whole number");
    refused("07 = 10001\n", "line 7: exercise 07 is worth a whole number");
    refused("07 = 99999999999999999999\n", "line 7: ");
    refused("07 = 2.5\n", "line 7: exercise 07 is worth a whole number");
    refused("7 = 10\n", "line 7: there is no exercise `7`");
    refused("06 = 10\n", "line 7: duplicate key");
    refused("ten points\n", "line 7: ");
    refused("", "a line for exercise 07 is missing");
}

#[test]
fn the_report_is_xml_whatever_a_program_printed() -> Result<()> {
    let printed = "a\u{0}b\u{1b}[31m\u{7f}\u{85}<&>\"']]>\r\n\t\u{fffe}\u{ffff} 三 \u{1f600}";
    let grade = Grade {
        number: "07".to_owned(),
        folder: "07-echo".to_owned(),
        points: 0,
        out_of: 10,
        remark: None,
        promises: vec![Kept {
            name: printed.to_owned(),
            kept: false,
            expected: Some(printed.to_owned()),
            came: Some(printed.to_owned()),
        }],
    };
    let xml = String::from_utf8(junit(&[grade])?)?;
    let report = Document::parse(&xml)?;
    assert_eq!(cases(&report, None), (1, 1));
    let failure = report.descendants().find(|node| node.has_tag_name("failure"));
    let told = failure.and_then(|failure| failure.text()).context("no failure is told")?;
    let shown =
        "a\\u{0}b\\u{1b}[31m\\u{7f}\\u{85}<&>\"']]>\\u{d}\n\t\\u{fffe}\\u{ffff} 三 \u{1f600}";
    assert_eq!(told, format!("expected: {shown}\ncame: {shown}"));
    Ok(())
}
