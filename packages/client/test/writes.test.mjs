import assert from "node:assert/strict";
import { test } from "node:test";
import { LunoraClient, MemoryStorage } from "../dist/index.js";
import { fakeClient, fakeSockets, json, liveClient, refusal, settle } from "./support.mjs";

const done = (result = null, commitCursor = 1) => json({ result, commitCursor });
const lost = () => { throw new TypeError("fetch failed"); };
const add = (text) => (cache) => cache.update("m:list", {}, (list) => [...list, text]);
const ids = (requests) => requests.map(({ headers }) => headers["x-lunora-mutation-id"]);
const offline = { shard: "s", offline: true };

async function watching(answer, options) {
  const live = liveClient(answer, options);
  live.watch();
  await settle();
  live.sockets[0].open().answer("sub_1", ["a"], 5);
  return live;
}

/** A server whose answers are given by hand. */
function byHand() {
  const waiting = [];
  return { answer: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })), waiting };
}

test("a_layer_is_dropped_when_the_live_value_has_the_write", async () => {
  const { client, sockets, shown } = await watching(() => done(null, 7));
  const write = client.mutation("m:send", {}, { shard: "s", optimistic: add("b") });
  assert.deepEqual(shown, [["a"], ["a", "b"]]);
  await write;
  sockets[0].data("sub_1", ["a", "x"], 6);
  assert.deepEqual(shown.at(-1), ["a", "x", "b"]);
  sockets[0].data("sub_1", ["a", "x", "B"], 7);
  assert.deepEqual(shown.at(-1), ["a", "x", "B"]);
  assert.equal(shown.length, 4);
});

test("a_live_value_that_comes_before_the_answer_does_not_show_the_write_twice", async () => {
  const { answer, waiting } = byHand();
  const { client, sockets, shown } = await watching(answer);
  const write = client.mutation("m:send", {}, { shard: "s", optimistic: add("b") });
  await settle();
  sockets[0].data("sub_1", ["a", "B"], 7);
  assert.deepEqual(shown.at(-1), ["a", "b"]);
  waiting[0].resolve(done(null, 7));
  await write;
  assert.deepEqual(shown, [["a"], ["a", "b"], ["a", "B"]]);
});

test("a_live_value_is_held_back_for_at_most_a_second", async () => {
  const { answer } = byHand();
  const { client, clock, sockets, shown } = await watching(answer);
  void client.mutation("m:send", {}, { shard: "s", optimistic: add("b") });
  await settle();
  sockets[0].data("sub_1", ["a", "x"], 6);
  await clock.tick(1000);
  assert.deepEqual(shown.at(-1), ["a", "x", "b"]);
});

test("a_refused_write_takes_its_layer_back", async () => {
  const { client, shown } = await watching(() => refusal("VALIDATION_ERROR"));
  await assert.rejects(client.mutation("m:send", {}, { shard: "s", optimistic: add("b") }), { code: "VALIDATION_ERROR" });
  assert.deepEqual(shown, [["a"], ["a", "b"], ["a"]]);
});

test("a_layer_of_a_query_that_the_write_did_not_touch_ends_after_its_position_is_asked_for", async () => {
  const { client, clock, sockets, shown } = await watching(() => done(null, 9));
  await client.mutation("m:send", {}, { shard: "s", optimistic: add("b") });
  await clock.tick(1000);
  assert.equal(sockets[0].frames("subscribe").length, 2);
  sockets[0].answer("sub_1", undefined, 9);
  assert.deepEqual(shown, [["a"], ["a", "b"], ["a"]]);
});

test("a_mutation_names_the_position_of_the_live_queries", async () => {
  const { client, requests } = await watching(() => done());
  await client.mutation("m:send", {}, { shard: "s" });
  await client.mutation("m:send", {}, { shard: "other" });
  assert.deepEqual(requests.map(({ headers }) => headers["x-lunora-base-seq"]), ["5", undefined]);
  assert.equal(requests[0].headers["x-lunora-client-id"], "c1");
});

