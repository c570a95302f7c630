//! The tool against a server that says what a test wants.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

const TOKEN: &str = "the-token-of-a-test-and-nothing-else";

/// What came: the request line, its `authorization`, its body.
#[derive(Debug)]
struct Asked {
    line: String,
    authorization: Option<String>,
    body: String,
}

/// A server with one answer a request.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Each answer is a whole HTTP response; the connection ends after it.
    fn new(answers: impl IntoIterator<Item = String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (mut answers, log) = (answers.into_iter().collect::<VecDeque<_>>(), asked.clone());
        thread::spawn(move || {
            while let Some(answer) = answers.pop_front() {
                let Ok((stream, _)) = listener.accept() else { return };
                log.lock().unwrap().push(read(&stream));
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { url, asked }
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    fn run_with(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = lunora(args)
            .env("LUNORA_URL", &self.url)
            .env("LUNORA_ADMIN_TOKEN", TOKEN)
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn bodies(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| serde_json::from_str(&asked.body).unwrap_or(Value::Null)).collect()
    }

    fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.line.clone()).collect()
    }
}

fn lunora(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunora"));
    command
        .args(args)
        .env_remove("LUNORA_URL")
        .env_remove("LUNORA_ADMIN_TOKEN")
        .env_remove("LUNORA_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let (mut authorization, mut length, mut chunked) = (None, 0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().unwrap(),
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else {
        body.resize(length, 0);
        reader.read_exact(&mut body).unwrap();
    }
    Asked { line: line.trim().to_owned(), authorization, body: String::from_utf8(body).unwrap() }
}

fn answer(status: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn ok(body: &Value) -> String {
    answer("200 OK", body)
}

/// A body in pieces; `whole` is whether its end comes.
fn chunked(body: &str, whole: bool) -> String {
    let end = if whole { "0\r\n\r\n" } else { "" };
    format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{body}\r\n{end}",
        body.len()
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn manifest(id: &str, finished: &str) -> Value {
    json!({
        "id": id, "createdAt": "2026-05-01T00:00:00.000Z", "finishedAt": finished, "rows": 4, "bytes": 99,
        "file": format!("backups/{id}.ndjson"), "shards": [{"rows": 4, "seq": 7, "shardKey": "a"}],
    })
}

fn snapshots() -> String {
    let all =
        [manifest("new", "2026-05-03T00:00:00.000Z"), manifest("old", "2026-05-01T00:00:01.000Z")];
    ok(&json!({ "snapshots": all }))
}

fn restored(received: u64, next: &Value) -> String {
    let inserted = json!({ "notes": received });
    ok(&json!({
        "cleared": {}, "conflicts": 0, "errors": [], "failed": [], "inserted": inserted, "received": received, "next": next,
    }))
}

#[test]
fn a_token_comes_from_the_environment_alone() {
    let without = lunora(&["backup", "list"]).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(text(&without.stderr).contains("LUNORA_ADMIN_TOKEN"));
    let as_argument = lunora(&["--token", "x", "backup", "list"]).output().unwrap();
    assert_eq!(as_argument.status.code(), Some(2));

    let server = Server::new([snapshots()]);
    assert_eq!(server.run(&["backup", "list"]).status.code(), Some(0));
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[0].authorization.as_deref(), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked[0].line, "GET /_lunora/admin/backup/list HTTP/1.1");
}

#[test]
fn a_list_is_text_for_people_and_json_for_programs() {
    let server = Server::new([snapshots(), snapshots()]);
    let out = text(&server.run(&["backup", "list"]).stdout);
    assert!(out.starts_with("ID   TAKEN"), "{out}");
    assert!(out.contains("new  2026-05-01T00:00:00.000Z  4     99     manual"), "{out}");
    let out: Value =
        serde_json::from_slice(&server.run(&["--json", "backup", "list"]).stdout).unwrap();
    assert_eq!(out[1]["id"], "old");
}

#[test]
fn the_snapshots_of_another_deployment_are_marked_and_restored_only_by_their_id() {
    let mut snapshot = manifest("new", "2026-05-01T00:00:00.000Z");
    snapshot["deployment"] = json!("other");
    let list = ok(&json!({ "deployment": "own", "snapshots": [snapshot] }));
    let status =
        json!({ "cron": "0 3 * * *", "due": null, "next": null, "overdue": false, "foreign": 1 });
    let server = Server::new([list.clone(), ok(&status), list.clone(), list]);
    let out = text(&server.run(&["backup", "list"]).stdout);
    assert!(out.contains("manual (another deployment)"), "{out}");
    let out = text(&server.run(&["backup", "status"]).stdout);
    assert!(out.contains("1 snapshots of other deployments"), "{out}");
    let to = ["--to", "2026-05-02T00:00:00Z", "--yes"];
    let newest = server.run(&[&["backup", "restore"], &to[..]].concat());
    assert!(text(&newest.stderr).contains("no snapshot was finished before"));
    let named = server.run(&[&["backup", "restore", "new"], &to[..]].concat());
    assert_eq!(named.status.code(), Some(2));
    assert!(text(&named.stderr).contains("is of another deployment"));
}

#[test]
fn a_snapshot_that_is_too_long_for_one_call_takes_several() {
    let part = json!({ "unfinished": { "time": 7, "message": "the backup is not finished" } });
    let whole = manifest("new", "2026-05-01T00:00:00.000Z");
    let server = Server::new([ok(&part), ok(&part), ok(&whole)]);
    let out = server.run(&["backup", "create"]);
    assert_eq!((out.status.code(), &*text(&out.stdout)), (Some(0), "new: 4 rows, 99 bytes\n"));
    assert_eq!(server.bodies(), [json!({}), json!({ "time": 7 }), json!({ "time": 7 })]);

    let run = json!({ "id": "new", "leftAt": "2026-05-01T00:00:00.000Z", "shards": 3, "rows": 40 });
    let status = json!({ "cron": "0 3 * * *", "due": null, "next": null, "overdue": false, "unfinished": [run] });
    let out = text(&Server::new([ok(&status)]).run(&["backup", "status"]).stdout);
    assert!(out.contains("running   new: 40 rows, 3 shards complete"), "{out}");
}

#[test]
fn tables_that_a_snapshot_leaves_out_are_named() {
    let mut left = manifest("new", "2026-05-01T00:00:00.000Z");
    left["leftOut"] = json!({ "shardTables": ["stats"], "globalTables": ["users"] });
    let status =
        json!({ "cron": "0 3 * * *", "last": left, "due": null, "next": null, "overdue": false });
    let list = json!({ "snapshots": [left] });
    let server = Server::new([ok(&left), ok(&list), ok(&status)]);
    let names = "stats, users (global)";
    let out = server.run(&["backup", "create"]);
    assert!(text(&out.stderr).contains(&format!("leaves out tables: {names}")), "{out:?}");
    for command in ["list", "status"] {
        let out = text(&server.run(&["backup", command]).stdout);
        assert!(out.contains(names), "{out}");
    }
}

#[test]
fn a_refusal_is_told_with_its_code_and_its_hint() {
    let refusal = json!({"error": {"code": "ADMIN_FORBIDDEN", "message": "no", "hint": {"title": "look here", "body": ""}}});
    let server = Server::new([answer("403 Forbidden", &refusal)]);
    let out = server.run(&["backup", "create"]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stderr), "error: ADMIN_FORBIDDEN: no\nhint: look here\n");
    assert_eq!(text(&out.stdout), "");
}

#[test]
fn a_damaged_snapshot_has_an_exit_code_of_its_own() {
    let found = json!({"id": "x", "ok": false, "problems": ["3 rows instead of 4"], "rows": 3, "bytes": 9, "sha256": ""});
    let server = Server::new([ok(&found)]);
    let out = server.run(&["backup", "verify", "x"]);
    assert_eq!(out.status.code(), Some(3));
    assert_eq!(text(&out.stdout), "x: DAMAGED\n3 rows instead of 4\n");
    assert_eq!(server.bodies()[0], json!({ "id": "x" }));
}

#[test]
fn a_restore_goes_on_where_the_call_before_ended() {
    let next = json!({ "lines": 3, "bytes": 70 });
    let server = Server::new([snapshots(), restored(3, &next), restored(1, &Value::Null)]);
    let out = server.run(&["--json", "backup", "restore", "new", "--max-rows", "3"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&report["received"], &report["inserted"]["notes"]), (&json!(4), &json!(4)));
    assert_eq!(
        server.bodies()[1..],
        [
            json!({"id": "new", "from": null, "hold": false, "maxRows": 3, "replace": false, "safetySnapshot": true}),
            json!({"id": "new", "from": next, "hold": false, "maxRows": 3, "replace": false, "safetySnapshot": true}),
        ]
    );
}

#[test]
fn nothing_is_emptied_that_was_not_confirmed() {
    let server = Server::new([snapshots()]);
    let out = server.run(&["backup", "restore", "new", "--replace"]);
    assert_eq!(out.status.code(), Some(4));
    assert!(text(&out.stderr).contains("--yes"));
    assert_eq!(server.lines().len(), 1);

    let retention = json!({"cron": "0 3 * * *", "eligible": 3, "keep": 1, "prefix": "backups/", "wouldDelete": ["k2", "k3"]});
    let server = Server::new([ok(&retention)]);
    assert_eq!(server.run(&["backup", "prune"]).status.code(), Some(4));
    assert_eq!(server.lines().len(), 1);

    let pruned = json!({"deleted": ["k2"], "failed": ["k3"], "ignored": 0, "remaining": 0});
    let server = Server::new([ok(&retention), ok(&pruned)]);
    let out = server.run(&["backup", "prune", "--yes"]);
    assert_eq!(out.status.code(), Some(3));
    assert_eq!(server.bodies()[1], json!({ "confirm": ["k2", "k3"] }));
    assert_eq!(text(&out.stdout), "1 snapshots deleted\nnot deleted: k3\n");
}

#[test]
fn a_restore_empties_once_and_stops_at_the_first_failure() {
    let next = json!({ "lines": 3, "bytes": 70 });
    let failure = json!({"error": {"code": "SHARD_TIMEOUT", "message": "shard a gave no answer"}});
    let server =
        Server::new([snapshots(), restored(3, &next), answer("504 Gateway Timeout", &failure)]);
    let out = server.run(&["backup", "restore", "new", "--replace", "--yes"]);
    assert_eq!(out.status.code(), Some(1));
    let said = text(&out.stderr);
    assert!(said.contains("3 of 4 rows are restored"), "{said}");
    let command = format!("lunora --url '{}/' backup restore new --replace", server.url);
    assert!(said.contains(&command), "{said}");
    assert!(said.contains("SHARD_TIMEOUT: shard a gave no answer"), "{said}");
    let replaces: Vec<_> =
        server.bodies()[1..].iter().map(|body| body["replace"].clone()).collect();
    assert_eq!(replaces, [true, false]);
}

#[test]
#[cfg(unix)]
fn an_interrupted_restore_says_what_is_half_done_and_the_command_that_finishes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut child = lunora(&["backup", "restore", "new", "--replace", "--yes"])
        .env("LUNORA_URL", &url)
        .env("LUNORA_ADMIN_TOKEN", TOKEN)
        .spawn()
        .unwrap();
    for answer in [snapshots(), restored(3, &json!({ "lines": 3, "bytes": 70 }))] {
        let (stream, _) = listener.accept().unwrap();
        read(&stream);
        (&stream).write_all(answer.as_bytes()).unwrap();
    }
    // The third request gets no answer.
    let (stream, _) = listener.accept().unwrap();
    read(&stream);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    drop(stream);
    let said = text(&child.wait_with_output().unwrap().stderr);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("3 of 4 rows are restored"), "{said}");
    let command = format!("lunora --url '{url}/' backup restore new --replace\n");
    assert!(said.contains(&command), "{said}");
}

