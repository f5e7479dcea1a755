use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{BRIEFLY, Connection, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "12-downloader",
    title: "Downloader",
    promises: &[
        Promise {
            name: "the server sends a file from the offset on, and the whole file to an old client",
            task: "A request may carry an offset behind the name: the name, a line feed, and a number in \
                   decimal. The server then sends the file from that byte on. A request without a line \
                   feed means what it means now.",
            check: the_server_sends_from_the_offset_on,
        },
        Promise {
            name: "an offset that is no number or lies behind the end gets an empty answer",
            task: "An offset that is no number, or that lies behind the end of the file, gets an empty \
                   answer, and no panic.",
            check: a_wrong_offset_gets_an_empty_answer,
        },
        Promise {
            name: "what lies before the offset is not read",
            task: "What lies before the offset is not read: seek. The file may be larger than your memory.",
            check: what_lies_before_the_offset_is_not_read,
        },
        Promise {
            name: "when nothing is missing, the file stays as it is and the status is 0",
            task: "`get NAME --resume` asks with the length of the part as the offset. When nothing is \
                   missing, the answer is empty: say so, leave the file as it is, and end with status 0. \
                   A file that is there is refused without `--resume`.",
            check: when_nothing_is_missing,
        },
        Promise {
            name: "a download that was cut goes on behind the part that is there",
            task: "`get NAME --resume` asks with the length of the part as the offset, and puts what comes \
                   behind the part. Without a part it gets the whole file.",
            check: a_cut_download_goes_on,
        },
        Promise {
            name: "both programs together bring a broken download to its end",
            task: "`get NAME --resume` asks for the rest of a file of which the part `received-NAME` is \
                   there. The server then sends the file from that byte on.",
            check: both_programs_together,
        },
    ],
    hints: &[
        "Begin with the server. `request.split_once('\\n')` gives you the name and the offset, or `None` \
         for an old client. Let `read_request` return both, a `String` and a `u64`; and `LONGEST_REQUEST` \
         has to leave room for the digits.",
        "`offset.parse::<u64>()` is an `Err` for what is no number: hand that on with `?`, and the client \
         is refused. `file.seek(SeekFrom::Start(offset))` (use `std::io::Seek`) before the file is sent. A \
         position behind the end is no error; there is nothing to read there.",
        "The client: let the `match` at the top give an `Option<u64>`, the length of the part or `None`. \
         Behind the name of the request goes `\\n` and that length. `create_new(part.is_none())` opens \
         the part when there is one, and `append(true)` already writes behind it.",
        "At the end there are now four cases: `match part { Some(length) if total == 0 => …` (nothing was \
         missing), `Some(length) => …`, `None if total > 0 => …`, and `None`, which is the old refusal.",
    ],
    handed_out: include_str!("handed-out/12-downloader.rs"),
};

const NAME: &str = "report.bin";
/// An odd number of bytes, so that nothing ends where a buffer does.
const LONG: usize = 3_000_017;
const SHORT: usize = 5000;

