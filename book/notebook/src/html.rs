//! How sessions, code, facts and diagrams look in the page. The theme (`book/theme/`) knows these
//! elements and classes.

use std::fmt::Write;
use std::net::SocketAddr;

use data_encoding::BASE64;
use html_escape::{encode_double_quoted_attribute as attribute, encode_text};

use crate::capture::{self, Packet, Protocol};
use crate::run::{Event, Recorded, Recording, What};
use crate::session::Session;

/// What the pages themselves say, in the language of an edition.
pub struct Words {
    exit_status: &'static str,
    ended_by_interrupt: &'static str,
    packets: &'static str,
    columns: [&'static str; 7],
    no_packets: &'static str,
    capture: &'static str,
    whole: &'static str,
    from_to: [&'static str; 2],
    in_words: &'static str,
    tested: &'static str,
}

impl Words {
    /// The words of the edition with this language, as its `book.toml` names it.
    pub fn of(_language: &str) -> &'static Self {
        &ENGLISH
    }
}

const ENGLISH: Words = Words {
    exit_status: "exit status",
    ended_by_interrupt: "ended by Ctrl-C",
    packets: "Packets",
    columns: ["No.", "Time", "Source", "Destination", "Protocol", "Length", "Info"],
    no_packets: "The packets were not recorded: this book was built on a system that does not let everybody do so.",
    capture: "The capture file of this run, for Wireshark",
    whole: "the whole file",
    from_to: ["What changes from", "to"],
    in_words: "In words",
    tested: "tested",
};

/// A session, with what happened when it ran. `page` is the chapter's name without its ending.
pub fn session(session: &Session, recording: &Recording, page: &str, words: &Words) -> String {
    let rows = rows(&recording.events, words);
    let mut html = format!(
        "<figure class=\"session\" id=\"session-{}\" style=\"--terminals:{};--rows:{}\">\n<div class=\"screen\">\n",
        session.name,
        session.terminals.len(),
        rows.len(),
    );
    for (lane, name) in (1..).zip(&session.terminals) {
        let _ = writeln!(
            html,
            "<div class=\"terminal\" style=\"--lane:{lane}\"><span class=\"name\">{name}</span></div>"
        );
    }
    html.push_str("<ol class=\"events\">\n");
    for (number, row) in (1..).zip(&rows) {
        let Row { event: Event { terminal, time, .. }, class, content, prompted } = row;
        let (lane, name) = (terminal + 1, &session.terminals[*terminal]);
        let prompted = prompted.map(|row| format!(" data-prompted=\"{row}\"")).unwrap_or_default();
        let _ = writeln!(
            html,
            "<li class=\"event {class}\" style=\"--lane:{lane};--row:{number}\" data-lane=\"{lane}\" data-time=\"{time}\"{prompted}>\
             <span class=\"who\">{name}: </span>{content}</li>"
        );
    }
    html.push_str("</ol>\n</div>\n");
    if session.packets {
        html.push_str(&packets(session, &recording.packets, &recording.events, page, words));
    }
    if let Some(caption) = &session.caption {
        let _ = writeln!(html, "<figcaption>{}</figcaption>", inline_code(caption));
    }
    html.push_str("</figure>\n");
    html
}

/// An event that has a row of its own.
struct Row<'a> {
    event: &'a Event,
    class: &'static str,
    content: String,
    /// The number of the row with which the prompt appeared that is answered here.
    prompted: Option<usize>,
}

/// The rows of a session. A prompt that is answered stands in the row of the answer.
fn rows<'a>(events: &'a [Event], words: &Words) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let mut prompted = None;
        let (class, content) = match &event.what {
            What::Prompt(_) if is_answered(events, index) => continue,
            What::Start(command) => {
                let command = in_full(command);
                ("start", format!("{DOLLAR}<kbd class=\"command\">{}</kbd>", text(&command)))
            }
            What::Line(line) => ("line", format!("<samp>{}</samp>", text(line))),
            What::Prompt(prompt) => ("prompt", format!("<samp>{}</samp>", text(prompt))),
            What::Status(status) => {
                let ended = match status {
                    130 => format!("{}, {} 130", words.ended_by_interrupt, words.exit_status),
                    _ => format!("{} {status}", words.exit_status),
                };
                ("status", ended)
            }
            What::Type(_) | What::EndInput | What::Interrupt => {
                let (class, pressed) = match &event.what {
                    What::Type(typed) => ("typed", typed.as_str()),
                    What::EndInput => ("key", "Ctrl-D"),
                    _ => ("key", "Ctrl-C"),
                };
                let prompt = prompt_before(events, index);
                let before = prompt.map(|(_, prompt)| format!("<samp>{}</samp>", text(prompt)));
                prompted = prompt.map(|(at, _)| row_at(events, at));
                (class, format!("{}<kbd>{}</kbd>", before.unwrap_or_default(), text(pressed)))
            }
        };
        rows.push(Row { event, class, content, prompted });
    }
    rows
}

