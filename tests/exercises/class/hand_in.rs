//! What somebody handed in: from a folder or an archive to the few files that count.
//!
//! An archive is never unpacked. Its entries are read one after the other, those that are an exercise
//! are kept in memory, and the paths of the others lead nowhere.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::EXERCISES;
use crate::check::Exercise;

/// The longest source that is compiled, in bytes.
pub const LONGEST_SOURCE: u64 = 256 << 10;

/// The longest archive that is opened, in bytes.
pub const LONGEST_ARCHIVE: u64 = 64 << 20;

/// How many bytes are unpacked of one archive, at most.
pub const MOST_UNPACKED: u64 = 256 << 20;

/// How many files and folders of one hand-in are looked at, at most.
pub const MOST_ENTRIES: usize = 100_000;

/// How many folders may stand in one another.
const DEEPEST: usize = 16;

/// One person's hand-in: where it is, and under which name it is graded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandIn {
    /// The name of the folder, or of the archive without its ending.
    pub name: String,
    pub path: PathBuf,
}

/// The part of a hand-in that counts.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The text of each exercise that was handed in, by the folder of its lesson.
    pub files: BTreeMap<&'static str, Vec<u8>>,
    /// Why an exercise that was handed in does not count, by the folder of its lesson.
    pub refused: BTreeMap<&'static str, String>,
    /// What is to be said about the hand-in as a whole.
    pub remarks: Vec<String>,
}

/// The hand-ins in this folder, sorted by name, no two of one name. Names that begin with a dot are
/// nobody's.
///
/// # Errors
/// The folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<HandIn>> {
    if folder.is_file() {
        bail!("{} is a file: grade the folder in which the hand-ins are", folder.display());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = readable(&entry.file_name());
        if !name.starts_with('.') && name != "__MACOSX" {
            entries.push((name, entry.path(), entry.file_type()?.is_dir()));
        }
    }
    entries.sort();
    let mut found: Vec<HandIn> = Vec::new();
    for (whole, path, is_folder) in entries {
        let stem = if is_folder { &whole } else { without_ending(&whole) };
        // `anna` and `anna.zip` are two hand-ins, and neither is lost; nor is one of `Anna.zip` and
        // `anna.tar`, where the system takes their results for one folder.
        let taken = found.iter().any(|it| it.name.to_lowercase() == stem.to_lowercase());
        let name = if taken || stem.is_empty() { &whole } else { stem };
        let mut name = name.to_owned();
        while found.iter().any(|it| it.name == name) {
            name.push('_');
        }
        found.push(HandIn { name, path });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A name as text. What is no UTF-8, as from an archive of a Chinese Windows, is written in numbers, `%CD`,
/// so that two names stay two.
fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

const ENDINGS: [&str; 4] = [".tar.gz", ".tgz", ".tar", ".zip"];

fn without_ending(name: &str) -> &str {
    ending(name).map_or(name, |ending| &name[..name.len() - ending.len()])
}

fn ending(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    ENDINGS.into_iter().find(|ending| lower.ends_with(ending))
}

impl HandIn {
    /// Reads the exercises. Whatever is wrong with the hand-in is a remark.
    pub fn read(&self) -> Sources {
        let mut found = Found::default();
        if let Err(error) = self.read_into(&mut found) {
            found.remarks.push(format!("{error:#}"));
        }
        found.into_sources()
    }

    fn read_into(&self, found: &mut Found) -> Result<()> {
        // Of the link, not of what it points to: that may be anything of this machine.
        let kind = fs::symlink_metadata(&self.path).context("cannot be read")?;
        if kind.is_dir() {
            let mut seen = 0;
            return walk(&self.path, "", 0, &mut seen, found);
        }
        if !kind.is_file() {
            bail!("the hand-in is neither a folder nor an archive");
        }
        read_archive(&self.path, found)
    }
}

fn read_archive(path: &Path, found: &mut Found) -> Result<()> {
    let file = File::open(path).context("cannot be read")?;
    if file.metadata().context("cannot be read")?.len() > LONGEST_ARCHIVE {
        bail!("the archive is longer than {} MiB", LONGEST_ARCHIVE >> 20);
    }
    let file = BufReader::new(file);
    let read = match ending(&path.to_string_lossy()) {
        Some(".zip") => read_zip(file, found),
        Some(".tar") => read_tar(file, found),
        Some(_) => read_tar(flate2::bufread::MultiGzDecoder::new(file), found),
        None => bail!("the hand-in is no folder and no .zip, .tar, .tar.gz or .tgz"),
    };
    read.context("the archive is broken")
}

fn walk(
    folder: &Path,
    within: &str,
    depth: usize,
    seen: &mut usize,
    found: &mut Found,
) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        *seen += 1;
        if *seen > MOST_ENTRIES {
            bail!("more than {MOST_ENTRIES} files");
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{within}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if depth < DEEPEST && !["target", ".git", "node_modules"].contains(&&*name) {
                walk(&entry.path(), &format!("{path}/"), depth + 1, seen, found)?;
            }
        } else if kind.is_file() && depth == 0 && ending(&name).is_some() {
            // Learning platforms give out a folder for each person, and in it what that person sent.
            found.within = 1;
            if let Err(error) = read_archive(&entry.path(), found) {
                found.remarks.push(format!("{name}: {error:#}"));
            }
            found.within = 0;
        } else if kind.is_file() {
            found.offer(&path, || File::open(entry.path()));
        } else {
            found.refuse(&path, "is a link or a device, not a file");
        }
    }
    Ok(())
}

