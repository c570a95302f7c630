// Live queries over real sockets on workerd: updates, sleep and wake, crowds, crashes.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import WebSocket from "ws";
import { stream } from "../packages/client/dist/streams.js";
import { Client } from "./client.mjs";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
const TOKEN = "a-token-for-drills-and-nothing-else";
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
let mf;
before(() => {
  mf = new Miniflare({ ...workerOptions(DRILL), ...quiet });
});
after(() => mf.dispose());

const open = (shard, { from = mf, ...options } = {}) => Client.open(from, shard, options);

async function rpc(functionPath, args, shardKey, { from = mf, headers = {} } = {}) {
  const response = await from.dispatchFetch("http://live.test/_lunora/rpc", {
    method: "POST", headers, body: JSON.stringify({ functionPath, args, shardKey }),
  });
  return { status: response.status, ...(await response.json().catch(() => ({}))) };
}

const add = (shard, label, options) => rpc("notes:add", { count: 1, bytes: 0, label }, shard, options);

test("a value comes at once, and anew with every write that touches it", async () => {
  const client = await open("updates");
  client.say({ type: "connect", id: "connect", clientId: "c1", caps: ["pageDelta"] });
  assert.deepEqual(await client.next(), { type: "identity", subject: null });
  const first = await client.first("sub_1", "notes:list");
  assert.deepEqual([first.type, first.id, first.data], ["data", "sub_1", []]);
  assert.equal(typeof first.epoch, "string");
  await add("updates", "hello");
  const second = await client.next();
  assert.deepEqual([second.type, second.data.map(({ text }) => text)], ["data", ["hello 0 "]]);
  assert.ok(second.cursor > first.cursor);
  // Users live in the same shard, and this test ignores them.
  await rpc("users:add", { name: "Ada" }, "updates");
  await client.nothing();
  client.say({ type: "unsubscribe", id: "sub_1" });
  // A socket and a call do not wait for each other; frames of one socket do.
  client.say("no frame");
  assert.equal((await client.next()).message, "invalid envelope");
  await add("updates", "unheard");
  await client.nothing();
  client.say("lunora-ping");
  assert.equal(await client.next(), "lunora-pong");
});

test("a client that holds the value resumes, and one that missed something gets it", async () => {
  const client = await open("resume");
  await add("resume", "one");
  const { cursor, epoch } = await client.first("sub_1", "notes:list");
  const again = await open("resume");
  assert.equal((await again.first("sub_1", "notes:list", { sinceSeq: cursor, sinceEpoch: epoch })).type, "resume");
  await add("resume", "two");
  const late = await open("resume");
  assert.equal((await late.first("sub_1", "notes:list", { sinceSeq: cursor, sinceEpoch: epoch })).type, "data");
});

test("each caller sees what is theirs", async () => {
  const expiry = Date.now() + 60_000;
  const [ada, bob] = await Promise.all(["ada", "bob"].map((name) => open("mine", { token: `${name}:${expiry}` })));
  for (const client of [ada, bob]) assert.deepEqual((await client.first("sub_1", "notes:mine")).data, []);
  await add("mine", "ada");
  assert.deepEqual((await ada.next()).data, ["ada 0 "]);
  assert.equal((await bob.next()).type, "settled");
});

/** Lists the live subscriptions of a shard as an operator, without the ids of the sockets. */
async function subscriptions(shard) {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { result } = await rpc("__lunora_admin__:listSubscriptions", {}, shard, { headers });
  assert.deepEqual([result.cursor, result.isDone], [null, true]);
  return result.sockets.map(({ id, ...socket }) => socket);
}

test("an operator lists the live subscriptions of a shard", async () => {
  const ada = await open("listed", { token: `ada:${Date.now() + 60_000}` });
  await ada.first("sub_1", "notes:list");
  ada.say({ type: "shape_subscribe", id: "shape_1", shape: { name: "notes:all", args: {} } });
  await ada.next();
  const query = { id: "sub_1", functionPath: "notes:list", args: {}, shape: false };
  const shape = { id: "shape_1", functionPath: "notes:all", args: {}, shape: true };
  assert.deepEqual(await subscriptions("listed"), [{ subject: "ada", operator: false, subscriptions: [query, shape] }]);
  assert.equal((await rpc("__lunora_admin__:listSubscriptions", {}, "listed")).status, 403);
});

test("an expired identity gets an error, and its socket is closed with 4001", async () => {
  const client = await open("expiry", { token: `ada:${Date.now() + 400}` });
  await client.first("sub_1", "notes:mine");
  await new Promise((resolve) => setTimeout(resolve, 500));
  await add("expiry", "ada");
  const { type, code, error } = await client.next();
  assert.deepEqual([type, code, error.code], ["error", "TOKEN_EXPIRED", "TOKEN_EXPIRED"]);
  const closed = await client.next();
  assert.deepEqual([closed.type, closed.code, closed.reason], ["closed", 4001, "token_expired"]);
});

