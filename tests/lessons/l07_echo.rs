use support::{Terminal, program};

#[test]
fn what_a_person_types_comes_back() {
    let mut server = Terminal::start(program!("07-echo-server", "127.0.0.1:0"));
    let address = server.listening().to_string();
    let mut client = Terminal::start(program!("07-echo-client", &address));
    client.expect(">>> ");
    client.type_line("hello, 世界");
    client.expect(&format!("from {address}: hello, 世界\n"));
    assert!(server.line().ends_with(": hello, 世界"));
    client.end_input();
    client.ends_with(0);
}
