use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sockets_by_example::stream::is_timeout;
use sockets_by_example::text::printable;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Connection, PATIENCE, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "11-tcp",
    title: "TCP",
    promises: &[
        Promise {
            name: "several lines in one piece get an answer each",
            task: "Answer each line, and no longer each piece. An empty line is a line too.",
            check: several_lines_in_one_piece,
        },
        Promise {
            name: "a line in two pieces gets one answer, and not before its end",
            task: "What comes behind the last line feed is kept until the rest of its line comes.",
            check: a_line_in_two_pieces,
        },
        Promise {
            name: "a line that comes byte by byte is shown as it was written",
            task: "Show it as one line, `from ADDR: TEXT`, without its line feed.",
            check: a_line_byte_by_byte,
        },
        Promise {
            name: "two clients do not get each other's halves, and a silent one keeps nobody out",
            task: "Each client has its own half of a line.",
            check: two_clients_and_a_silent_one,
        },
        Promise {
            name: "what is left at the end of the stream is not answered",
            task: "What is left when the stream ends is no line: it is not answered.",
            check: what_is_left_is_not_answered,
        },
        Promise {
            name: "a line without an end is not kept, and nobody else notices",
            task: "If more than 1024 bytes of a line are there and its end is not, let the client go: \
                   close its connection, and go on serving the others.",
            check: a_line_without_an_end_is_not_kept,
        },
    ],
    hints: &[
        "One `read` is not one line. So something has to outlive the `read`: make a `Vec<u8>` before the \
         loop of `answer_until_closed`, and append each piece to it (`extend_from_slice`). Bytes and not \
         text: the piece may end in the middle of a character.",
        "After each piece look for `b'\\n'` in that `Vec`: `iter().position(…)`. As long as there is one \
         (`while let`, for there may be several), take the bytes up to there out with `drain(..=end)`, show \
         them without the line feed, and answer.",
        "When the `while` is done, what is left is the beginning of a line. If that is more than 1024 bytes \
         long, say so and `return Ok(())`: the stream goes out of scope, and that closes it. At the end of \
         the stream (0 bytes) nothing of it is answered.",
    ],
    handed_out: include_str!("handed-out/11-tcp.rs"),
};

const ANSWER: &str = "thank you !";

/// How long a byte may travel alone before the next one follows.
const ALONE: Duration = Duration::from_millis(30);

fn start(stage: &Stage) -> Result<(Program, SocketAddr), Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let server = program.listening()?;
    Ok((program, server))
}

/// Takes so many answers, which may come in any pieces.
fn answers(stage: &Stage, client: &mut Connection, count: usize, why: &str) -> Result<(), Broken> {
    let expected = format!("{} `{ANSWER}`, {why}", times(count));
    let wanted = ANSWER.repeat(count).into_bytes();
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        let piece = match client.read(&expected) {
            Ok(piece) => piece,
            Err(mut broken) => {
                if !got.is_empty() {
                    broken.came = format!("only {}, and then {}", quoted(&got), broken.came);
                }
                return Err(broken);
            }
        };
        let ended = piece.is_empty();
        got.extend(piece);
        if ended || !wanted.starts_with(&got) {
            let end = if ended { "the end of the stream" } else { "more" };
            let came = match (got.is_empty(), wanted.starts_with(&got)) {
                (true, _) => end.to_owned(),
                (false, true) => format!("only {}, and then {end}", quoted(&got)),
                (false, false) => quoted(&got),
            };
            return Err(stage.broken(&expected, came));
        }
    }
    Ok(())
}