test("bad frames are answered, and the socket lives on", async () => {
  const client = await open("limits");
  client.say("{");
  assert.deepEqual(await client.next(), { message: "invalid envelope", type: "error" });
  client.socket.send(new Uint8Array([1, 2, 3]));
  assert.equal((await client.next()).message, "invalid envelope");
  client.subscribe("sub_x", "notes:add");
  assert.equal((await client.next()).code, "FUNCTION_NOT_FOUND");
  assert.equal((await client.first("sub_1", "notes:list")).type, "data");
});

test("a crash of the instance keeps sockets, subscriptions and who they belong to", async () => {
  const client = await open("crash", { token: `ada:${Date.now() + 60_000}` });
  await add("crash", "ada");
  assert.equal((await client.first("sub_1", "notes:mine")).data.length, 1);
  assert.equal((await rpc("drill:crash", {}, "crash")).status, 500);
  // The next instance does not know what the client holds, and sends it again.
  assert.deepEqual((await client.next()).data, ["ada 0 "]);
  await add("crash", "ada");
  assert.deepEqual((await client.next()).data, ["ada 0 ", "ada 0 "]);
});

test("a query that crashes harms no write, and is refused until it may be mended", async () => {
  const sound = await open("fragile");
  await sound.first("sub_1", "notes:list");
  const fragile = await open("fragile");
  assert.equal((await fragile.first("sub_1", "drill:fragile")).data, 0);
  assert.equal((await add("fragile", "one")).status, 200);
  assert.equal((await fragile.next()).data, 1);
  assert.equal((await sound.next()).data.length, 1);
  const headers = { "x-lunora-mutation-id": "m-2", "x-lunora-client-id": "c1" };
  assert.equal((await add("fragile", "two", { headers })).status, 200);
  const broken = await fragile.next();
  assert.deepEqual([broken.type, broken.id, broken.code], ["error", "sub_1", "INTERNAL"]);
  const value = await sound.next();
  assert.deepEqual([value.type, value.data.length], ["data", 2]);
  // Nothing crashes any more: neither the next write, nor the next reader.
  assert.equal((await add("fragile", "two", { headers })).status, 200);
  assert.equal((await add("fragile", "three")).status, 200);
  assert.equal((await sound.next()).data.length, 3);
  fragile.subscribe("sub_2", "drill:fragile");
  assert.equal((await fragile.next()).code, "INTERNAL");
});

test("a first run that crashes is answered", async () => {
  await add("fragile-first", "one");
  await add("fragile-first", "two");
  const client = await open("fragile-first");
  client.subscribe("sub_1", "drill:fragile");
  const frame = await client.next();
  assert.deepEqual([frame.type, frame.id, frame.code], ["error", "sub_1", "INTERNAL"]);
  assert.equal((await client.first("sub_2", "notes:list")).data.length, 2);
});

test("a write that crashes every time is answered for good after three crashes, and those after it run", async () => {
  for (const [index, path] of ["drill:shatter", "drill:crash"].entries()) {
    const shard = `shatter-${index}`;
    const send = (id) => rpc(path, {}, shard, { headers: { "x-lunora-mutation-id": id, "x-lunora-client-id": "c1" } });
    for (let crash = 1; crash <= 3; crash++) {
      const response = await send("m-1");
      // Plain, so that a client tries again.
      assert.deepEqual(response, { status: 500 }, `${path} ${crash}`);
    }
    const last = await send("m-1");
    assert.equal(last.status, 500);
    assert.equal(last.error?.code, "INTERNAL", path);
    // Another write of the same client is not refused, and another function runs.
    assert.deepEqual(await send("m-2"), { status: 500 });
    assert.equal((await add(shard, "sound")).status, 200);
    const client = await open(shard);
    assert.equal((await client.first("sub_1", "notes:list")).data.length, 1);
  }
});

test("a socket is closed when its identity expires, though nothing else happens", async () => {
  const client = await open("expiry-alarm", { token: `ada:${Date.now() + 2_000}` });
  await client.first("sub_1", "notes:mine");
  assert.equal((await client.next()).code, "TOKEN_EXPIRED");
  const closed = await client.next();
  assert.deepEqual([closed.type, closed.code, closed.reason], ["closed", 4001, "token_expired"]);
});

test("a close is answered with its own code", async () => {
  for (const code of [1001, 3000, 4999]) {
    const client = await open("codes");
    await client.first("sub_1", "notes:list");
    client.socket.close(code, "bye");
    assert.equal((await client.next()).code, code);
  }
});

