//! Builds, checks and serves the book, and does mdBook's preprocessing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;
use mdbook_preprocessor::book::{Book, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, parse_input};

use crate::check::Course;
use crate::expand::{self, Chapter};
use crate::html::Words;
use crate::project::{self, Programs};
use crate::record::{self, Recorder};
use crate::run::Recording;
use crate::serve::{self, LIVE_RELOAD};
use crate::session::{Fault, Session};
use crate::shelf;

/// What does the work of mdBook's preprocessor, in its process or in ours.
pub struct Notebook {
    /// The program that this crate builds; sessions run in processes of it.
    pub program: PathBuf,
    /// The programs of the lessons, by their names, where they are built already.
    pub programs: Option<Programs>,
    /// Takes what older programs did, where there is a recording.
    pub stale: bool,
}

impl Preprocessor for Notebook {
    fn name(&self) -> &str {
        "notebook"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let (root, edition) = edition_of(&context.root)?;
        let course = Course::read(&root, &edition)?;
        told(course.faults())?;
        let words = Words::of(context.config.book.language.as_deref().unwrap_or("en"));
        let mut chapters = Vec::new();
        for chapter in book.chapters() {
            if let Some(path) = &chapter.source_path {
                let file = format!("{edition}/src/{}", path.display());
                chapters.push(Chapter::new(&file, &chapter.content));
            }
        }
        let mut sessions: Vec<Session> = Vec::new();
        for chapter in &chapters {
            sessions.extend(chapter.sessions().map_err(all)?);
        }
        let recorded = self.recordings(&root, &sessions)?;
        let mut recorded = expand::all_recorded(recorded).map_err(all)?.into_iter();

        let around = course.surroundings(words);
        let mut expanded = Vec::new();
        for chapter in &chapters {
            let count = chapter.sessions().map_err(all)?.len();
            let recordings: Vec<_> = recorded.by_ref().take(count).collect();
            let text = chapter.expand(&around, Some(&recordings));
            expanded.push(text.map_err(all)?);
        }
        let mut expanded = expanded.into_iter();
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && chapter.source_path.is_some()
                && let Some(text) = expanded.next()
            {
                chapter.content = text;
            }
        });
        Ok(book)
    }
}

impl Notebook {
    /// One that runs sessions in processes of the program that we are, and builds what they need.
    fn new() -> Result<Self> {
        let program = env::current_exe().context("cannot find the notebook's own program")?;
        Ok(Self { program, programs: None, stale: false })
    }

    /// What happened in these sessions: now or, with the same programs, before; and where sessions cannot
    /// have networks of their own, where they could.
    fn recordings(
        &self,
        root: &Path,
        sessions: &[Session],
    ) -> Result<Vec<Result<Recording, Fault>>> {
        if !record::can_be_apart(&self.program) {
            return Ok(sessions.iter().map(|session| shelf::take(root, session)).collect());
        }
        let programs = self.programs.clone().map_or_else(project::build_programs, Ok)?;
        let recorder = Recorder::new(self.program.clone(), programs);
        Ok(recorder.record_all(sessions, &project::kept_sessions(), self.stale))
    }
}

/// The folder of a course, and in it that of the edition which stands here: `book/en`.
fn edition_of(folder: &Path) -> Result<(PathBuf, String)> {
    let folder = folder.canonicalize().context("no such edition")?;
    let root =
        folder.ancestors().nth(2).context("an edition is a folder in the book of a course")?;
    let parts = folder.strip_prefix(root)?.iter().map(|part| part.to_string_lossy());
    Ok((root.to_owned(), parts.collect::<Vec<_>>().join("/")))
}

fn all(faults: Vec<Fault>) -> anyhow::Error {
    let mut told = String::new();
    for fault in &faults {
        let _ = writeln!(told, "{fault}");
    }
    anyhow::anyhow!("{}", told.trim_end())
}

fn told(faults: Vec<Fault>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(all(faults)) }
}

/// Builds the book into `target/book`.
///
/// # Errors
/// The sentences that a writer needs: every fault that was found, with its chapter and line.
pub fn build() -> Result<()> {
    let folder = MDBook::load(project::edition())?.build_dir_for("html");
    render(&folder, None, Notebook::new()?)
}

/// Builds into this folder, with pages that reload themselves when they are to be served.
fn render(folder: &Path, live_reload: Option<&str>, notebook: Notebook) -> Result<()> {
    let mut book = MDBook::load(project::edition())?;
    book.config.build.build_dir = folder.to_owned();
    if let Some(endpoint) = live_reload {
        book.config.set("output.html.live-reload-endpoint", endpoint)?;
    }
    // It takes the place of the command of the same name in book.toml.
    book.with_preprocessor(notebook);
    book.build()
}

