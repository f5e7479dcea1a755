//! What a session block says: programs in named terminals, and what happens in them, in order.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A session block of a chapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The file of the chapter, such as `07-echo.md`.
    pub chapter: String,
    /// Unique in its chapter.
    pub name: String,
    /// Whether the packets are recorded too.
    pub packets: bool,
    /// What stands below the session.
    pub caption: Option<String>,
    /// The names of the terminals, in the order in which they appear.
    pub terminals: Vec<String>,
    pub steps: Vec<Step>,
}

/// One line of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The line's number in the chapter, from 1.
    pub line: usize,
    pub action: Action,
}

/// What a line of a session says. `terminal` is an index into [`Session::terminals`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// `server$ 07-echo-server --once`: starts a program; `command` is what follows the dollar.
    Start { terminal: usize, command: String, program: String, arguments: Vec<String> },
    /// `server| from [..]: hello`: waits for the next line.
    Line { terminal: usize, pattern: String },
    /// `client? >>>`: waits for text without a line ending.
    Prompt { terminal: usize, pattern: String },
    /// `client> hello`: types a line.
    Type { terminal: usize, text: String },
    /// `client^D`: ends the input.
    EndInput { terminal: usize },
    /// `client^C`: interrupts.
    Interrupt { terminal: usize },
    /// `client! 0`: waits for the end of the program.
    Status { terminal: usize, status: i32 },
    /// `wire| UDP A > B 5 bytes`: such a packet was seen.
    Packet { pattern: String },
}

/// A sentence that a writer needs, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// The file of the chapter, or of a lesson: `07-echo.md`.
    pub file: String,
    /// From 1; 0 when the whole file is meant.
    pub line: usize,
    pub what: String,
}

impl Fault {
    pub fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what } = self;
        match line {
            0 => write!(formatter, "{file}: {what}"),
            _ => write!(formatter, "{file}:{line}: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

impl Session {
    /// Reads a session block: `info` is what stands behind the backquotes (`session NAME packets`),
    /// `first_line` the number of the body's first line in the chapter.
    ///
    /// # Errors
    /// The first line that is no line of a session, as a sentence with its place.
    pub fn parse(chapter: &str, info: &str, body: &str, first_line: usize) -> Result<Self, Fault> {
        let fault = |line: usize, what: String| Fault::new(chapter, line, what);
        let fence = first_line.saturating_sub(1);
        let mut words = info.split_whitespace().skip(1);
        let Some(name) = words.next() else {
            return Err(fault(fence, "a session needs a name: ```session NAME".to_owned()));
        };
        if !is_name(name) {
            let what = format!("\"{name}\" is no name: small letters, digits and hyphens");
            return Err(fault(fence, what));
        }
        let mut session = Self {
            chapter: chapter.to_owned(),
            name: name.to_owned(),
            packets: false,
            caption: None,
            terminals: Vec::new(),
            steps: Vec::new(),
        };
        for word in words {
            match word {
                "packets" => session.packets = true,
                other => {
                    let what = format!("\"{other}\" is nothing that a session can record: packets");
                    return Err(fault(fence, what));
                }
            }
        }
        for (line, text) in (first_line..).zip(body.lines()) {
            session.read_line(line, text).map_err(|what| fault(line, what))?;
        }
        if session.steps.is_empty() {
            return Err(fault(fence, "the session is empty".to_owned()));
        }
        Ok(session)
    }

    fn read_line(&mut self, line: usize, text: &str) -> Result<(), String> {
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(());
        }
        if let Some(caption) = text.strip_prefix('#') {
            let before = self.caption.take().map(|before| before + " ").unwrap_or_default();
            self.caption = Some(before + caption.trim());
            return Ok(());
        }
        let length = text.find(|c: char| !is_name_letter(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(length);
        let mark = rest.chars().next().filter(|mark| "$|?>^!".contains(*mark));
        let Some(mark) = mark.filter(|_| is_name(name)) else {
            return Err(format!(
                "not a line of a session: {text:?}; one begins with NAME$, NAME|, NAME?, NAME>, NAME^ or NAME!"
            ));
        };
        let said = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]).to_owned();
        let action = if name == "wire" {
            self.read_packet(mark, said)?
        } else if mark == '$' {
            self.read_start(name, said)?
        } else {
            let terminal = self.terminals.iter().position(|known| known == name);
            let Some(terminal) = terminal else {
                return Err(format!("the terminal \"{name}\" was never started: {name}$ PROGRAM"));
            };
            read_event(terminal, mark, said)?
        };
        self.steps.push(Step { line, action });
        Ok(())
    }

    fn read_packet(&self, mark: char, pattern: String) -> Result<Action, String> {
        if mark != '|' {
            return Err("packets are expected by a line wire| PROTOCOL SOURCE > DESTINATION".into());
        }
        if !self.packets {
            return Err(format!("no packets are recorded here: ```session {} packets", self.name));
        }
        Ok(Action::Packet { pattern })
    }

    fn read_start(&mut self, name: &str, command: String) -> Result<Action, String> {
        let words = shlex::split(&command).unwrap_or_default();
        let Some((program, arguments)) = words.split_first() else {
            return Err(format!("no command: {command:?}"));
        };
        let (program, arguments) = (program.clone(), arguments.to_vec());
        let known = self.terminals.iter().position(|known| known == name);
        let terminal = known.unwrap_or_else(|| {
            self.terminals.push(name.to_owned());
            self.terminals.len() - 1
        });
        Ok(Action::Start { terminal, command, program, arguments })
    }

    /// The names of the programs that the session starts, each once.
    pub fn programs(&self) -> Vec<&str> {
        let mut programs = Vec::new();
        for step in &self.steps {
            if let Action::Start { program, .. } = &step.action
                && !programs.contains(&program.as_str())
            {
                programs.push(program);
            }
        }
        programs
    }

    /// The number of the line that starts this program first; 0 when none does.
    pub fn line_that_starts(&self, name: &str) -> usize {
        let starts =
            |step: &&Step| matches!(&step.action, Action::Start { program, .. } if program == name);
        self.steps.iter().find(starts).map_or(0, |step| step.line)
    }

    /// What the session says, without the place where it stands: two editions share its recording.
    pub fn text(&self) -> String {
        let actions: Vec<&Action> = self.steps.iter().map(|step| &step.action).collect();
        format!("{} {:?} {actions:?}", self.packets, self.terminals)
    }
}

fn read_event(terminal: usize, mark: char, said: String) -> Result<Action, String> {
    Ok(match mark {
        '|' => Action::Line { terminal, pattern: said },
        '?' => Action::Prompt { terminal, pattern: said },
        '>' => Action::Type { terminal, text: said },
        '^' => match said.as_str() {
            "D" => Action::EndInput { terminal },
            "C" => Action::Interrupt { terminal },
            other => return Err(format!("^{other} is no key of a session: ^D or ^C")),
        },
        _ => match said.parse() {
            Ok(status) => Action::Status { terminal, status },
            Err(_) => return Err(format!("an exit status is a number, not {said:?}")),
        },
    })
}

fn is_name_letter(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_name_letter)
}

