import assert from "node:assert/strict";
import { test } from "node:test";
import { json, liveClient, refusal, settle } from "./support.mjs";

test("subscriptions_of_a_shard_share_one_socket_and_equal_ones_share_one_subscription", async () => {
  const { sockets, watch, shown, client } = liveClient(undefined, { token: "t k" });
  const [first, second] = [watch("m:list", { a: 1, b: 2 }), watch("m:list", { b: 2, a: 1 })];
  watch("m:other");
  await settle();
  assert.equal(sockets.length, 1);
  const [socket] = sockets;
  assert.equal(socket.url.href, "ws://app.test/_lunora/ws?shard=s&token=t%20k");
  assert.equal(client.state, "connecting");
  socket.open();
  assert.deepEqual(socket.sent.map(({ type, id }) => [type, id]), [["connect", "connect"], ["subscribe", "sub_1"], ["subscribe", "sub_2"]]);
  socket.answer("sub_1", [1], 5);
  assert.deepEqual(shown, [[1], [1]]);
  assert.deepEqual(first.value, [1]);
  assert.equal(client.state, "connecting");
  socket.answer("sub_2", 7, 5);
  assert.equal(client.state, "live");
  first.close();
  assert.equal(socket.frames("unsubscribe").length, 0);
  second.close();
  assert.deepEqual(socket.frames("unsubscribe"), [{ type: "unsubscribe", id: "sub_1" }]);
});

test("resumes_from_its_cursor_after_a_lost_socket", async () => {
  const { sockets, watch, shown, clock, client } = liveClient();
  const states = [];
  client.onState((state) => states.push(state));
  watch();
  await settle();
  sockets[0].open().answer("sub_1", ["a"], 5);
  sockets[0].say({ type: "settled", id: "sub_1", cursor: 6, epoch: "e" });
  sockets[0].lose();
  assert.equal(client.state, "connecting");
  await clock.tick(250);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  const [{ query }] = sockets[1].frames("subscribe");
  assert.deepEqual([query.sinceSeq, query.sinceEpoch], [6, "e"]);
  sockets[1].answer("sub_1", undefined, 8);
  assert.deepEqual(shown, [["a"]]);
  sockets[1].data("sub_1", ["a", "b"], 9);
  assert.deepEqual(shown, [["a"], ["a", "b"]]);
  assert.deepEqual(states, ["connecting", "live", "connecting", "live"]);
});

test("a_shard_that_nothing_uses_has_no_say_in_the_state", async () => {
  const { sockets, watch, client } = liveClient();
  const broken = watch();
  client.subscribe("m:list", {}, { shard: "other" }, { onValue() {} });
  await settle();
  sockets[1].open().answer("sub_1", [], 1);
  assert.equal(client.state, "connecting");
  broken.close();
  assert.equal(client.state, "live");
});

test("shows_a_value_once_that_is_sent_again", async () => {
  const { sockets, watch, shown } = liveClient();
  watch();
  await settle();
  sockets[0].open().answer("sub_1", ["a"], 5);
  sockets[0].data("sub_1", ["a"], 5, "another epoch");
  assert.deepEqual(shown, [["a"]]);
});

