//! Serves the built book on this machine, builds it again when a file of it is saved, and lets the open
//! pages reload themselves.
//!
//! Pages are answered from memory. The folder is read when a whole book stands there, and what was
//! served is replaced at once: a request that comes while mdBook empties and fills the folder, or after
//! a build that failed in the middle of that, gets the last good book, and does not wait.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, fs};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use notify::event::Flag;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use percent_encoding::percent_decode_str;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Where mdBook's pages connect to hear when to reload: the value to give to mdBook's
/// `output.html.live-reload-endpoint`.
pub const LIVE_RELOAD: &str = "__livereload";

/// The port of `mdbook serve`, which readers of such books know.
const FIRST_PORT: u16 = 3000;

/// How many ports are tried.
const MOST_PORTS: u16 = 100;

/// A build begins when nothing was saved for this long: an editor's "save all" is one change.
const QUIET: Duration = Duration::from_millis(50);

/// It begins this long after the first change, also when files keep changing.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Serves the book that stands in the folder `site`, on 127.0.0.1 only, at this place, and prints `the book is at http://127.0.0.1:3000`.
///
/// Whenever something changes in one of the folders `watched`, calls `rebuild` with the paths that
/// changed, each once. It builds into `site` and calls the [`Publish`] that it gets whenever a whole book
/// stands there, once or, with a first one that is quick, twice. When `rebuild` fails, its error is
/// printed and the book that was published last is served on.
///
/// Returns only with an error: Ctrl-C ends the program.
///
/// # Errors
/// There is no built book in the folder, no port is free, or a folder cannot be watched.
pub fn serve(
    place: Place,
    site: PathBuf,
    watched: &[PathBuf],
    rebuild: impl FnMut(&[PathBuf], Publish) -> Result<()>,
) -> Result<()> {
    let server = Server::start(site, place)?;
    let (changes, _watcher) = Changes::watch(watched, &server.folder)?;
    let port = server.address.port();
    if port != FIRST_PORT {
        complain(format_args!("port {FIRST_PORT} is busy, so the book is at port {port}"));
    }
    let mut output = io::stdout();
    writeln!(output, "the book is at http://{}", server.address)?;
    output.flush()?;
    server.rebuild_on(changes, rebuild)
}

/// Where a book will be served. Nobody else has the port from now on.
pub struct Place(TcpListener);

impl Place {
    /// A place on 127.0.0.1, at port 3000 or the next one that is free.
    ///
    /// # Errors
    /// None of a hundred ports is free.
    pub fn find() -> Result<Self> {
        Self::find_from(FIRST_PORT)
    }

    /// At the first free port from `first` on; at any port when that is 0.
    fn find_from(first: u16) -> Result<Self> {
        listen(first).map(Self)
    }

    /// Its port.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn port(&self) -> Result<u16> {
        Ok(self.0.local_addr()?.port())
    }
}

/// Serves the book that stands in the folder from now on, and reloads the open pages. It fails when
/// there is none.
pub type Publish<'a> = &'a dyn Fn() -> Result<()>;

/// A server of one folder. It ends when it goes out of scope.
struct Server {
    address: SocketAddr,
    folder: PathBuf,
    book: Arc<watch::Sender<Book>>,
    runtime: Option<Runtime>,
}

impl Server {
    fn start(folder: PathBuf, Place(listener): Place) -> Result<Self> {
        let book = Arc::new(watch::Sender::new(Book::read(&folder)?));
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start the server")?;
        let pages = Router::new()
            .route(&format!("/{LIVE_RELOAD}"), get(connect_page))
            .fallback(get(answer))
            .layer(middleware::from_fn(refuse_strangers))
            .with_state(book.clone());
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        // It goes on until the runtime ends.
        runtime.spawn(async move { axum::serve(listener, pages).await });
        Ok(Self { address, folder, book, runtime: Some(runtime) })
    }

