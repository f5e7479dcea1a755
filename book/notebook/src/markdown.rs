//! What we read of a chapter's text: its fenced blocks, directives, links and headings, with their
//! lines.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// A chapter, taken apart.
#[derive(Debug, Default)]
pub struct Parts {
    pub blocks: Vec<Block>,
    pub directives: Vec<Directive>,
    pub links: Vec<Link>,
    pub headings: Vec<Heading>,
    /// The ids of the HTML that the chapter itself holds.
    pub ids: Vec<String>,
}

/// A fenced code block.
#[derive(Debug)]
pub struct Block {
    /// What stands behind the backquotes.
    pub info: String,
    pub body: String,
    /// The line of the fence, from 1; the body begins on the next.
    pub line: usize,
    pub range: Range<usize>,
}

/// `{{#word rest}}` outside code.
#[derive(Debug)]
pub struct Directive {
    pub word: String,
    pub rest: String,
    pub line: usize,
    pub range: Range<usize>,
}

#[derive(Debug)]
pub struct Link {
    pub to: String,
    pub line: usize,
}

#[derive(Debug)]
pub struct Heading {
    pub level: HeadingLevel,
    pub id: Option<String>,
    pub text: String,
    pub line: usize,
}

impl Block {
    /// The block's language: the first word of its info.
    pub fn language(&self) -> &str {
        self.info.split([' ', ',']).next().unwrap_or_default()
    }

    /// The path and the anchor of the one `{{#include path:anchor}}` that the block holds; `None` when it
    /// holds no include.
    ///
    /// # Errors
    /// Code stands beside the include.
    pub fn include(&self) -> Result<Option<(&str, Option<&str>)>, &'static str> {
        if !self.body.contains("{{#include") {
            return Ok(None);
        }
        let inner =
            self.body.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
        let Some(inner) = inner.filter(|inner| !inner.contains("{{")) else {
            return Err("an include stands alone in its block");
        };
        let (path, anchor) = match inner.trim().split_once(':') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (inner.trim(), None),
        };
        Ok(Some((path, anchor)))
    }
}

/// Takes a chapter's text apart.
pub fn parts(text: &str) -> Parts {
    let lines = Lines::of(text);
    let mut parts = Parts::default();
    let mut code: Vec<Range<usize>> = Vec::new();
    let (mut block, mut heading): (Option<Block>, Option<Heading>) = (None, None);
    for (event, range) in new_cmark_parser(text, &MarkdownOptions::default()).into_offset_iter() {
        let line = lines.at(range.start);
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                code.push(range.clone());
                block = Some(Block { info, body: String::new(), line, range });
            }
            Event::End(TagEnd::CodeBlock) => parts.blocks.extend(block.take()),
            Event::Start(Tag::Heading { level, id, .. }) => {
                let id = id.map(|id| id.into_string());
                heading = Some(Heading { level, id, text: String::new(), line });
            }
            Event::End(TagEnd::Heading(_)) => parts.headings.extend(heading.take()),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                parts.links.push(Link { to: dest_url.into_string(), line });
            }
            Event::Text(text) => {
                if let Some(block) = &mut block {
                    block.body.push_str(&text);
                }
                if let Some(heading) = &mut heading {
                    heading.text.push_str(&text);
                }
            }
            Event::Code(text) => {
                code.push(range);
                if let Some(heading) = &mut heading {
                    heading.text.push_str(&text);
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                parts.ids.extend(attributes(&html, "id"));
                let links = attributes(&html, "href").map(|to| Link { to, line });
                parts.links.extend(links);
            }
            _ => {}
        }
    }
    let mut from = 0;
    while let Some(begin) = text[from..].find("{{#").map(|at| from + at) {
        let end = text[begin..].find("}}").map_or(text.len(), |at| begin + at + 2);
        from = begin + 3;
        if code.iter().any(|code| code.contains(&begin)) {
            continue;
        }
        let inner = text[begin + 3..end].trim_end_matches('}');
        let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        parts.directives.push(Directive {
            word: word.to_owned(),
            rest: rest.trim().to_owned(),
            line: lines.at(begin),
            range: begin..end,
        });
        from = end;
    }
    parts
}

/// The values of an attribute in a piece of HTML that is written by us.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let begin = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        let at = rest.find(&begin)? + begin.len();
        let (value, after) = rest[at..].split_once('"')?;
        rest = after;
        Some(value.to_owned())
    })
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// The number of the line that holds this byte, from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|begin| *begin <= byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_directives_links_and_headings_come_with_their_lines() {
        let text = "# One {#one}\n\nA [link](two.md#three) and `{{#fact no}}`. {{#fact yes}}\n\n\
                    ```session x\na$ b\n```\n\n{{#source lessons/a.rs}}\n\n<p id=\"p\"><a href=\"#q\">q</a></p>\n\n## Two\n";
        let parts = parts(text);
        let block = &parts.blocks[0];
        assert_eq!((block.language(), block.body.as_str(), block.line), ("session", "a$ b\n", 5));
        let directives: Vec<_> =
            parts.directives.iter().map(|d| (d.word.as_str(), d.rest.as_str(), d.line)).collect();
        assert_eq!(directives, [("fact", "yes", 3), ("source", "lessons/a.rs", 9)]);
        let links: Vec<_> = parts.links.iter().map(|link| (link.to.as_str(), link.line)).collect();
        assert_eq!(links, [("two.md#three", 3), ("#q", 11)]);
        assert_eq!(parts.headings[0].id.as_deref(), Some("one"));
        assert_eq!((parts.headings[1].id.as_deref(), parts.headings[1].line), (None, 13));
        assert_eq!(parts.ids, ["p"]);
    }

    #[test]
    fn an_include_stands_alone_in_its_block() {
        let block =
            |body: &str| Block { info: "rust".into(), body: body.into(), line: 1, range: 0..0 };
        assert_eq!(block("{{#include ../a.rs:b}}\n").include(), Ok(Some(("../a.rs", Some("b")))));
        assert_eq!(block("{{#include ../a.rs}}\n").include(), Ok(Some(("../a.rs", None))));
        assert_eq!(block("let x = 1;\n").include(), Ok(None));
        assert!(block("let x = 1;\n{{#include ../a.rs:b}}\n").include().is_err());
    }
}
