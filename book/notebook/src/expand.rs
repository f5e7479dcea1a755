//! Turns a chapter as it is written into one that mdBook renders: sessions that ran, code from its
//! files, facts and diagrams.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::html::{self, Words};
use crate::markdown::{self, Block, Directive, Parts};
use crate::run::Recording;
use crate::session::{Fault, Session};
use crate::source;

/// A chapter as it is written.
pub struct Chapter {
    /// Its path from the root of the course: `book/en/src/07-echo.md`.
    pub file: String,
    pub text: String,
    pub parts: Parts,
}

/// What a chapter is expanded in: the rest of the course.
pub struct Surroundings<'a> {
    /// The folder of the course.
    pub root: &'a Path,
    /// The names of all tests.
    pub tests: &'a [String],
    /// The chapter that shows a file whole, by the file.
    pub wholes: BTreeMap<String, String>,
    pub words: &'static Words,
}

/// A piece of a lesson's file that a chapter shows: the file from the root of the course, and the
/// region, or `None` for the whole file.
pub type Shown = (String, Option<String>);

impl Chapter {
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), parts: markdown::parts(text) }
    }

    /// The name of its file without the ending: `07-echo`.
    pub fn name(&self) -> &str {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".md").unwrap_or(name)
    }

    fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault::new(&self.file, line, what)
    }

    /// Its sessions.
    ///
    /// # Errors
    /// Every block that is no session, and names that two of them bear.
    pub fn sessions(&self) -> Result<Vec<Session>, Vec<Fault>> {
        let (mut sessions, mut faults): (Vec<Session>, Vec<Fault>) = (Vec::new(), Vec::new());
        for block in self.parts.blocks.iter().filter(|block| block.language() == "session") {
            match Session::parse(&self.file, &block.info, &block.body, block.line + 1) {
                Err(fault) => faults.push(fault),
                Ok(session) if sessions.iter().any(|other| other.name == session.name) => {
                    faults.push(
                        self.fault(block.line, format!("a second session \"{}\"", session.name)),
                    );
                }
                Ok(session) => sessions.push(session),
            }
        }
        if faults.is_empty() { Ok(sessions) } else { Err(faults) }
    }

    /// The chapter for mdBook. `recordings` has one for each session, in their order; without them the
    /// sessions stay as they are written, which serves to check the rest.
    ///
    /// # Errors
    /// Everything that leads nowhere: includes, facts, diagrams, directives, and blocks that are no session.
    pub fn expand(
        &self,
        around: &Surroundings<'_>,
        recordings: Option<&[Recording]>,
    ) -> Result<String, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut pieces: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        let sessions = self.sessions().unwrap_or_else(|more| {
            faults.extend(more);
            Vec::new()
        });
        let mut recorded = sessions.iter().zip(recordings.unwrap_or_default());
        for block in &self.parts.blocks {
            let html = match block.language() {
                "session" => match recorded.next() {
                    Some((session, recording)) => {
                        Ok(Some(html::session(session, recording, self.name(), around.words)))
                    }
                    None => Ok(None),
                },
                "diagram" => self.diagram(around, block).map(Some),
                _ => self.included(around, block),
            };
            match html {
                Ok(Some(html)) => pieces.push((block.range.clone(), format!("\n{html}\n"))),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        for directive in &self.parts.directives {
            match self.directive(around, directive) {
                Ok(html) => pieces.push((directive.range.clone(), html)),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            faults.sort();
            return Err(faults);
        }
        pieces.sort_by_key(|(range, _)| range.start);
        let mut text = String::new();
        let mut from = 0;
        for (range, html) in pieces {
            text.push_str(&self.text[from..range.start]);
            text.push_str(&html);
            from = range.end;
        }
        text.push_str(&self.text[from..]);
        Ok(text)
    }

    fn diagram(&self, around: &Surroundings<'_>, block: &Block) -> Result<String, Fault> {
        let fault = |what: String| self.fault(block.line, what);
        let name = block.info.split_whitespace().nth(1).unwrap_or_default();
        let file = format!("book/diagrams/{name}.svg");
        let svg = fs::read_to_string(around.root.join(&file))
            .map_err(|error| fault(format!("no diagram {file}: {error}")))?;
        if block.body.trim().is_empty() {
            return Err(fault(format!("the diagram {name} says nothing in words")));
        }
        Ok(html::diagram(name, &svg, &block.body, around.words))
    }

    /// The region that a block includes; `None` when it holds something of its own that it may hold.
    fn included(&self, around: &Surroundings<'_>, block: &Block) -> Result<Option<String>, Fault> {
        let fault = |what: &str| self.fault(block.line, what);
        let Some((path, anchor)) = block.include().map_err(fault)? else {
            return match block.language() {
                // Commands to type.
                "sh" => Ok(None),
                "rust" => {
                    Err(fault("code is pasted here: include a region, {{#include PATH:ANCHOR}}"))
                }
                other => Err(fault(&format!(
                    "a block of \"{other}\" is none that this book knows: session, rust, diagram, sh"
                ))),
            };
        };
        let Some(anchor) = anchor else {
            return Err(fault(
                "an include names a region, PATH:ANCHOR; for a whole file use {{#source PATH}}",
            ));
        };
        let file = self.rooted(path);
        let code = self.read(around.root, &file, block.line)?;
        let regions =
            source::regions(&code).map_err(|(line, what)| Fault::new(&file, line, what))?;
        let Some(region) = regions.get(anchor) else {
            return Err(fault(&format!("{file} has no anchor \"{anchor}\"")));
        };
        let page = around.wholes.get(&file).filter(|page| *page != self.name());
        let page = page.map(|page| format!("{page}.md")).unwrap_or_default();
        let link = format!("{page}#{}", html::source_id(&file));
        Ok(Some(html::listing(&file, &link, &region.code)))
    }

    fn directive(&self, around: &Surroundings<'_>, directive: &Directive) -> Result<String, Fault> {
        let Directive { word, rest, line, .. } = directive;
        let Surroundings { root, tests, words, .. } = around;
        let fault = |what: String| self.fault(*line, what);
        match word.as_str() {
            "fact" if tests.iter().any(|test| test == rest) => Ok(html::fact(rest, words)),
            "fact" => Err(fault(format!("no test is named \"{rest}\""))),
            "source" => {
                let code = self.read(root, rest, *line)?;
                Ok(format!("\n{}\n", html::source(rest, &source::whole(&code), words)))
            }
            "difference" => {
                let Some((from, to)) = rest.split_once(' ') else {
                    return Err(fault("a difference names two files".to_owned()));
                };
                let (before, after) =
                    (self.read(root, from, *line)?, self.read(root, to.trim(), *line)?);
                let difference = source::difference(&before, &after);
                if difference.is_empty() {
                    return Err(fault(format!("{from} and {to} do not differ")));
                }
                Ok(format!("\n{}\n", html::difference(from, to.trim(), &difference, words)))
            }
            "include" => Err(fault("an include stands alone in a ```rust block".to_owned())),
            other => Err(fault(format!("{{{{#{other}}}}} is nothing that this book knows"))),
        }
    }

    /// The regions and files that the chapter shows.
    pub fn shown(&self) -> Vec<Shown> {
        let includes = self.parts.blocks.iter().filter_map(|block| {
            let (path, anchor) = block.include().ok()??;
            Some((self.rooted(path), anchor.map(str::to_owned)))
        });
        let sources = self.parts.directives.iter().filter(|directive| directive.word == "source");
        includes.chain(sources.map(|source| (source.rest.clone(), None))).collect()
    }

    /// The names of the diagrams that the chapter shows.
    pub fn diagrams(&self) -> impl Iterator<Item = &str> {
        let diagrams = self.parts.blocks.iter().filter(|block| block.language() == "diagram");
        diagrams.filter_map(|block| block.info.split_whitespace().nth(1))
    }

    /// All that a link into the page may name behind `#`.
    pub fn ids(&self) -> Vec<String> {
        let parts = &self.parts;
        let mut ids: Vec<String> =
            parts.headings.iter().filter_map(|heading| heading.id.clone()).collect();
        ids.extend(parts.ids.iter().cloned());
        ids.extend(
            self.sessions()
                .unwrap_or_default()
                .iter()
                .map(|session| format!("session-{}", session.name)),
        );
        ids.extend(
            self.shown()
                .iter()
                .filter(|(_, region)| region.is_none())
                .map(|(file, _)| html::source_id(file)),
        );
        ids
    }

    fn read(&self, root: &Path, file: &str, line: usize) -> Result<String, Fault> {
        let read = fs::read_to_string(root.join(file));
        read.map_err(|error| self.fault(line, format!("cannot read {file}: {error}")))
    }

    /// A path as the chapter writes it, from the root of the course.
    fn rooted(&self, path: &str) -> String {
        let mut whole: Vec<String> = Vec::new();
        let folder = Path::new(&self.file).parent().unwrap_or(Path::new(""));
        let joined: PathBuf = folder.join(path);
        for component in joined.components() {
            match component {
                Component::ParentDir => drop(whole.pop()),
                Component::Normal(name) => whole.push(name.to_string_lossy().into_owned()),
                _ => {}
            }
        }
        whole.join("/")
    }
}

/// The recordings of a chapter's sessions, or all their faults.
///
/// # Errors
/// Every session that did not come true.
pub fn all_recorded(recorded: Vec<Result<Recording, Fault>>) -> Result<Vec<Recording>, Vec<Fault>> {
    let (mut recordings, mut faults) = (Vec::new(), Vec::new());
    for result in recorded {
        match result {
            Ok(recording) => recordings.push(recording),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(recordings) } else { Err(faults) }
}

/// The chapters by the name that links use: `07-echo.md`.
pub fn by_name(chapters: &[Chapter]) -> BTreeMap<String, &Chapter> {
    chapters.iter().map(|chapter| (format!("{}.md", chapter.name()), chapter)).collect()
}
