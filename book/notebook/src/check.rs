//! What the book as a whole promises: every chapter is in the table of contents, every lesson has its
//! chapter, every region and file of a lesson is shown, every link leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::expand::{self, Chapter, Surroundings};
use crate::html::Words;
use crate::session::{Fault, Session};
use crate::{project, shelf, source};

/// The parts that the chapter of every lesson has.
const LESSON: [&str; 8] = [
    "what-you-will-see",
    "run-it",
    "the-code",
    "on-the-wire",
    "where-it-breaks",
    "exercise",
    "what-you-know-now",
    "the-whole-program",
];

/// The course: an edition of the book, and the files that it speaks of.
pub struct Course {
    root: PathBuf,
    pub chapters: Vec<Chapter>,
    summary: Chapter,
    /// The files of the lessons, from the root, with their texts.
    lessons: Vec<(String, String)>,
    /// The names of all tests.
    tests: Vec<String>,
}

impl Course {
    /// Reads the course below `root`.
    ///
    /// # Errors
    /// A file or folder of it cannot be read.
    pub fn read(root: &Path, edition: &str) -> Result<Self> {
        let source = format!("{edition}/src");
        let mut chapters = Vec::new();
        let mut summary = None;
        for file in files(root, &source, "md")? {
            let chapter = Chapter::new(&file, &read(root, &file)?);
            match chapter.name() {
                "SUMMARY" => summary = Some(chapter),
                _ => chapters.push(chapter),
            }
        }
        let summary = summary.with_context(|| format!("{source} has no SUMMARY.md"))?;
        let lessons = files(root, "lessons", "rs")?.into_iter();
        let lessons = lessons.filter(|file| !project::is_an_exercise(file.as_ref()));
        let lessons =
            lessons.map(|file| Ok((file.clone(), read(root, &file)?))).collect::<Result<_>>()?;
        let mut tests = Vec::new();
        for file in files(root, "tests", "rs")? {
            tests.extend(tests_in(&read(root, &file)?));
        }
        Ok(Self { root: root.to_owned(), chapters, summary, lessons, tests })
    }

    /// The sessions of all chapters.
    ///
    /// # Errors
    /// Every block that is no session.
    pub fn sessions(&self) -> Result<Vec<Session>, Vec<Fault>> {
        let mut sessions = Vec::new();
        for chapter in &self.chapters {
            sessions.extend(chapter.sessions()?);
        }
        Ok(sessions)
    }

    /// The recordings on the shelf that are of no session of this edition. While a session cannot be read
    /// none are told: all of them would be.
    ///
    /// # Errors
    /// The folder of the recordings cannot be read.
    pub fn strangers(&self) -> Result<Vec<Fault>> {
        let Ok(sessions) = self.sessions() else { return Ok(Vec::new()) };
        let strangers = shelf::strangers(&self.root, &sessions)?;
        let what = "it is the recording of no session: make record";
        let named = |path: &PathBuf| {
            let path = path.strip_prefix(&self.root).unwrap_or(path);
            Fault::new(&path.display().to_string(), 0, what)
        };
        Ok(strangers.iter().map(named).collect())
    }

    /// What a chapter of this course is expanded in.
    pub fn surroundings(&self, words: &'static Words) -> Surroundings<'_> {
        let mut wholes = BTreeMap::new();
        for chapter in &self.chapters {
            let whole = chapter.shown().into_iter().filter(|(_, region)| region.is_none());
            wholes.extend(whole.map(|(file, _)| (file, chapter.name().to_owned())));
        }
        Surroundings { root: &self.root, tests: &self.tests, wholes, words }
    }

    /// Everything that is wrong with the book but what only a run of its sessions can tell.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let around = self.surroundings(Words::of(""));
        for chapter in &self.chapters {
            faults.extend(chapter.expand(&around, None).err().unwrap_or_default());
            self.check_headings(chapter, &mut faults);
            self.check_links(chapter, &mut faults);
        }
        self.check_summary(&mut faults);
        self.check_lessons(&mut faults);
        self.check_code(&mut faults);
        self.check_diagrams(&mut faults);
        faults.sort();
        faults.dedup();
        faults
    }

    /// Every heading has an id of its own, so that links hold in every edition.
    fn check_headings(&self, chapter: &Chapter, faults: &mut Vec<Fault>) {
        let mut seen = BTreeSet::new();
        for heading in &chapter.parts.headings {
            let what = match &heading.id {
                None => format!("the heading \"{}\" has no id: {{#some-id}}", heading.text.trim()),
                Some(id) if !seen.insert(id) => format!("a second heading has the id \"{id}\""),
                Some(_) => continue,
            };
            faults.push(Fault::new(&chapter.file, heading.line, what));
        }
    }

    fn check_links(&self, chapter: &Chapter, faults: &mut Vec<Fault>) {
        let chapters = expand::by_name(&self.chapters);
        for link in &chapter.parts.links {
            if link.to.contains("://")
                || link.to.starts_with("mailto:")
                || link.to.starts_with("data:")
            {
                continue;
            }
            let (page, fragment) = match link.to.split_once('#') {
                Some((page, fragment)) => (page, Some(fragment)),
                None => (link.to.as_str(), None),
            };
            let target = if page.is_empty() { Some(chapter) } else { chapters.get(page).copied() };
            let what = match (target, fragment) {
                (None, _) => format!("the link {} leads to no chapter", link.to),
                (Some(target), Some(fragment)) if !target.ids().iter().any(|id| id == fragment) => {
                    format!(
                        "the link {} leads nowhere: {}.md has no id \"{fragment}\"",
                        link.to,
                        target.name()
                    )
                }
                _ => continue,
            };
            faults.push(Fault::new(&chapter.file, link.line, what));
        }
    }

