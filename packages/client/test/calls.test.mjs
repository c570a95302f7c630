import assert from "node:assert/strict";
import { test } from "node:test";
import { LunoraError } from "../dist/index.js";
import { fakeClient, json, refusal } from "./support.mjs";

const TAG = "$lunora.wire$";

test("sends_and_decodes_wire_values", async () => {
  const { client, requests } = fakeClient(() => json({ result: { n: [TAG, "bigint", "7"] } }), { token: "t" });
  assert.deepEqual(await client.query("a:b", { at: new Date(5) }, { shard: "s" }), { n: 7n });
  const [{ url, headers, body }] = requests;
  assert.equal(url, "http://app.test/_lunora/rpc");
  assert.equal(headers.authorization, "Bearer t");
  assert.deepEqual(body, { functionPath: "a:b", args: { at: [TAG, "date", 5] }, shardKey: "s" });
});

test("reports_code_data_and_hint_of_an_error", async () => {
  const { client } = fakeClient(() => json({ error: { code: "CONFLICT", message: "m", hint: "h", data: [TAG, "bigint", "1"] } }, 409));
  await assert.rejects(client.query("a:b"), (error) => {
    assert.ok(error instanceof LunoraError);
    assert.deepEqual([error.code, error.status, error.message, error.hint, error.data, error.isTransient], ["CONFLICT", 409, "m", "h", 1n, false]);
    return true;
  });
});

test("a_client_is_made_where_no_random_number_is", async (t) => {
  t.mock.method(crypto, "getRandomValues", () => { throw new Error("disallowed at global scope"); });
  const { client } = fakeClient(() => json({ result: null }), { clientId: undefined });
  await client.query("a:b");
  t.mock.restoreAll();
  assert.equal(client.clientId, client.clientId);
});

test("ids_are_random_on_a_page_without_tls_too", async () => {
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    const { client, requests } = fakeClient(() => json({ result: null }), { clientId: undefined });
    for (let n = 0; n < 2; n++) await client.mutation("a:b");
    const [first, second] = requests.map(({ headers }) => headers);
    assert.match(first["x-lunora-mutation-id"], /^([0-9]{1,3}-){15}[0-9]{1,3}$/);
    assert.notEqual(second["x-lunora-mutation-id"], first["x-lunora-mutation-id"]);
    assert.equal(second["x-lunora-client-id"], first["x-lunora-client-id"]);
  } finally {
    delete crypto.randomUUID;
  }
});

test("calls_fetch_as_a_function_and_not_as_a_method", async () => {
  let receiver = null;
  const { client } = fakeClient(null, { fetch: async function () { receiver = this; return json({ result: null }); } });
  await client.query("a:b");
  assert.equal(receiver, undefined);
});

test("keeps_the_delay_that_a_server_asks_for", async () => {
  const { client } = fakeClient(() => json({ error: { code: "RATE_LIMITED", message: "m" } }, 429, { "retry-after": "3" }));
  await assert.rejects(client.query("a:b"), { code: "RATE_LIMITED", data: { retryAfterMs: 3000 }, isTransient: true });
});

test("drops_data_that_cannot_be_decoded", async () => {
  const { client } = fakeClient(() => refusal("X", 400, { data: [TAG, "bigint", "x"] }));
  await assert.rejects(client.query("a:b"), { code: "X", data: undefined });
});

test("reports_an_answer_without_a_code_as_transient", async () => {
  for (const answer of [() => new Response("oops", { status: 500 }), () => new Response("<html>"), () => json({ error: "text" }, 502)]) {
    await assert.rejects(fakeClient(answer).client.query("a:b"), { code: "INTERNAL", isTransient: true });
  }
  const { client } = fakeClient(() => { throw new TypeError("fetch failed"); });
  await assert.rejects(client.query("a:b"), { code: "NETWORK_ERROR", status: 0, isTransient: true });
});

test("gives_up_at_the_deadline", async () => {
  const { client, clock } = fakeClient(() => new Promise(() => {}), { timeoutMs: 500 });
  const call = assert.rejects(client.query("a:b"), { code: "DEADLINE_EXCEEDED" });
  await clock.tick(500);
  await call;
});

test("aborts_with_the_reason_of_the_signal", async () => {
  const { client, requests } = fakeClient(() => new Promise(() => {}));
  const control = new AbortController();
  const call = client.query("a:b", {}, { signal: control.signal });
  await new Promise(setImmediate);
  control.abort("enough");
  await assert.rejects(call, (reason) => reason === "enough");
  assert.equal(requests[0].signal.aborted, true);
  await assert.rejects(client.query("a:b", {}, { signal: control.signal }), (reason) => reason === "enough");
  assert.equal(requests.length, 1);
});

test("renews_a_rejected_token_once_and_then_reports", async () => {
  let minted = 0;
  const accept = new Set(["t2"]);
  const { client, requests } = fakeClient(
    ({ headers }) => (accept.has(headers.authorization.slice(7)) ? json({ result: 1 }) : refusal("UNAUTHORIZED", 401)),
    { token: async () => `t${++minted}` },
  );
  assert.deepEqual(await Promise.all([client.query("a:b"), client.query("a:b")]), [1, 1]);
  assert.equal(minted, 2);
  accept.clear();
  await assert.rejects(client.query("a:b"), { code: "UNAUTHORIZED" });
  assert.equal(minted, 3);
  assert.equal(requests.length, 6);
});

test("reports_a_rejected_fixed_token_without_a_second_request", async () => {
  const { client, requests } = fakeClient(() => refusal("TOKEN_EXPIRED", 401), { token: "t" });
  await assert.rejects(client.query("a:b"), { code: "TOKEN_EXPIRED" });
  assert.equal(requests.length, 1);
});

test("answers_a_batch_call_by_call", async () => {
  const { client, requests } = fakeClient(() => json({ results: [
    { id: "1", status: 404, body: { error: { code: "NOT_FOUND", message: "m" } } },
    { id: "0", status: 200, body: { result: [TAG, "nan"] } },
  ] }));
  const [first, second, third] = await client.batch([{ path: "a:b", mutationId: "m" }, { path: "a:c", args: { n: 1n }, shard: "s" }, { path: "a:d" }]);
  assert.deepEqual(first, { ok: true, value: NaN });
  assert.deepEqual([second.error.code, second.error.status, third.error.code], ["NOT_FOUND", 404, "SHARD_ERROR"]);
  assert.equal(requests[0].url, "http://app.test/_lunora/rpc-batch");
  assert.deepEqual(requests[0].body.calls, [
    { id: "0", functionPath: "a:b", args: {}, mutationId: "m", clientId: "c1" },
    { id: "1", functionPath: "a:c", args: { n: [TAG, "bigint", "1"] }, shardKey: "s" },
    { id: "2", functionPath: "a:d", args: {} },
  ]);
});

test("asks_every_shard_with_a_merge", async () => {
  const { client, requests } = fakeClient(() => json({ data: [1], errors: [], failed: 0, ok: 2 }));
  const fanOut = { table: "t", merge: { kind: "topK", k: 1, by: "x" } };
  assert.deepEqual((await client.queryShards("r:m", {}, fanOut)).data, [1]);
  assert.deepEqual(requests[0].body.fanOut, fanOut);
});

test("sends_the_bookmark_of_an_action_with_later_queries", async () => {
  const { client, requests } = fakeClient(() => json({ result: 1 }, 200, { "x-d1-bookmark": "b" }));
  await client.action("a:b");
  await client.query("a:b");
  assert.equal(requests[1].headers["x-d1-bookmark"], "b");
});
