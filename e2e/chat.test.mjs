// The example over HTTP and sockets: signing in, sending, reading, subscribing, backing up.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;
const ORIGIN = "http://chat.test";

const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
let mf;
before(() => {
  mf = new Miniflare({ ...workerOptions(CHAT), ...quiet });
});
after(() => mf.dispose());

const ADMIN_TOKEN = workerOptions(CHAT).bindings.LUNORA_ADMIN_TOKEN;
const get = (path, init) => mf.dispatchFetch(ORIGIN + path, init);

async function admin(path, init) {
  const response = await get(`/_lunora/admin/${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` }, ...init });
  assert.equal(response.status, 200, path);
  return response.json();
}

/** Asks all channels, as the page does. */
async function across(token, functionPath, merge) {
  const response = await get("/_lunora/rpc", {
    method: "POST",
    headers: token && { authorization: `Bearer ${token}` },
    body: JSON.stringify({
      functionPath,
      args: {},
      fanOut: { table: "messages", merge: { kind: "topK", ...merge } },
    }),
  });
  return { status: response.status, ...(await response.json()) };
}

async function signIn(name) {
  const response = await get("/api/sign-in", { method: "POST", body: JSON.stringify({ name }) });
  assert.equal(response.status, 200);
  return (await response.json()).token;
}

async function rpc(token, functionPath, args, { shardKey = "general", headers = {} } = {}) {
  const response = await get("/_lunora/rpc", {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }), ...headers },
    body: JSON.stringify({ functionPath, args, shardKey }),
  });
  return { status: response.status, ...(await response.json()) };
}

test("GET /curl shows calls to paste", async () => {
  const text = await (await get("/curl")).text();
  assert.ok(text.includes(`${ORIGIN}/api/sign-in`), text);
});

test("a message is sent and read, in its own channel only", async () => {
  const ada = await signIn("Ada 💬");
  const sent = await rpc(ada, "messages:send", { text: "hello" });
  assert.equal(sent.status, 200);
  assert.equal(sent.result.author, "Ada 💬");

  const { result } = await rpc(ada, "messages:list", {});
  assert.deepEqual(result.map(({ text }) => text), ["hello"]);
  assert.deepEqual((await rpc(ada, "messages:list", {}, { shardKey: "random" })).result, []);
});

test("a query across channels finds what was said last, wherever it was", async () => {
  const ada = await signIn("ada");
  for (const [text, shardKey] of [["first", "x"], ["second", "y"], ["third", "z"], ["fourth", "x"]]) {
    assert.equal((await rpc(ada, "messages:send", { text }, { shardKey })).status, 200);
  }
  const ask = (token) => across(token, "messages:list", { k: 3, by: "_creationTime" });
  const { data, failed } = await ask(ada);
  assert.equal(failed, 0);
  assert.equal(data.length, 3);
  const times = data.map(({ _creationTime }) => _creationTime);
  assert.deepEqual(times, times.toSorted((a, b) => b - a));
  assert.ok(data.some(({ text, channel }) => text === "fourth" && channel === "x"), JSON.stringify(data));

  const refused = await ask(undefined);
  assert.deepEqual([refused.status, refused.error.code], [403, "FORBIDDEN_FANOUT"]);
});

test("every channel with a message is listed as soon as it has one, the last active first", async () => {
  const ada = await signIn("ada");
  const list = async () => {
    const { data, failed } = await across(ada, "channels:list", { k: 200, by: "lastMessageAt" });
    assert.equal(failed, 0);
    return data.map(({ name }) => name);
  };
  for (const shardKey of ["listed-1", "listed-2"]) await rpc(ada, "messages:send", { text: "hello" }, { shardKey });
  await rpc(ada, "messages:list", {}, { shardKey: "listed-empty" });
  const names = await list();
  assert.deepEqual(names.filter((name) => name.startsWith("listed")).sort(), ["listed-1", "listed-2"]);
  await rpc(ada, "messages:send", { text: "hello" }, { shardKey: "listed-3" });
  assert.ok((await list()).includes("listed-3"));
  const refused = await across(undefined, "channels:list", { k: 200, by: "lastMessageAt" });
  assert.deepEqual([refused.status, refused.error.code], [403, "FORBIDDEN_FANOUT"]);
});