#[test]
fn a_dry_run_tells_what_would_happen_and_writes_nothing() {
    let plan = |problems: Value| {
        json!({
            "id": "new", "problems": problems, "finishedAt": "2026-05-01T00:00:00.000Z",
            "rows": 4, "rowsByTable": { "notes": 3, "gone": 1 }, "changes": 0, "watermarks": 2,
            "replies": 1, "unknownTables": ["gone"],
            "shards": [
                { "shardKey": "a", "rows": 4, "seq": 7, "seqNow": 9 },
                { "shardKey": "b", "seqNow": 1 },
            ],
        })
    };
    let server = Server::new([
        snapshots(),
        ok(&plan(json!([]))),
        snapshots(),
        ok(&plan(json!(["the SHA-256 differs"]))),
    ]);
    let args = ["backup", "restore", "new", "--replace", "--dry-run"];
    let out = server.run(&args);
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    for part in [
        "holds      writes until 2026-05-01T00:00:00.000Z",
        "restores   4 rows, 2 watermarks of clients, 1 stored answers",
        "gone (not declared: its rows are refused)",
        "2 newer changes",
        "not in the snapshot: every row is deleted",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let out = server.run(&args);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stdout).contains("would be refused: the SHA-256 differs"));
    let lines = server.lines();
    assert!(lines.iter().all(|line| line.starts_with("GET ")), "{lines:?}");
}

