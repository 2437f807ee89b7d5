//! Every door gives the same answer to every row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use tokio::net::TcpListener;
use whmcs_auth_odd_requests::{
    Row, Visit, companion, companion_visit, gateway, library, library_visit, rows, visits,
};

/// What the doors answer otherwise than the row says.
async fn differences(row: &Row, upstream: std::net::SocketAddr) -> Vec<String> {
    let expected = (row.code, row.status);
    let answers = [
        ("library", library(row).unwrap()),
        ("companion", companion(row).await.unwrap()),
        ("gateway", gateway(row, upstream).await.unwrap()),
    ];
    let differs = |(door, answer)| {
        (answer != expected)
            .then(|| format!("{}: {door} answers {answer:?}, not {expected:?}", row.name))
    };
    answers.into_iter().filter_map(differs).collect()
}

/// The address of an upstream of the gateway, and how many calls reached it.
async fn upstream() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reached = Arc::<AtomicUsize>::default();
    let calls = Arc::clone(&reached);
    let service = Router::new().fallback(async move || {
        calls.fetch_add(1, Ordering::Relaxed);
        "ok"
    });
    tokio::spawn(async { axum::serve(listener, service).await });
    (address, reached)
}

#[tokio::test]
async fn every_door_gives_the_answer_of_the_table() {
    let (upstream, reached) = upstream().await;
    let rows = rows();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let mut all = Vec::new();
    for row in &rows {
        all.extend(differences(row, upstream).await);
        if reached.swap(0, Ordering::Relaxed) != usize::from(row.code == "accepted") {
            all.push(format!("{}: the gateway forwards what it refuses, or nothing", row.name));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[tokio::test]
async fn a_row_that_a_door_answers_otherwise_is_noticed() {
    let (upstream, _) = upstream().await;
    let mut row = rows().remove(0);
    row.status = 403;
    assert_eq!(differences(&row, upstream).await.len(), 3);
}

async fn visit_differences(visit: &Visit) -> Vec<String> {
    let expected = (visit.code, visit.status);
    let answers = [
        ("library", library_visit(visit).unwrap()),
        ("companion", companion_visit(visit).await.unwrap()),
    ];
    let differs = |(door, answer)| {
        (answer != expected)
            .then(|| format!("{}: {door} answers {answer:?}, not {expected:?}", visit.name))
    };
    answers.into_iter().filter_map(differs).collect()
}

#[tokio::test]
async fn every_visit_gets_the_answer_of_the_table() {
    let mut all = Vec::new();
    for visit in visits() {
        all.extend(visit_differences(&visit).await);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[tokio::test]
async fn a_visit_that_a_door_answers_otherwise_is_noticed() {
    let mut visit = visits().remove(0);
    visit.status = 403;
    assert_eq!(visit_differences(&visit).await.len(), 2);
}