test("older messages come page by page, each message once", async () => {
  const ada = await signIn("ada");
  const channel = { shardKey: "paged" };
  const sent = Array.from({ length: 7 }, (_, n) => `message ${n}`);
  for (const text of sent) await rpc(ada, "messages:send", { text }, channel);
  const read = [];
  let cursor, pages = 0;
  do {
    const { result } = await rpc(ada, "messages:page", { cursor, limit: 3 }, channel);
    read.unshift(...result.page.map(({ text }) => text).reverse());
    cursor = result.isDone ? undefined : result.continueCursor;
    pages++;
  } while (cursor);
  assert.deepEqual([read, pages], [sent, 3]);
  const broken = await rpc(ada, "messages:page", { cursor: "nonsense" }, channel);
  assert.deepEqual([broken.status, broken.error.code], [400, "BAD_REQUEST"]);
});

test("a write that is replayed is stored once", async () => {
  const ada = await signIn("ada");
  const channel = { shardKey: "replay", headers: { "x-lunora-mutation-id": "m-1" } };
  const first = await rpc(ada, "messages:send", { text: "once" }, channel);
  const second = await rpc(ada, "messages:send", { text: "once" }, channel);
  assert.deepEqual(second.result, first.result);
  assert.equal((await rpc(ada, "messages:list", {}, { shardKey: "replay" })).result.length, 1);
});

test("arguments are checked", async () => {
  const ada = await signIn("ada");
  for (const [path, args, expected] of [
    ["messages:send", { text: 7 }, "args.text: Expected a string at text, received number 7"],
    ["messages:send", {}, "args.text: Expected a value at text, received undefined"],
    ["messages:send", { text: " " }, "args.text: Expected 1 to 2000 characters at text, received string"],
    ["messages:list", { limit: 0 }, "args.limit: Expected an integer from 1 to 200 at limit, received number"],
    ["messages:list", { limit: "9" }, "args.limit: Expected u32 at limit, received string \"9\""],
  ]) {
    const { status, error } = await rpc(ada, path, args);
    assert.deepEqual([status, error], [400, { code: "VALIDATION_ERROR", message: expected }]);
  }
  const unknown = await rpc(ada, "messages:burn", {});
  assert.deepEqual([unknown.status, unknown.error.code], [404, "FUNCTION_NOT_FOUND"]);
});

test("calls without a token, or with an invalid one, are rejected", async () => {
  const anonymous = await rpc(null, "messages:list", {});
  assert.deepEqual([anonymous.status, anonymous.error.code], [403, "FORBIDDEN_SHARD"]);

  const [claims, signature] = (await signIn("ada")).split(".");
  const forged = Buffer.from(JSON.stringify({ name: "root", expires_at_ms: 9e15 })).toString("base64url");
  for (const token of ["", "x", `${forged}.${signature}`, `${claims}.`, `${claims}.AAAA`]) {
    const refused = await rpc(token || "x.y", "messages:list", {});
    assert.deepEqual([refused.status, refused.error.code], [401, "UNAUTHORIZED"], token);
  }
});

test("a socket opens with a token in its URL, is kept alive, and hears what is said", async () => {
  const refused = await get("/_lunora/ws?shard=general", { headers: { upgrade: "websocket" } });
  assert.equal(refused.status, 403);

  const token = await signIn("ada");
  const response = await get(`/_lunora/ws?shard=live&token=${token}`, { headers: { upgrade: "websocket" } });
  assert.equal(response.status, 101);
  assert.equal(response.headers.get("x-frame-options"), null);
  const socket = response.webSocket;
  socket.accept();
  const frames = [], waiting = [];
  socket.addEventListener("message", ({ data }) => (waiting.shift() ?? ((frame) => frames.push(frame)))(data));
  const next = () => (frames.length > 0 ? frames.shift() : new Promise((resolve) => waiting.push(resolve)));
  socket.send("lunora-ping");
  assert.equal(await next(), "lunora-pong");
  socket.send(JSON.stringify({ type: "subscribe", id: "sub_1", query: { functionPath: "messages:list", args: {} } }));
  assert.deepEqual(JSON.parse(await next()), { type: "ack", id: "sub_1" });
  assert.deepEqual(JSON.parse(await next()).data, []);
  await rpc(token, "messages:send", { text: "hello" }, { shardKey: "live" });
  const { type, data } = JSON.parse(await next());
  assert.deepEqual([type, data[0].text], ["data", "hello"]);
  // A token in the URL is for sockets alone.
  const call = await get(`/_lunora/rpc?token=${token}`, { method: "POST", body: '{"functionPath":"messages:list","shardKey":"live"}' });
  assert.equal(call.status, 403);
  socket.close();
});