#[test]
fn a_moment_is_reached_by_the_newest_older_snapshot_and_the_changes_until_then() {
    let change = |seq: u64, ts: u64| json!({"seq": seq, "table": "notes", "id": "x", "op": "insert", "doc": {"n": 9007199254740993_u64}, "ts": ts});
    let to = 1_777_680_000_000_u64; // 2026-05-02T00:00:00Z
    let page = |shards: Value| ok(&json!({ "shards": shards }));
    let server = Server::new([
        snapshots(),
        ok(&Value::Null),
        page(
            // The change that the snapshot saw last is read again.
            json!([{"shardKey": "a", "cursor": 9, "changes": [change(7, TAKEN), change(8, to - 5), change(9, to)]}]),
        ),
        // Another shard is new since the snapshot.
        page(json!([
            {"shardKey": "a", "cursor": 10, "changes": [change(10, to + 1)]},
            {"shardKey": "b", "cursor": 1, "changes": [change(1, to - 1)]},
        ])),
        page(
            json!([{"shardKey": "a", "cursor": 10, "changes": []}, {"shardKey": "b", "cursor": 1, "changes": []}]),
        ),
        restored(4, &Value::Null),
        ok(&json!({"applied": 2, "failed": 0, "ok": 1})),
        ok(&json!({"applied": 1, "failed": 0, "ok": 1})),
    ]);
    let out =
        server.run(&["--json", "backup", "restore", "--to", "2026-05-02T02:00:00+02:00", "--yes"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&report["id"], &report["changes"]), (&json!("old"), &json!(3)));
    let bodies = server.bodies();
    assert_eq!(bodies[2]["cursors"], json!({ "a": 6 }));
    assert_eq!(bodies[3]["cursors"], json!({ "a": 9 }));
    assert_eq!(bodies[5]["replace"], true);
    assert_eq!(
        bodies[6],
        json!({"batches": [{"shardKey": "a", "changes": [change(8, to - 5), change(9, to)]}]})
    );
    assert_eq!(bodies[7], json!({"batches": [{"shardKey": "b", "changes": [change(1, to - 1)]}]}));
}

/// Before the end of the snapshot `old`.
const TAKEN: u64 = 1_777_593_600_500;

#[test]
fn a_feed_that_is_another_deployments_deletes_nothing() {
    let change = |seq: u64, ts: u64| json!({"seq": seq, "table": "notes", "id": "x", "op": "delete", "ts": ts});
    for changes in [
        json!([]),
        json!([change(8, TAKEN)]),
        // It grew past the place since the shard was built anew.
        json!([change(7, TAKEN + 60_000)]),
    ] {
        let page = json!({"shards": [{"shardKey": "a", "cursor": 9, "changes": changes}]});
        let server = Server::new([snapshots(), ok(&Value::Null), ok(&page)]);
        let out = server.run(&["backup", "restore", "--to", "2026-05-02T00:00:00Z", "--yes"]);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).contains("rebuilt"), "{}", text(&out.stderr));
        assert_eq!(server.lines().len(), 3);
    }
}