/// The number, from 1, of the row in which an event stands; for a prompt that stands in none, that of the
/// last row before it.
fn row_at(events: &[Event], index: usize) -> usize {
    let is_merged =
        |at: usize| matches!(events[at].what, What::Prompt(_)) && is_answered(events, at);
    (0..=index).filter(|at| !is_merged(*at)).count()
}

const DOLLAR: &str = "<span class=\"dollar\" aria-hidden=\"true\">$ </span>";

/// What a reader types to start a lesson's program.
pub fn in_full(command: &str) -> String {
    match command.split_once(' ') {
        Some((program, arguments)) => format!("cargo run --bin {program} -- {arguments}"),
        None => format!("cargo run --bin {command}"),
    }
}

fn is_answered(events: &[Event], prompt: usize) -> bool {
    let terminal = events[prompt].terminal;
    let next = events[prompt + 1..].iter().find(|event| event.terminal == terminal);
    next.is_some_and(|next| matches!(next.what, What::Type(_) | What::EndInput | What::Interrupt))
}

/// The prompt that is answered by this event, and where it is among the events.
fn prompt_before(events: &[Event], index: usize) -> Option<(usize, &str)> {
    let terminal = events[index].terminal;
    let before = events[..index].iter().rposition(|event| event.terminal == terminal)?;
    match &events[before].what {
        What::Prompt(prompt) => Some((before, prompt)),
        _ => None,
    }
}