/// Bytes in which each place looks different from every other.
fn content(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Xorshift, by George Marsaglia.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// What came, in terms of the file that was to come, or of its rest.
fn described(came: &[u8], file: &[u8]) -> String {
    let known = |bytes: &[u8]| {
        let start = &bytes[..bytes.len().min(8)];
        file.windows(start.len().max(1)).position(|place| place == start)
    };
    if came.is_empty() {
        return "no byte".to_owned();
    }
    if came == file {
        return format!("the whole file, {} bytes", came.len());
    }
    let same = came.iter().zip(file).take_while(|(came, right)| came == right).count();
    let bytes = format!("{} bytes", came.len());
    match (same, known(&came[same..])) {
        _ if same == came.len() => format!("only the first {bytes} of the file"),
        (0, Some(place)) => format!("{bytes}, which begin with byte {place} of the file"),
        (0, None) => format!("{bytes} that are not in the file"),
        (_, Some(place)) => {
            format!(
                "{bytes}: the first {same} of the file, and then its byte {place} and what follows"
            )
        }
        (_, None) => format!("{bytes}, of which the first {same} are right"),
    }
}

/// Starts the server, with a folder in which this file stands.
fn serve(stage: &Stage, file: &[u8]) -> Result<(Program, SocketAddr), Broken> {
    let folder = stage.folder().join("files");
    fs::create_dir(&folder).expect("the folder of the stage can be written to");
    fs::write(folder.join(NAME), file).expect("the folder of the stage can be written to");
    stage.step(format!("made files/{NAME} of {} bytes", file.len()));
    let program = stage.start(&["serve", "127.0.0.1:0", "--dir", "files"])?;
    let server = program.listening()?;
    Ok((program, server))
}

/// All that the server answers to this request.
fn answer(
    stage: &Stage,
    server: SocketAddr,
    request: &str,
    expected: &str,
) -> Result<Vec<u8>, Broken> {
    let mut client = stage.connect("the client", server)?;
    client.write(request)?;
    client.read_to_end(2 * LONG, expected)
}

/// Asks for the file from `offset` on, which are the bytes `rest` of it.
fn ask_from(stage: &Stage, server: SocketAddr, offset: usize, file: &[u8]) -> Result<(), Broken> {
    let rest = &file[offset..];
    let expected = format!("the {} bytes from byte {offset} on", rest.len());
    let came = answer(stage, server, &format!("{NAME}\n{offset}"), &expected)?;
    stage.require(came == rest, &expected, described(&came, file))
}

fn the_server_sends_from_the_offset_on(stage: &mut Stage) -> Result<(), Broken> {
    let file = content(LONG);
    let (_program, server) = serve(stage, &file)?;
    for offset in [1_000_001, LONG - 1, 0] {
        ask_from(stage, server, offset, &file)?;
    }
    let expected = "the whole file: the request has no line feed";
    let came = answer(stage, server, NAME, expected)?;
    stage.require(came == file, expected, described(&came, &file))
}

fn a_wrong_offset_gets_an_empty_answer(stage: &mut Stage) -> Result<(), Broken> {
    let file = content(SHORT);
    let (program, server) = serve(stage, &file)?;
    ask_from(stage, server, 1, &file)?;
    let wrong =
        ["x", "-1", "", "12x", "5000", "5001", "18446744073709551615", "99999999999999999999"];
    for offset in wrong {
        let expected = format!("an empty answer to the offset \"{offset}\" of {SHORT} bytes");
        let came = answer(stage, server, &format!("{NAME}\n{offset}"), &expected)?;
        stage.require(came.is_empty(), &expected, described(&came, &file))?;
    }
    ask_from(stage, server, SHORT - 7, &file)?;
    // All that it printed is there only when it has ended.
    program.kill();
    let panicked = program.ends("when it is killed")?.errors.contains("panicked at");
    stage.require(!panicked, "an offset that is wrong is refused without a panic", "it panicked")
}

fn what_lies_before_the_offset_is_not_read(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = serve(stage, b"")?;
    let end = content(1001);
    let path = stage.folder().join("files").join(NAME);
    // A file that is one large hole takes no room on the disk, where the system knows holes.
    let huge = if cfg!(windows) { 1 << 26 } else { 1 << 40 };
    let length = with_hole(&path, huge, &end)
        .or_else(|_| with_hole(&path, 1 << 26, &end))
        .expect("the folder of the stage can be written to");
    stage.step(format!("made files/{NAME} of {length} bytes, nearly all of them a hole"));
    let expected = format!("the last {} bytes, at once", end.len());
    let request = format!("{NAME}\n{}", length - end.len() as u64);
    let came = answer(stage, server, &request, &expected)?;
    let other = || match came.is_empty() {
        true => "no byte".to_owned(),
        false => quoted(&came),
    };
    stage.require(came == end, &expected, other())
}

/// Writes a file that consists of this many zeros and these bytes: its length.
fn with_hole(path: &PathBuf, zeros: u64, end: &[u8]) -> io::Result<u64> {
    let mut file = File::create(path)?;
    file.seek(SeekFrom::Start(zeros))?;
    file.write_all(end)?;
    Ok(file.metadata()?.len())
}

/// The path of the part, or of the whole file, on the client's side.
fn received(stage: &Stage) -> PathBuf {
    stage.folder().join(format!("received-{NAME}"))
}

/// Goes on when the client has saved this much of the file.
fn saved(stage: &Stage, upto: usize, file: &[u8]) -> Result<(), Broken> {
    let expected = match upto == file.len() {
        true => format!("received-{NAME} is the whole file, {upto} bytes"),
        false => format!("received-{NAME} holds what came, the first {upto} bytes"),
    };
    // Whatever stands there, it is read to an end: a program may have made a pipe of it, or fill it.
    let read = || {
        let path = received(stage);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut came = Vec::new();
        File::open(path)?.take(2 * LONG as u64).read_to_end(&mut came)?;
        Ok(came)
    };
    match read() {
        Ok(came) if came == file[..upto] => Ok(()),
        Ok(came) => Err(stage.broken(&expected, described(&came, file))),
        Err(error) => Err(stage.broken(&expected, format!("it cannot be read: {error}"))),
    }
}

/// Starts the client.
fn get(stage: &Stage, server: SocketAddr, resume: bool) -> Result<Program, Broken> {
    let server = server.to_string();
    match resume {
        true => stage.start(&["get", &server, NAME, "--resume"]),
        false => stage.start(&["get", &server, NAME]),
    }
}

/// Accepts the client, whose request must be one of these.
fn asked(stage: &Stage, listener: &TcpListener, right: &[String]) -> Result<Connection, Broken> {
    let mut server = stage.accept("the server", listener)?;
    let expected = format!("the request {}", quoted(&right[0]));
    let mut request = server.read(&expected)?;
    // A client may write it in pieces; the end is where nothing more comes for a while.
    while !right.iter().any(|right| request == right.as_bytes()) {
        match server.read_within(4 * BRIEFLY) {
            Some(piece) if !piece.is_empty() => request.extend(piece),
            _ => return Err(stage.broken(&expected, quoted(&request))),
        }
    }
    Ok(server)
}

/// The requests that a client may make that has nothing of the file.
fn for_all() -> Vec<String> {
    vec![NAME.to_owned(), format!("{NAME}\n0")]
}

fn when_nothing_is_missing(stage: &mut Stage) -> Result<(), Broken> {
    let listener = support::tcp();
    let address = listener.local_addr().expect("a listener has an address");
    let file = content(SHORT);

    let program = get(stage, address, false)?;
    let mut server = asked(stage, &listener, &for_all())?;
    server.write(&file)?;
    drop(server);
    program.ends_with(0, "when the whole file has come")?;
    saved(stage, SHORT, &file)?;

    let program = get(stage, address, false)?;
    program.ends_with(1, "because the file is there, and --resume was not given")?;
    saved(stage, SHORT, &file)?;

    let program = get(stage, address, true)?;
    let server = asked(stage, &listener, &[format!("{NAME}\n{SHORT}")])?;
    stage.step("the server ended the stream, without a byte");
    drop(server);
    program.ends_with(0, "when nothing is missing")?;
    saved(stage, SHORT, &file)
}

fn a_cut_download_goes_on(stage: &mut Stage) -> Result<(), Broken> {
    let listener = support::tcp();
    let address = listener.local_addr().expect("a listener has an address");
    let file = content(LONG);
    let (first, second) = (1_000_001, 1_700_002);

    let program = get(stage, address, true)?;
    let mut server = asked(stage, &listener, &for_all())?;
    server.write(&file[..first])?;
    stage.step("the server ended the stream there");
    drop(server);
    program.ends("when the stream ends")?;
    saved(stage, first, &file)?;

    for (from, upto) in [(first, second), (second, LONG)] {
        let program = get(stage, address, true)?;
        let mut server = asked(stage, &listener, &[format!("{NAME}\n{from}")])?;
        server.write(&file[from..upto])?;
        stage.step("the server ended the stream there");
        drop(server);
        program.ends_with(0, "when the stream ends")?;
        saved(stage, upto, &file)?;
    }
    Ok(())
}

fn both_programs_together(stage: &mut Stage) -> Result<(), Broken> {
    let file = content(LONG);
    let (_program, server) = serve(stage, &file)?;
    let part = 1_234_567;
    fs::write(received(stage), &file[..part]).expect("the folder of the stage can be written to");
    stage.step(format!("made received-{NAME} of its first {part} bytes"));
    for when in ["when the rest has come", "when nothing is missing"] {
        let client = get(stage, server, true)?;
        client.ends_with(0, when)?;
        saved(stage, LONG, &file)?;
    }
    Ok(())
}
