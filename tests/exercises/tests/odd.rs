//! A program that misbehaves, for the tests of the engine: the first argument says how. The second is a mark
//! by which its processes are found. It ends by itself after a minute, should nobody end it.

use std::env;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

fn main() {
    thread::spawn(|| {
        thread::park_timeout(Duration::from_secs(60));
        process::exit(9);
    });
    let arguments: Vec<String> = env::args().collect();
    let to = || arguments.get(3).cloned().unwrap_or_default();
    match arguments[1].as_str() {
        "hangs" => {}
        "does not read" => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            println!("listening on {}", listener.local_addr().unwrap());
            let _stream = listener.accept();
            thread::park();
        }
        "is elsewhere" => println!("listening on 192.0.2.1:7000"),
        "floods lines" => loop {
            println!("y");
        },
        "floods one line" => {
            let piece = [b'y'; 1000];
            while io::stdout().write_all(&piece).is_ok() {}
        }
        "floods errors" => {
            println!("ready");
            loop {
                eprintln!("{}", "y".repeat(70));
            }
        }
        "floods a peer" => {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            loop {
                let _ = socket.send_to(b"and another", to());
            }
        }
        "floods a stream" => {
            let mut stream = TcpStream::connect(to()).unwrap();
            let piece = [b'y'; 1000];
            while stream.write_all(&piece).is_ok() {}
        }
        "panics" => {
            let nothing: Option<u8> = env::var("SURELY_NOT_SET").ok().map(|_| 1);
            nothing.expect("there is something");
        }
        "ends" => process::exit(3),
        #[cfg(unix)]
        "closes its output" => {
            unsafe extern "C" {
                fn close(descriptor: i32) -> i32;
            }
            unsafe {
                close(1);
                close(2);
            }
        }
        "has a child" => {
            child(&arguments[2], false);
            println!("ready");
        }
        "leaves a child" => {
            child(&arguments[2], false);
            println!("ready");
            process::exit(0);
        }
        "leaves a child in a session of its own" => {
            child(&arguments[2], true);
            println!("ready");
            process::exit(0);
        }
        "has a child in a session of its own" => {
            child(&arguments[2], true);
            println!("ready");
        }
        other => panic!("{other}?"),
    }
    loop {
        thread::park();
    }
}

/// A process that holds the streams of this one open.
fn child(mark: &str, apart: bool) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["hangs", mark]);
    #[cfg(unix)]
    if apart {
        use std::os::unix::process::CommandExt;
        unsafe extern "C" {
            fn setsid() -> i32;
        }
        unsafe {
            command.pre_exec(|| {
                setsid();
                Ok(())
            });
        }
    }
    let _ = apart;
    command.spawn().unwrap();
}