    fn check_summary(&self, faults: &mut Vec<Fault>) {
        let chapters = expand::by_name(&self.chapters);
        let named: BTreeSet<&str> =
            self.summary.parts.links.iter().map(|link| link.to.as_str()).collect();
        for link in &self.summary.parts.links {
            if !chapters.contains_key(&link.to) {
                let what = format!("there is no chapter {}", link.to);
                faults.push(Fault::new(&self.summary.file, link.line, what));
            }
        }
        for (name, chapter) in chapters {
            if !named.contains(name.as_str()) {
                faults.push(Fault::new(&chapter.file, 0, "SUMMARY.md does not name this chapter"));
            }
        }
    }

    /// Lessons and chapters belong together, by number and by the title that `--help` gives.
    fn check_lessons(&self, faults: &mut Vec<Fault>) {
        let mut lessons = BTreeSet::new();
        for (file, text) in &self.lessons {
            let Some(folder) = file.split('/').nth(1).filter(|folder| !folder.ends_with(".rs"))
            else {
                continue;
            };
            let number = folder.split('-').next().unwrap_or_default();
            let begin = format!("{number}-");
            let chapter = self.chapters.iter().find(|chapter| chapter.name().starts_with(&begin));
            let Some(chapter) = chapter else {
                if lessons.insert(number) {
                    faults.push(Fault::new(
                        &format!("lessons/{folder}"),
                        0,
                        "this lesson has no chapter",
                    ));
                }
                continue;
            };
            lessons.insert(number);
            for (line, text) in (1..).zip(text.lines()) {
                let Some((_, title)) = text.split_once("Explained in chapter ") else { continue };
                let title = title.split_once('.').map_or(title, |(title, _)| title);
                let title = title.replace(" of the book:", "");
                let heading =
                    chapter.parts.headings.first().map(|heading| heading.text.trim().to_owned());
                if heading.as_deref() != Some(title.as_str()) {
                    let what = format!(
                        "--help names the chapter \"{title}\", which is called \"{}\"",
                        heading.unwrap_or_default()
                    );
                    faults.push(Fault::new(file, line, what));
                }
            }
        }
        for chapter in &self.chapters {
            let number = chapter.name().split('-').next().unwrap_or_default();
            if !number.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            if !lessons.contains(number) {
                faults.push(Fault::new(&chapter.file, 0, format!("there is no lesson {number}")));
            }
            let headings =
                chapter.parts.headings.iter().filter_map(|heading| heading.id.as_deref());
            let headings: BTreeSet<&str> = headings.collect();
            for part in LESSON.iter().filter(|part| !headings.contains(*part)) {
                let what = format!("a lesson's chapter has a part with the id \"{part}\"");
                faults.push(Fault::new(&chapter.file, 0, what));
            }
        }
    }

    /// Every anchor of a lesson is in order and shown, every file is shown whole.
    fn check_code(&self, faults: &mut Vec<Fault>) {
        let shown: BTreeSet<expand::Shown> =
            self.chapters.iter().flat_map(Chapter::shown).collect();
        for (file, text) in &self.lessons {
            if !shown.contains(&(file.clone(), None)) {
                faults.push(Fault::new(
                    file,
                    0,
                    "no chapter shows this file whole: {{#source PATH}}",
                ));
            }
            match source::regions(text) {
                Err((line, what)) => faults.push(Fault::new(file, line, what)),
                Ok(regions) => {
                    for (name, region) in regions {
                        if !shown.contains(&(file.clone(), Some(name.clone()))) {
                            let what = format!("no chapter includes the anchor \"{name}\"");
                            faults.push(Fault::new(file, region.line - 1, what));
                        }
                    }
                }
            }
        }
    }

    fn check_diagrams(&self, faults: &mut Vec<Fault>) {
        let drawn = files(&self.root, "book/diagrams", "svg").unwrap_or_default();
        let shown: BTreeSet<&str> = self.chapters.iter().flat_map(Chapter::diagrams).collect();
        for file in drawn {
            let name = Path::new(&file).file_stem().map(|name| name.to_string_lossy().into_owned());
            if !name.is_some_and(|name| shown.contains(name.as_str())) {
                faults.push(Fault::new(&file, 0, "no chapter shows this diagram"));
            }
        }
    }
}

/// The names of the tests in a Rust file: functions behind `#[test]` that nobody has switched off.
fn tests_in(text: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let (mut is_test, mut is_off, mut is_comment) = (false, false, false);
    for line in text.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if is_comment {
            is_comment = !line.ends_with("*/");
        } else if line == "#[test]" {
            is_test = true;
        } else if line.starts_with("#[ignore") || line == "#[cfg(any())]" {
            is_off = true;
        } else if let Some(function) =
            line.strip_prefix("fn ").or_else(|| line.strip_prefix("pub fn "))
        {
            if is_test
                && !is_off
                && let Some((name, _)) = function.split_once('(')
            {
                tests.push(name.to_owned());
            }
            (is_test, is_off) = (false, false);
        }
    }
    tests
}

fn read(root: &Path, file: &str) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))
}

/// All files with this ending below a folder, as paths from `root` with slashes, in order.
fn files(root: &Path, folder: &str, ending: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(root.join(folder)).with_context(|| format!("cannot read {folder}"))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {folder}"))?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(root, &name, ending)?);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == ending) {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
