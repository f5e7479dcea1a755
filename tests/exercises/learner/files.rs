//! The learner's file: begin again, compare it with the solution.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};

use crate::EXERCISES;
use crate::check::{Exercise, unix_lines};
use crate::compile::root;
use crate::report::{BAD, FAINT, GOOD, STRONG};

use super::{Mine, command, hints, say, shown};

/// Puts the hand-out back, and keeps the learner's file beside it.
///
/// # Errors
/// A file cannot be read or written. The learner's text is in its place or beside it in any case.
pub fn reset(exercise: &Exercise) -> Result<ExitCode> {
    let file = root().join(exercise.file());
    let mut backups = Vec::new();
    let mut new = new_beside(&file, exercise.handed_out.as_bytes())?;
    loop {
        match Mine::read(exercise)? {
            Mine::HandOut if backups.is_empty() => {
                say(&format!("{} is as it was handed out: nothing to do.\n", shown(&file)));
                return Ok(ExitCode::SUCCESS);
            }
            // Somebody else has put it back.
            Mine::HandOut => break,
            Mine::Missing => {}
            Mine::Changed(_) => backups.extend(moved_aside(&file)?),
        }
        // An editor may save in this moment: its file is not written over, but moved aside as well.
        match new.persist_noclobber(&file) {
            Ok(_) => break,
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => new = error.file,
            Err(error) => {
                return Err(error.error).with_context(|| format!("cannot write {}", shown(&file)));
            }
        }
    }
    hints::forget(exercise)?;
    let mut text = format!("{STRONG}{}{STRONG:#} is as it was handed out.\n", shown(&file));
    for backup in backups {
        let copy = if cfg!(windows) { "copy" } else { "cp" };
        let _ = write!(
            text,
            "Your file is kept: {STRONG}{backup}{STRONG:#}\n\
             To have it back:\n  {copy} {backup} {file}\n",
            backup = shown(&backup),
            file = shown(&file)
        );
    }
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// Gives the file a name beside its own that nobody has yet, `exercise.1.bak`: that name, unless the file
/// is gone. It is moved and not copied, so that whatever is saved up to this moment is in it.
fn moved_aside(file: &Path) -> Result<Option<PathBuf>> {
    for number in 1_u32.. {
        let backup = file.with_extension(format!("{number}.bak"));
        let cannot_write = || format!("cannot write {}", shown(&backup));
        match File::create_new(&backup) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error).with_context(cannot_write),
        }
        // Over the empty file that keeps the name for us.
        let Err(error) = fs::rename(file, &backup) else { return Ok(Some(backup)) };
        let _ = fs::remove_file(&backup);
        return match error.kind() {
            ErrorKind::NotFound => Ok(None),
            _ => Err(error).with_context(cannot_write),
        };
    }
    anyhow::bail!("there are too many backups beside {}", shown(file))
}

/// A new file in the same folder, whole and on the disk before it gets its name.
fn new_beside(file: &Path, text: &[u8]) -> Result<tempfile::NamedTempFile> {
    let folder = file.parent().unwrap_or(root());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".exercise");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As an editor would: whoever may read the course may read this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut new = builder
        .tempfile_in(folder)
        .with_context(|| format!("cannot write in {}", shown(folder)))?;
    new.write_all(text)
        .and_then(|()| new.as_file().sync_all())
        .with_context(|| format!("cannot write in {}", shown(folder)))?;
    Ok(new)
}

/// Shows the difference between the learner's file and the solution.
///
/// # Errors
/// A file cannot be read.
pub fn solution(exercise: &Exercise) -> Result<ExitCode> {
    let file = root().join(exercise.file());
    let path = file.with_file_name("solution.rs");
    let solution = match fs::read(&path) {
        Ok(solution) => solution,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            say("This course was handed out without its solutions: your teacher has them.\n");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error).with_context(|| shown(&path)),
    };
    let mut text = String::new();
    let mine = match Mine::read(exercise)? {
        Mine::Changed(mine) => mine,
        Mine::Missing => Vec::new(),
        Mine::HandOut => {
            let line = "You have not begun: this is the way from the hand-out to the solution.";
            let _ = writeln!(text, "{STRONG}{line}{STRONG:#}\n");
            exercise.handed_out.into()
        }
    };
    // What the heads say differs in every line, and is no part of the program.
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(&unix_lines(bytes)).into_owned();
        let head: usize = text
            .split_inclusive('\n')
            .take_while(|line| line.starts_with("//!"))
            .map(str::len)
            .sum();
        text[head..].to_owned()
    };
    let (mine, solution) = (lines(&mine), lines(&solution));
    if mine == solution {
        let _ = writeln!(text, "Your file is the solution, letter for letter.");
    } else {
        let mut options = diffy::DiffOptions::new();
        options.set_original_filename(shown(&file)).set_modified_filename(shown(&path));
        let patch = options.create_patch(&mine, &solution).to_string();
        for line in patch.lines() {
            let style = match line.as_bytes().first() {
                _ if line.starts_with("--- ") || line.starts_with("+++ ") => STRONG,
                Some(b'-') => BAD,
                Some(b'+') => GOOD,
                Some(b'@') => HUNK,
                _ => Style::new(),
            };
            let _ = writeln!(text, "{style}{line}{style:#}");
        }
        let _ = writeln!(
            text,
            "\n{BAD}- yours{BAD:#}   {GOOD}+ the solution{GOOD:#}\n\
             {FAINT}There are other right ways; what counts is `{}`.{FAINT:#}",
            command("exercise", exercise)
        );
    }
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// Before each part of a difference: where it is.
const HUNK: Style = AnsiColor::Cyan.on_default();

/// For whoever maintains the course: that every exercise is as it is handed out. It is none of the
/// tests: a learner changes his file.
///
/// # Errors
/// A file cannot be read.
pub fn same() -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for exercise in EXERCISES {
        let copy = Path::new("tests/exercises/handed-out").join(format!("{}.rs", exercise.folder));
        let handed_out = root().join(&copy);
        let handed_out =
            fs::read(&handed_out).with_context(|| format!("cannot read {}", copy.display()))?;
        let path = root().join(exercise.file());
        let mine = fs::read(&path).with_context(|| format!("cannot read {}", shown(&path)))?;
        if unix_lines(&mine) != unix_lines(&handed_out) {
            say(&format!("{} differs from {}\n", shown(&path), copy.display()));
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