test("the nightly backup holds every message of every channel, and the drill restores it", async () => {
  const ada = await signIn("ada");
  const sent = [];
  for (let n = 0; n < 40; n++) {
    const [shardKey, text] = [`backup-${n % 2}`, `message ${n}`];
    await rpc(ada, "messages:send", { text }, { shardKey });
    sent.push(`${shardKey}: ${text}`);
  }
  const worker = await mf.getWorker();
  const night = new Date(Date.UTC(2026, 0, 4, 3));
  assert.equal((await worker.scheduled({ cron: "0 3 * * *", scheduledTime: night })).outcome, "ok");

  const { snapshots } = await admin("backup/list");
  assert.deepEqual(snapshots.map(({ id }) => id), [night.toISOString()]);
  const bucket = await mf.getR2Bucket("BACKUPS");
  const object = await bucket.get(snapshots[0].file);
  const lines = (await object.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const rows = lines.filter(({ table, doc }) => table === "messages" && doc.channel.startsWith("backup-"));
  assert.deepEqual(rows.map(({ doc }) => `${doc.channel}: ${doc.text}`).sort(), sent.sort());

  assert.equal((await worker.scheduled({ cron: "0 5 * * SUN" })).outcome, "ok");
  const status = await admin("backup/status");
  assert.ok(status.drilledAt, JSON.stringify(status));
});

test("the admin token lists the functions, and a token of a user does not", async () => {
  const { functions } = await admin("functions");
  const paths = functions.map(({ path }) => path);
  for (const path of ["messages:list", "messages:page", "messages:send"]) assert.ok(paths.includes(path), path);
  const refused = await get("/_lunora/admin/functions", { headers: { authorization: `Bearer ${await signIn("ada")}` } });
  assert.equal(refused.status, 403);
});

test("an imported row without a shard goes to the channel that it names", async () => {
  const doc = { _id: "imported-1", author: "ada", channel: "imported", text: "hello" };
  const report = await admin("import", {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ table: "messages", doc }),
  });
  assert.deepEqual(report.errors, []);
  const { result } = await rpc(await signIn("ada"), "messages:list", {}, { shardKey: "imported" });
  assert.deepEqual(result.map(({ text }) => text), ["hello"]);
});

test("an application that cannot be built answers 500, and is built as soon as it can", async () => {
  const options = workerOptions(CHAT);
  const broken = new Miniflare({ ...options, ...quiet, bindings: {} });
  try {
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await broken.dispatchFetch(`${ORIGIN}/`);
      assert.equal(response.status, 500);
      assert.equal(await response.text(), '{"error":{"code":"INTERNAL","message":"Internal error"}}');
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    }
    const worker = await broken.getWorker();
    assert.equal((await worker.scheduled({ cron: "0 3 * * *" })).outcome, "exception");

    await broken.setOptions({ ...options, ...quiet });
    assert.equal((await broken.dispatchFetch(`${ORIGIN}/`)).status, 200);
  } finally {
    await broken.dispose();
  }
});

test("rows outlive the process", async () => {
  const state = await mkdtemp(join(tmpdir(), "lunora-chat-"));
  const serve = async (use) => {
    const mine = new Miniflare({ ...workerOptions(CHAT), ...quiet, defaultPersistRoot: state });
    try {
      await use((path, init) => mine.dispatchFetch(ORIGIN + path, init));
    } finally {
      await mine.dispose();
    }
  };
  try {
    const token = await signIn("ada");
    const call = (fetch, body) =>
      fetch("/_lunora/rpc", { method: "POST", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
    await serve((fetch) => call(fetch, { functionPath: "messages:send", args: { text: "still here" } }));
    await serve(async (fetch) => {
      const { result } = await (await call(fetch, { functionPath: "messages:list" })).json();
      assert.deepEqual(result.map(({ text }) => text), ["still here"]);
    });
  } finally {
    await rm(state, { recursive: true });
  }
});
