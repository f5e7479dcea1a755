use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use support::{Terminal, connect, peak_memory, program, tcp};

use super::bare::{bare, pump};
use super::children::{PeakWatch, missing};
use super::contest::{Contender, Contest, Turn};
use super::table::{Table, Unit};

/// Compares how fast a file of `size` bytes comes through a connection: to a reader that throws it
/// away, and to one that stores it.
pub fn compare(contest: &Contest, folder: &Path, size: u64, table: &mut Table) -> Result<()> {
    let source = Source::write(folder, size)?;
    compare_first(
        "12-download, thrown away",
        contest,
        table,
        [
            ours(&source),
            bare_loop(&source)?,
            nc(&source),
            socat(&source),
            http_server(&source),
            iperf3(&source)?,
        ],
    );
    compare_first(
        "12-download, stored",
        contest,
        table,
        [our_pair(&source), bare_pair(&source)?, nc_pair(&source)],
    );
    Ok(())
}

/// Compares the first contender with each of the others.
fn compare_first<const COUNT: usize>(
    what: &str,
    contest: &Contest,
    table: &mut Table,
    contenders: [Contender<'_>; COUNT],
) {
    let all = contest.in_turns(what, contenders);
    for theirs in &all[1..] {
        table.compare(what, Unit::Bytes, &all[0], theirs);
    }
}

/// The file that is downloaded.
struct Source {
    folder: PathBuf,
    /// In bytes.
    size: u64,
}

const NAME: &str = "source";

impl Source {
    /// Writes bytes that no file system can shorten, and leaves them in the page cache.
    fn write(folder: &Path, size: u64) -> Result<Self> {
        let source = Self { folder: folder.to_owned(), size };
        let mut file = File::create(source.path())?;
        let mut piece = vec![0; 1 << 20];
        let mut random = fastrand::Rng::new();
        let mut left = size;
        while left > 0 {
            let length = left.min(piece.len() as u64);
            random.fill(&mut piece[..length as usize]);
            file.write_all(&piece[..length as usize]).context("cannot write the file to send")?;
            left -= length;
        }
        // Else the disk would be busy with it while we measure.
        file.sync_all()?;
        Ok(source)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Where a client stores the file.
    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Downloads the file and throws it away, with the same reader for every server: bytes a second.
    fn fetch(&self, server: SocketAddr, request: &str) -> Result<f64> {
        let start = Instant::now();
        let mut stream = connect(server);
        stream.write_all(request.as_bytes())?;
        let length = pump(&mut stream, &mut io::sink())?;
        self.rate(length, start.elapsed().as_secs_f64())
    }

    /// Runs a client that stores the file, from its start to its end.
    fn store(&self, client: Command) -> Result<Turn> {
        if self.target().exists() {
            fs::remove_file(self.target())
                .context("cannot remove what one that failed has left")?;
        }
        let start = Instant::now();
        let mut client = Terminal::start(client);
        let peak = PeakWatch::start(client.process_id());
        client.ends_with(0);
        let seconds = start.elapsed().as_secs_f64();
        let peak = peak.end();
        let rate = self.rate(fs::metadata(self.target())?.len(), seconds)?;
        fs::remove_file(self.target())?;
        Ok(Turn { rate, peak, lost: 0 })
    }

    fn rate(&self, length: u64, seconds: f64) -> Result<f64> {
        ensure!(length == self.size, "{length} bytes came of {}", self.size);
        Ok(length as f64 / seconds)
    }
}

/// Of a contender whose memory is not ours to show.
fn turn(rate: f64) -> Turn {
    Turn { rate, peak: 0, lost: 0 }
}

fn our_server(source: &Source) -> Command {
    program!("12-download-server", "127.0.0.1:0", "--dir", &source.folder)
}

fn ours(source: &Source) -> Contender<'_> {
    let mut server = Terminal::start(our_server(source));
    let address = server.listening();
    Contender::new("12-download-server", move || {
        let rate = source.fetch(address, NAME)?;
        let peak = peak_memory(server.process_id()).context("the server has ended")?;
        Ok(Turn { rate, peak, lost: 0 })
    })
}

fn our_pair(source: &Source) -> Contender<'_> {
    let mut server = Terminal::start(our_server(source));
    let address = server.listening().to_string();
    Contender::new("12-download-client", move || {
        let _running = &server;
        source.store(program!("12-download-client", &address, NAME, "--out", source.target()))
    })
}

fn bare_server(source: &Source) -> Result<(Terminal, SocketAddr)> {
    let mut command = bare("send")?;
    command.arg(source.path());
    let mut server = Terminal::start(command);
    let address = server.listening();
    Ok((server, address))
}

fn bare_loop(source: &Source) -> Result<Contender<'_>> {
    let (server, address) = bare_server(source)?;
    Ok(Contender::new("bare 256 KiB loop", move || {
        let _running = &server;
        Ok(turn(source.fetch(address, "")?))
    }))
}

fn bare_pair(source: &Source) -> Result<Contender<'_>> {
    let (server, address) = bare_server(source)?;
    Ok(Contender::new("bare 256 KiB loops", move || {
        let _running = &server;
        let mut client = bare("store")?;
        client.arg(address.to_string()).arg(source.target());
        source.store(client)
    }))
}