test("a client that connects and one that vanishes are functions of the shard", async () => {
  const watcher = await open("online");
  assert.deepEqual((await watcher.first("sub_1", "online:list")).data, []);
  const ada = await open("online");
  ada.say({ type: "connect", id: "connect", context: { name: "Ada" } });
  assert.deepEqual((await watcher.next()).data, ["Ada"]);
  ada.socket.close(1000);
  assert.deepEqual((await watcher.next()).data, []);
});

test("a shape is seeded, then kept in step by pokes, and resumed by its checkpoint", async () => {
  await add("shapes", "one");
  const subscribe = async (since) => {
    const client = await open("shapes");
    client.say({ type: "shape_subscribe", id: "shape_1", shape: { name: "notes:all" }, ...since });
    return client;
  };
  const client = await subscribe();
  const poke = async (client) => {
    const frames = [await client.next()];
    while (frames.at(-1).type !== "pokeEnd") frames.push(await client.next());
    return frames;
  };
  const [, seed, { checkpoint, epoch }] = await poke(client);
  assert.deepEqual([seed.reset, seed.rowsPatch.map(({ op, table, value }) => [op, table, value.text])], [true, [["insert", "notes", "one 0 "]]]);
  assert.equal((await client.next()).type, "ack");
  const resumed = await subscribe({ sinceCheckpoint: checkpoint, sinceEpoch: epoch });
  assert.deepEqual((await poke(resumed)).map(({ type }) => type), ["pokeStart", "pokeEnd"]);
  assert.equal((await resumed.next()).type, "ack");
  await add("shapes", "two");
  for (const each of [client, resumed]) {
    const [, part] = await poke(each);
    assert.deepEqual([part.reset, part.rowsPatch.map(({ op, value }) => [op, value.text])], [undefined, [["insert", "two 0 "]]]);
  }
});

const numbers = (id, args) => ({ type: "stream", id, query: { functionPath: "drill:numbers", args: { everyMs: 20, ...args } } });
const chunk = (id, data) => ({ type: "chunk", id, data });

test("a stream sends its chunks as they come, beside other frames and calls, and then ends", async () => {
  const client = await open("streams");
  client.say(numbers("stream_1", { to: 3, everyMs: 300 }));
  // Neither the same socket nor a call waits for the stream.
  client.say("no frame");
  assert.equal((await client.next()).message, "invalid envelope");
  assert.equal((await rpc("notes:list", {}, "streams")).result.length, 0);
  for (const number of [1, 2, 3]) assert.deepEqual(await client.next(), chunk("stream_1", number));
  assert.deepEqual(await client.next(), { type: "complete", id: "stream_1" });
  assert.deepEqual((await rpc("notes:list", {}, "streams")).result.map(({ text }) => text), ["1 0 ", "2 0 ", "3 0 "]);
  client.say(numbers("stream_1", { to: 0 }));
  assert.deepEqual(await client.next(), { type: "complete", id: "stream_1" });
  client.say({ ...numbers("stream_1"), query: { functionPath: "notes:list" } });
  assert.equal((await client.next()).code, "NOT_FOUND");
});

test("a stream ends with what its client ends: itself, or its connection", async () => {
  const counted = async () => (await rpc("notes:list", {}, "ended-streams")).result.length;
  for (const end of [(client) => client.say({ type: "unsubscribe", id: "s" }), (client) => client.socket.close(1000)]) {
    const client = await open("ended-streams");
    client.say(numbers("s", { to: 1000 }));
    await client.next();
    end(client);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = await counted();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await counted(), before);
  }
});

test("the client reads a stream by `for await`, and ends it by leaving the loop", async () => {
  const from = { url: (await mf.ready).href, WebSocket };
  const read = async (args, until = Infinity) => {
    const chunks = [];
    for await (const each of stream(from, "drill:numbers", { everyMs: 20, ...args }, { shard: "read-streams" })) {
      chunks.push(each);
      if (each === until) break;
    }
    return chunks;
  };
  assert.deepEqual(await read({ to: 3 }), [1, 2, 3]);
  assert.deepEqual(await read({ to: 1000 }, 2), [1, 2]);
  await assert.rejects(read({ to: "x" }), { name: "LunoraError", code: "VALIDATION_ERROR" });
  await assert.rejects(read({ to: 9, panicAt: 2 }), { code: "STREAM_INTERRUPTED" });
});