fn read_zip(file: BufReader<File>, found: &mut Found) -> Result<()> {
    let mut archive = zip::ZipArchive::new(file)?;
    if archive.len() > MOST_ENTRIES {
        bail!("more than {MOST_ENTRIES} files");
    }
    for index in 0..archive.len() {
        // The name first: what does not count is not unpacked, and a bomb among it does not go off.
        let (path, is_file) = {
            let entry = archive.by_index_raw(index)?;
            let kind = entry.unix_mode().map(|mode| mode & 0o170_000);
            let is_file = entry.is_file() && matches!(kind, None | Some(0 | 0o100_000));
            (String::from_utf8_lossy(entry.name_raw()).replace('\\', "/"), is_file)
        };
        if path.ends_with('/') {
            continue;
        }
        match is_file {
            true => found.offer(&path, || archive.by_index(index).map_err(io::Error::other)),
            false => found.refuse(&path, "is a link or a device, not a file"),
        }
    }
    Ok(())
}

fn read_tar(stream: impl Read, found: &mut Found) -> Result<()> {
    let mut archive = tar::Archive::new(Bounded { stream, left: MOST_UNPACKED });
    for (seen, entry) in archive.entries()?.enumerate() {
        if seen >= MOST_ENTRIES {
            bail!("more than {MOST_ENTRIES} files");
        }
        let entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                found.offer(&path, || Ok(entry));
            }
            tar::EntryType::Directory => {}
            _ => found.refuse(&path, "is a link or a device, not a file"),
        }
    }
    Ok(())
}

/// A stream that is an error when it brings too much.
struct Bounded<R> {
    stream: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to more than {} MiB", MOST_UNPACKED >> 20))
        })?;
        Ok(length)
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    /// By the folder of the lesson.
    files: BTreeMap<&'static str, Candidate>,
    remarks: Vec<String>,
    /// How many names stand before the paths that are offered now: 1 within an archive of a folder.
    within: usize,
    /// How many bytes were read of all that was offered.
    read: u64,
}

/// A file that is an exercise.
struct Candidate {
    /// How many names its path has, and the path.
    place: (usize, String),
    /// What it holds, or why it does not count.
    text: Result<Vec<u8>, String>,
}

impl Found {
    /// Reads this file if it is an exercise, and a better one than what was found before.
    fn offer<R: Read>(&mut self, path: &str, open: impl FnOnce() -> io::Result<R>) {
        // An archive that holds an exercise again and again, each time at a better place.
        if self.read > MOST_UNPACKED {
            return self.refuse(path, "comes after too many others");
        }
        if let Some((exercise, depth)) = self.place(path) {
            let text = open().and_then(|file| read_source(file));
            self.read += text
                .as_ref()
                .map_or(0, |it| it.as_ref().map_or(LONGEST_SOURCE, |it| it.len() as u64));
            let text = match text {
                Ok(Some(text)) => Ok(text),
                Ok(None) => Err(format!("is longer than {} KiB", LONGEST_SOURCE >> 10)),
                Err(error) => Err(format!("cannot be read: {error}")),
            };
            let place = (depth, path.to_owned());
            self.files.insert(exercise.folder, Candidate { place, text });
        }
    }

    fn refuse(&mut self, path: &str, why: &str) {
        if let Some((exercise, depth)) = self.place(path) {
            let place = (depth, path.to_owned());
            self.files.insert(exercise.folder, Candidate { place, text: Err(why.to_owned()) });
        }
    }

