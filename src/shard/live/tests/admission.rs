//! Who may open a connection, and until when.

use super::*;

#[test]
fn closes_a_socket_whose_identity_would_be_lost_in_sleep() {
    let world = World::default();
    let huge = "a".repeat(16_384);
    let socket = world.open("s", &huge);
    assert_eq!(socket.closed.borrow().as_ref().map(|(code, _)| *code), Some(1009));
    assert_eq!(*socket.kept.borrow(), "");
    world.subscribe("s", "sub_1", "t:list");
    assert!(socket.take().is_empty());
}

#[test]
fn an_expired_identity_gets_an_error_and_no_more_values() {
    for by_frame in [true, false] {
        let world = World::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-lunora-userid", "ada".parse().unwrap());
        headers.insert("x-lunora-identity-exp", "1000".parse().unwrap());
        let socket = Socket::default();
        world.live.open("s", socket.clone(), &headers, None);
        world.subscribe("s", "sub_1", "t:list");
        socket.take();
        world.shard.now_ms.set(1000);
        if by_frame {
            world.subscribe("s", "sub_2", "t:list");
        } else {
            world.commit(&world.shard.write("t"));
        }
        let frames = socket.take();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0]["code"], "TOKEN_EXPIRED");
        assert_eq!(*socket.closed.borrow(), Some((4001, "token_expired".to_owned())));
        world.commit(&world.shard.write("t"));
        assert!(socket.take().is_empty());
    }
}

#[test]
fn an_invalid_expiry_is_past() {
    for expiry in [&b"-1"[..], b"", b"soon", b"1e3", b"\xff"] {
        let world = World::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-lunora-userid", "ada".parse().unwrap());
        let value = http::HeaderValue::from_bytes(expiry).unwrap();
        headers.insert("x-lunora-identity-exp", value);
        let socket = Socket::default();
        world.live.open("s", socket.clone(), &headers, None);
        let world = world.sleep(&[("s", &socket)]);
        world.subscribe("s", "sub_1", "t:list");
        assert_eq!(*socket.closed.borrow(), Some((4001, "token_expired".to_owned())), "{expiry:?}");
        assert_eq!(world.shard.runs.get(), 0, "{expiry:?}");
    }
}

