//! Health and readiness.

use std::{cell::Cell, rc::Rc, time::Duration};

use serde_json::json;

use super::*;
use crate::{
    operate::{Health, Probe},
    platform::ShardCallError,
    testing::{ManualClock, capture_logs},
};

fn send_get(app: &Lunora<MemoryEnvironment>, path: &str) -> Answer {
    send(app, &MemoryEnvironment::new(), request("GET", path, ""))
}

async fn well() -> Result<(), LunoraError> {
    Ok(())
}

async fn unwell() -> Result<(), LunoraError> {
    Err(LunoraError::bad_request("the index is being rebuilt"))
}

#[test]
fn a_deployment_is_healthy_while_its_default_shard_answers_anything() {
    let shards = MemoryNamespace::new(async |_, _| Response::text("Not found").with_status(404));
    let app = testing::builder()
        .shard_do(shards.clone())
        .health(Health::new().app("chat", "1.4.0"))
        .clock(ManualClock::new(1_735_689_599_000))
        .build();
    for path in ["/_lunora/health", "/_lunora/health/ready"] {
        let answer = send_get(&app, path);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            answer.json(),
            json!({
                "appName": "chat", "appVersion": "1.4.0", "status": "healthy",
                "checks": [{ "critical": true, "name": "durable-object", "status": "up" }],
                "timestamp": "2024-12-31T23:59:59.000Z",
            })
        );
    }
    assert_eq!(shards.calls()[0].url.path(), "/_lunora/status");
}

#[test]
fn a_critical_check_that_is_down_is_503_and_the_public_learns_no_more() {
    let shards = shards();
    shards.shard("__root__").fails_once(|key| ShardCallError::unavailable(key, "secret words"));
    let app = testing::builder().shard_do(shards).build();
    let logs = capture_logs();
    let answer = send_get(&app, "/_lunora/health");
    assert_eq!(answer.status, 503);
    let body = answer.json();
    assert_eq!(body["status"], "unhealthy");
    assert_eq!(
        body["checks"],
        json!([{ "critical": true, "name": "durable-object", "status": "down" }])
    );
    assert!(logs.lines()[0].contains("secret words"));
}

#[test]
fn another_check_that_is_down_degrades_health_and_ends_readiness() {
    let health = || Health::new().without_binding_probes().probe(Probe::new("search", unwell));
    let app = testing::builder().shard_do(shards()).health(health()).build();
    let answer = send_get(&app, "/_lunora/health");
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("degraded")));
    assert_eq!(send_get(&app, "/_lunora/health/ready").status, 503);

    let health = Health::new()
        .without_binding_probes()
        .probe(Probe::new("search", unwell).not_for_readiness());
    let app = testing::builder().shard_do(shards()).health(health).build();
    let ready = send_get(&app, "/_lunora/health/ready");
    assert_eq!((ready.status, &ready.json()["checks"]), (200, &json!([])));
}

#[test]
fn admin_only_answers_operators_only_and_tells_them_why() {
    let health = Health::new()
        .admin_only()
        .without_binding_probes()
        .probe(Probe::new("search", unwell).critical())
        .probe(Probe::new("index", async || Err::<(), _>("connection to 10.0.0.1 refused")))
        .probe(Probe::new("mail", well));
    let app = with_token().health(health).build();
    for path in ["/_lunora/health", "/_lunora/health/ready"] {
        assert_eq!(send_get(&app, path).error(), (403, "ADMIN_FORBIDDEN".into()));
        let answer = get(&app, path);
        assert_eq!(answer.status, 503);
        assert_eq!(
            answer.json()["checks"],
            json!([
                { "critical": false, "message": "Internal error", "name": "index", "status": "down" },
                { "critical": false, "name": "mail", "status": "up" },
                { "critical": true, "message": "the index is being rebuilt", "name": "search", "status": "down" },
            ])
        );
    }
}

#[test]
fn a_report_is_cached_for_a_while_and_then_rebuilt() {
    let runs = Rc::new(Cell::new(0));
    let counted = runs.clone();
    let clock = ManualClock::new(0);
    let health = Health::new().cache_for(Duration::from_secs(10)).probe(Probe::new(
        "counted",
        async move || {
            counted.set(counted.get() + 1);
            Ok::<_, LunoraError>(())
        },
    ));
    let app = testing::builder().shard_do(shards()).health(health).clock(clock.clone()).build();
    for _ in 0..3 {
        send_get(&app, "/_lunora/health");
    }
    assert_eq!(runs.get(), 1);
    send_get(&app, "/_lunora/health/ready");
    send_get(&app, "/_lunora/health/ready");
    assert_eq!(runs.get(), 2);
    clock.advance(Duration::from_secs(10));
    send_get(&app, "/_lunora/health");
    assert_eq!(runs.get(), 3);
}

#[test]
fn readiness_is_not_cached_unless_told() {
    let shards = shards();
    let app = testing::builder().shard_do(shards.clone()).clock(ManualClock::new(0)).build();
    for calls in 1..=3 {
        send_get(&app, "/_lunora/health/ready");
        assert_eq!(shards.calls().len(), calls);
    }
}

#[test]
fn the_database_is_probed_without_configuration_and_no_custom_name_is_public() {
    let health = || {
        let health = Health::new().probe(Probe::new("partner-api", unwell).critical());
        health.probe(Probe::new("search", well))
    };
    let tables = || MemoryGlobalTables::new().with_row("plans", json!({ "id": 1 }));
    let build = |health| with_token().health(health).global_tables(tables()).build();
    for path in ["/_lunora/health", "/_lunora/health/ready"] {
        let public = send_get(&build(health()), path);
        assert_eq!(
            public.json()["checks"],
            json!([
                { "critical": true, "name": "custom", "status": "down" },
                { "critical": false, "name": "custom", "status": "up" },
                { "critical": true, "name": "d1", "status": "up" },
                { "critical": true, "name": "durable-object", "status": "up" },
            ])
        );
        let checks = get(&build(health().admin_only()), path).json()["checks"].clone();
        let names = checks.as_array().unwrap().iter().map(|check| check["name"].clone());
        assert_eq!(names.collect::<Vec<_>>(), ["d1", "durable-object", "partner-api", "search"]);
        let without = send_get(&build(Health::new().without_binding_probes()), path);
        assert_eq!(without.json()["checks"], json!([]));
    }
}

#[test]
fn a_check_that_hangs_is_down() {
    let clock = ManualClock::new(0);
    let health = Health::new().without_binding_probes().probe(Probe::new("stuck", async || {
        std::future::pending::<Result<(), LunoraError>>().await
    }));
    let app = testing::builder().shard_do(shards()).health(health).clock(clock.clone()).build();
    let (env, request) = (MemoryEnvironment::new(), request("GET", "/_lunora/health", ""));
    let answer = block_on(clock.run(app.fetch(request, &env, &NoopExecutionContext)));
    assert_eq!(answer.status(), 200);
    assert_eq!(crate::platform::Clock::now_ms(&clock), 5_000);
}

#[test]
fn head_is_get_without_a_body_and_no_other_method_is_answered() {
    let app = testing::builder().shard_do(shards()).build();
    let env = MemoryEnvironment::new();
    let head = send(&app, &env, request("HEAD", "/_lunora/health", ""));
    assert_eq!((head.status, &*head.body), (200, ""));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/_lunora/health", "/_lunora/health/ready"] {
            let answer = send(&app, &env, request(method, path, ""));
            assert_eq!((answer.status, &*answer.body), (405, ""), "{method}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
    }
}