test("a stream is cut off with its instance, and its client hears of it", async () => {
  const client = await open("cut-streams");
  client.say(numbers("own", { to: 100, panicAt: 2 }));
  client.say(numbers("other", { to: 100 }));
  const frames = [];
  while (frames.filter(({ code }) => code === "STREAM_INTERRUPTED").length < 2) frames.push(await client.next());
  await client.nothing();
  assert.deepEqual(frames.slice(-2).map(({ id }) => id).sort(), ["other", "own"]);
  client.say(numbers("own", { to: 1 }));
  assert.deepEqual(await client.next(), chunk("own", 1));
  assert.equal((await client.next()).type, "complete");
});

test("an object does not sleep while one of its streams runs", async () => {
  const client = await open("long-streams");
  client.say(numbers("s", { to: 1, everyMs: 12_000 }));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  assert.deepEqual(await client.next(), chunk("s", 1));
});

test("an object that sleeps wakes with its subscriptions", async () => {
  const client = await open("sleep");
  await client.first("sub_1", "notes:list");
  const listed = await open("sleeping list");
  await listed.first("sub_1", "notes:list");
  // workerd evicts an object after 10 idle seconds, and its sockets sleep.
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  client.say("lunora-ping");
  assert.equal(await client.next(), "lunora-pong");
  const [socket] = await subscriptions("sleeping list");
  assert.deepEqual(socket.subscriptions.map(({ id }) => id), ["sub_1"]);
  await add("sleep", "awake");
  assert.deepEqual((await client.next()).data.map(({ text }) => text), ["awake 0 "]);
});

test("a thousand sockets on one shard hear of one write", async () => {
  const clients = [];
  for (let batch = 0; batch < 20; batch++) {
    clients.push(...await Promise.all(Array.from({ length: 50 }, () => open("crowd"))));
  }
  await Promise.all(clients.map((client) => client.first("sub_1", "notes:list")));
  await add("crowd", "everybody");
  const frames = await Promise.all(clients.map((client) => client.next()));
  assert.ok(frames.every(({ type, data }) => type === "data" && data.length === 1));
  for (const { socket } of clients) socket.close();
});

test("an operator's socket needs a token that was made for it", async () => {
  const admin = "a-token-for-drills-and-nothing-else";
  const path = "__lunora_admin__:listTables";
  const stranger = await open("operators");
  stranger.subscribe("sub_1", path);
  assert.deepEqual(await stranger.next(), { type: "error", id: "sub_1", message: "an admin subscription needs an admin socket" });
  const master = await open("operators", { token: admin });
  master.subscribe("sub_1", path);
  assert.equal((await master.next()).type, "error");
  const minted = await mf.dispatchFetch("http://live.test/_lunora/admin/ws-token", { method: "POST", headers: { authorization: `Bearer ${admin}` } });
  const { token } = await minted.json();
  const operator = await open("operators", { token });
  assert.equal((await operator.first("sub_1", path)).type, "data");
});

test("killed in the middle of writes, no acknowledged one is lost and none is done twice", async () => {
  const dir = mkdtempSync(join(tmpdir(), "lunora-kill-"));
  const serve = () => new Miniflare({ ...workerOptions(DRILL), ...quiet, durableObjectsPersist: dir });
  try {
    const sent = [], acknowledged = new Set();
    for (let round = 0; round < 3; round++) {
      const others = new Set(workerdProcesses());
      const from = serve();
      await add("kills", `start-${round}`, { from });
      const mine = workerdProcesses().filter((pid) => !others.has(pid));
      assert.equal(mine.length, 1);
      const writes = Array.from({ length: 60 }, async (_, n) => {
        const id = `w-${round}-${n}`;
        sent.push(id);
        await new Promise((resolve) => setTimeout(resolve, n * 2));
        const headers = { "x-lunora-mutation-id": id, "x-lunora-client-id": "c1" };
        const { status } = await add("kills", id, { from, headers }).catch(() => ({ status: 0 }));
        if (status === 200) acknowledged.add(id);
      });
      await new Promise((resolve) => setTimeout(resolve, 30 + round * 30));
      process.kill(mine[0], "SIGKILL");
      await Promise.race([Promise.all(writes), new Promise((resolve) => setTimeout(resolve, 3000))]);
      await from.dispose().catch(() => {});
    }
    const from = serve();
    try {
      const texts = async () => (await rpc("notes:list", {}, "kills", { from })).result.map(({ text }) => text.split(" ")[0]).filter((text) => text.startsWith("w-"));
      const kept = await texts();
      assert.equal(new Set(kept).size, kept.length, "written twice");
      for (const id of acknowledged) assert.ok(kept.includes(id), `${id} was acknowledged and is lost`);
      // A client without an answer sends again.
      for (const id of sent) {
        const headers = { "x-lunora-mutation-id": id, "x-lunora-client-id": "c1" };
        assert.equal((await add("kills", id, { from, headers })).status, 200);
      }
      assert.deepEqual((await texts()).sort(), sent.toSorted());
    } finally {
      await from.dispose();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