/// A command of the shell in which `"$0"` stands for this path.
fn shell(script: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(path);
    command
}

/// An nc that sends the file to the one client that connects.
fn nc_server(source: &Source) -> Result<(Terminal, SocketAddr)> {
    let script = r#"exec nc -l -v -N 127.0.0.1 0 < "$0""#;
    let mut server = Terminal::start(shell(script, &source.path()));
    server.expect_error("Listening on localhost ");
    let port = server.expect_error("\n");
    let address = format!("127.0.0.1:{}", port.trim_end()).parse();
    Ok((server, address.context("nc did not say its port")?))
}

fn nc(source: &Source) -> Contender<'_> {
    if let Some(why) = nc_is_missing() {
        return Contender::missing(why);
    }
    Contender::new("nc", || {
        let (mut server, address) = nc_server(source)?;
        let rate = source.fetch(address, "")?;
        server.ends_with(0);
        Ok(turn(rate))
    })
}

fn nc_pair(source: &Source) -> Contender<'_> {
    if let Some(why) = nc_is_missing() {
        return Contender::missing(why);
    }
    Contender::new("nc to nc", || {
        let (mut server, address) = nc_server(source)?;
        let script = format!(r#"exec nc -d 127.0.0.1 {} > "$0""#, address.port());
        let stored = source.store(shell(&script, &source.target()))?;
        server.ends_with(0);
        Ok(stored)
    })
}

/// There are several programs of this name, and each takes other options.
fn nc_is_missing() -> Option<String> {
    let help = Command::new("nc").arg("-h").output().ok();
    let is_openbsd = help.is_some_and(|help| help.stderr.starts_with(b"OpenBSD netcat"));
    (!is_openbsd).then(|| "nc: not installed (netcat-openbsd)".to_owned())
}

fn socat(source: &Source) -> Contender<'_> {
    if let Some(why) = missing("socat", "-V") {
        return Contender::missing(why);
    }
    // Left at its own 8 KiB it is not half as fast, and the buffer would be all that is compared.
    Contender::new("socat -b 262144", || {
        let script = r#"exec socat -d -d -u -b 262144 STDIN TCP-LISTEN:0,bind=127.0.0.1 < "$0""#;
        let mut server = Terminal::start(shell(script, &source.path()));
        server.expect_error("listening on AF=2 ");
        let address = server.expect_error("\n");
        let address = address.trim_end().parse().context("socat did not say its port")?;
        let rate = source.fetch(address, "")?;
        server.ends_with(0);
        Ok(turn(rate))
    })
}

fn http_server(source: &Source) -> Contender<'_> {
    let either = ["python3", "curl"].into_iter().find_map(|tool| missing(tool, "--version"));
    if let Some(why) = either {
        return Contender::missing(why);
    }
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]);
    command.arg(&source.folder);
    let mut server = Terminal::start(command);
    server.expect("(http://");
    let address = server.expect("/").trim_end_matches('/').to_owned();
    Contender::new("http.server to curl", move || {
        let _running = &server;
        let mut client = Command::new("curl");
        client.args(["-s", "-o", "/dev/null", "--noproxy", "*"]);
        // The time that the download took, without that of the program's start.
        client.args(["-w", "%{size_download} %{time_total}\n"]);
        client.arg(format!("http://{address}/{NAME}"));
        let said = Terminal::start(client).ends_with(0).output;
        let (length, seconds) = said.trim_end().split_once(' ').context("curl said nothing")?;
        Ok(turn(source.rate(length.parse()?, seconds.parse()?)?))
    })
}

/// As many bytes from memory to memory: what TCP can do here, without a file.
fn iperf3(source: &Source) -> Result<Contender<'_>> {
    if let Some(why) = missing("iperf3", "--version") {
        return Ok(Contender::missing(why));
    }
    // It takes no port 0, so one that is free right now has to do.
    let port = tcp().local_addr()?.port().to_string();
    let mut command = Command::new("iperf3");
    command.args(["-s", "-B", "127.0.0.1", "-p", &port, "--forceflush"]);
    let mut server = Terminal::start(command);
    server.expect(&format!("Server listening on {port}"));
    Ok(Contender::new("iperf3 -l 256K (ceiling)", move || {
        let _running = &server;
        let mut client = Command::new("iperf3");
        client.args(["-c", "127.0.0.1", "-p", &port, "-l", "256K", "-J", "-n"]);
        client.arg(source.size.to_string());
        let said = Terminal::start(client).ends_with(0).output;
        let received = said.split_once("\"sum_received\":").map(|(_, rest)| rest);
        let bits = received.and_then(|rest| number_behind("\"bits_per_second\":", rest));
        Ok(turn(bits.context("iperf3 did not say how fast it was")? / 8.0))
    }))
}

/// The number that follows these words.
fn number_behind(words: &str, text: &str) -> Option<f64> {
    let (_, rest) = text.split_once(words)?;
    rest.split([',', '\n', '}']).next()?.trim().parse().ok()
}
