// What a panic may harm: the call it happens in, and those in flight with it. They fail at once, and
// say nothing of why; all else goes on.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, beforeEach, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;
const PROMPT_MS = 2_000;

let mf;
before(() => {
  // The log has the panics, on purpose; the tests have no use for it.
  const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
  mf = new Miniflare({ ...workerOptions(FIXTURE), ...quiet });
});
after(() => mf.dispose());

const get = (path, init) => mf.dispatchFetch(`http://fixture${path}`, init);
const text = async (path, init) => (await get(path, init)).text();
const addRow = (object, body) => get(`/probe/${object}/rows`, { method: "POST", body });
const rows = async (object) => (await (await get(`/probe/${object}/rows`)).json()).map((row) => row.body);

/** That a request fails, soon, with the plain body. */
async function failsPlainly(response) {
  const started = Date.now();
  const answer = await response;
  assert.ok(Date.now() - started < PROMPT_MS, "the answer took too long");
  assert.equal(answer.status, 500);
  // Plain: a client that replays a write must not take it for the last word on that write.
  assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.headers.get("x-frame-options"), "DENY");
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.equal(answer.headers.get("cross-origin-resource-policy"), "same-origin");
  assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
  // Over http nothing promises https.
  assert.equal(answer.headers.get("strict-transport-security"), null);
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
  assert.equal(await answer.text(), "Internal Server Error");
}

/** Three requests that would run for long: in the Worker, in object `a` and in object `b`. */
async function longRequests() {
  const paths = ["/slow?ms=20000", "/probe/a/slow?ms=20000", "/probe/b/slow?ms=20000"];
  const requests = paths.map((path) => get(path));
  await sleep(100);
  return requests;
}

async function openSocket(object) {
  const { webSocket } = await get(`/probe/${object}/ws`, { headers: { upgrade: "websocket" } });
  webSocket.accept();
  const ask = (message) =>
    new Promise((resolve, reject) => {
      webSocket.addEventListener("message", (event) => resolve(event.data), { once: true });
      webSocket.addEventListener("close", (event) => reject(new Error(`closed: ${event.code}`)), { once: true });
      webSocket.send(message);
    });
  return { ask, send: (message) => webSocket.send(message), close: () => webSocket.close() };
}

const DEADLY = [
  ["a panic in an object", "/probe/a/panic"],
  ["a panic in an object, later", "/probe/a/panic-later?ms=30"],
  ["a trap in an object", "/probe/a/trap"],
  ["an uncaught JS exception", "/probe/a/js-exception"],
  ["a panic in the Worker", "/panic"],
  ["a panic in the Worker, later", "/panic-later"],
  ["memory exhausted", "/exhaust-memory"],
];
for (const [what, path] of DEADLY) {
  test(`${what} fails every request in flight, and nothing else`, async () => {
    await addRow("a", what);
    const before = await rows("a");
    const socket = await openSocket("a");
    const inFlight = await longRequests();

    await failsPlainly(get(path));
    await Promise.all(inFlight.map(failsPlainly));

    assert.deepEqual(await rows("a"), before);
    assert.equal(await socket.ask("still there?"), "echo:still there?");
    socket.close();
  });
}

test("requests that come while others fail are served", async () => {
  for (let round = 0; round < 20; round++) {
    const [bad, ...good] = await Promise.all([
      get("/probe/a/panic").then((r) => r.text()),
      ...["a", "b", "c"].map((object) => sleep(5 + round).then(() => rows(object))),
    ]);
    assert.equal(bad, "Internal Server Error");
    assert.ok(good.every(Array.isArray));
  }
});

test("a panic in a background task leaves the answer alone", async () => {
  assert.equal(await text("/panic-in-background"), "on its way");
  const inFlight = await longRequests();
  await Promise.all(inFlight.map(failsPlainly));
  assert.deepEqual(await rows("new"), []);
});

test("a panic in a WebSocket handler keeps the socket open", async () => {
  const socket = await openSocket("s");
  assert.equal(await socket.ask("one"), "echo:one");
  socket.send("panic");
  await sleep(100);
  assert.equal(await socket.ask("two"), "echo:two");
  socket.close();
});

test("a panic in a constructor fails that call, not the next", async () => {
  await addRow("d", "kept");
  const socket = await openSocket("d");
  await get("/probe/d/doom", { method: "POST" });
  await failsPlainly(get("/panic"));
  await failsPlainly(get("/probe/d/rows"));
  assert.deepEqual(await rows("d"), ["kept"]);
  assert.equal(await socket.ask("me too"), "echo:me too");
  socket.close();
});

