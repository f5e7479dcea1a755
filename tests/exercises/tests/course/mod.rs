//! A copy of the course in which a test may write, build and grade.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use checks::handout;
use fd_lock::{RwLock, RwLockWriteGuard};
use zip::ZipArchive;

/// The course as it is handed out, unpacked in a folder of its own. There is one in a target folder, so that
/// it is built once and for all tests: whoever has it keeps the others waiting.
///
/// It does not share the target folder of the course. To cargo two copies of one workspace are the same
/// packages, and it would start the program of one where that of the other is meant.
pub struct Course {
    pub folder: PathBuf,
    _alone: RwLockWriteGuard<'static, File>,
}

impl Course {
    /// Waits for the copy, and makes it what this archive holds.
    pub fn unpacked(archive: &[u8]) -> Result<Self> {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // It lives as long as the test's process.
        let lock = Box::leak(Box::new(RwLock::new(File::create(place.join("course.lock"))?)));
        let course = Self { _alone: lock.write()?, folder: place.join("course") };
        let mut archive = ZipArchive::new(Cursor::new(archive))?;
        let mut paths = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index)?;
            let path = file.enclosed_name().context("a path that leads out of the archive")?;
            let path = path.strip_prefix(handout::TOP)?.to_owned();
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            course.write(&path, &text)?;
            paths.push(path);
        }
        course.remove_others(&course.folder, &paths)?;
        Ok(course)
    }

    /// Writes a file. One that is as it should be keeps its time, so that cargo builds nothing anew.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.folder.join(path);
        if fs::read(&path).is_ok_and(|before| before == text.as_ref()) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// A command that runs in this copy, builds in its own target folder, and takes it for the course.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.folder);
        command.env("SOCKETS_COURSE", &self.folder);
        command.env("CARGO_TARGET_DIR", self.folder.join("target"));
        // Nobody debugs what is built here, and it is built in half the time.
        command.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
        command
    }

    /// Runs this command and gives what it printed.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        let output = command.output().with_context(|| format!("{command:?}"))?;
        let (said, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{command:?}: {}\n{said}\n{errors}", output.status);
        Ok(said.into_owned())
    }

    /// Removes what an earlier test or an earlier state of the course left.
    fn remove_others(&self, folder: &Path, paths: &[PathBuf]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let place = entry?.path();
            let path = place.strip_prefix(&self.folder)?;
            if path == Path::new("target") || paths.iter().any(|kept| kept == path) {
                continue;
            }
            match place.is_dir() {
                true if paths.iter().any(|kept| kept.starts_with(path)) => {
                    self.remove_others(&place, paths)?;
                }
                true => fs::remove_dir_all(&place)?,
                false => fs::remove_file(&place)?,
            }
        }
        Ok(())
    }
}