test("retries_with_exponential_backoff_up_to_30_seconds", async () => {
  const { sockets, watch, clock, client } = liveClient();
  watch();
  await settle();
  for (const delay of [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
    const { length } = sockets;
    sockets.at(-1).lose();
    await settle();
    await clock.tick(delay - 1);
    assert.equal(sockets.length, length, `${delay}`);
    await clock.tick(1);
    assert.equal(sockets.length, length + 1, `${delay}`);
  }
  assert.equal(client.state, "offline");
  client.retryNow();
  sockets.at(-1).lose();
  await settle();
  const { length } = sockets;
  client.retryNow();
  await settle();
  assert.equal(sockets.length, length + 1);
});

test("gives_a_silent_socket_up", async () => {
  const { sockets, watch, clock } = liveClient();
  watch();
  await settle();
  sockets[0].open().answer("sub_1", 1, 5);
  await clock.tick(30_000);
  assert.equal(sockets[0].sent.at(-1), "lunora-ping");
  sockets[0].say("lunora-pong");
  await clock.tick(30_000 + 44_999);
  assert.equal(sockets[0].isClosed, undefined);
  await clock.tick(251);
  assert.equal(sockets[0].isClosed, true);
  assert.equal(sockets.length, 2);
});

test("gives_a_socket_up_that_does_not_open_within_10_seconds", async () => {
  const { sockets, watch, clock } = liveClient();
  watch();
  await clock.tick(10_250);
  assert.deepEqual([sockets[0].isClosed, sockets.length], [true, 2]);
});

test("renews_an_expired_token_and_reconnects", async () => {
  let minted = 0;
  const { sockets, watch, errors, clock } = liveClient(undefined, { token: () => `t${++minted}` });
  watch();
  await settle();
  sockets[0].open("ada").answer("sub_1", 1, 5);
  sockets[0].say({ type: "error", code: "TOKEN_EXPIRED", error: { code: "TOKEN_EXPIRED", message: "m" }, message: "m" });
  sockets[0].lose(4001);
  await clock.tick(250);
  assert.equal(sockets[1].url.searchParams.get("token"), "t2");
  assert.deepEqual(errors, []);
});

test("reports_an_expired_token_without_another_one_and_waits_for_setToken", async () => {
  const { sockets, watch, errors, clock, client } = liveClient(undefined, { token: "t1" });
  watch();
  await settle();
  sockets[0].open("ada").answer("sub_1", 1, 5);
  sockets[0].lose(4001);
  await clock.tick(60_000);
  assert.deepEqual([errors, sockets.length], [["TOKEN_EXPIRED"], 1]);
  client.setToken("t2");
  await settle();
  assert.equal(sockets[1].url.searchParams.get("token"), "t2");
});

test("a_refused_socket_is_explained_by_a_call", async () => {
  const { sockets, watch, errors, requests } = liveClient(() => refusal("FORBIDDEN_SHARD", 403));
  watch();
  await settle();
  sockets[0].lose();
  await settle();
  assert.deepEqual(errors, ["FORBIDDEN_SHARD"]);
  assert.equal(requests[0].body.functionPath, "m:list");
});

test("another_user_gets_no_value_that_was_held_for_the_last_one", async () => {
  const { sockets, watch, shown, client } = liveClient();
  watch("m:mine");
  await settle();
  sockets[0].open("ada").answer("sub_1", "of ada", 5);
  client.setToken("bob");
  await settle();
  sockets[1].open("bob");
  const [resuming, anew] = sockets[1].frames("subscribe");
  assert.deepEqual([resuming.query.sinceSeq, anew.query.sinceSeq], [5, undefined]);
  sockets[1].answer("sub_1", undefined, 5);
  sockets[1].answer("sub_1", "of bob", 5);
  assert.deepEqual(shown, ["of ada", "of bob"]);
});

test("reports_the_error_of_a_run_and_the_value_after_it", async () => {
  const { sockets, watch, shown, errors } = liveClient();
  const subscription = watch();
  await settle();
  sockets[0].open().answer("sub_1", 1, 5);
  sockets[0].say({ type: "error", id: "sub_1", code: "INTERNAL", error: { code: "INTERNAL", message: "m" }, message: "m" });
  assert.deepEqual([errors, subscription.error.code], [["INTERNAL"], "INTERNAL"]);
  sockets[0].data("sub_1", ["$lunora.wire$", "bigint", "x"], 6);
  sockets[0].data("sub_1", 2, 7);
  assert.deepEqual([errors, shown, subscription.error], [["INTERNAL", "WIRE_DECODE_FAILED"], [1, 2], undefined]);
});

test("subscribes_again_what_the_shard_ignored_for_its_rate", async () => {
  const { sockets, watch, clock } = liveClient();
  watch();
  await settle();
  sockets[0].open().say({ type: "error", code: "TOO_MANY_REQUESTS", error: { code: "TOO_MANY_REQUESTS", message: "m" }, message: "m" });
  await clock.tick(1000);
  assert.equal(sockets[0].frames("subscribe").length, 2);
});

test("closes_an_idle_socket_after_5_seconds", async () => {
  const { sockets, watch, clock, client } = liveClient();
  const subscription = watch();
  await settle();
  sockets[0].open().answer("sub_1", 1, 5);
  subscription.close();
  await clock.tick(4_999);
  assert.equal(sockets[0].isClosed, undefined);
  await clock.tick(1);
  assert.equal(sockets[0].isClosed, true);
  client.close();
  assert.equal(client.state, "closed");
});

test("whispers_reach_listeners_and_topics_are_joined_again", async () => {
  const { sockets, client, clock } = liveClient();
  const topic = client.topic("s", "typing");
  const heard = [];
  const leave = topic.listen((whisper) => heard.push(whisper));
  await settle();
  sockets[0].open();
  topic.send({ n: 1n });
  assert.deepEqual(sockets[0].sent.at(-1), { type: "whisper", topic: "typing", data: { n: ["$lunora.wire$", "bigint", "1"] } });
  sockets[0].say({ type: "whisper", topic: "typing", data: ["$lunora.wire$", "nan"], from: "bob" });
  sockets[0].say({ type: "whisper", topic: "other", data: 1 });
  assert.deepEqual(heard, [{ data: NaN, from: "bob" }]);
  sockets[0].lose();
  await clock.tick(250);
  sockets[1].open();
  assert.deepEqual(sockets[1].frames("whisper_subscribe"), [{ type: "whisper_subscribe", topic: "typing" }]);
  leave();
  assert.deepEqual(sockets[1].sent.at(-1), { type: "whisper_unsubscribe", topic: "typing" });
});

test("says_how_to_get_a_socket_where_there_is_none", () => {
  const { client } = liveClient(() => json({ result: 1 }), { WebSocket: undefined });
  if (globalThis.WebSocket) return;
  assert.throws(() => client.subscribe("a:b", {}, {}, { onValue() {} }), { code: "WEBSOCKET_UNAVAILABLE" });
});