test("queued_writes_are_sent_in_their_order_and_retried_with_the_same_id", async () => {
  let failures = 2;
  const { client, clock, requests } = fakeClient(() => (failures-- > 0 ? lost() : done("ok")));
  const events = [];
  client.onWrite(({ type, write }) => events.push(`${type} ${write.id}`));
  const writes = ["w1", "w2", "w3"].map((id) => client.mutation("m:send", { id }, { ...offline, id }));
  await clock.tick(1000);
  assert.deepEqual(await Promise.all(writes), ["ok", "ok", "ok"]);
  assert.deepEqual(ids(requests), ["w1", "w1", "w1", "w2", "w3"]);
  assert.deepEqual(events, ["queued w1", "queued w2", "queued w3", "sent w1", "sent w2", "sent w3"]);
  assert.deepEqual(await client.pendingWrites(), []);
});

test("a_final_refusal_settles_one_write_and_the_next_are_sent", async () => {
  const { client, clock } = fakeClient(({ body }) => (body.args.bad ? refusal("VALIDATION_ERROR", 400, { data: { n: 1 } }) : done("ok")));
  const events = [];
  client.onWrite(({ type, error }) => events.push([type, error?.code]));
  const refused = assert.rejects(client.mutation("m:send", { bad: true }, offline), { code: "VALIDATION_ERROR", data: { n: 1 } });
  const sent = client.mutation("m:send", {}, offline);
  await clock.tick(0);
  await refused;
  assert.equal(await sent, "ok");
  assert.deepEqual(events.slice(2), [["refused", "VALIDATION_ERROR"], ["sent", undefined]]);
});

test("coded_errors_that_may_pass_are_retried", async () => {
  for (const code of ["RATE_LIMITED", "SHARD_ERROR", "SHARD_UNAVAILABLE", "TOO_MANY_REQUESTS", "UNAUTHORIZED", "TOKEN_EXPIRED"]) {
    const { client, clock, requests } = fakeClient((_, n) => (n === 0 ? refusal(code, 503) : done("ok")));
    const write = client.mutation("m:send", {}, offline);
    await clock.tick(250);
    assert.equal(await write, "ok", code);
    assert.equal(requests.length, 2, code);
  }
});

test("writes_survive_a_reload", async () => {
  const storage = new MemoryStorage();
  const first = fakeClient(lost, { storage });
  void first.client.mutation("m:send", { n: 1n }, { ...offline, id: "w1" });
  void first.client.mutation("m:send", {}, { ...offline, id: "w2" });
  await settle();
  first.client.close();
  const second = fakeClient(() => done(), { storage, clientId: "c2" });
  await second.clock.tick(0);
  assert.deepEqual(second.requests.map(({ headers, body }) => [headers["x-lunora-mutation-id"], headers["x-lunora-client-id"], body.args]), [
    ["w1", "c1", { n: ["$lunora.wire$", "bigint", "1"] }], ["w2", "c1", {}],
  ]);
  assert.deepEqual(await second.client.pendingWrites(), []);
});

/** The Web Locks of two tabs. */
function fakeLocks() {
  const last = new Map();
  const request = (name, work) => {
    const done = (last.get(name) ?? Promise.resolve()).catch(() => {}).then(work);
    last.set(name, done);
    return done;
  };
  return { request };
}

test("writes_of_another_outbox_do_not_wait_for_a_request_that_hangs", async () => {
  const locks = fakeLocks();
  const storage = (name) => Object.assign(new MemoryStorage(), { name });
  const hanging = fakeClient(() => new Promise(() => {}), { storage: storage("ada"), locks });
  const other = fakeClient(({ body }) => done(body.args.n), { storage: storage("bob"), locks });
  void hanging.client.mutation("m:send", { n: 1 }, { ...offline, id: "a" }).catch(() => {});
  await settle();
  const sent = other.client.mutation("m:send", { n: 2 }, { ...offline, id: "b" });
  await settle();
  assert.equal(await Promise.race([sent, settle().then(() => "waits")]), 2);
});