/// Whether a printed line is what a pattern says: `[..]` in it stands for any text. Blanks at the ends
/// of both do not count.
pub fn matches(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (pattern.trim_end(), line.trim_end());
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Session, Fault> {
        Session::parse("07-echo.md", "session one packets", body, 10)
    }

    #[track_caller]
    fn refused(body: &str, line: usize, what: &str) {
        let fault = parse(body).expect_err("the block is refused");
        assert_eq!((fault.file.as_str(), fault.line), ("07-echo.md", line), "{fault}");
        assert!(fault.what.contains(what), "{fault}");
    }

    #[test]
    fn every_kind_of_line_is_read_in_order() {
        let body = "# Two words.\nserver$ 02-receive --buffer 4\nserver| listening [..]\nwire| UDP [..]\n\
                    client$ 01-send 127.0.0.1:7878 \"two words\"\nclient? >>>\nclient>  hello\nclient>\n\
                    client^D\nclient^C\nclient! 130\n";
        let session = parse(body).expect("it is a session");
        assert_eq!(session.caption.as_deref(), Some("Two words."));
        assert_eq!(session.terminals, ["server", "client"]);
        assert_eq!(session.programs(), ["02-receive", "01-send"]);
        let lines: Vec<usize> = session.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, (11..21).collect::<Vec<_>>());
        let actions: Vec<Action> = session.steps.into_iter().map(|step| step.action).collect();
        let Action::Start { arguments, .. } = &actions[3] else { panic!("{:?}", actions[3]) };
        assert_eq!(arguments, &["127.0.0.1:7878", "two words"]);
        assert_eq!(actions[5], Action::Type { terminal: 1, text: " hello".to_owned() });
        assert_eq!(actions[6], Action::Type { terminal: 1, text: String::new() });
        assert_eq!(actions[7], Action::EndInput { terminal: 1 });
        assert_eq!(actions[9], Action::Status { terminal: 1, status: 130 });
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_place() {
        refused("server$ 07-echo-server\nlistening\n", 11, "not a line of a session");
        refused("server| listening\n", 10, "the terminal \"server\" was never started");
        refused("server$ 07-echo-server\nserver^X\n", 11, "^X is no key");
        refused("server$ 07-echo-server\nserver! zero\n", 11, "an exit status is a number");
        refused("server$ \"open\nserver| x\n", 10, "no command");
        refused("# a caption\n", 9, "the session is empty");
    }

    #[test]
    fn a_session_without_name_or_with_an_unknown_word_is_refused() {
        let refused =
            |info: &str| Session::parse("a.md", info, "a$ 01-send\n", 2).unwrap_err().what;
        assert!(refused("session").contains("needs a name"));
        assert!(refused("session Two").contains("is no name"));
        assert!(refused("session two pakets").contains("\"pakets\" is nothing"));
    }

    #[test]
    fn packets_are_expected_only_where_they_are_recorded() {
        let session = Session::parse("a.md", "session one", "a$ 01-send\nwire| UDP [..]\n", 2);
        assert!(session.unwrap_err().what.contains("no packets are recorded here"));
    }

    #[test]
    fn a_wildcard_stands_for_any_text_and_nothing_else_does() {
        assert!(matches("from [..]: hello", "from 127.0.0.1:5: hello"));
        assert!(matches("[..]", ""));
        assert!(matches("a[..]b[..]c", "a-b-b-c"));
        assert!(matches(">>>", ">>> "));
        assert!(!matches("from [..]: hello", "from 127.0.0.1:5: hellO"));
        assert!(!matches("from [..]: hello", "from 127.0.0.1:5: hello ".trim_end_matches("o ")));
        assert!(!matches("aa[..]aa", "aaa"));
        assert!(!matches("hello", "hello world"));
    }
}