/// Runs the sessions of these chapters, by the names of their files, or of all, and checks the book.
///
/// # Errors
/// Every fault that was found.
pub fn check(names: &[String]) -> Result<()> {
    let course = Course::read(project::root(), "book/en")?;
    let named =
        |file: &str| names.is_empty() || names.iter().any(|name| file.contains(name.as_str()));
    let mut faults: Vec<Fault> =
        course.faults().into_iter().filter(|fault| named(&fault.file)).collect();
    let mut sessions = Vec::new();
    for chapter in course.chapters.iter().filter(|chapter| named(&chapter.file)) {
        sessions.extend(chapter.sessions().unwrap_or_default());
    }
    let recorder = Recorder::new(env::current_exe()?, project::build_programs()?);
    // Nothing kept: what is checked has run now.
    let kept = tempfile::tempdir()?;
    let recorded = recorder.record_all(&sessions, kept.path(), false);
    faults.extend(recorded.into_iter().filter_map(Result::err));
    faults.sort();
    match faults.len() {
        0 => {
            println!("{} sessions ran, and all is as the book says", sessions.len());
            Ok(())
        }
        count => {
            println!("{}", all(faults));
            bail!("{count} faults")
        }
    }
}

/// Records the sessions that have no recording in `book/recordings`, or one of another text, and throws
/// away those whose session has gone.
///
/// # Errors
/// A session does not come true, or cannot have a network of its own here.
pub fn record() -> Result<()> {
    let root = project::root();
    let course = Course::read(root, "book/en")?;
    let recorder = Recorder::new(env::current_exe()?, project::build_programs()?);
    if !recorder.is_apart() {
        bail!("sessions are recorded where they can have networks of their own: on Linux");
    }
    let sessions = course.sessions().map_err(all)?;
    for stranger in shelf::strangers(root, &sessions).unwrap_or_default() {
        std::fs::remove_file(stranger)?;
    }
    let missing: Vec<Session> =
        sessions.into_iter().filter(|session| shelf::take(root, session).is_err()).collect();
    let kept = tempfile::tempdir()?;
    let recorded = recorder.record_all(&missing, kept.path(), false);
    let recorded = expand::all_recorded(recorded).map_err(all)?;
    for (session, recording) in missing.iter().zip(recorded) {
        shelf::put(root, session, recording)?;
    }
    println!("{} sessions recorded", missing.len());
    Ok(())
}

/// Speaks mdBook's protocol for preprocessors: `supports html`, or a book on standard input.
///
/// # Errors
/// As [`build`].
pub fn preprocess(arguments: &[String]) -> Result<()> {
    if arguments.first().is_some_and(|first| first == "supports") {
        return Ok(());
    }
    let (context, book) = parse_input(io::stdin())?;
    let book = Notebook::new()?.run(&context, book)?;
    Ok(serde_json::to_writer(io::stdout(), &book)?)
}

/// Builds the book and serves it until it is interrupted; builds it again at every change.
///
/// # Errors
/// The first build fails, or no port is free.
pub fn serve() -> Result<()> {
    let root = project::root();
    // Apart from the book of `build`, whose pages ask nobody whether they are still new, and from that of
    // another server.
    let place = serve::Place::find()?;
    let folder = root.join(format!("target/book-served-{}", place.port()?));
    let mut programs = project::build_programs()?;
    let render = |programs: &Programs, stale| {
        let programs = Some(programs.clone());
        render(&folder, Some(LIVE_RELOAD), Notebook { programs, stale, ..Notebook::new()? })
    };
    render(&programs, false)?;
    let watched: Vec<PathBuf> = ["book", "lessons", "tests"].map(|folder| root.join(folder)).into();
    let lessons = root.join("lessons");
    serve::serve(place, folder.clone(), &watched, |changed, publish| {
        let mut shown = changed.iter().filter(|path| !project::is_an_exercise(path)).peekable();
        // Whoever writes an exercise and reads the chapter beside it is not interrupted.
        if shown.peek().is_none() {
            return Ok(());
        }
        if shown.any(|path| path.starts_with(&lessons)) {
            // The new code at once; what it prints when it has been built and has run.
            if render(&programs, true).is_ok() {
                publish()?;
            }
            programs = project::build_programs()?;
        }
        render(&programs, false)?;
        publish()
    })
}
