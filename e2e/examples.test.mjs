// The examples beside the chat: entries by hand, pages rendered on the server, a router of axum.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const example = (name) => new URL(`../examples/${name}`, import.meta.url).pathname;

async function serve(name, run, options = {}) {
  const mf = new Miniflare({
    ...workerOptions(example(name)),
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
    ...options,
  });
  try {
    await run((path, init) => mf.dispatchFetch(`http://app.test${path}`, init), mf);
  } finally {
    await mf.dispose();
  }
}

const rpc = (functionPath, args = {}) => ({ method: "POST", body: JSON.stringify({ functionPath, args }) });

for (const name of ["axum", "plain"]) {
  test(`${name}: calls, sockets and other routes go where they belong`, () => serve(name, async (fetch) => {
    assert.equal(await (await fetch("/")).text(), "notes live at /_lunora/rpc");
    const added = await fetch("/_lunora/rpc", rpc("notes:add", { text: "héllo" }));
    assert.equal(added.status, 200, await added.clone().text());
    assert.equal(added.headers.get("x-content-type-options"), "nosniff");
    const { result } = await (await fetch("/_lunora/rpc", rpc("notes:list"))).json();
    assert.deepEqual(result.map(({ text }) => text), ["héllo"]);
    const refused = await fetch("/_lunora/rpc", { method: "POST", body: "nonsense" });
    assert.deepEqual([refused.status, (await refused.json()).error.code], [400, "BAD_REQUEST"]);
    const large = await fetch("/_lunora/rpc", rpc("notes:add", { text: "x".repeat(1 << 20) }));
    assert.equal(large.status, 413);
    assert.equal((await fetch("/_lunora/status")).status, 200);
    assert.equal((await fetch("/nowhere")).status, 404);

    const upgrade = await fetch("/_lunora/ws", { headers: { upgrade: "websocket" } });
    assert.equal(upgrade.status, 101);
    const socket = upgrade.webSocket;
    const frames = [];
    let heard = () => {};
    socket.addEventListener("message", ({ data }) => { frames.push(JSON.parse(data)); heard(); });
    socket.accept();
    const frame = async (type) => {
      while (!frames.some((frame) => frame.type === type)) await new Promise((resolve) => { heard = resolve; });
      return frames.splice(frames.findIndex((frame) => frame.type === type), 1)[0];
    };
    socket.send(JSON.stringify({ type: "subscribe", id: "s", query: { functionPath: "notes:list", args: {} } }));
    assert.equal((await frame("data")).data.length, 1);
    await fetch("/_lunora/rpc", rpc("notes:add", { text: "again" }));
    assert.equal((await frame("data")).data.length, 2);
    socket.close();
  }));
}

test("ssr: a page shows what a form sent, escaped, and the backend is beside it", () => serve("ssr", async (fetch) => {
  const sent = await fetch("/", {
    method: "POST", redirect: "manual", headers: { origin: "http://app.test" },
    body: new URLSearchParams({ text: "<b>5 & 6</b>" }),
  });
  assert.deepEqual([sent.status, sent.headers.get("location")], [303, "/"]);
  const page = await fetch("/");
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.ok(page.headers.get("content-security-policy"));
  assert.match(await page.text(), /<li>&lt;b&gt;5 &amp; 6&lt;\/b&gt;<\/li>/);
  const { result } = await (await fetch("/_lunora/rpc", rpc("notes:list"))).json();
  assert.equal(result.length, 1);
  assert.equal((await fetch("/nowhere")).status, 404);
  const foreign = await fetch("/", { method: "POST", headers: { origin: "http://evil.test", cookie: "a=b" }, body: "text=x" });
  assert.equal(foreign.status, 403);
}));

test("plain: the loader of a page asks the backend without a request", () => serve("plain", async (fetch) => {
  await fetch("/_lunora/rpc", rpc("notes:add", { text: "one" }));
  assert.equal(await (await fetch("/board")).text(), "<h1>1 notes</h1>");
}));

test("framework: the pages, the trigger and the queue of a host run around the backend", () => serve("framework", async (fetch, mf) => {
  await fetch("/_lunora/rpc", rpc("notes:add", { text: "one" }));
  assert.equal(await (await fetch("/")).text(), "<h1>1 notes</h1>");
  const worker = await mf.getWorker();
  const { outcome } = await worker.scheduled({ cron: "0 * * * *" });
  assert.equal(outcome, "ok");
  const messages = ["two", "three"].map((text, at) => ({ id: `${at}`, timestamp: new Date(), attempts: 1, body: { text } }));
  const delivered = await worker.queue("notes", messages);
  assert.deepEqual([delivered.outcome, delivered.explicitAcks], ["ok", ["0", "1"]]);
  const { result } = await (await fetch("/_lunora/rpc", rpc("notes:list"))).json();
  assert.deepEqual(result.map(({ text }) => text), ["one", "it is 0 * * * *", "two", "three"]);
  assert.equal((await fetch("/nowhere")).status, 404);
  assert.equal((await fetch("/_lunora/nowhere")).status, 404);
}, { unsafeTriggerHandlers: true }));

test("a binding that is missing is a 500 that says nothing to clients, and its name to the log", async () => {
  let log = "";
  const handleRuntimeStdio = (stdout, stderr) => {
    for (const stream of [stdout, stderr]) stream.on("data", (data) => { log += data; });
  };
  await serve("plain", async (fetch) => {
    const answer = await fetch("/_lunora/rpc", rpc("notes:list"));
    const body = await answer.text();
    assert.deepEqual([answer.status, JSON.parse(body).error.code], [500, "MISCONFIGURED"]);
    assert.ok(!body.includes("SHARD"), body);
    for (let tries = 0; !log.includes("`SHARD`") && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(log, /there is no Durable Object namespace `SHARD`: add it to/);
  }, { durableObjects: {}, handleRuntimeStdio });
});