    /// Builds at each change, in this thread.
    fn rebuild_on(
        &self,
        changes: Changes,
        mut rebuild: impl FnMut(&[PathBuf], Publish) -> Result<()>,
    ) -> Result<()> {
        let publish = || {
            // With this the pages know, too.
            self.book.send_replace(Book::read(&self.folder)?);
            Ok(())
        };
        loop {
            let changed = changes.next()?;
            if let Err(error) = rebuild(&changed, &publish) {
                complain(format_args!("{error:#}"));
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A socket at the first free port from `first` on; at any port when that is 0.
fn listen(first: u16) -> Result<TcpListener> {
    let last = first.saturating_add(MOST_PORTS - 1);
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            // Windows keeps ranges of ports for itself and calls those forbidden.
            Err(error)
                if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {}
            result => return result.with_context(|| format!("cannot listen on port {port}")),
        }
    }
    bail!("none of the ports {first} to {last} is free");
}

/// A built book in memory: its files by their path, as in a URL, without the first slash.
#[derive(Clone, Default)]
struct Book(Arc<HashMap<String, File>>);

struct File {
    kind: HeaderValue,
    bytes: Bytes,
}

impl Book {
    fn read(folder: &Path) -> Result<Self> {
        let mut files = HashMap::new();
        read_folder(folder, "", &mut files)
            .with_context(|| format!("cannot read the built book in {}", folder.display()))?;
        if !files.contains_key("index.html") {
            bail!("no built book in {}: index.html is missing", folder.display());
        }
        Ok(Self(Arc::new(files)))
    }

    /// What a GET of this path is answered with.
    fn answer(&self, path: &str) -> Response {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let name = decoded.trim_start_matches('/');
        if let Some(file) = self.0.get(name) {
            return file.respond(StatusCode::OK);
        }
        if name.is_empty() || name.ends_with('/') {
            if let Some(index) = self.0.get(&format!("{name}index.html")) {
                return index.respond(StatusCode::OK);
            }
        } else if self.0.contains_key(&format!("{name}/index.html")) {
            // Relative links in a folder's page need its slash.
            let last = path.rsplit('/').next().unwrap_or_default();
            if let Ok(there) = HeaderValue::from_str(&format!("./{last}/")) {
                return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, there)]).into_response();
            }
        }
        // Each edition has a page of its own for what is missing.
        let mut folder = name;
        let missing = loop {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            let slash = if folder.is_empty() { "" } else { "/" };
            let page = self.0.get(&format!("{folder}{slash}404.html"));
            if page.is_some() || folder.is_empty() {
                break page;
            }
        };
        match missing {
            Some(page) => page.respond(StatusCode::NOT_FOUND),
            None => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
        }
    }
}

impl File {
    fn respond(&self, status: StatusCode) -> Response {
        (status, [(CONTENT_TYPE, self.kind.clone())], self.bytes.clone()).into_response()
    }
}

/// Reads the files of a folder and of those in it. What is no plain file, such as a link that leads out
/// of the folder, is left out.
fn read_folder(folder: &Path, prefix: &str, files: &mut HashMap<String, File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            let bytes = Bytes::from(fs::read(entry.path())?);
            let kind = content_type(&name);
            files.insert(name, File { kind, bytes });
        }
    }
    Ok(())
}

fn content_type(name: &str) -> HeaderValue {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let charset = if kind.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    let otherwise = HeaderValue::from_static("application/octet-stream");
    HeaderValue::from_str(&format!("{}{charset}", kind.essence_str())).unwrap_or(otherwise)
}

/// Answers who asks for this machine by a name of its own, and nobody else: a name of a stranger that
/// leads to 127.0.0.1 would let his page read ours (DNS rebinding). Nothing is cached: the next build
/// has the same addresses.
async fn refuse_strangers(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let is_ours = host.is_some_and(is_this_machine)
        && hosts.next().is_none()
        && request.uri().authority().is_none_or(|host| is_this_machine(host.as_str()));
    let mut response = if is_ours {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "this is 127.0.0.1, and answers to no other name\n").into_response()
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a `Host` names this machine, at whatever port: somebody may have forwarded another one.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let names = ["localhost", "127.0.0.1", "[::1]"];
    !host.contains('@') && names.iter().any(|name| authority.host().eq_ignore_ascii_case(name))
}

async fn answer(State(book): State<Arc<watch::Sender<Book>>>, uri: Uri) -> Response {
    let book = book.borrow().clone();
    book.answer(uri.path())
}

