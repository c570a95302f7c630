//! A server that says what a test wants.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Map;

use crate::{
    client::Client,
    conformance::{
        ConformanceArgs,
        case::{Case, Checked, Need},
        cases,
        engine::{self, Run},
        report::Report,
        target::Target,
    },
};

pub(super) const SECRET: &str = "a-secret-of-the-operator";
pub(super) const USER: &str = "user:a-secret";

/// A server, and the requests that came.
pub(super) struct Server {
    pub(super) url: String,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request with this response; an empty one closes the connection.
    pub(super) fn answering(response: &'static str) -> Self {
        Self::with(move |stream, _| {
            let _ = stream.write_all(response.as_bytes());
        })
    }

    /// Answers with a status, headers and a body.
    pub(super) fn saying(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}");
        let response = format!("{head}connection: close\r\n\r\n{body}");
        Self::with(move |stream, _| {
            let _ = stream.write_all(response.as_bytes());
        })
    }

    /// Accepts upgrades, and does to each socket what `serve` does; any other request is 200 `{}`.
    pub(super) fn live(serve: fn(&mut tungstenite::WebSocket<TcpStream>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    if let Ok(mut socket) = tungstenite::accept(stream) {
                        serve(&mut socket);
                    }
                });
            }
        });
        Self { url, asked: Arc::default() }
    }

    pub(super) fn with(answer: impl Fn(&mut TcpStream, &str) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = read(&stream);
                log.lock().unwrap().push(request.clone());
                answer(&mut stream, &request);
            }
        });
        Self { url, asked }
    }

    pub(super) fn target(&self, needs: &[Need]) -> Target {
        let has = |need: Need| needs.contains(&need);
        let args = ConformanceArgs {
            deployment: None,
            query: has(Need::Query).then(|| "a:query".to_owned()),
            query_args: Map::new(),
            mutation: has(Need::Mutation).then(|| "a:mutation".to_owned()),
            mutation_args: Map::new(),
            shard: None,
            token: Some(USER.to_owned()),
            filter: None,
        };
        let admin = has(Need::Admin).then(|| format!("Bearer {SECRET}"));
        Target::new(Client::new(&self.url, 1).unwrap(), &args, admin.and_then(|it| it.parse().ok()))
            .unwrap()
    }

    /// Runs one check, with time enough on a busy machine.
    pub(super) fn check(&self, check: fn(&mut Run<'_>) -> Checked) -> Report {
        self.check_within(Duration::from_secs(10), check)
    }

    fn check_within(&self, within: Duration, check: fn(&mut Run<'_>) -> Checked) -> Report {
        let case = Case { rule: "the_rule_of_a_test", section: "Calls", needs: &[], check };
        engine::run(&[&case], &self.target(&[]), within, |_| {})
    }

    /// Expects the check to fail, and returns what was expected and what came.
    pub(super) fn mismatch(&self, check: fn(&mut Run<'_>) -> Checked) -> (String, String) {
        mismatch(self.check(check))
    }

    /// Expects the check to fail at its deadline.
    pub(super) fn late(&self, check: fn(&mut Run<'_>) -> Checked) -> (String, String) {
        let start = Instant::now();
        let mismatch = mismatch(self.check_within(Duration::from_millis(300), check));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        mismatch
    }

    pub(super) fn run_all(&self, needs: &[Need], within: Duration) -> Report {
        let cases: Vec<_> = cases::all().collect();
        engine::run(&cases, &self.target(needs), within, |_| {})
    }
}

fn mismatch(report: Report) -> (String, String) {
    assert_eq!((report.passed, report.failed, report.skipped), (0, 1, 0), "{report:?}");
    let shown = report.cases.into_iter().find_map(|case| case.mismatch).unwrap();
    (shown.expected, shown.got)
}

/// Reads a request to its end: its head, and its body.
fn read(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    format!("{head}\r\n{}", String::from_utf8_lossy(&body))
}
