use std::net::SocketAddr;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Datagram, Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "06-upper-case",
    title: "Upper case",
    promises: &[
        Promise {
            name: "upper and lower answer ok and the text in that case",
            task: "A request is a verb, one blank and a text. The response to it is `ok `, followed by the \
                   text in upper case, in lower case, …",
            check: upper_and_lower_change_the_case,
        },
        Promise {
            name: "reverse turns characters round, not bytes",
            task: "… or with its characters in reverse order: `reverse 你好` gets `ok 好你`.",
            check: reverse_turns_characters_round,
        },
        Promise {
            name: "everything behind the first blank is the text",
            task: "Everything behind the first blank is the text, with all the blanks that are in it.",
            check: all_behind_the_first_blank_is_the_text,
        },
        Promise {
            name: "anything else is answered with an error",
            task: "Anything else gets a response that begins with `error `, followed by a reason: a verb \
                   that is none of the three (they are written in lower case), a verb alone, an empty \
                   datagram. Every request gets one response.",
            check: anything_else_is_an_error,
        },
        Promise {
            name: "bytes that are not UTF-8 are answered with an error",
            task: "Anything else gets a response that begins with `error `, followed by a reason: … bytes \
                   that are not UTF-8.",
            check: bytes_that_are_no_text_are_an_error,
        },
        Promise {
            name: "a request of more than 2048 bytes is answered with an error",
            task: "A request of more than 2048 bytes is an error too. The result of a part of it would \
                   look like the result of all of it.",
            check: a_longer_request_is_an_error,
        },
    ],
    hints: &[
        "Decode first, then work on text. `std::str::from_utf8` gives a `&str` or an error, and the error \
         is a response too. Write a function from the bytes of the request to a `Result`: `Ok` is the \
         result, `Err` the reason. Its caller puts `ok ` or `error ` in front.",
        "`text.split_once(' ')` gives the verb and all that stands behind the first blank, or `None` when \
         there is no blank. `match verb { \"upper\" => …, _ => … }` compares the whole verb, so that \
         `uppercase` falls to the last line.",
        "`text.chars().rev().collect::<String>()` turns the characters round. A character of UTF-8 may have \
         several bytes, and `你` backwards byte by byte is no text at all.",
        "The buffer has room for one byte more than LIMIT: `length > LIMIT` says that the request was \
         longer. That is looked at before the decoding, because the cut may go through a character.",
    ],
    handed_out: include_str!("handed-out/06-upper-case.rs"),
};

/// The service, and a client that asks it.
struct Service<'a> {
    stage: &'a Stage,
    _program: Program,
    address: SocketAddr,
    client: Peer,
}

fn start(stage: &Stage) -> Result<Service<'_>, Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let address = program.listening()?;
    Ok(Service { stage, _program: program, address, client: stage.peer("the client")? })
}

impl Service<'_> {
    fn asked(&self, request: &[u8], expected: &str) -> Result<Datagram, Broken> {
        self.client.send(request, self.address)?;
        self.client.receive(expected)
    }

    /// This request gets this response.
    fn answers(&self, request: &str, response: &str) -> Result<(), Broken> {
        let expected = format!("the response {}", quoted(response));
        let came = self.asked(request.as_bytes(), &expected)?;
        self.stage.require(came.payload == response.as_bytes(), &expected, came.quoted())
    }

    /// This request gets a response that begins with `error ` and goes on with a reason.
    fn refuses(&self, request: impl AsRef<[u8]>) -> Result<(), Broken> {
        let expected = "a response that begins with \"error \", and a reason behind it";
        let came = self.asked(request.as_ref(), expected)?;
        let reason = came.payload.strip_prefix(b"error ").unwrap_or_default();
        self.stage.require(!reason.trim_ascii().is_empty(), expected, came.quoted())
    }
}

fn upper_and_lower_change_the_case(stage: &mut Stage) -> Result<(), Broken> {
    let service = start(stage)?;
    service.answers("upper hello", "ok HELLO")?;
    service.answers("lower Some TEXT", "ok some text")?;
    service.answers("upper 42 grams, 你好", "ok 42 GRAMS, 你好")?;
    service.answers("lower ERROR 404", "ok error 404")
}

fn reverse_turns_characters_round(stage: &mut Stage) -> Result<(), Broken> {
    let service = start(stage)?;
    service.answers("reverse abc", "ok cba")?;
    service.answers("reverse 你好", "ok 好你")?;
    service.answers("reverse Grün, 42 €", "ok € 24 ,nürG")
}

fn all_behind_the_first_blank_is_the_text(stage: &mut Stage) -> Result<(), Broken> {
    let service = start(stage)?;
    service.answers("upper two  blanks", "ok TWO  BLANKS")?;
    service.answers("reverse  one in front", "ok tnorf ni eno ")?;
    service.answers("lower ONE AT THE END ", "ok one at the end ")
}

fn anything_else_is_an_error(stage: &mut Stage) -> Result<(), Broken> {
    let service = start(stage)?;
    for request in ["shout hello", "uppercase hello", "UPPER hello", "upper", "reverse", ""] {
        service.refuses(request)?;
    }
    service.answers("upper and now a right one", "ok AND NOW A RIGHT ONE")
}

fn bytes_that_are_no_text_are_an_error(stage: &mut Stage) -> Result<(), Broken> {
    let service = start(stage)?;
    service.stage.step("c4 e3 ba c3 is 你好 in GBK");
    service.refuses(b"upper \xc4\xe3\xba\xc3")?;
    service.refuses(b"\xff")?;
    service.answers("upper and now text", "ok AND NOW TEXT")
}

fn a_longer_request_is_an_error(stage: &mut Stage) -> Result<(), Broken> {
    const LIMIT: usize = 2048;
    let service = start(stage)?;
    let letters = "x".repeat(LIMIT - "upper ".len());
    service.stage.step("a request of 2048 bytes, which is not too long");
    service.answers(&format!("upper {letters}"), &format!("ok {}", letters.to_uppercase()))?;
    service.stage.step("one byte more");
    service.refuses(format!("upper {letters}x"))?;
    service.stage.step("and 3000 bytes");
    service.refuses(format!("upper {letters:x<2994}"))?;
    service.answers("upper a short one again", "ok A SHORT ONE AGAIN")
}
