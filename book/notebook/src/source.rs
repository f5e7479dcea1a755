//! Code in the book: regions of the files that are tested, whole files, and the difference of two.

use std::collections::BTreeMap;

use similar::{ChangeTag, TextDiff};

/// A region between `// ANCHOR: name` and `// ANCHOR_END: name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The number of its first line in the file, from 1.
    pub line: usize,
    /// Its lines without those of anchors, moved left together.
    pub code: String,
}

/// What is wrong with the anchors of a file: the line and a sentence.
pub type Wrong = (usize, String);

/// The regions of a file, by their names.
///
/// # Errors
/// An anchor that is opened twice, not closed, closed without having been opened, or empty.
pub fn regions(text: &str) -> Result<BTreeMap<String, Region>, Wrong> {
    let mut open: BTreeMap<String, (usize, Vec<&str>)> = BTreeMap::new();
    let mut regions = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        match anchor(line) {
            Some(Anchor::Begin(name)) => {
                let twice = regions.contains_key(name);
                if twice || open.insert(name.to_owned(), (number, Vec::new())).is_some() {
                    return Err((number, format!("the anchor \"{name}\" is opened twice")));
                }
            }
            Some(Anchor::End(name)) => {
                let Some((begin, lines)) = open.remove(name) else {
                    return Err((
                        number,
                        format!("the anchor \"{name}\" is closed and was never opened"),
                    ));
                };
                if lines.iter().all(|line| line.trim().is_empty()) {
                    return Err((begin, format!("the anchor \"{name}\" is empty")));
                }
                regions
                    .insert(name.to_owned(), Region { line: begin + 1, code: moved_left(&lines) });
            }
            None => open.values_mut().for_each(|(_, lines)| lines.push(line)),
        }
    }
    match open.into_iter().next() {
        None => Ok(regions),
        Some((name, (line, _))) => Err((line, format!("the anchor \"{name}\" is never closed"))),
    }
}

/// A file without the lines of its anchors.
pub fn whole(text: &str) -> String {
    text.lines()
        .filter(|line| anchor(line).is_none())
        .fold(String::new(), |whole, line| whole + line + "\n")
}

/// What changes from one file to the next, without the anchors and the heads (`//!`) of both: lines that
/// begin with `-`, `+` or a blank, and `⋮` where unchanged lines are left out.
pub fn difference(from: &str, to: &str) -> String {
    let (from, to) = (without_head(from), without_head(to));
    let diff = TextDiff::from_lines(&from, &to);
    let mut groups = Vec::new();
    for group in diff.grouped_ops(2) {
        let mut shown = String::new();
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            shown.push_str(format!("{mark}{}", change.value().trim_end_matches('\n')).trim_end());
            shown.push('\n');
        }
        groups.push(shown);
    }
    groups.join("⋮\n")
}

fn without_head(text: &str) -> String {
    let whole = whole(text);
    let head = whole.lines().take_while(|line| line.starts_with("//!") || line.is_empty()).count();
    whole.lines().skip(head).fold(String::new(), |rest, line| rest + line + "\n")
}

enum Anchor<'a> {
    Begin(&'a str),
    End(&'a str),
}

fn anchor(line: &str) -> Option<Anchor<'_>> {
    let comment = line.trim().strip_prefix("// ANCHOR")?;
    match comment.strip_prefix("_END:") {
        Some(name) => Some(Anchor::End(name.trim())),
        None => Some(Anchor::Begin(comment.strip_prefix(':')?.trim())),
    }
}

fn moved_left(lines: &[&str]) -> String {
    let indent = |line: &&str| line.len() - line.trim_start_matches(' ').len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    lines
        .iter()
        .fold(String::new(), |code, line| code + line.get(least..).unwrap_or_default() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_moved_left_and_shows_no_anchor_inside_it() {
        let text = "fn f() {\n    // ANCHOR: a\n    let x = 1;\n    // ANCHOR: b\n\n        g(x);\n    // ANCHOR_END: b\n    // ANCHOR_END: a\n}\n";
        let regions = regions(text).expect("the anchors are in order");
        assert_eq!(regions["a"], Region { line: 3, code: "let x = 1;\n\n    g(x);\n".to_owned() });
        assert_eq!(regions["b"].code, "\ng(x);\n");
        assert_eq!(whole(text), "fn f() {\n    let x = 1;\n\n        g(x);\n}\n");
    }

    #[test]
    fn anchors_out_of_order_are_refused_with_their_line() {
        let refused = |text: &str| regions(text).expect_err("refused");
        assert_eq!(
            refused("x\n// ANCHOR: a\ny\n"),
            (2, "the anchor \"a\" is never closed".to_owned())
        );
        assert_eq!(
            refused("// ANCHOR: a\n\n// ANCHOR_END: a\n"),
            (1, "the anchor \"a\" is empty".to_owned())
        );
        assert!(refused("// ANCHOR_END: a\n").1.contains("was never opened"));
        assert!(
            refused("// ANCHOR: a\nx\n// ANCHOR: a\n// ANCHOR_END: a\n").1.contains("opened twice")
        );
    }

    #[test]
    fn a_difference_shows_what_changes_and_little_around_it() {
        let from = "//! One\n\na\nb\nc\nd\n// ANCHOR: x\ne\n1\n2\n3\n4\n5\n6\n";
        let to = "//! Two\n\na\nb\nc\nd\nE\nf\n1\n2\n3\n4\n5\n";
        let expected = " c\n d\n-e\n+E\n+f\n 1\n 2\n⋮\n 4\n 5\n-6\n";
        assert_eq!(difference(from, to), expected);
        assert_eq!(difference(from, from), "");
    }
}