#[test]
fn a_restore_of_fewer_rows_than_there_are_is_no_success() {
    let server = Server::new([snapshots(), restored(3, &Value::Null)]);
    let out = server.run(&["backup", "restore", "new"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("restored 3 of 4 lines of the snapshot"));
}

#[test]
fn a_token_is_read_without_the_white_space_around_it() {
    let server = Server::new([snapshots()]);
    let run = |token: &str| {
        let mut command = lunora(&["--url", &server.url, "backup", "list"]);
        command.env("LUNORA_ADMIN_TOKEN", token).output().unwrap()
    };
    assert_eq!(run(&format!("{TOKEN}\r\n")).status.code(), Some(0));
    let bearer = server.asked.lock().unwrap()[0].authorization.clone();
    assert_eq!(bearer, Some(format!("Bearer {TOKEN}")));
    let two_lines = run(&format!("{TOKEN}\n{TOKEN}"));
    assert_eq!(two_lines.status.code(), Some(2));
    assert!(text(&two_lines.stderr).contains("LUNORA_ADMIN_TOKEN is malformed"));
}

#[test]
fn an_export_into_a_closed_pipe_ends_quietly() {
    let body = "{}\n".repeat(1000);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let server = Server::new([answer]);
    let mut command = lunora(&["--url", &server.url, "export"]);
    let mut child = command.env("LUNORA_ADMIN_TOKEN", TOKEN).spawn().unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(141), String::new()));
}

#[test]
fn an_import_of_a_folder_is_refused_in_its_name() {
    let server = Server::new([]);
    let folder = env!("CARGO_MANIFEST_DIR");
    let out = server.run(&["import", folder]);
    assert!(text(&out.stderr).contains(folder), "{}", text(&out.stderr));
    assert_ne!(out.status.code(), Some(0));
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn a_url_with_a_path_is_refused() {
    let mut command = lunora(&["--url", "https://chat.example.com/base", "backup", "list"]);
    let out = command.env("LUNORA_ADMIN_TOKEN", TOKEN).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("such as https://chat.example.com"));
}

#[test]
fn the_token_is_not_sent_in_the_clear() {
    let mut command = lunora(&["--url", "http://chat.example.com", "backup", "list"]);
    let out = command.env("LUNORA_ADMIN_TOKEN", TOKEN).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("use https"));
}

#[test]
fn a_moment_whose_changes_cannot_be_read_deletes_nothing() {
    let lost = json!({"shards": [{"shardKey": "a", "cursor": 7, "error": {"code": "CDC_LOG_TRIMMED", "message": "it begins at 90"}}]});
    let gone = json!({ "shards": [] });
    for (answer, words) in [(lost, "CDC_LOG_TRIMMED"), (gone, "no longer lists shard `a`")] {
        let server = Server::new([snapshots(), ok(&Value::Null), ok(&answer)]);
        let out = server.run(&["backup", "restore", "--to", "2026-05-02T00:00:00Z", "--yes"]);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).contains(words), "{}", text(&out.stderr));
        assert_eq!(server.lines().len(), 3);
    }
}

#[test]
fn an_export_that_breaks_off_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rows.ndjson");
    let name = file.to_str().unwrap();
    let lines = "{\"table\":\"a\",\"doc\":{}}\n{\"table\":\"a\",\"doc\":{}}\n";
    for broken in [chunked(lines, false), chunked(&lines[..30], true)] {
        let server = Server::new([broken]);
        let out = server.run(&["export", "-o", name]);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).contains("ended early"), "{}", text(&out.stderr));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    let sha256 = "9d157dbb920814803cebb5b136598cb831792bebff15d61e0115ea5b10b84379";
    let end = format!("{{\"$end\":{{\"rows\":2,\"sha256\":\"{sha256}\"}}}}\n");
    // Whole lines alone prove nothing.
    for broken in [lines.to_owned(), format!("{}{end}", &lines[..23])] {
        let server = Server::new([chunked(&broken, true)]);
        let out = server.run(&["export", "-o", name]);
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out.stderr).contains("incomplete"), "{}", text(&out.stderr));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
    let lines = &format!("{lines}{end}");
    let server = Server::new([chunked(lines, true)]);
    let out = server.run(&["export", "--tables", "a,b", "-o", name]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(fs::read_to_string(&file).unwrap(), *lines);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(server.bodies()[0], json!({ "tables": ["a", "b"], "end": true, "shardKeys": true }));
}

#[test]
fn an_import_tells_the_lines_that_were_not_taken() {
    let report = json!({
        "conflicts": 1, "errors": [{"code": "BAD_ROW", "line": 2, "message": "no JSON", "table": ""}],
        "errorsOmitted": 4, "inserted": {"notes": 1}, "received": 3, "warnings": ["no rules"],
        "failed": [{"shardKey": "z", "message": "gave no answer", "timedOut": true}],
    });
    let server = Server::new([ok(&report).replace("200 OK", "207 Multi-Status")]);
    let rows = "{\"table\":\"notes\",\"doc\":{}}\nnonsense\n";
    let out = server.run_with(&["import", "-", "--shard", "a/ü"], rows);
    assert_eq!(out.status.code(), Some(3), "{}", text(&out.stderr));
    assert_eq!(
        text(&out.stdout),
        "notes: 1 rows\n1 rows already existed and were kept\nline 2: BAD_ROW: no JSON\n\
         and 4 more errors\nshard \"z\" failed, and rows of it may be missing: gave no answer\nwarning: no rules\n3 rows read\n"
    );
    assert_eq!(server.lines(), ["POST /_lunora/admin/import?shardKey=a%2F%C3%BC HTTP/1.1"]);
    assert_eq!(server.asked.lock().unwrap()[0].body, rows);
}