test("two_tabs_with_one_outbox_send_each_write_once_and_both_hear_of_theirs", async () => {
  const [storage, locks] = [new MemoryStorage(), fakeLocks()];
  const tabs = ["c1", "c2"].map((clientId) => fakeClient(({ body }) => (body.args.bad ? refusal("CONFLICT", 409) : done(body.args.n)), { storage, locks, clientId }));
  const writes = Array.from({ length: 6 }, (_, n) => tabs[n % 2].client.mutation("m:send", { n }, { ...offline, id: `w${n}` }));
  const refused = assert.rejects(tabs[1].client.mutation("m:send", { bad: true }, { ...offline, id: "w6" }), { code: "CONFLICT" });
  for (const { clock } of tabs) await clock.tick(0);
  await settle();
  assert.deepEqual(await Promise.all(writes), [0, 1, 2, 3, 4, 5]);
  await refused;
  const sent = tabs.flatMap(({ requests }) => ids(requests));
  assert.equal(sent.length, 7);
  assert.equal(new Set(sent).size, 7);
});

test("a_write_of_another_user_is_not_sent", async () => {
  const storage = new MemoryStorage();
  let subject = "ada";
  const { client, clock, requests } = fakeClient((_, n) => (n === 0 ? lost() : done()), { storage, subject: () => subject, token: "t" });
  const write = assert.rejects(client.mutation("m:send", {}, offline), { code: "OFFLINE_IDENTITY_CHANGED" });
  await settle();
  assert.equal(JSON.parse(Buffer.from(requests[0].headers["x-lunora-expect-subject"], "base64url")).subject, "ada");
  subject = "bob";
  client.setToken("t2");
  await clock.tick(1000);
  await write;
  assert.equal(requests.length, 1);
});

test("a_mismatch_that_the_server_finds_settles_the_write", async () => {
  const { client } = fakeClient(() => refusal("IDENTITY_MISMATCH", 409));
  await assert.rejects(client.mutation("m:send", {}, offline), { code: "OFFLINE_IDENTITY_CHANGED" });
});

test("a_write_whose_user_was_not_known_is_not_sent_after_setToken", async () => {
  const { client, clock, requests } = fakeClient(lost, { token: "t" });
  const write = assert.rejects(client.mutation("m:send", {}, offline), { code: "OFFLINE_IDENTITY_CHANGED" });
  await settle();
  client.setToken("t2");
  await clock.tick(1000);
  await write;
  assert.equal(requests.length, 1);
});

test("a_write_waits_while_its_user_is_signed_out", async () => {
  const { client, clock, requests } = fakeClient((_, n) => (n === 0 ? lost() : done("ok")), { subject: () => "ada", token: "t" });
  const write = client.mutation("m:send", {}, offline);
  await settle();
  client.setToken(null);
  await clock.tick(5000);
  assert.equal(requests.length, 1);
  client.setToken("t2");
  await settle();
  assert.equal(await write, "ok");
});

test("a_discarded_write_is_not_sent", async () => {
  const { client, clock, requests } = fakeClient(lost);
  const write = assert.rejects(client.mutation("m:send", {}, { ...offline, id: "w1" }), { code: "DISCARDED" });
  await settle();
  await client.discardWrite("w1");
  await clock.tick(10_000);
  await write;
  assert.equal(requests.length, 1);
});