/// Writes until the other side closes. Whether it did, or took all.
fn write_while_open(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    // macOS refuses it when both sides have ended their streams, and then nothing waits.
    let _ = stream.set_write_timeout(Some(PATIENCE));
    match stream.write_all(bytes) {
        Err(error) => !is_timeout(&error),
        Ok(()) => true,
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// Waits until the screen has shown each of these lines, in whatever order, and others between them.
fn shown(program: &Program, lines: &[(SocketAddr, &str)]) -> Result<(), Broken> {
    let wanted = lines.iter().map(|(from, text)| format!("from {from}: {text}"));
    let missing = RefCell::new(wanted.collect::<Vec<_>>());
    let expected = match &missing.borrow()[..] {
        [line] => format!("the line {} on the screen", quoted(line)),
        all => {
            let all: Vec<_> = all.iter().map(quoted).collect();
            format!("the lines {} on the screen", all.join(" and "))
        }
    };
    let found = program.line(&expected, |line| {
        let mut missing = missing.borrow_mut();
        missing.retain(|wanted| wanted != line);
        missing.is_empty()
    });
    found.map(drop).map_err(|mut broken| {
        let output = program.output();
        let of_them = |line: &&str| lines.iter().any(|(from, _)| line.contains(&from.to_string()));
        if let Some(line) = output.lines().rfind(of_them) {
            let _ = write!(broken.came, "; the program shows for it: {}", printable(line));
        }
        broken
    })
}

fn several_lines_in_one_piece(stage: &mut Stage) -> Result<(), Broken> {
    let (program, server) = start(stage)?;
    let mut client = stage.connect("the client", server)?;
    client.write("one\ntwo\n")?;
    answers(stage, &mut client, 2, "for two lines in one piece")?;
    client.nothing_comes("no more than two answers to two lines")?;
    shown(&program, &[(client.address(), "one"), (client.address(), "two")])?;
    client.write("three\n\nfive\n")?;
    answers(stage, &mut client, 3, "for three lines, the second of which is empty")?;
    // More than one buffer holds and more than a line may have, but no line of them is long.
    client.write("a line of the many in one piece\n".repeat(70))?;
    answers(stage, &mut client, 70, "for 70 short lines in one piece")?;
    client.nothing_comes("no more answers than lines")
}

fn a_line_in_two_pieces(stage: &mut Stage) -> Result<(), Broken> {
    let (program, server) = start(stage)?;
    let mut client = stage.connect("the client", server)?;
    client.write("hello w")?;
    client.nothing_comes("no answer before the line has ended")?;
    client.write("ord\n")?;
    answers(stage, &mut client, 1, "now that the line has ended")?;
    shown(&program, &[(client.address(), "hello word")])?;
    client.write("one\ntw")?;
    answers(stage, &mut client, 1, "for the first line")?;
    client.nothing_comes("no answer to the half behind it")?;
    client.write("o\n")?;
    answers(stage, &mut client, 1, "for the second line")?;
    client.nothing_comes("no more answers than lines")?;
    shown(&program, &[(client.address(), "two")])
}

fn a_line_byte_by_byte(stage: &mut Stage) -> Result<(), Broken> {
    let (program, server) = start(stage)?;
    let mut client = stage.connect("the client", server)?;
    let from = client.address();
    // Each piece ends one line and begins the next: its answer says that the program has read all of
    // it, however busy the machine is, so that no two pieces become one.
    let text = "你好";
    for (piece, line) in [(&b"x\n\xe4"[..], "x"), (b"\xbd\xa0\n\xe5\xa5", "你"), (b"\xbd\n", "好")]
    {
        client.write(piece)?;
        answers(stage, &mut client, 1, "for the line that ends in this piece")?;
        shown(&program, &[(from, line)])?;
    }
    for byte in text.bytes() {
        client.write([byte])?;
        if let Some(piece) = client.read_within(ALONE) {
            let came = if piece.is_empty() { "the end of the stream" } else { &*quoted(&piece) };
            return Err(stage.broken("no answer before the line has ended", came));
        }
    }
    client.write("\n")?;
    answers(stage, &mut client, 1, "now that the line has ended")?;
    shown(&program, &[(from, text)])?;
    client.nothing_comes("one answer to one line")
}

fn two_clients_and_a_silent_one(stage: &mut Stage) -> Result<(), Broken> {
    let (program, server) = start(stage)?;
    let _silent = stage.connect("the silent client", server)?;
    let mut first = stage.connect("the first client", server)?;
    let mut second = stage.connect("the second client", server)?;
    // The answer to a line says that the half behind it was read, too.
    first.write("1\nthe first ")?;
    answers(stage, &mut first, 1, "for the first client's first line")?;
    second.write("2\nthe second ")?;
    answers(stage, &mut second, 1, "for the second client's first line")?;
    shown(&program, &[(first.address(), "1"), (second.address(), "2")])?;
    first.nothing_comes("no answer to a half")?;
    first.write("line\n")?;
    answers(stage, &mut first, 1, "for the first client's second line")?;
    shown(&program, &[(first.address(), "the first line")])?;
    second.write("one\n")?;
    answers(stage, &mut second, 1, "for the second client's second line")?;
    shown(&program, &[(second.address(), "the second one")])?;
    first.nothing_comes("one answer to one line")
}

fn what_is_left_is_not_answered(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = start(stage)?;
    let mut client = stage.connect("the client", server)?;
    client.write("one\ntwo\nthr")?;
    answers(stage, &mut client, 2, "for two lines and the beginning of a third")?;
    client.end_writing();
    let expected = "no third answer, and the end of the stream: the client has closed its half";
    match client.read(expected)? {
        end if end.is_empty() => Ok(()),
        more => Err(stage.broken(expected, quoted(&more))),
    }
}

fn a_line_without_an_end_is_not_kept(stage: &mut Stage) -> Result<(), Broken> {
    let (program, server) = start(stage)?;
    let mut other = stage.connect("the other client", server)?;
    let long = "x".repeat(1000);
    other.write(format!("{long}\n"))?;
    answers(stage, &mut other, 1, "for a line of 1000 bytes")?;
    shown(&program, &[(other.address(), &*long)])?;
    other.write("half of ")?;

    let expected = "the connection is closed, without an answer: no line has ended";
    stage.step("the endless client writes a megabyte without a line feed");
    let stream = TcpStream::connect_timeout(&server, PATIENCE);
    let stream =
        stream.map_err(|error| stage.broken("one more client can connect", error.to_string()))?;
    let taken = write_while_open(&stream, &vec![b'x'; 1 << 20]);
    let mut endless = stage.connection_with("the endless client", stream);
    if !taken {
        return Err(stage.broken(expected, "it stays open, and is not read any more"));
    }
    match endless.read(expected) {
        Ok(end) if end.is_empty() => {}
        Ok(piece) => return Err(stage.broken(expected, quoted(&piece))),
        Err(mut broken) => {
            if program.is_running() {
                broken.came = format!("it stays open for {} s", PATIENCE.as_secs());
            }
            return Err(broken);
        }
    }

    other.nothing_comes("the other client keeps its connection")?;
    other.write("a line\n")?;
    answers(stage, &mut other, 1, "for the other client's line")?;
    shown(&program, &[(other.address(), "half of a line")])?;
    let mut next = stage.connect("the next client", server)?;
    next.write("here\n")?;
    answers(stage, &mut next, 1, "for the next client's line")
}