/// Connects a page that wants to hear when to reload. A websocket may be opened from any page of the
/// web, so one of another origin, or of a program that names none, is refused.
async fn connect_page(
    State(book): State<Arc<watch::Sender<Book>>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = header(ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
    let is_ours = match (origin, header(HOST)) {
        (Some(origin), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    };
    if !is_ours {
        return (StatusCode::FORBIDDEN, "only a page of this book may connect\n").into_response();
    }
    // What is built from here on is news to the page.
    let news = book.subscribe();
    match upgrade {
        // A page has nothing to say to us.
        Ok(upgrade) => upgrade
            .max_message_size(1024)
            .max_frame_size(1024)
            .on_upgrade(move |page| keep_fresh(page, news)),
        Err(rejection) => rejection.into_response(),
    }
}

/// Tells a page to reload after each build, until it is closed.
async fn keep_fresh(mut page: WebSocket, mut news: watch::Receiver<Book>) {
    loop {
        tokio::select! {
            built = news.changed() => {
                if built.is_err() || page.send("reload".into()).await.is_err() {
                    return;
                }
            }
            message = page.recv() => {
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// What changes in some folders.
struct Changes {
    folders: Vec<PathBuf>,
    /// Not to be watched, should it be in one of them: we change it ourselves.
    site: PathBuf,
    events: Receiver<notify::Result<Event>>,
}

impl Changes {
    /// They are told for as long as the watcher lives.
    fn watch(folders: &[PathBuf], site: &Path) -> Result<(Self, RecommendedWatcher)> {
        // Some systems tell where a path really leads, so it is asked for in that way.
        let real = |path: &Path| {
            path.canonicalize().with_context(|| format!("cannot watch {}", path.display()))
        };
        let (sender, events) = mpsc::channel();
        let mut watcher =
            notify::recommended_watcher(sender).context("cannot watch for changes")?;
        let mut real_folders = Vec::new();
        for folder in folders {
            let folder = real(folder)?;
            watcher
                .watch(&folder, RecursiveMode::Recursive)
                .with_context(|| format!("cannot watch {}", folder.display()))?;
            real_folders.push(folder);
        }
        Ok((Self { folders: real_folders, site: real(site)?, events }, watcher))
    }

    /// Waits until something has changed, and then until it is quiet again: the paths, each once.
    fn next(&self) -> Result<Vec<PathBuf>> {
        let mut changed = BTreeSet::new();
        // When to wait no longer, and when not even for a change that comes before that.
        let (mut quiet, mut longest) = (None, None);
        loop {
            let event = match quiet.min(longest) {
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(end) => {
                    let left = Instant::saturating_duration_since(&end, Instant::now());
                    if left.is_zero() {
                        return Ok(changed.into_iter().collect());
                    }
                    self.events.recv_timeout(left)
                }
            };
            match event {
                Ok(Ok(event)) => {
                    let paths = self.changed_by(event);
                    if !paths.is_empty() {
                        let now = Instant::now();
                        quiet = Some(now + QUIET);
                        longest = longest.or(Some(now + LONGEST_WAIT));
                        changed.extend(paths);
                    }
                }
                Ok(Err(error)) => complain(format_args!("a change may be missed: {error}")),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("nobody watches any more"),
            }
        }
    }

    /// The paths of an event that the book may be made of.
    fn changed_by(&self, event: Event) -> Vec<PathBuf> {
        if event.attrs.flag() == Some(Flag::Rescan) {
            // There were more changes than the system could tell.
            return self.folders.clone();
        }
        if event.kind.is_access() {
            return Vec::new();
        }
        event.paths.into_iter().filter(|path| self.is_of_the_book(path)).collect()
    }

    fn is_of_the_book(&self, path: &Path) -> bool {
        // Only names below a watched folder count: it may itself be in one called `target`.
        let mut inside = self.folders.iter().filter_map(|folder| path.strip_prefix(folder).ok());
        !path.starts_with(&self.site)
            && inside.any(|path| !path.components().any(|name| is_by_the_way(name.as_os_str())))
    }
}

/// Whether a file or folder of this name is none that a person writes: what a build or git keeps, and
/// what editors leave for a moment beside the file that is edited.
fn is_by_the_way(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    // `.git`, `.chapter.md.swp` (Vim), `.#chapter.md` (Emacs), `.goutputstream-…` (GNOME)
    name.starts_with('.')
        || name == "target"
        // Vim finds out with this file whether it may write here.
        || name == "4913"
        || name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with(".tmp")
        // `chapter.md___jb_tmp___` (JetBrains)
        || (name.contains("___jb_") && name.ends_with("___"))
}

/// Says it on standard error. That nobody reads there is no reason to stop serving.
fn complain(what: fmt::Arguments) {
    let _ = writeln!(io::stderr(), "{what}");
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Shutdown, TcpStream};
    use std::thread;

    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind, ModifyKind};
    use tempfile::TempDir;
    use tungstenite::WebSocket;
    use tungstenite::client::IntoClientRequest;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn place(first: u16) -> Place {
        Place::find_from(first).expect("a free port")
    }

    #[test]
    fn the_files_of_the_book_are_served() {
        let folder = book(&[
            ("index.html", "start"),
            ("404.html", "missing"),
            ("en/index.html", "english start"),
            ("en/404.html", "missing in english"),
            ("en/07-echo.html", "<p>→</p>"),
            ("en/notebook.js", "go()"),
            ("zh/a b.svg", "<svg/>"),
        ]);
        let server = Server::start(folder.path().to_owned(), place(0)).expect("a free port");
        for (path, status, kind, body) in [
            ("/", 200, "text/html; charset=utf-8", "start"),
            ("/index.html?theme=ayu", 200, "text/html; charset=utf-8", "start"),
            ("/en/", 200, "text/html; charset=utf-8", "english start"),
            ("/en/07-echo.html", 200, "text/html; charset=utf-8", "<p>→</p>"),
            ("/en/notebook.js", 200, "text/javascript; charset=utf-8", "go()"),
            ("/zh/a%20b.svg", 200, "image/svg+xml", "<svg/>"),
            ("/nothing.html", 404, "text/html; charset=utf-8", "missing"),
            ("/en/nothing.html", 404, "text/html; charset=utf-8", "missing in english"),
            ("/en/deep/nothing", 404, "text/html; charset=utf-8", "missing in english"),
            ("/zh/nothing.html", 404, "text/html; charset=utf-8", "missing"),
            ("/../../etc/passwd", 404, "text/html; charset=utf-8", "missing"),
            ("/%2e%2e/%2e%2e/etc/passwd", 404, "text/html; charset=utf-8", "missing"),
        ] {
            let answer = ask(&server, &format!("GET {path} HTTP/1.1\r\nHost: localhost"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
            assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{path}: {answer}");
            assert!(answer.contains("cache-control: no-store\r\n"), "{path}: {answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{path}: {answer}");
        }

        let answer = ask(&server, "GET /en HTTP/1.1\r\nHost: localhost");
        assert!(answer.contains("307 ") && answer.contains("location: ./en/\r\n"), "{answer}");
        let answer = ask(&server, "HEAD / HTTP/1.1\r\nHost: localhost");
        assert!(answer.contains("200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
        let answer = ask(&server, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0");
        assert!(answer.contains("405 "), "{answer}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_of_the_folder_is_not_followed() {
        let outside = book(&[("secret.html", "secret")]);
        let folder = book(&[("index.html", "start")]);
        let link = |from: &Path, to: &str| {
            std::os::unix::fs::symlink(from, folder.path().join(to)).expect("a link can be made");
        };
        link(outside.path(), "folder");
        link(&outside.path().join("secret.html"), "page.html");
        let server = Server::start(folder.path().to_owned(), place(0)).expect("a free port");
        for path in ["/folder/secret.html", "/page.html"] {
            let answer = ask(&server, &format!("GET {path} HTTP/1.1\r\nHost: localhost"));
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let folder = book(&[("index.html", "start")]);
        let server = Server::start(folder.path().to_owned(), place(0)).expect("a free port");
        for host in [
            "Host: localhost",
            "Host: LOCALHOST:8000",
            "Host: 127.0.0.1:3000",
            "Host: [::1]:3000",
            "host:127.0.0.1",
        ] {
            let answer = ask(&server, &format!("GET / HTTP/1.1\r\n{host}"));
            assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
        }
        for host in [
            "Host: attacker.example",
            "Host: attacker.example:3000",
            "Host: localhost.attacker.example",
            "Host: 127.0.0.1.attacker.example",
            "Host: 127.0.0.1@attacker.example",
            "Host: attacker@127.0.0.1",
            "Host: 0.0.0.0",
            "Host: localhost\r\nHost: attacker.example",
            "Host: ",
            "Accept: */*",
        ] {
            let answer = ask(&server, &format!("GET / HTTP/1.1\r\n{host}"));
            assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
            assert!(!answer.contains("start"), "{host}: {answer}");
        }
        let answer = ask(&server, "GET http://attacker.example/ HTTP/1.1\r\nHost: localhost");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }

    #[test]
    fn only_a_page_of_the_book_is_connected() {
        let folder = book(&[("index.html", "start")]);
        let server = Server::start(folder.path().to_owned(), place(0)).expect("a free port");
        let port = server.address.port();
        for origin in [
            None,
            Some("null".to_owned()),
            Some("http://attacker.example".to_owned()),
            Some(format!("http://attacker.example:{port}")),
            Some(format!("http://localhost:{port}")),
            Some(format!("https://127.0.0.1:{port}")),
            Some("http://127.0.0.1:1".to_owned()),
        ] {
            let error = connect(&server, origin.as_deref()).err().unwrap_or_default();
            assert!(error.contains("403"), "{origin:?}: {error}");
        }
        connect(&server, Some(&format!("http://127.0.0.1:{port}"))).expect("a page of ours");
        // Nor may who is refused learn whether the rest of the request would do.
        let path = format!("GET /{LIVE_RELOAD} HTTP/1.1\r\nHost: localhost");
        assert!(ask(&server, &path).contains("403 "));
        let answer = ask(&server, &format!("{path}\r\nOrigin: http://localhost"));
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }

    #[test]
    fn a_saved_file_is_built_and_the_pages_reload() {
        let sources = tempfile::tempdir().expect("a folder for the test");
        let source = sources.path().join("chapter.md");
        save(&source, "one");
        let folder = book(&[("index.html", "one")]);
        let server = Server::start(folder.path().to_owned(), place(0)).expect("a free port");
        let watched = [sources.path().to_owned()];
        let (changes, watcher) =
            Changes::watch(&watched, folder.path()).expect("folders can be watched");
        let page = || {
            let origin = format!("http://{}", server.address);
            connect(&server, Some(&origin)).expect("a page of ours")
        };
        let mut pages = [page(), page()];

        let (told, builds) = mpsc::channel();
        let (from, to) = (source.clone(), folder.path().join("index.html"));
        let build = move |changed: &[PathBuf], publish: Publish| {
            // As mdBook does: what was there is gone first, whatever comes then.
            fs::write(&to, "half a book")?;
            let text = fs::read_to_string(&from)?;
            told.send((text.clone(), changed.to_vec()))?;
            if text == "broken" {
                bail!("chapter.md:1: this is said on purpose, by a test");
            }
            fs::write(&to, text)?;
            publish()
        };
        let real_source = source.canonicalize().expect("the file is there");
        let now = || ask(&server, "GET / HTTP/1.1\r\nHost: localhost");
        let built = |text: &str| loop {
            let (built, changed) = builds.recv_timeout(PATIENCE).expect("a build");
            assert!(changed.contains(&real_source), "{changed:?}");
            if built == text {
                break;
            }
        };
        // One save may be told as two changes, so each is waited for until it can be seen.
        let reload_until = |pages: &mut [WebSocket<TcpStream>], text: &str| {
            let deadline = Instant::now() + PATIENCE;
            for page in pages {
                assert_eq!(read(page), "reload");
                while !now().ends_with(&format!("\r\n\r\n{text}")) {
                    assert!(Instant::now() < deadline, "{}", now());
                    assert_eq!(read(page), "reload");
                }
            }
        };
        let server = &server;
        thread::scope(|scope| {
            // The builds end with it, also when an assertion fails.
            let watcher = watcher;
            let building = scope.spawn(move || server.rebuild_on(changes, build));

            save(&source, "two");
            built("two");
            reload_until(&mut pages, "two");

            save(&source, "broken");
            built("broken");
            assert!(now().ends_with("\r\n\r\ntwo"), "the last good book");

            save(&source, "three");
            built("three");
            reload_until(&mut pages, "three");

            drop(watcher);
            let error = building.join().expect("builds that end").expect_err("nothing to wait for");
            assert!(error.to_string().contains("nobody watches"), "{error}");
        });
    }

    #[test]
    fn a_busy_port_leads_to_the_next_free_one() {
        let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = busy.local_addr().expect("a bound socket").port();
        let folder = book(&[("index.html", "start")]);
        let server =
            Server::start(folder.path().to_owned(), place(port)).expect("another free port");
        assert!(server.address.port() > port, "{}", server.address);
        assert!(server.address.ip().is_loopback());
        assert!(ask(&server, "GET / HTTP/1.1\r\nHost: localhost").contains("200 "));
    }

    #[test]
    fn a_folder_without_a_book_is_an_error() {
        let folder = book(&[("other.html", "")]);
        let error = Server::start(folder.path().to_owned(), place(0)).err().expect("no book");
        assert!(error.to_string().contains("index.html is missing"), "{error:#}");
        let error =
            Server::start(folder.path().join("nowhere"), place(0)).err().expect("no folder");
        assert!(error.to_string().contains("nowhere"), "{error:#}");
    }

    #[test]
    fn what_no_person_writes_is_no_change() {
        let (_sender, changes) = by_hand();
        let event = |kind, path: &str| {
            let event = Event::new(kind).add_path(changes.folders[0].join(path));
            !changes.changed_by(event).is_empty()
        };
        let saved = EventKind::Modify(ModifyKind::Any);
        for path in ["chapter.md", "07-echo/server.rs", "notes.tmpl", "a~b.md"] {
            assert!(event(saved, path), "{path}");
            assert!(event(EventKind::Create(CreateKind::File), path), "{path}");
            assert!(!event(EventKind::Access(AccessKind::Any), path), "{path}");
        }
        for path in [
            ".git/index",
            "notebook/target/debug/notebook",
            ".chapter.md.swp",
            ".#chapter.md",
            "#chapter.md#",
            "chapter.md~",
            "4913",
            "chapter.md.tmp",
            "chapter.md___jb_tmp___",
            ".goutputstream-X1Y2Z3",
            "site/index.html",
        ] {
            assert!(!event(saved, path), "{path}");
        }
        let elsewhere = Event::new(saved).add_path(PathBuf::from("/elsewhere/chapter.md"));
        assert!(changes.changed_by(elsewhere).is_empty());
        let missed = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(changes.changed_by(missed), changes.folders);
    }

    #[test]
    fn changes_in_quick_succession_are_told_together_and_each_once() {
        let (sender, changes) = by_hand();
        let path = |name: &str| changes.folders[0].join(name);
        for name in ["b.md", "a.md", ".a.md.swp", "b.md", "a.md", "b.md"] {
            let event = Event::new(EventKind::Modify(ModifyKind::Any)).add_path(path(name));
            sender.send(Ok(event)).expect("changes are read");
        }
        let told = changes.next().expect("changes");
        assert!(told.is_sorted() && told.len() <= 2, "{told:?}");
        assert!(told.contains(&path("b.md")), "{told:?}");
        drop(sender);
        let error = loop {
            match changes.next() {
                // A test that is stopped for a while in the middle hears of them in two parts.
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("nobody watches"), "{error}");
    }

    /// Changes of a folder that are sent by the test.
    fn by_hand() -> (mpsc::Sender<notify::Result<Event>>, Changes) {
        let (sender, events) = mpsc::channel();
        // A watched folder may be anywhere.
        let folder = PathBuf::from("/home/.cache/target/book");
        let site = folder.join("site");
        (sender, Changes { folders: vec![folder], site, events })
    }

    /// A folder with these files.
    fn book(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    /// As careful editors do it: nobody sees half of the file.
    fn save(path: &Path, text: &str) {
        let new = path.with_extension("tmp");
        fs::write(&new, text).expect("a file can be written");
        fs::rename(new, path).expect("a file can be renamed");
    }

    /// Sends a request whose head is this, and reads the whole answer.
    #[track_caller]
    fn ask(server: &Server, head: &str) -> String {
        let mut stream = TcpStream::connect(server.address).expect("a server that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = format!("{head}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a server that reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("a server that answers");
        let _ = stream.shutdown(Shutdown::Both);
        String::from_utf8(answer).expect("text")
    }

    /// Connects as a page of this origin does.
    fn connect(server: &Server, origin: Option<&str>) -> Result<WebSocket<TcpStream>, String> {
        let url = format!("ws://{}/{LIVE_RELOAD}", server.address);
        let mut request = url.into_client_request().expect("a URL");
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().expect("a header"));
        }
        let stream = TcpStream::connect(server.address).expect("a server that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        match tungstenite::client(request, stream) {
            Ok((page, _)) => Ok(page),
            Err(error) => Err(error.to_string()),
        }
    }

    fn read(page: &mut WebSocket<TcpStream>) -> String {
        let message = page.read().expect("a server that tells");
        message.to_text().expect("text").to_owned()
    }
}
