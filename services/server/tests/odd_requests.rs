//! The table of odd requests, over HTTP.

mod support;

use support::{Server, access, proxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use whmcs_auth::gate::AddressGate;
use whmcs_auth_odd_requests::{
    ACCESS_KEY, ADDRESS, IDENTIFIER, PASSWORD, Row, SECRET, USERNAME, rows,
};

/// A server that holds what the table expects.
async fn server(allows_get: bool) -> Server {
    let addresses = AddressGate::new().with_entries([ADDRESS]).with_access_key(ACCESS_KEY).unwrap();
    let access = access().with_addresses(addresses).with_proxies(proxies(&["127.0.0.1"]));
    let server = Server::with_access(access, |settings| settings.allow_get = allows_get).await;
    assert_eq!((USERNAME, PASSWORD), ("admin", "password"), "the admin of the demo");
    let secret = bcrypt::hash(SECRET, 4).unwrap();
    let change =
        format!("UPDATE tbldeviceauth SET identifier = '{IDENTIFIER}', secret = '{secret}'");
    server.sql(&change).await;
    server
}

/// The status of the answer, and the code that the metrics counted meanwhile.
async fn answer(server: &Server, row: &Row) -> (String, u16) {
    let before = codes(server).await;
    let Row { peer: [a, b, c, d], method, query, types, body, .. } = row;
    let mut head = format!(
        "{method} /includes/api.php?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         X-Forwarded-For: {a}.{b}.{c}.{d}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for content_type in types {
        head += &format!("Content-Type: {content_type}\r\n");
    }
    let request = [head.as_bytes(), b"\r\n", body].concat();
    let mut stream =
        TcpStream::connect(server.base.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let counted = codes(server).await.into_iter().filter(|line| !before.contains(line));
    let codes: Vec<_> = counted.map(|line| line.split('"').nth(3).unwrap().to_owned()).collect();
    (codes.join(" and "), status)
}

/// The lines of the metrics that count answers.
async fn codes(server: &Server) -> Vec<String> {
    let text = server.ask("/metrics").await.text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with("whmcs_auth_answers_total"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_server_gives_the_answer_of_the_table() {
    let (by_post, by_get) = (server(false).await, server(true).await);
    let mut differences = Vec::new();
    for row in rows() {
        let server = if row.allows_get { &by_get } else { &by_post };
        let answer = answer(server, &row).await;
        let expected = (row.code.to_owned(), row.status);
        if answer != expected {
            differences.push(format!("{}: {answer:?}, not {expected:?}", row.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
