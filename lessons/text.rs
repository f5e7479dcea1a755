//! Bytes that become text, text that becomes bytes, and text that a terminal may show.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::{Result, bail};
pub use encoding_rs::UTF_8;
use encoding_rs::{CoderResult, Decoder, Encoding};

/// The encoding of this name: `utf-8`, `gbk`, `gb18030`, `big5`, … in upper or lower case.
///
/// The names are the labels of the Encoding Standard (WHATWG, section 4.2).
///
/// # Errors
/// No encoding has this name.
pub fn encoding(label: &str) -> Result<&'static Encoding, String> {
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) => Ok(encoding),
        None => {
            Err("no such encoding; utf-8, gbk, gb18030 and big5 are some that are known".into())
        }
    }
}

// ANCHOR: encode
/// The bytes of `text` in `encoding`.
///
/// # Errors
/// The encoding has no place for one of the characters (GBK knows no 😀), or can only be read
/// (UTF-16: the Encoding Standard writes UTF-8 in its place).
pub fn encode<'a>(text: &'a str, encoding: &'static Encoding) -> Result<Cow<'a, [u8]>> {
    if encoding.output_encoding() != encoding {
        bail!("{} can be read here but not written", encoding.name());
    }
    let (bytes, _, unmappable) = encoding.encode(text);
    if unmappable {
        // encoding_rs puts `&#128512;` there, as web forms do. A receiver would show just that.
        let strange = text.chars().find(|character| {
            let mut utf8 = [0; 4];
            encoding.encode(character.encode_utf8(&mut utf8)).2
        });
        let strange = strange.map(String::from).unwrap_or_default();
        bail!("{} has no place for \"{}\"", encoding.name(), printable(&strange));
    }
    Ok(bytes)
}
// ANCHOR_END: encode

// ANCHOR: decode
/// Text made of received bytes.
pub struct Decoded {
    /// The text; U+FFFD stands for each part that is not valid in the encoding.
    pub text: String,
    /// Whether there was such a part.
    pub faulty: bool,
}

/// The text that `bytes` are in `encoding`. A byte-order mark is not obeyed: whoever chose the
/// encoding knows better than a stranger's first three bytes.
pub fn decode(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let (text, faulty) = encoding.decode_without_bom_handling(bytes);
    Decoded { text: text.into_owned(), faulty }
}
// ANCHOR_END: decode

/// Decodes a stream that arrives in pieces: a character may begin in one and end in the next.
pub struct PieceDecoder(Decoder);

impl PieceDecoder {
    /// At the start of a stream of text in `encoding`.
    pub fn new(encoding: &'static Encoding) -> Self {
        Self(encoding.new_decoder_without_bom_handling())
    }

    /// The text that can be read now. `last` says that the stream ends with this piece: an unfinished
    /// character is then a fault.
    pub fn decode(&mut self, piece: &[u8], last: bool) -> Decoded {
        let capacity = self.0.max_utf8_buffer_length(piece.len()).unwrap_or(0);
        let mut text = String::with_capacity(capacity);
        let (result, _, faulty) = self.0.decode_to_string(piece, &mut text, last);
        debug_assert_eq!(result, CoderResult::InputEmpty);
        Decoded { text, faulty }
    }
}

// ANCHOR: printable
/// The text with every character escaped that would act on a terminal instead of being shown by it:
/// control characters (`\u{1b}`, `\n`, `\0`), line and paragraph separators, and the marks that turn
/// the direction of writing (Unicode UAX #9, section 2).
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                shown.extend(character.escape_unicode());
            }
            control if control.is_control() => shown.extend(control.escape_debug()),
            other => shown.push(other),
        }
    }
    shown
}
// ANCHOR_END: printable

/// How a received text is shown: `from 127.0.0.1:54321: hello`, and a second line where the bytes
/// are not valid in `encoding`.
pub fn received(from: SocketAddr, payload: &[u8], encoding: &'static Encoding) -> String {
    received_text(from, &decode(payload, encoding), encoding)
}

/// [`received`], for text that is decoded already.
pub fn received_text(from: SocketAddr, decoded: &Decoded, encoding: &'static Encoding) -> String {
    let mut line = format!("from {from}: {}", printable(&decoded.text));
    if decoded.faulty {
        let _ = write!(
            line,
            "\n(not valid {}: U+FFFD stands for what could not be read)",
            encoding.name()
        );
    }
    line
}
