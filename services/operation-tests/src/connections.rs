//! Connections have limits, and the operator has a listener of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::program::{FORGED, Program, Subject, try_get};

/// Sends half a head from an address of this machine, and keeps the connection open.
fn half_head(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(b"GET /dologin.php HTTP/1.1\r\nHos").unwrap();
    stream
}

/// Half heads from 50 addresses, `of_each` from each of them.
fn half_heads(program: &Program, of_each: usize) -> Vec<TcpStream> {
    let from = (1..=50).map(|number| Ipv4Addr::new(127, 0, 1, number));
    let all = from.flat_map(|from| std::iter::repeat_n(from, of_each));
    all.map(|from| half_head(program.visitors, from)).collect()
}

fn operator_is_served(program: &Program) {
    for path in ["/healthz", "/readyz", "/metrics"] {
        // The heads are given up after 10 s.
        assert_eq!(program.ask_within(Duration::from_secs(6), path).0, 200, "{path}");
    }
}

/// Visitors hold every connection.
pub fn slow_heads_do_not_hold_the_operator_up(subject: &Subject) {
    let program = subject.start(&[]);
    let heads = half_heads(&program, 12);
    operator_is_served(&program);
    // Not the link that works: the service may still verify it for a visitor who has gone.
    let visit = try_get(program.visitors, FORGED, Duration::from_millis(500));
    assert!(visit.is_err(), "no connection is left for a visitor");
    operator_is_served(&program);
    drop(heads);
    assert_eq!(program.visit(&program.link).0, 302);
}

pub fn more_connections_than_files_end_nothing(subject: &Subject) {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"ulimit -n 200; exec "$0" "$@""#;
    let command = subject.in_shell(script, folder.path(), &[]);
    let mut program = Program::start_in(folder, command);
    let heads = half_heads(&program, 4);
    operator_is_served(&program);
    drop(heads);
    assert_eq!(program.visit(&program.link).0, 302);
    assert!(program.stop().success());
}

pub fn half_a_head_does_not_outlive_the_program(subject: &Subject) {
    let mut program = subject.start(&[]);
    let _head = half_head(program.visitors, Ipv4Addr::LOCALHOST);
    assert!(program.stop().success());
}

/// A head costs memory, and work for each of its cookies.
pub fn a_long_head_is_refused(subject: &Subject) {
    let program = subject.start(&[]);
    let cookie = "a".repeat(60 * 1024);
    assert_eq!(program.request("GET", &program.link, &[("Cookie", &cookie)]).0, 302);

    // Without its end, so that the program has nothing left to read when it answers.
    let mut head = b"GET / HTTP/1.1\r\nCookie: ".to_vec();
    head.resize(64 * 1024, b'a');
    let mut stream = TcpStream::connect(program.visitors).unwrap();
    stream.write_all(&head).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}