test("a_write_discarded_in_another_tab_rejects_and_loses_its_layer_in_the_tab_that_made_it", async () => {
  const tabs = [];
  const writes = new MemoryStorage();
  /** The storage of one tab, which hears of the changes of the others. */
  const tab = () => {
    const mine = { list: () => writes.list() };
    const tell = (removed) => tabs.forEach((other) => other !== mine && other.heard?.(removed));
    mine.put = (write) => writes.put(write).then(() => tell());
    mine.delete = (id) => writes.delete(id).then(() => tell(id));
    mine.watch = (heard) => (mine.heard = heard);
    tabs.push(mine);
    return mine;
  };
  const { client, shown } = await watching(lost, { storage: tab() });
  const other = fakeClient(lost, { storage: tab() });
  const events = [];
  other.client.onWrite(({ type }) => events.push(type));
  const write = assert.rejects(client.mutation("m:send", {}, { ...offline, id: "w1", optimistic: add("b") }), { code: "DISCARDED" });
  await settle();
  assert.deepEqual(shown.at(-1), ["a", "b"]);
  assert.deepEqual(events, ["changed"]);
  await other.client.discardWrite("w1");
  await write;
  assert.deepEqual(shown.at(-1), ["a"]);
});

test("a_direct_mutation_is_sent_after_the_queued_writes_under_way", async () => {
  const { answer, waiting } = byHand();
  const { client, requests } = fakeClient(answer);
  const queued = client.mutation("m:send", {}, { ...offline, id: "w1" });
  await settle();
  const direct = client.mutation("m:send", {}, { shard: "s", id: "w2" });
  await settle();
  assert.deepEqual(ids(requests), ["w1"]);
  waiting[0].resolve(done());
  await queued;
  await settle();
  waiting[1].resolve(done());
  await direct;
  assert.deepEqual(ids(requests), ["w1", "w2"]);
});

test("a_lost_answer_keeps_the_layer_until_the_retry_is_answered", async () => {
  let calls = 0;
  const { WebSocket, sockets } = fakeSockets();
  const { client, clock } = fakeClient(() => (calls++ === 0 ? lost() : done(null, 7)), { WebSocket });
  const shown = [];
  client.subscribe("m:list", {}, { shard: "s" }, { onValue: (value) => shown.push(value) });
  await settle();
  sockets[0].open().answer("sub_1", ["a"], 5);
  const write = client.mutation("m:send", {}, { ...offline, optimistic: add("b") });
  await settle();
  sockets[0].data("sub_1", ["a", "B"], 7);
  await clock.tick(250);
  await write;
  assert.deepEqual(shown, [["a"], ["a", "b"], ["a", "B"]]);
  assert.ok(client instanceof LunoraClient);
});

test("a_refused_write_asks_for_no_position", async () => {
  const { client, clock, sockets } = await watching(() => refusal("FORBIDDEN", 403));
  await assert.rejects(client.mutation("m:send", {}, { shard: "s", optimistic: add("b") }), { code: "FORBIDDEN" });
  await clock.tick(2000);
  assert.equal(sockets[0].frames("subscribe").length, 1);
});

test("two_layers_are_kept_in_the_order_of_their_writes", async () => {
  const { answer, waiting } = byHand();
  const { client, sockets, shown } = await watching(answer);
  const writes = ["b", "c"].map((text) => client.mutation("m:send", {}, { shard: "s", optimistic: add(text) }));
  await settle();
  sockets[0].data("sub_1", ["a", "B"], 7);
  waiting[0].resolve(done(null, 7));
  waiting[1].resolve(done(null, 8));
  await Promise.all(writes);
  sockets[0].data("sub_1", ["a", "B", "C"], 8);
  assert.deepEqual(shown, [["a"], ["a", "b"], ["a", "b", "c"], ["a", "B", "c"], ["a", "B", "C"]]);
});

test("a_storage_that_fails_rejects_the_write", async () => {
  const broken = async () => { throw new Error("no storage"); };
  const { client } = fakeClient(() => done(), { storage: { list: broken, put: broken, delete: broken } });
  await assert.rejects(client.mutation("m:send", {}, offline), /no storage/);
});