#[test]
fn refuses_an_upgrade_with_an_expired_identity_before_the_socket_is_accepted() {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    let now = shard.clock().now_ms();
    let upgrade = |expiry: &str| {
        let request = crate::Request::get("https://shard.internal/_lunora/ws")
            .with_header("x-lunora-userid", "ada")
            .with_header("x-lunora-identity-exp", expiry);
        admit(&request, shard.host()).map_err(|error| (error.status(), error.code().to_owned()))
    };
    for expiry in ["0", "-1", "soon", &now.to_string()] {
        let expected = Err((http::StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED".to_owned()));
        assert_eq!(upgrade(expiry), expected, "{expiry}");
    }
    assert_eq!(upgrade(&(now + 1).to_string()), Ok(None));
    assert_eq!(shard.host().statements(), 0);
}

/// Returns the status of an upgrade at `https://app.test`, with the variables of the shard.
fn upgrade_with(variables: &[(&str, &str)], headers: &[(&'static str, &str)]) -> u16 {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    for (name, value) in variables {
        shard.host().set_var(name, value);
    }
    let mut request = crate::Request::get("https://app.test/_lunora/ws");
    for (name, value) in headers {
        request = request.with_header(name, value);
    }
    admit(&request, shard.host()).map_or_else(|error| error.status().as_u16(), |_| 101)
}

#[test]
fn accepts_a_socket_of_the_workers_own_origin_whatever_origins_are_listed() {
    for listed in ["https://other.test", "https://other.test/", "app.test", "*"] {
        for own in ["https://app.test", "https://app.test:443", "https://APP.test"] {
            let upgrade = upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", listed)], &[("origin", own)]);
            assert_eq!(upgrade, 101, "{listed} {own}");
        }
    }
}

#[test]
fn refuses_a_foreign_origin_that_is_not_listed() {
    let upgrade = |listed: &str, origin: &str| {
        upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", listed)], &[("origin", origin)])
    };
    for foreign in [
        "http://app.test",
        "https://app.test:8443",
        "https://app.test.evil.test",
        "https://evil.test",
        "https://app.test@evil.test",
        "https://evil.test@app.test",
        "https://app.test/evil",
        "https://app.test?",
        "app.test",
        "null",
        "",
    ] {
        assert_eq!(upgrade("https://other.test", foreign), 403, "{foreign}");
    }
    assert_eq!(upgrade("https://other.test", "https://other.test"), 101);
    // A client without an origin is not a browser, so the list of origins does not apply.
    assert_eq!(upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", "https://other.test")], &[]), 403);
}

#[test]
fn an_empty_variable_is_as_one_that_is_not_set() {
    for empty in ["", " ", ",", " , "] {
        assert_eq!(upgrade_with(&[("LUNORA_ALLOWED_ORIGINS", empty)], &[]), 101, "{empty:?}");
    }
    for empty in ["", " "] {
        assert_eq!(upgrade_with(&[("LUNORA_WS_BEARER", empty)], &[]), 101, "{empty:?}");
    }
    let secret = [("LUNORA_WS_BEARER", "secret")];
    assert_eq!(upgrade_with(&secret, &[]), 403);
    assert_eq!(upgrade_with(&secret, &[("authorization", "Bearer ")]), 403);
    assert_eq!(upgrade_with(&secret, &[("authorization", "Bearer secret")]), 101);
}

#[test]
fn refuses_an_upgrade_beyond_the_socket_limit_until_one_closes() {
    for (limit, bound) in [(None, 10_000), (Some("3"), 3), (Some("many"), 10_000), (Some("0"), 0)] {
        let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
        if let Some(limit) = limit {
            shard.host().set_var("LUNORA_SOCKET_LIMIT", limit);
        }
        // Sockets that hibernated count too.
        let object = LiveObject::new(shard.shard().clone(), Host::new(bound / 2));
        let upgrade = crate::Request::get("https://shard.internal/_lunora/ws");
        for n in bound / 2..bound {
            assert!(object.check_room().is_ok(), "{n} of {limit:?}");
            object.open(&n.to_string(), Socket::default(), &upgrade, None);
        }
        let refused = object.check_room().unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "SHARD_UNAVAILABLE"));
        assert!(refused.retry_after().is_some());
        if bound > 0 {
            object.closed("old 0");
            assert!(object.check_room().is_ok(), "{limit:?}");
        }
        assert_eq!(shard.host().statements(), 0);
    }
}

#[test]
fn an_admin_query_that_is_refused_runs_no_statement() {
    let shard = crate::shard::testing::TestShard::new(crate::shard::ShardDefinition::new());
    let args = RawValue::from_string("{}".to_owned()).unwrap();
    for op in ["writeRow", "getMetrics", "nonsense"] {
        let run = OnShard::new(shard.shard(), &*Host::new(0))
            .run_admin(&format!("__lunora_admin__:{op}"), &args);
        assert!(run.outcome.is_err(), "{op}");
        assert_eq!(shard.host().statements(), 0, "{op}");
    }
}

#[test]
fn admin_queries_are_for_admin_sockets_until_the_token_changes() {
    let world = World::default();
    let guest = world.open("s", "ada");
    world.subscribe("s", "sub_1", "__lunora_admin__:getMetrics");
    assert_eq!(
        guest.take(),
        [
            json!({"type": "error", "id": "sub_1", "message": "an admin subscription needs an admin socket"})
        ]
    );
    *world.shard.admin.borrow_mut() = "print".to_owned();
    let operator = Socket::default();
    let admin = Some("print".to_owned());
    world.live.open("o", operator.clone(), &HeaderMap::new(), admin);
    world.subscribe("o", "sub_1", "__lunora_admin__:getMetrics");
    assert_eq!(operator.types(), ["ack", "data"]);
    world.commit(&world.shard.write("t"));
    assert_eq!(operator.types(), ["data"]);
    *world.shard.admin.borrow_mut() = "another".to_owned();
    world.commit(&world.shard.write("t"));
    assert_eq!(operator.take()[0]["code"], "FORBIDDEN");
}
