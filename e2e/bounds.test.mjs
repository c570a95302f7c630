// Every row of the table "Bounds" in ARCHITECTURE.md, driven past its bound on workerd. Each prints what
// it was answered and the memory of the instance before, after one drive, and after five.
import assert from "node:assert/strict";
import { MIB, bound, testBounds, unlessClosed } from "./bounds.mjs";

const coded = ({ status, code }) => `${status} ${code}`;
const each = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const nested = (levels) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
/** How many there are of each code, in the order in which they came first. */
const tally = (slots) => {
  const counts = new Map();
  for (const slot of slots) {
    const name = slot.code ? coded(slot) : String(slot.status);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
};
/** Waits for a frame of the allowance of a socket. */
const allowed = () => new Promise((resolve) => setTimeout(resolve, 21));
const close = async (client) => {
  client.socket.close(1000);
  let frame;
  do frame = await client.next();
  while (frame.type !== "closed");
};

bound("rate of calls, upgrades and own paths", { variables: { DRILL_RATE_LIMIT: "3" } }, async (app, round) => {
  const headers = { "x-rate-key": `caller-${round}` };
  const passed = await Promise.all(each(3, () => app.rpc("drill:echo", { value: 1 }, undefined, headers)));
  assert.deepEqual(passed.map(({ status }) => status), [200, 200, 200]);
  // Refused before the body is read, which is not even JSON.
  const refused = await app.post("/_lunora/rpc", "{", headers);
  assert.match(refused.headers.get("retry-after"), /^\d+$/);
  const batch = await app.post("/_lunora/rpc-batch", { calls: [] }, headers);
  const upgrade = await app.socket("limited", { headers });
  const own = await app.mf.dispatchFetch("http://bounds.test/memory", { headers });
  assert.deepEqual([refused.status, batch.status, upgrade.status, own.status], [429, 429, 429, 429]);
  await Promise.all(each(100, async (key) => {
    const answer = await app.rpc("drill:echo", { value: 1 }, undefined, { "x-rate-key": `${round}-${key}` });
    assert.equal(answer.status, 200);
  }));
  await app.untouched("limited");
  return coded(refused);
});

bound("body of a call", {}, async (app) => {
  const seen = new Set();
  const args = { count: 1, bytes: 0, label: "x".repeat(MIB) };
  const call = { functionPath: "notes:add", args, shardKey: "large" };
  // Without a declared length.
  let pieces = 0;
  const endless = new ReadableStream({
    pull: (controller) => (++pieces > 64 ? controller.close() : controller.enqueue(new Uint8Array(MIB).fill(0x20))),
  });
  for (const [path, body] of [["rpc", call], ["rpc-batch", { calls: [{ id: "1", ...call }] }], ["rpc", endless]]) {
    const answer = await unlessClosed(app.post(`/_lunora/${path}`, body));
    if (answer) seen.add(coded(answer));
  }
  await app.untouched("large");
  return [...seen].join(", ");
});

bound("body that a shard reads", {}, async (app) => {
  const args = { count: 1, bytes: 0, label: "x".repeat(32 * MIB) };
  const body = JSON.stringify({ functionPath: "notes:add", args });
  const answer = await app.object("VAULT", "large", "/rpc", { method: "POST", body });
  await app.untouched("large");
  return coded(answer);
});

bound("nesting of a value", {}, async (app) => {
  // The innermost list lies inside 64 others.
  const fits = await app.rpc("drill:echo", { value: nested(65) });
  assert.equal(fits.status, 200, fits.text);
  const seen = new Set();
  for (const levels of [66, 10_000, 500_000]) {
    const body = `{"functionPath":"drill:echo","args":{"value":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    seen.add(coded(await app.post("/_lunora/rpc", body)));
  }
  return [...seen].join(", ");
});

bound("length of a shard key", {}, async (app) => {
  const fits = await app.rpc("drill:echo", { value: 1 }, "k".repeat(1024));
  assert.equal(fits.status, 200, fits.text);
  const [key, long] = ["k".repeat(1025), "k".repeat(900_000)];
  const seen = new Set();
  seen.add(coded(await app.add(key)));
  seen.add(coded(await app.add(long)));
  const calls = ["sound", key].map((shardKey, id) => ({ id: String(id), functionPath: "notes:add", args: { count: 1, bytes: 0, label: "" }, shardKey }));
  seen.add(coded(await app.post("/_lunora/rpc-batch", { calls })));
  assert.equal((await app.socket(key)).status, 400);
  await app.untouched("sound");
  await app.untouched("k".repeat(1024));
  return [...seen].join(", ");
});

bound("calls in a batch", {}, async (app) => {
  const calls = each(501, (id) => ({ id: String(id), functionPath: "notes:add", args: { count: 1, bytes: 0, label: "" }, shardKey: "many" }));
  const refused = await app.post("/_lunora/rpc-batch", { calls });
  await app.untouched("many");
  const slots = await app.batch(each(500, () => ({ functionPath: "drill:echo", args: { value: 1 } })));
  assert.deepEqual(tally(slots), { 200: 500 });
  return coded(refused);
});

bound("answer of a query or a mutation", {}, async (app, round) => {
  const fits = await app.rpc("bounds:blob", { bytes: 16 * MIB - 2 });
  assert.equal(fits.status, 200);
  const bytes = 16 * MIB;
  const query = await app.rpc("bounds:blob", { bytes }, "large");
  const mutation = await app.rpc("bounds:bloat", { bytes }, "large");
  assert.equal(coded(query), coded(mutation));
  // That of a write with an id is kept in a row.
  const ids = { "x-lunora-mutation-id": "m-1", "x-lunora-client-id": "c1" };
  assert.equal(coded(await app.rpc("bounds:bloat", { bytes: 3 * MIB }, "large", ids)), coded(query));
  const socket = await app.socket("large");
  socket.subscribe("sub_1", "bounds:blob", { args: { bytes } });
  assert.equal((await socket.next()).code, query.code);
  socket.socket.close();
  await app.untouched("large");
  // What an action did stays, and so does its answer.
  const headers = { "x-lunora-mutation-id": `m-${round}`, "x-lunora-client-id": "c1" };
  const action = await app.rpc("bounds:bloatAction", { bytes }, "acted", headers);
  assert.equal(action.status, 200, action.text.slice(0, 500));
  assert.equal(action.result.length, bytes);
  return coded(query);
});

bound("answers of a batch, per shard", { prepare: (app) => app.add("lists", { count: 10, bytes: 100_000 }) }, async (app) => {
  const lists = each(500, () => ({ functionPath: "notes:list", shardKey: "lists" }));
  const slots = await app.batch(lists);
  const [first] = slots;
  assert.equal(first.result.length, 10);
  const counts = tally(slots);
  assert.ok(counts[200] >= 4 && counts[200] <= 6, JSON.stringify(counts));
  // A write behind them is not run.
  const writes = [...lists.slice(0, 10), { functionPath: "bounds:bloat", args: { bytes: 0 }, shardKey: "lists" }];
  assert.equal((await app.batch(writes)).at(-1).code, "TOO_MANY_REQUESTS");
  assert.equal((await app.notes("lists")).length, 10);
  // One query that is too large by itself.
  const [single] = await app.batch([{ functionPath: "bounds:blob", args: { bytes: 5 * MIB } }]);
  return [...Object.keys(counts), coded(single)].join(", ");
});

const SHARDS = 60;
bound("answers of a batch, over all shards", { slack: 8 }, async (app) => {
  const bytes = 3_900_000;
  const slots = await app.batch(each(SHARDS, (shard) => ({ functionPath: "bounds:blob", args: { bytes }, shardKey: `shard-${shard}` })));
  const counts = tally(slots);
  const answered = slots.filter(({ status }) => status === 200);
  assert.ok(answered.length >= 1 && answered.length <= 4, JSON.stringify(counts));
  assert.ok(answered.every(({ result }) => result.length === bytes));
  return Object.keys(counts).sort().join(", ");
});

bound("functions that call each other", {}, async (app) => {
  for (const path of ["bounds:descend", "bounds:dig", "bounds:dive"]) {
    const fits = await app.rpc(path, { depth: 32 }, `fits-${path}`);
    assert.equal(fits.result, 32, fits.text);
  }
  const seen = new Set();
  for (const depth of [33, 1_000_000]) {
    seen.add(coded(await app.rpc("bounds:descend", { depth }, "deep")));
    seen.add(coded(await app.rpc("bounds:dig", { depth }, "deep")));
    // A shard is announced before an action runs.
    seen.add(coded(await app.rpc("bounds:dive", { depth }, "dived")));
  }
  await app.untouched("deep");
  return [...seen].join(", ");
});

bound("wait for one shard", { variables: { DRILL_SHARD_TIMEOUT_MS: "300" } }, async (app) => {
  const started = Date.now();
  const stall = { functionPath: "bounds:stall", args: { ms: 4_000 }, shardKey: "stalls" };
  const [alone, slots] = await Promise.all([app.post("/_lunora/rpc", stall), app.batch([stall, { functionPath: "drill:echo", args: { value: 1 } }])]);
  assert.ok(Date.now() - started < 3_000, "the caller waited for the shard");
  assert.deepEqual(slots.map(({ code }) => code), ["SHARD_UNAVAILABLE", undefined]);
  await app.untouched("elsewhere");
  return coded(alone);
});

bound("wait for the registry", { variables: { DRILL_REGISTRY_STALLS_MS: "12000" }, atOnce: true, isWorking: false }, async (app, round) => {
  const started = Date.now();
  const [first, across] = await Promise.all([
    app.add(`first-${round}`),
    app.post("/_lunora/rpc", { functionPath: "notes:list", args: {}, fanOut: { table: "notes", merge: { kind: "concat" } } }),
  ]);
  const waited = Date.now() - started;
  assert.ok(waited > 9_000 && waited < 11_900, `${waited} ms`);
  assert.deepEqual(await app.notes(`first-${round}`), []);
  return `${coded(first)}, ${coded(across)}`;
});

bound("shards of a query across shards", { variables: { DRILL_MAX_SHARDS: "3" } }, async (app) => {
  for (let shard = 0; shard < 4; shard++) assert.equal((await app.add(`across-${shard}`)).status, 200);
  const across = { functionPath: "bounds:blob", args: { bytes: MIB }, fanOut: { table: "notes", merge: { kind: "concat" } } };
  return coded(await app.post("/_lunora/rpc", across));
});

const populate = (app) => Promise.all(each(30, (shard) => app.add(`across-${shard}`)));
bound("answers of a query across shards", { prepare: populate, slack: 4 }, async (app) => {
  const ask = async (bytes) => {
    const across = { functionPath: "bounds:blob", args: { bytes }, fanOut: { table: "notes", merge: { kind: "concat" } } };
    const { ok, failed, errors } = JSON.parse((await app.post("/_lunora/rpc", across)).text);
    return [ok, failed, [...new Set(errors.map(({ code }) => code))].join()];
  };
  // 30 answers of 1 MiB are too many together, and each of 2 MiB is too large.
  const [ok, failed, code] = await ask(MIB);
  assert.deepEqual([ok > 12 && ok <= 16, ok + failed], [true, 30]);
  assert.deepEqual(await ask(2 * MIB), [0, 30, code]);
  return code;
});

bound("sockets of a shard", { variables: { LUNORA_SOCKET_LIMIT: "20" } }, async (app) => {
  const sockets = await Promise.all(each(20, () => app.socket("full")));
  const refused = await Promise.all(each(200, () => app.socket("full")));
  for (const response of refused) {
    assert.equal(response.status, 503);
    assert.match(response.headers.get("retry-after"), /^\d+$/);
  }
  const { error } = await refused[0].json();
  // Another shard has room, and those that are in are served.
  const elsewhere = await app.socket("another");
  assert.equal((await elsewhere.first("sub_1", "notes:list")).type, "data");
  assert.equal((await sockets[1].first("sub_1", "notes:list")).type, "data");
  await close(sockets[0]);
  const next = await app.socket("full");
  assert.equal((await next.first("sub_1", "notes:list")).type, "data");
  await Promise.all([elsewhere, next, ...sockets.slice(1)].map(close));
  await app.untouched("full");
  return `503 ${error.code}`;
});

bound("subscriptions of a socket", {}, async (app) => {
  const socket = await app.socket("subscribed");
  for (let n = 0; n < 32; n++) assert.equal((await socket.first(`sub_${n}`, "bounds:blob", { args: { bytes: n } })).type, "data");
  const seen = new Set();
  for (let n = 0; n < 30; n++) {
    await allowed();
    socket.subscribe(`more_${n}`, "bounds:blob", { args: { bytes: 1000 + n } });
    const { type, code, id } = await socket.next();
    assert.deepEqual([type, id], ["error", `more_${n}`]);
    seen.add(code);
  }
  // A name that is used again takes no more room, and one that is given up makes some.
  assert.equal((await socket.first("sub_0", "notes:list")).type, "data");
  socket.say({ type: "unsubscribe", id: "sub_1" });
  assert.equal((await socket.first("more", "notes:list")).type, "data");
  await close(socket);
  await app.untouched("subscribed");
  return [...seen].join(", ");
});

bound("what a socket keeps", {}, async (app) => {
  const socket = await app.socket("kept");
  const query = (n, bytes) => ({ args: { value: `${n}${"x".repeat(bytes)}` } });
  for (const n of [1, 2]) assert.equal((await socket.first(`sub_${n}`, "drill:echo", query(n, 7_000))).type, "data");
  const seen = new Set();
  for (let n = 0; n < 20; n++) {
    socket.subscribe(`more_${n}`, "drill:echo", query(n, n === 0 ? 900_000 : 3_000));
    const { type, code, id } = await socket.next();
    assert.deepEqual([type, id], ["error", `more_${n}`]);
    seen.add(code);
  }
  assert.equal((await socket.first("small", "notes:list")).type, "data");
  await close(socket);
  await app.untouched("kept");
  return [...seen].join(", ");
});

bound("a frame from a client", {}, async (app) => {
  const socket = await app.socket("frames");
  const seen = new Set();
  for (let n = 0; n < 20; n++) {
    socket.say(JSON.stringify({ type: "subscribe", id: "x".repeat(n % 2 ? MIB : 8 * MIB), query: { functionPath: "notes:list", args: {} } }));
    const { type, message } = await socket.next();
    assert.equal(type, "error");
    seen.add(message);
  }
  assert.equal((await socket.first("sub_1", "notes:list")).type, "data");
  await close(socket);
  return [...seen].join(", ");
});

bound("frames of a socket", {}, async (app) => {
  const [flooder, other] = [await app.socket("flood"), await app.socket("flood")];
  for (let n = 0; n < 2_000; n++) flooder.say({ type: "whisper", topic: "t" });
  const told = await flooder.next();
  assert.deepEqual([told.type, told.code, told.error.code], ["error", "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"]);
  let frame = told;
  for (let n = 0; frame.type === "error"; n++) {
    assert.ok(n < 200, "one error for each refused frame, until the socket is closed");
    frame = await flooder.next();
  }
  assert.deepEqual([frame.type, frame.code, frame.reason], ["closed", 1008, "too many frames"]);
  assert.equal((await other.first("sub_1", "notes:list")).type, "data");
  await close(other);
  return `${told.code}, closed with ${frame.code}`;
});

bound("reads that a live query tells apart", {}, async (app, round) => {
  const shard = `reads-${round}`;
  const [apart, whole] = [await app.socket(shard), await app.socket(shard)];
  await apart.first("sub_1", "bounds:lookups", { args: { count: 64 } });
  await whole.first("sub_1", "bounds:lookups", { args: { count: 65 } });
  await whole.first("sub_2", "bounds:lookups", { args: { count: 50_000 } });
  // No document that they read.
  await app.add(shard);
  const frames = [await whole.next(), await whole.next()];
  await apart.nothing();
  await Promise.all([apart, whole].map(close));
  return [...new Set(frames.map(({ type }) => type))].join(", ");
});

bound("a document", {}, async (app) => {
  const seen = new Set();
  for (const bytes of [2_000_000, 8_000_000]) {
    seen.add(coded(await app.add("document", { bytes })));
    // Those before it are rolled back with it.
    seen.add(coded(await app.add("document", { bytes, count: 3 })));
  }
  await app.untouched("document");
  const fits = await app.add("fits", { bytes: 1_999_800 });
  assert.equal(fits.status, 200, fits.text);
  return [...seen].join(", ");
});

bound("change log, in rows", { variables: { LUNORA_CDC_LOG_RETENTION: "10" } }, async (app) => {
  await app.add("log", { count: 500 });
  const { changeLog: { rows } } = await app.admin("log", "getMetrics");
  assert.ok(rows >= 10 && rows <= 20, `${rows} rows`);
  return "no code";
});

const logged = async (app) => (await app.admin("log", "getMetrics")).changeLog.bytes / MIB;
const write = async (app) => {
  for (let n = 0; n < 4; n++) {
    const { result } = await app.add("log", { count: 3, bytes: 900_000, label: "logged" });
    assert.equal(result, 3);
  }
};
const fill = async (app) => {
  while ((await logged(app)) < 56) await write(app);
};
bound("change log, in bytes", { prepare: fill }, async (app) => {
  await write(app);
  const mib = await logged(app);
  assert.ok(mib > 50 && mib <= 66, `${mib} MiB`);
  return "no code";
});

bound("database of a shard", { variables: { LUNORA_DATABASE_LIMIT: "1000000" } }, async (app, round) => {
  const shard = `full-${round}`;
  let refused;
  for (let n = 0; n < 40 && refused === undefined; n++) {
    const answer = await app.add(shard, { count: 5, bytes: 20_000 });
    if (answer.status !== 200) refused = answer;
  }
  const notes = await app.notes(shard);
  assert.equal(coded(await app.add(shard)), coded(refused));
  assert.equal((await app.notes(shard)).length, notes.length);
  for (const { _id } of notes.slice(0, 5)) assert.equal((await app.rpc("notes:remove", { id: _id }, shard)).result, true);
  assert.equal((await app.notes(shard)).length, notes.length - 5);
  return coded(refused);
});

bound("stored answers of mutations", {}, async (app, round) => {
  const shard = `replies-${round}`;
  const hour = 60 * 60 * 1000;
  const ages = [[1, "fresh"], [23, "kept"], [25, "old"], [1000, "ancient"]];
  const lines = ages.map(([hours, id]) => ({
    $reply: { namespace: "anon:c1", id, body: JSON.stringify({ result: "stored" }), ts: Date.now() - hours * hour },
  }));
  await app.admin(shard, "importClients", { lines });
  const answers = {};
  for (const [, id] of ages) {
    const headers = { "x-lunora-mutation-id": id, "x-lunora-client-id": "c1" };
    answers[id] = (await app.add(shard, { headers })).result;
  }
  assert.deepEqual(answers, { fresh: "stored", kept: "stored", old: 1, ancient: 1 });
  assert.equal((await app.notes(shard)).length, 2);
  const stored = await app.admin(shard, "exportClients");
  const oldest = Math.min(...stored.lines.map(({ $reply }) => $reply.ts));
  assert.ok(oldest > Date.now() - 24 * hour);
  return "run again";
});

bound("crashes of one call", { slack: 2 }, async (app, round) => {
  const shard = `shatter-${round}`;
  const headers = { "x-lunora-mutation-id": `m-${round}`, "x-lunora-client-id": "c1" };
  const seen = [];
  for (let n = 0; n < 5; n++) {
    const answer = await app.rpc("drill:shatter", {}, shard, headers);
    seen.push(answer.code ? coded(answer) : "a plain 500");
    assert.equal(answer.status, 500);
  }
  assert.deepEqual(seen.slice(0, 4), ["a plain 500", "a plain 500", "a plain 500", "500 INTERNAL"]);
  assert.deepEqual(await app.notes(shard), []);
  return seen.at(-1);
});

bound("entry of the registry", {}, async (app) => {
  const shardKey = "k".repeat(1024);
  const entry = (table) => ({ method: "POST", body: JSON.stringify({ table, shardKey }) });
  // `shard:<length of the table>:<table>:<key>`
  const longest = 2048 - shardKey.length - "shard:1011::".length;
  const fits = await app.registry("/register", entry("t".repeat(longest)));
  assert.equal(fits.status, 200, fits.text);
  const before = (await app.registry("/snapshot")).text;
  const seen = new Set();
  for (const length of [longest + 1, 60_000, 66_000]) {
    const answer = await app.registry("/register", entry("t".repeat(length)));
    seen.add(coded(answer));
  }
  assert.equal((await app.registry("/snapshot")).text, before);
  return [...seen].join(", ");
});

testBounds();