test("a panic in a constructor that a socket's message calls for keeps the socket open", async () => {
  const socket = await openSocket("e");
  await get("/probe/e/doom", { method: "POST" });
  await failsPlainly(get("/panic"));
  socket.send("lost");
  await sleep(100);
  assert.equal(await socket.ask("heard"), "echo:heard");
  socket.close();
});

test("a constructor's initialization is waited for, also when an object is rebuilt", async () => {
  assert.equal(await text("/probe/i/ready"), "true");
  await failsPlainly(get("/panic"));
  assert.equal(await text("/probe/i/ready"), "true");
});

test("a panic in a transaction rolls it back, and does not block the object", async () => {
  await addRow("t", "before");
  await failsPlainly(get("/probe/t/transaction-panic", { method: "POST" }));
  assert.deepEqual(await rows("t"), ["before"]);
  await addRow("t", "after");
  assert.deepEqual(await rows("t"), ["before", "after"]);
});

// All a shim can do is fail the body's source. workerd then ends a chunked body as if it were whole, also
// that of a Worker in plain JavaScript; so these tests ask for an end, not for an error.
for (const path of ["/stream", "/probe/a/stream"]) {
  test(`the body of ${path} ends when its source panics`, async () => {
    assert.equal(await text(path), "chunk 0;chunk 1;chunk 2;");
    await endsEarly(await get(`${path}?die`));
  });

  test(`the body of ${path} ends when another request panics`, async () => {
    const response = await get(path);
    await failsPlainly(get("/panic"));
    await endsEarly(response);
  });
}

async function endsEarly(response) {
  const started = Date.now();
  const body = await response.text().catch(() => "an error");
  assert.ok(Date.now() - started < PROMPT_MS, "the body hangs");
  assert.doesNotMatch(body, /chunk 2|secret/);
}

test("a request whose client has gone does not get in the way", async () => {
  const client = new AbortController();
  const gone = get("/slow?ms=20000", { signal: client.signal });
  await sleep(50);
  client.abort();
  await assert.rejects(gone);
  await failsPlainly(get("/probe/a/panic"));
  assert.deepEqual(await rows("new"), []);
});

test("a cron that panics fails, one that does not is fine", async () => {
  const worker = await mf.getWorker();
  const run = async (cron) => (await worker.scheduled({ cron })).outcome;
  assert.equal(await run("*/5 * * * *"), "ok");
  assert.equal(await run("13 13 13 12 *"), "exception");
  assert.notEqual(await run("14 13 13 12 *"), "ok");
  assert.equal(await run("*/5 * * * *"), "ok");
});

test("a planned call whose shard lives elsewhere outlives the instance that decided it", async () => {
  const options = workerOptions(FIXTURE);
  const elsewhere = `
    import { DurableObject } from "cloudflare:workers";
    export class Slow extends DurableObject {
      async fetch() {
        await scheduler.wait(700);
        return Response.json({ result: "still here" });
      }
    }
    export default { fetch: () => new Response(null) };
  `;
  const shard = { className: "Slow", scriptName: "elsewhere" };
  const front = { ...options, name: "fixture", durableObjects: { ...options.durableObjects, SHARD: shard } };
  const other = {
    name: "elsewhere", modules: true, script: elsewhere, compatibilityDate: options.compatibilityDate,
    durableObjects: { OWN: { className: "Slow", useSQLite: true } },
  };
  const handleRuntimeStdio = (...streams) => streams.forEach((stream) => stream.resume());
  const pair = new Miniflare({ workers: [front, other], handleRuntimeStdio });
  try {
    // A plan needs a declared length, which `dispatchFetch` leaves out.
    const { origin } = await pair.ready;
    const call = (pad) => {
      const body = JSON.stringify({ functionPath: "slow", args: { pad } });
      return fetch(`${origin}/_lunora/rpc`, { method: "POST", body });
    };
    await fetch(`${origin}/hello`);
    // A long call is not planned: wasm waits for it, and it fails with the instance.
    const inFlight = [call(""), call("x".repeat(140_000))];
    await sleep(200);
    assert.equal((await fetch(`${origin}/panic`)).status, 500);
    const [planned, long] = await Promise.all(inFlight);
    assert.deepEqual([planned.status, await planned.json()], [200, { result: "still here" }]);
    assert.equal(planned.headers.get("x-content-type-options"), "nosniff");
    assert.equal(long.status, 500);
  } finally {
    await pair.dispose();
  }
});