    /// Which exercise this is, and how deep it is, if it stands less deep than what was found before.
    fn place(&mut self, path: &str) -> Option<(&'static Exercise, usize)> {
        let exercise = exercise_at(path)?;
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            // The first of them tells enough, and the start of it.
            if self.remarks.is_empty() {
                let start: String = path.chars().take(100).collect();
                self.remarks.push(format!("a path of the archive leads out of it: {start}"));
            }
            return None;
        }
        let names = path.split('/').filter(|part| !matches!(*part, "" | "."));
        let depth = self.within + names.count();
        let before = self.files.get(exercise.folder);
        let better = before.is_none_or(|it| (depth, path) < (it.place.0, &*it.place.1));
        better.then_some((exercise, depth))
    }

    fn into_sources(self) -> Sources {
        let mut sources = Sources { remarks: self.remarks, ..Sources::default() };
        for (folder, Candidate { text, .. }) in self.files {
            match text {
                Ok(text) => drop(sources.files.insert(folder, text)),
                Err(why) => drop(sources.refused.insert(folder, why)),
            }
        }
        if sources.files.is_empty() && sources.refused.is_empty() && sources.remarks.is_empty() {
            sources.remarks.push("no exercise is in it".to_owned());
        }
        sources
    }
}

/// The text of a source; `None` when it is too long.
fn read_source(file: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    file.take(LONGEST_SOURCE + 1).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= LONGEST_SOURCE).then_some(text))
}

/// The exercise that a file is by its path: `07-echo/exercise.rs` below any folders, or `07.rs`,
/// `07-echo.rs`, `07-exercise.rs` at the top or below one folder.
fn exercise_at(path: &str) -> Option<&'static Exercise> {
    let mut parts = path.rsplit('/');
    let file = parts.next()?;
    let folder = parts.next();
    // Deeper, a whole course has files of such names that are not its learner's.
    let near = parts.filter(|part| *part != ".").count() == 0;
    EXERCISES.iter().copied().find(|exercise| match file.strip_suffix(".rs") {
        Some("exercise") => folder == Some(exercise.folder),
        Some(stem) if near => {
            stem == exercise.number() || stem == exercise.folder || stem == exercise.program()
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_an_exercise_by_the_end_of_its_path() {
        let folder = |path| exercise_at(path).map(|it| it.folder);
        for path in [
            "07-echo/exercise.rs",
            "lessons/07-echo/exercise.rs",
            "course-main/lessons/07-echo/exercise.rs",
            "07.rs",
            "hand-in/07-echo.rs",
            "07-exercise.rs",
        ] {
            assert_eq!(folder(path), Some("07-echo"), "{path}");
        }
        for path in [
            "exercise.rs",
            "07-echo/solution.rs",
            "x07-echo/exercise.rs",
            "07-echo/x/exercise.rs",
            "tests/exercises/handed-out/07-echo.rs",
        ] {
            assert_eq!(folder(path), None, "{path}");
        }
    }

    #[test]
    fn no_two_hand_ins_have_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &OsStr| fs::create_dir(folder.path().join(name)).unwrap();
        make("anna".as_ref());
        for archive in ["anna.zip", "Anna.tar", "bob.zip", ".hidden.zip"] {
            fs::write(folder.path().join(archive), "").unwrap();
        }
        // Two names in GBK, of the same length.
        #[cfg(target_os = "linux")]
        for name in [b"\xcd\xf5", b"\xc0\xee"] {
            make(std::os::unix::ffi::OsStrExt::from_bytes(name));
        }
        let names: Vec<_> = list(folder.path()).unwrap().into_iter().map(|it| it.name).collect();
        let mut expected = vec!["Anna", "anna", "anna.zip", "bob"];
        if cfg!(target_os = "linux") {
            expected.splice(0..0, ["%C0%EE", "%CD%F5"]);
        }
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_offered_again_and_again_is_not_read_without_end() {
        let mut found = Found::default();
        let mut opened = 0;
        for number in (0..3000).rev() {
            found.offer(&format!("{number:04}/07-echo/exercise.rs"), || {
                opened += 1;
                Ok(io::repeat(b' '))
            });
        }
        assert!(opened <= MOST_UNPACKED / LONGEST_SOURCE + 1, "{opened}");
        assert!(found.into_sources().refused["07-echo"].contains("too many"));
    }

    #[test]
    fn many_paths_that_lead_out_are_one_remark() {
        let mut found = Found::default();
        for number in 0..1000 {
            let path = format!("../{number}{}/07-echo/exercise.rs", "x".repeat(1000));
            found.offer(&path, || Ok(io::empty()));
        }
        let remarks = found.into_sources().remarks;
        assert!(remarks.len() == 1 && remarks[0].len() < 200, "{remarks:?}");
    }

    #[test]
    fn the_shallowest_wins_wherever_it_stands() {
        for order in [[0, 1], [1, 0]] {
            let mut found = Found::default();
            let paths = ["a/07-echo/exercise.rs", "07-echo/exercise.rs"];
            for index in order {
                found.offer(paths[index], || Ok(paths[index].as_bytes()));
            }
            let sources = found.into_sources();
            assert_eq!(sources.files["07-echo"], b"07-echo/exercise.rs");
        }
    }
}