fn packets(
    session: &Session,
    packets: &[Recorded],
    events: &[Event],
    page: &str,
    words: &Words,
) -> String {
    if packets.is_empty() {
        return format!("<p class=\"capture\">{}</p>\n", words.no_packets);
    }
    let mut html = format!(
        "<div class=\"packets-frame\" tabindex=\"0\" role=\"group\" aria-label=\"{}\"><table class=\"packets\"><thead><tr>",
        words.packets
    );
    for column in words.columns {
        let _ = write!(html, "<th>{column}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let plain: Vec<_> = packets.iter().map(|recorded| recorded.packet.clone()).collect();
    for ((number, recorded), counted) in (1..).zip(packets).zip(capture::numbers(&plain)) {
        let step = row_at(events, recorded.event);
        let packet = &recorded.packet;
        let _ = write!(
            html,
            "<tr data-step=\"{step}\"><td>{number}</td><td>{:.6}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td><span class=\"info\">{}</span>",
            recorded.time.as_secs_f64(),
            end(packet, packet.source),
            end(packet, packet.destination),
            packet.protocol,
            packet.length,
            text(&capture::info(packet, counted)),
        );
        if !packet.payload.is_empty() {
            let _ = write!(
                html,
                " <code class=\"payload\">{}</code>",
                text(&hex_and_text(&packet.payload))
            );
        }
        html.push_str("</td></tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    // Written to memory, it cannot fail.
    let pcap = capture::pcap(&plain).unwrap_or_default();
    let _ = writeln!(
        html,
        "<p class=\"capture\"><a download=\"{page}-{}.pcap\" href=\"data:application/vnd.tcpdump.pcap;base64,{}\">{}</a></p>",
        session.name,
        BASE64.encode(&pcap),
        words.capture
    );
    html
}

/// An end of a packet: an address, with its port where the protocol has ports.
fn end(packet: &Packet, address: SocketAddr) -> String {
    match packet.protocol {
        Protocol::Udp | Protocol::Tcp => address.to_string(),
        Protocol::Icmp | Protocol::Other(_) => address.ip().to_string(),
    }
}

/// The first bytes of a payload as hexadecimal numbers, and what they are as text.
fn hex_and_text(payload: &[u8]) -> String {
    const SHOWN: usize = 16;
    let first = &payload[..payload.len().min(SHOWN)];
    let hex: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
    let more = if payload.len() > SHOWN { "…" } else { "" };
    let mut characters = String::new();
    for piece in first.utf8_chunks() {
        characters.extend(piece.valid().chars().map(|c| if c.is_control() { '·' } else { c }));
        // A character that the end cuts off is not shown as broken.
        if !piece.invalid().is_empty() && more.is_empty() {
            characters.push('·');
        }
    }
    format!("{}{more}  {characters}{more}", hex.join(" "))
}

/// What stands above a region: the file that it is from, as a link to the whole of it.
pub fn listing(file: &str, link: &str, code: &str) -> String {
    let fence = fence(code);
    format!(
        "<figure class=\"listing\"><figcaption><a href=\"{}\"><code>{}</code></a></figcaption>\n\n{fence}rust\n{code}{fence}\n\n</figure>\n",
        attribute(link),
        text(file)
    )
}

/// A whole file, folded.
pub fn source(file: &str, code: &str, words: &Words) -> String {
    let fence = fence(code);
    format!(
        "<details class=\"source\" id=\"{}\"><summary><code>{}</code>, {}</summary>\n\n{fence}rust\n{code}{fence}\n\n</details>\n",
        source_id(file),
        text(file),
        words.whole
    )
}

/// What changes from one file to another.
pub fn difference(from: &str, to: &str, difference: &str, words: &Words) -> String {
    let [begin, middle] = words.from_to;
    let fence = fence(difference);
    format!(
        "<figure class=\"listing difference\"><figcaption>{begin} <code>{}</code> {middle} <code>{}</code></figcaption>\n\n\
         {fence}diff\n{difference}{fence}\n\n</figure>\n",
        text(from),
        text(to)
    )
}

/// The id of a whole file in the page: `lessons/07-echo/server.rs` is `source-07-echo-server`.
pub fn source_id(file: &str) -> String {
    let name = file.strip_prefix("lessons/").unwrap_or(file);
    let name = name.strip_suffix(".rs").unwrap_or(name);
    format!("source-{}", name.replace(['/', '.', '_'], "-"))
}

/// The tick behind a claim that a test shows.
pub fn fact(test: &str, words: &Words) -> String {
    let says = format!("{}: {}", words.tested, test.replace('_', " "));
    let says = attribute(&says);
    format!("<span class=\"fact\" role=\"img\" aria-label=\"{says}\" title=\"{says}\">✓</span>")
}

/// A drawing, with what it says in words.
pub fn diagram(name: &str, svg: &str, alternative: &str, words: &Words) -> String {
    let svg: Vec<&str> = svg.lines().filter(|line| !line.trim().is_empty()).collect();
    let svg = svg.join("\n");
    // The drawing's own width, so that no page stretches it: `viewBox="0 0 440 300"`.
    let width = svg.split_once("viewBox=\"").and_then(|(_, rest)| rest.split_whitespace().nth(2));
    let style = width.map(|width| format!(" style=\"--width:{width}\"")).unwrap_or_default();
    format!(
        "<figure class=\"diagram\"{style}><div class=\"drawing\" role=\"img\" aria-label=\"{}\" aria-describedby=\"words-{name}\">\n\
         {svg}\n</div>\n<details class=\"words\"><summary>{}</summary>\n<div id=\"words-{name}\">\n\n{}\n\n</div></details></figure>\n",
        attribute(&name.replace('-', " ")),
        words.in_words,
        alternative.trim()
    )
}

/// A fence that the code does not hold.
fn fence(code: &str) -> String {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    fence
}

/// Escapes what a page shows as it is: HTML, what mdBook would take for a directive (`{{#include …}}`), and
/// the carriage return, which may make of one line of HTML two in Markdown.
fn text(shown: &str) -> String {
    encode_text(shown).replace("{{", "{&#123;").replace('\r', "&#13;")
}

/// Escapes a line, and shows what stands in backquotes as code.
fn inline_code(line: &str) -> String {
    let mut html = String::new();
    for (index, piece) in line.split('`').enumerate() {
        match index % 2 {
            0 => html.push_str(&text(piece)),
            _ => {
                let _ = write!(html, "<code>{}</code>", text(piece));
            }
        }
    }
    html
}