#[test]
fn a_call_keeps_every_digit() {
    let big = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"result\":{\"n\":90071992547409931234567890}}";
    let server = Server::new([big.to_owned()]);
    let out = server.run(&["rpc", "a:b", r#"{"n":90071992547409931234567890}"#, "--shard", "s"]);
    assert_eq!(text(&out.stdout), "{\"n\":90071992547409931234567890}\n");
    let asked = server.asked.lock().unwrap();
    assert_eq!(
        asked[0].body,
        r#"{"functionPath":"a:b","args":{"n":90071992547409931234567890},"shardKey":"s"}"#
    );
    let out = lunora(&["rpc", "a:b", "[1]"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_call_carries_the_token_of_a_user_and_the_admin_token_only_to_call_as_one() {
    let answer = || ok(&json!({ "result": 1 }));
    let server = Server::new([answer(), answer(), answer()]);
    for args in [
        &["rpc", "a:b"][..],
        &["rpc", "a:b", "--token", "of-ada"],
        &["rpc", "a:b", r#"{"n":1}"#, "--shard", "s", "--as", "ada"],
    ] {
        let out = server.run(args);
        assert_eq!(out.status.code(), Some(0), "{args:?} {}", text(&out.stderr));
    }
    let asked = server.asked.lock().unwrap();
    let sent: Vec<_> = asked.iter().map(|asked| asked.authorization.as_deref()).collect();
    let admin = format!("Bearer {TOKEN}");
    assert_eq!(sent, [None, Some("Bearer of-ada"), Some(&*admin)]);
    let body: Value = serde_json::from_str(&asked[2].body).unwrap();
    assert_eq!(
        body,
        json!({
            "functionPath": "__lunora_admin__:runAs",
            "args": { "functionPath": "a:b", "args": { "n": 1 }, "userId": "ada" },
            "shardKey": "s",
        })
    );
    let both = lunora(&["rpc", "a:b", "--token", "x", "--as", "ada"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn help_lists_the_options_that_apply_and_no_others() {
    let options = |command: &[&str]| {
        let out = lunora(&[command, &["--help"]].concat()).output().unwrap();
        let help = text(&out.stdout).to_owned();
        ["--url", "--timeout", "--json"].map(|option| help.contains(option))
    };
    for remote in [&["backup", "list"][..], &["rpc"], &["export"], &["registry", "rebuild"]] {
        assert_eq!(options(remote), [true, true, true], "{remote:?}");
    }
    assert_eq!(options(&["check"]), [false, false, true]);
    assert_eq!(options(&["cron", "next"]), [false, false, true]);
    for local in ["new", "dev", "build", "completions"] {
        assert_eq!(options(&[local]), [false; 3], "{local}");
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let out = lunora(&["completions", shell]).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{shell}");
        for word in ["backup", "new", "restore"] {
            assert!(text(&out.stdout).contains(word), "{shell} {word}");
        }
    }
}

#[test]
fn a_deployment_that_is_not_there_is_said_to_be_so() {
    let out = lunora(&["--url", "http://127.0.0.1:1", "rpc", "a:b"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("http://127.0.0.1:1/_lunora/rpc"));
    let out = lunora(&["--url", "nowhere", "rpc", "a:b"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}

/// A crate with a trigger in its code, and this `wrangler.jsonc`.
fn krate(wrangler: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::write(dir.path().join("src/lib.rs"), "const NIGHTLY: C = cron!(\"0 3 * * *\");").unwrap();
    fs::write(dir.path().join("wrangler.jsonc"), wrangler).unwrap();
    dir
}

#[test]
fn check_exits_3_where_wrangler_lacks_what_the_code_needs() {
    let lacking = krate(r#"{ "compatibility_date": "2026-04-01" }"#);
    let output = lunora(&["check", lacking.path().to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("src/lib.rs:1: the trigger `0 3 * * *` is not in"), "{said}");

    let whole = r#"{ "compatibility_date": "2026-04-01", "triggers": { "crons": ["0 3 * * *"] } }"#;
    let whole = krate(whole);
    let args = ["check", whole.path().to_str().unwrap(), "--json"];
    let output = lunora(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, json!({ "ok": true, "problems": [] }));
}

#[test]
fn check_with_fix_adds_what_is_missing_and_keeps_comments() {
    let dir = krate("// Ours.\n{\n  \"compatibility_date\": \"2026-04-01\", // kept\n}\n");
    let args = ["check", "--fix", dir.path().to_str().unwrap()];
    let output = lunora(&args).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("added \"0 3 * * *\" to `triggers.crons`"), "{said}");
    let fixed = fs::read_to_string(dir.path().join("wrangler.jsonc")).unwrap();
    assert!(fixed.starts_with("// Ours.\n{") && fixed.contains("// kept"), "{fixed}");
    assert!(fixed.contains("\"0 3 * * *\""), "{fixed}");
    assert_eq!(lunora(&args).output().unwrap().status.code(), Some(0));
    assert_eq!(fs::read_to_string(dir.path().join("wrangler.jsonc")).unwrap(), fixed);
}

#[test]
fn new_makes_an_application_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("my-app");
    let args = ["new", app.to_str().unwrap(), "--with", "pages"];
    let output = lunora(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("lunora dev"), "{}", text(&output.stdout));
    let read = |path: &str| fs::read_to_string(app.join(path)).unwrap();
    assert!(read("Cargo.toml").contains("name = \"my-app\""));
    assert!(read("src/page.rs").contains("maud"));
    assert!(read(".dev.vars").contains("LUNORA_ADMIN_TOKEN"));
    assert!(!app.join("public/index.html").exists());
    assert_eq!(lunora(&["check", app.to_str().unwrap()]).output().unwrap().status.code(), Some(0));

    let again = lunora(&args).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("already exists"), "{}", text(&again.stderr));
    let unnamed = folder.path().join("My App");
    let refused = lunora(&["new", unnamed.to_str().unwrap()]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(!unnamed.exists());
}

#[test]
fn check_prints_a_warning_and_exits_with_0() {
    let dir = krate(
        r#"{
            "compatibility_date": "2026-04-01",
            "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
            "r2_buckets": [{ "binding": "BACKUPS" }],
        }"#,
    );
    let code = "lunora::shard! { pub struct Room; functions: {}, jurisdiction: Eu }\n\
                fn app() { config.store(env.bucket(\"BACKUPS\")?); }";
    fs::write(dir.path().join("src/lib.rs"), code).unwrap();
    let path = dir.path().to_str().unwrap();
    let output = lunora(&["check", path]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.starts_with("warning: wrangler.jsonc:4: the bucket `BACKUPS`"), "{said}");
    let output = lunora(&["check", path, "--json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&answer["ok"], &answer["problems"][0]["severity"]),
        (&json!(true), &json!("warning"))
    );
}

#[test]
fn codegen_writes_what_its_check_then_accepts() {
    let dir = krate(
        r#"{
            "compatibility_date": "2026-04-01",
            "durable_objects": { "bindings": [{ "name": "SHARD", "class_name": "Notes" }] },
            "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Notes"] }],
        }"#,
    );
    let manifest = "shard = \"SHARD\"\n[functions.\"notes:list\"]\nkind = \"query\"\n";
    fs::write(dir.path().join("lunora.toml"), manifest).unwrap();
    let path = dir.path().to_str().unwrap();
    let run = |args: &[&str]| lunora(args).output().unwrap().status.code();
    assert_eq!(run(&["codegen", path, "--check"]), Some(3));
    assert_eq!(run(&["codegen", path]), Some(0));
    assert_eq!(run(&["codegen", path, "--check"]), Some(0));
    fs::write(dir.path().join("lunora.toml"), manifest.replace("query", "mutation")).unwrap();
    assert_eq!(run(&["codegen", path, "--check"]), Some(3));
}

#[test]
fn codegen_client_names_what_a_folder_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let run = || {
        let output = lunora(&["codegen", "client"]).current_dir(&dir).output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = run();
    assert!(code == Some(1) && said.contains("is not in a crate"), "{said}");

    let manifest = "[package]\nname = \"notes\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::write(dir.path().join("src/lib.rs"), "").unwrap();
    let (code, said) = run();
    assert!(code == Some(3) && said.contains("the crate has no `shard!`"), "{said}");

    let shard = "lunora::shard! { pub struct Notes; functions: {} }";
    fs::write(dir.path().join("src/lib.rs"), shard).unwrap();
    let (code, said) = run();
    assert!(code == Some(1) && said.contains("cargo cannot build the tests"), "{said}");
    assert!(!dir.path().join("client").exists());
}

#[test]
fn rejects_a_moment_in_the_future_before_anything_is_asked() {
    let server = Server::new([snapshots()]);
    let out = server.run(&["backup", "restore", "--to", "2999-01-01T00:00:00Z", "--yes"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("in the future"), "{}", text(&out.stderr));
    assert_eq!(server.lines().len(), 0);
}

#[test]
fn changes_go_in_batches_by_bytes_and_without_other_tables_or_the_last_attempt_s_work() {
    let change = |seq: u64, table: &str, size: usize| json!({"seq": seq, "table": table, "id": "x", "op": "insert", "doc": {"t": "x".repeat(size)}, "ts": TAKEN + seq});
    let mut old = manifest("old", "2026-05-01T00:00:01.000Z");
    old["tables"] = json!("notes");
    let lease = json!({"lease": 1, "snapshot": "old", "state": "running", "begun": true, "seqs": {"a": 12}, "expiresMs": 0});
    let refused = json!({"shardKey": "b", "cursor": 0, "error": {"code": "PAYLOAD_TOO_LARGE", "message": "later"}});
    let server = Server::new([
        ok(&json!({ "snapshots": [old] })),
        ok(&lease),
        ok(&json!({"shards": [
            {"shardKey": "a", "cursor": 13, "changes": [
                change(7, "notes", 1), change(8, "notes", 500_000), change(9, "notes", 500_000),
                change(10, "users", 1), change(11, "notes", 1_500_000), change(12, "notes", 1),
                change(13, "notes", 1),
            ]},
            refused,
        ]})),
        ok(
            &json!({"shards": [{"shardKey": "a", "cursor": 13, "changes": []}, {"shardKey": "b", "cursor": 0, "changes": []}]}),
        ),
        restored(4, &Value::Null),
        ok(&json!({"applied": 1, "failed": 0, "ok": 1})),
        ok(&json!({"applied": 1, "failed": 0, "ok": 1})),
        ok(&json!({"applied": 1, "failed": 0, "ok": 1})),
        ok(&json!({"applied": 1, "failed": 0, "ok": 1})),
    ]);
    let out = server.run(&["backup", "restore", "--to", "2026-05-02T00:00:00Z", "--yes"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let seqs: Vec<Vec<u64>> = server.bodies()[5..]
        .iter()
        .map(|body| {
            let changes = body["batches"][0]["changes"].as_array().unwrap();
            changes.iter().map(|change| change["seq"].as_u64().unwrap()).collect()
        })
        .collect();
    assert_eq!(seqs, [vec![8], vec![9], vec![11], vec![12]]);
}

#[test]
fn tells_when_a_trigger_fires_without_asking_a_deployment() {
    let args = ["cron", "next", "0 3 * * MON#1", "-n", "2", "--after", "2026-06-01T05:00:00+02:00"];
    let told = lunora(&args).output().unwrap();
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert_eq!(text(&told.stdout), "2026-07-06T03:00:00Z\n2026-08-03T03:00:00Z\n");
    let told = lunora(&["--json", "cron", "next", "* * * * *"]).output().unwrap();
    let times: Vec<String> = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(times.len(), 5);
    let refused = lunora(&["cron", "next", "0 3 * * 0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("write 1 or SUN"), "{}", text(&refused.stderr));
}

#[test]
fn an_overdue_backup_has_exit_code_1() {
    let last = manifest("2026-06-01T03:00:00.000Z", "2026-06-01T03:00:01.000Z");
    let status = |overdue: bool| {
        ok(&json!({
            "cron": "0 3 * * *", "last": last, "due": "2026-06-02T03:00:00.000Z",
            "next": "2026-06-03T03:00:00.000Z", "overdue": overdue,
            "verifiedAt": overdue.then_some("2026-06-01T05:00:00.000Z"),
        }))
    };
    let server = Server::new([status(true), status(false)]);
    let told = server.run(&["backup", "status"]);
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stderr));
    let text_of = text(&told.stdout);
    for line in
        ["last      2026-06-01T03:00:00.000Z", "overdue   yes, since 2026-06-02T03:00:00.000Z"]
    {
        assert!(text_of.contains(line), "{text_of}");
    }
    assert!(text_of.contains("verified  2026-06-01T05:00:00.000Z"), "{text_of}");
    let told = server.run(&["backup", "status"]);
    assert_eq!(told.status.code(), Some(0));
    assert!(text(&told.stdout).contains("overdue   no"));
    assert!(text(&told.stdout).contains("verified  no"));
    assert!(server.lines()[0].starts_with("GET /_lunora/admin/backup/status "));
}

#[test]
fn a_failed_drill_has_exit_code_3_and_makes_the_status_exit_with_1() {
    let problem = json!({ "shardKey": "b", "message": "1 rows were refused" });
    let report = |is_ok: bool| {
        let problems = if is_ok { json!([]) } else { json!([problem]) };
        ok(&json!({
            "id": "2026-06-07T03:00:00.000Z", "ok": is_ok, "problems": problems, "shards": 2,
            "ofShards": 3, "rows": 24, "next": "c",
        }))
    };
    let status = |is_ok: bool, overdue: bool| {
        let drill = json!({
            "cron": "0 5 * * SUN", "due": "2026-06-07T05:00:00.000Z", "overdue": overdue,
            "last": {
                "at": "2026-06-07T05:00:09.000Z", "ok": is_ok, "problem": (!is_ok).then_some(&problem),
                "snapshot": "2026-06-07T03:00:00.000Z", "shards": 2, "ofShards": 3, "rows": 24,
            },
        });
        ok(
            &json!({ "cron": "0 3 * * *", "due": null, "next": null, "overdue": false, "drill": drill }),
        )
    };
    let server = Server::new([
        report(true),
        report(false),
        status(true, false),
        status(false, false),
        status(true, true),
    ]);
    let run = |args: &[&str]| {
        let told = server.run(args);
        (told.status.code(), text(&told.stdout).to_owned())
    };
    let (code, out) = run(&["backup", "drill"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("24 rows in 2 of 3 shards restored"), "{out}");
    assert!(out.contains("the next drill begins with shard c"), "{out}");
    let (code, out) = run(&["backup", "drill", "2026-06-07T03:00:00.000Z"]);
    assert_eq!(code, Some(3));
    assert!(out.contains("CANNOT BE RESTORED\nshard b: 1 rows were refused"), "{out}");
    assert_eq!(server.bodies()[..2], [json!({}), json!({ "id": "2026-06-07T03:00:00.000Z" })]);
    assert_eq!(run(&["backup", "status"]).0, Some(0));
    let (code, out) = run(&["backup", "status"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("FAILED for 2026-06-07T03:00:00.000Z: shard b: 1 rows"), "{out}");
    let (code, out) = run(&["backup", "status"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("overdue, since 2026-06-07T05:00:00.000Z"), "{out}");
}

fn rebuilt(listed: &[&str], found: &[&str], failed: &Value) -> String {
    ok(&json!({
        "listed": listed, "found": found, "empty": ["e"], "failed": failed,
        "unseen": "the platform cannot list Durable Objects",
    }))
}

#[test]
fn a_rebuild_of_the_registry_sends_keys_verbatim_and_tells_what_it_cannot_see() {
    let server = Server::new([rebuilt(&["a"], &["b", " c "], &json!([]))]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    fs::write(&file, " c \n\n-d\n").unwrap();
    let file = file.to_str().unwrap();
    let out =
        server.run(&["registry", "rebuild", "--key", " b", "--key", "-x", "--keys-from", file]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(server.bodies(), [json!({ "keys": [" b", "-x", " c ", "", "-d"] })]);
    assert_eq!(server.lines(), ["POST /_lunora/admin/registry/rebuild HTTP/1.1"]);
    let shown = text(&out.stdout);
    assert!(shown.contains("1 shards were listed, 2 were missing and are registered"), "{shown}");
    assert!(shown.contains("registered: \" c \"\n"), "{shown}");
    assert!(shown.ends_with("the platform cannot list Durable Objects\n"), "{shown}");
}

#[test]
fn a_rebuild_of_the_registry_with_a_failed_shard_has_exit_code_3() {
    let failed = json!([{
        "shardKey": "z", "code": "SHARD_TIMEOUT", "message": "too slow", "timedOut": true,
    }]);
    let server = Server::new([rebuilt(&[], &["b"], &failed)]);
    let out = server.run(&["registry", "rebuild"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stdout).contains("failed: \"z\": SHARD_TIMEOUT: too slow"));
}

#[test]
fn many_keys_are_sent_in_several_requests_and_told_in_one_report() {
    let server = Server::new([
        rebuilt(&["a"], &["k1"], &json!([])),
        rebuilt(&["a", "k1"], &["k1500"], &json!([])),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    let keys: Vec<String> = (0..1501).map(|n| format!("k{n}")).collect();
    fs::write(&file, keys.join("\n")).unwrap();
    let out = server.run(&["--json", "registry", "rebuild", "--keys-from", file.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["listed"], json!(["a"]));
    assert_eq!(report["found"], json!(["k1", "k1500"]));
    assert_eq!(report["empty"], json!(["e"]));
    let bodies = server.bodies();
    assert_eq!((&bodies[0]["snapshots"], &bodies[1]["snapshots"]), (&Value::Null, &json!(false)));
    let sent = |at: usize| bodies[at]["keys"].as_array().unwrap().len();
    assert_eq!((sent(0), sent(1)), (1000, 501));
}

#[test]
fn a_file_of_keys_that_cannot_be_read_is_an_error_before_anything_is_asked() {
    let server = Server::new([]);
    let out = server.run(&["registry", "rebuild", "--keys-from", "/nowhere/keys"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(server.lines().is_empty());
}

/// The response of `POST /_lunora/migrate`, with these shards.
fn migrated(shards: &Value) -> String {
    ok(
        &json!({ "changed": 0, "failed": 0, "ok": 0, "processed": 0, "status": "completed", "shards": shards }),
    )
}

fn run_of(status: &str, processed: u64) -> Value {
    json!({ "changed": processed, "cursor": null, "direction": "up", "dryRun": false, "error": null,
        "id": "notes-2", "processed": processed, "startedAt": 1, "status": status })
}

#[test]
fn a_migration_runs_again_while_a_shard_is_in_progress() {
    let done = json!({ "shardKey": "a", "result": run_of("completed", 4) });
    let part = |status, n| json!({ "shardKey": "b", "result": run_of(status, n) });
    let server = Server::new([
        migrated(&json!([done, part("in_progress", 10_000)])),
        migrated(&json!([done, part("completed", 10_003)])),
    ]);
    let out = server.run(&["migrate", "notes", "notes-2"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let shown = text(&out.stdout);
    let sentence = "notes-2 on notes: 2 of 2 shards completed, 0 failed, 10007 documents processed, 10007 changed\n";
    assert!(shown.starts_with(sentence), "{shown}");
    assert!(shown.contains("b      completed  10003      10003\n"), "{shown}");
    assert_eq!(server.lines(), vec!["POST /_lunora/migrate HTTP/1.1"; 2]);
    let body = json!({ "table": "notes", "functionPath": "__lunora_admin__:runMigration",
        "args": { "id": "notes-2", "direction": "up", "dryRun": false, "maxBatches": 100 } });
    assert_eq!(server.bodies(), vec![body; 2]);
}

#[test]
fn a_migration_that_fails_on_a_shard_has_its_error_and_an_exit_code() {
    let error = json!({ "code": "SHARD_TIMEOUT", "message": "no answer", "timedOut": true });
    let mut failed = run_of("failed", 2);
    failed["error"] = json!("this one cannot be migrated");
    let shards = json!([
        { "shardKey": "a", "result": run_of("completed", 3) },
        { "shardKey": "b", "error": error },
        { "shardKey": "c", "result": failed },
    ]);
    let server = Server::new([migrated(&shards), migrated(&shards)]);
    let out = server.run(&["migrate", "notes", "notes-2", "--down"]);
    assert_eq!(out.status.code(), Some(3));
    let shown = text(&out.stdout);
    assert!(shown.contains("1 of 3 shards completed, 2 failed, 5 documents"), "{shown}");
    assert!(shown.contains("SHARD_TIMEOUT: no answer\n"), "{shown}");
    assert!(shown.contains("this one cannot be migrated\n"), "{shown}");
    assert_eq!(server.bodies()[0]["args"]["direction"], "down");
    let out = server.run(&["migrate", "notes", "notes-2", "--json"]);
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (&report["status"], &report["done"], &report["failed"], &report["processed"]),
        (&json!("failed"), &json!(1), &json!(2), &json!(5))
    );
    assert_eq!(report["shards"][1]["error"], "SHARD_TIMEOUT: no answer");
}

#[test]
fn a_dry_run_and_the_status_of_a_migration_ask_once() {
    let shard = |run: Value| migrated(&json!([{ "shardKey": "a", "result": run }]));
    let mut new = run_of("in_progress", 0);
    new.as_object_mut().unwrap().remove("startedAt");
    let server = Server::new([shard(run_of("in_progress", 9)), shard(new)]);
    let dry = server.run(&["migrate", "notes", "notes-2", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0));
    assert!(text(&dry.stdout).contains("9 documents processed, 9 would change"), "{dry:?}");
    assert!(text(&dry.stderr).contains("were not counted"), "{dry:?}");
    let status = server.run(&["migrate", "notes", "notes-2", "--status"]);
    assert_eq!(status.status.code(), Some(0));
    assert!(text(&status.stdout).contains("not started"), "{status:?}");
    let bodies = server.bodies();
    assert_eq!(bodies[0]["args"], json!({ "id": "notes-2", "direction": "up", "dryRun": true }));
    assert_eq!(bodies[1]["functionPath"], "__lunora_admin__:migrationStatus");
    assert_eq!(server.run(&["migrate", "a", "b", "--status", "--down"]).status.code(), Some(2));
}

#[test]
fn a_migration_that_does_not_advance_ends() {
    let stuck = migrated(&json!([{ "shardKey": "a", "result": run_of("in_progress", 9) }]));
    let server = Server::new([stuck.clone(), stuck]);
    let out = server.run(&["migrate", "notes", "notes-2"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("do not advance"), "{out:?}");
}
