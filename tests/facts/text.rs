//! Bytes that become text: UTF-8, and GBK, which much of China's older software speaks.
//!
//! What the decoders do is the Encoding Standard's rule (encoding.spec.whatwg.org), as the crate
//! encoding_rs follows it.

use encoding_rs::{GB18030, GBK, UTF_8};

/// One and the same pair of bytes is a word of Chinese in GBK and a Latvian letter in UTF-8, both
/// without an error: whoever tries UTF-8 first misreads a short text.
#[test]
fn short_gbk_can_be_valid_utf_8() {
    let (bytes, _, _) = GBK.encode("模");
    assert_eq!(*bytes, [0xc4, 0xa3]);
    assert_eq!(std::str::from_utf8(&bytes), Ok("ģ"));
}

/// GBK has no 😀. Encoding does not fail, it writes a reference as in HTML, and only the flag tells.
#[test]
fn what_gbk_cannot_say_becomes_a_reference_without_an_error() {
    let (bytes, _, is_unmappable) = GBK.encode("😀");
    assert_eq!(*bytes, *b"&#128512;");
    assert!(is_unmappable);
}

/// GB18030 has all of Unicode: it says the same in four bytes.
#[test]
fn gb18030_says_in_four_bytes_what_gbk_cannot() {
    let (bytes, _, is_unmappable) = GB18030.encode("😀");
    assert_eq!(*bytes, [0x94, 0x39, 0xfc, 0x36]);
    assert!(!is_unmappable);
}

/// GB18030 took over GBK's two bytes for every character that GBK spells with two.
#[test]
fn gb18030_keeps_the_two_bytes_of_gbk() {
    let mut shared = 0;
    for character in '\u{4e00}'..='\u{9fa5}' {
        let character = character.to_string();
        let ((gbk, ..), (gb18030, ..)) = (GBK.encode(&character), GB18030.encode(&character));
        assert_eq!((gbk.len(), &gbk), (2, &gb18030), "{character}");
        shared += 1;
    }
    assert_eq!(shared, 20_902, "the Chinese characters that GBK has");
}

/// All 23,940 pairs of bytes that GBK has a place for say the same in both.
#[test]
fn every_pair_of_bytes_reads_the_same_in_gbk_and_gb18030() {
    let trails = (0x40..=0x7e).chain(0x80..=0xfe);
    let pairs = (0x81..=0xfe).flat_map(|lead| trails.clone().map(move |trail| [lead, trail]));
    for pair in pairs.clone() {
        let in_gbk = GBK.decode_without_bom_handling(&pair);
        assert_eq!(in_gbk, GB18030.decode_without_bom_handling(&pair), "{pair:x?}");
        assert!(!in_gbk.1, "{pair:x?}");
    }
    assert_eq!(pairs.count(), 23_940);
}

/// What a decoder puts for bytes that it cannot read, U+FFFD, has three bytes in UTF-8. Two of them
/// read as GBK are three characters, which every Chinese programmer has met.
#[test]
fn two_replacement_characters_read_as_gbk_are_a_known_nonsense() {
    let (text, _, had_errors) = GBK.decode("\u{fffd}\u{fffd}".as_bytes());
    assert_eq!((&*text, had_errors), ("锟斤拷", false));
}

/// `decode` looks for a byte-order mark first, and believes it more than its caller.
#[test]
fn decode_lets_a_byte_order_mark_overrule_the_encoding() {
    let (text, used, had_errors) = GBK.decode(b"\xef\xbb\xbfabc");
    assert_eq!((&*text, used, had_errors), ("abc", UTF_8, false));
}

/// Where the encoding is agreed upon, the mark is text like any other.
#[test]
fn decode_without_bom_handling_keeps_to_the_encoding() {
    let (text, had_errors) = GBK.decode_without_bom_handling(b"\xef\xbb\xbfabc");
    assert_eq!((&*text, had_errors), ("锘縜bc", false));
}

/// UTF-8 read as GBK: two bytes a character instead of three, and the last byte here finds no
/// partner.
#[test]
fn utf_8_read_as_gbk_becomes_mojibake() {
    let (text, _, had_errors) = GBK.decode("你好，世界".as_bytes());
    assert!(text.starts_with("浣犲ソ"), "{text}");
    assert!(text.ends_with('\u{fffd}') && had_errors, "{text}");
}

/// With an even number of bytes not even an error tells.
#[test]
fn mojibake_can_come_without_an_error() {
    let (text, _, had_errors) = GBK.decode("世界".as_bytes());
    assert_eq!((&*text, had_errors), ("涓栫晫", false));
}

/// A stream can cut a character anywhere. A decoder that knows of more to come keeps the first
/// part.
#[test]
fn a_decoder_keeps_a_character_that_is_split_across_reads() {
    for encoding in [UTF_8, GBK] {
        let (bytes, _, _) = encoding.encode("模");
        let (first, rest) = bytes.split_at(1);
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut text = String::with_capacity(16);
        let (_, _, had_errors) = decoder.decode_to_string(first, &mut text, false);
        assert_eq!((text.as_str(), had_errors), ("", false), "{}", encoding.name());
        let (_, _, had_errors) = decoder.decode_to_string(rest, &mut text, true);
        assert_eq!((text.as_str(), had_errors), ("模", false), "{}", encoding.name());
    }
}

/// Only at the end of the stream is half a character an error.
#[test]
fn half_a_character_at_the_end_of_the_stream_is_an_error() {
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(16);
    let (_, _, had_errors) = decoder.decode_to_string(&"模".as_bytes()[..1], &mut text, true);
    assert_eq!((text.as_str(), had_errors), ("\u{fffd}", true));
}

/// std makes the same difference: a wrong byte has a length, a character that only lacks its end
/// has none (`std::str::Utf8Error::error_len`).
#[test]
fn from_utf8_tells_an_unfinished_character_from_a_wrong_byte() {
    let unfinished = std::str::from_utf8(&"模".as_bytes()[..2]).unwrap_err();
    assert_eq!((unfinished.valid_up_to(), unfinished.error_len()), (0, None));
    let (gbk, _, _) = GBK.encode("世");
    let wrong = std::str::from_utf8(&gbk).unwrap_err();
    assert_eq!((wrong.valid_up_to(), wrong.error_len()), (0, Some(1)));
}
