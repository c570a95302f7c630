// The client package against the chat on workerd: calls, live values, lost sockets, killed servers, lost answers.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { changes } from "../packages/client/dist/changes.js";
import { LunoraClient, MemoryStorage } from "../packages/client/dist/index.js";
import { freePort, workerOptions, workerdProcesses } from "./worker.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
const state = mkdtempSync(join(tmpdir(), "lunora-client-"));
const clients = [];
let mf, port, url;

const serve = async () => {
  mf = new Miniflare({ ...workerOptions(CHAT), ...quiet, defaultPersistRoot: state, unsafeDirectSockets: [{ host: "127.0.0.1", port }] });
  ({ origin: url } = await mf.unsafeGetDirectURL());
};

before(async () => {
  port = await freePort();
  await serve();
});
after(async () => {
  for (const client of clients) client.close();
  await mf.dispose();
  rmSync(state, { recursive: true, force: true });
});

async function signIn(name) {
  const response = await fetch(`${url}/api/sign-in`, { method: "POST", body: JSON.stringify({ name }) });
  return (await response.json()).token;
}

/** Returns a token of the chat that expires at a time, signed with the secret of its development variables. */
function tokenUntil(name, expiresAtMs) {
  const claims = Buffer.from(JSON.stringify({ name, expires_at_ms: expiresAtMs })).toString("base64url");
  const secret = workerOptions(CHAT).bindings.AUTH_SECRET;
  return `${claims}.${createHmac("sha256", secret).update(claims).digest("base64url")}`;
}

/** Keeps the sockets of a client, to cut them. */
function cuttable() {
  const sockets = [];
  class Cuttable extends WebSocket {
    constructor(address) {
      super(address);
      sockets.push(this);
    }
  }
  return { Cuttable, cut: () => sockets.at(-1).terminate(), sockets };
}

async function connect(options = {}) {
  const token = options.token ?? (await signIn("ada"));
  const client = new LunoraClient({ url, WebSocket, ...options, token });
  clients.push(client);
  return client;
}

/** Watches the messages of a channel. */
function watch(client, shard) {
  const values = [], errors = [];
  client.subscribe("messages:list", {}, { shard }, {
    onValue: (value) => values.push(value.map(({ text }) => text)), onError: (error) => errors.push(error.code),
  });
  return { values, errors, last: () => values.at(-1) };
}

async function until(holds, what) {
  const end = Date.now() + 15_000;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `not within 15 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const shows = ({ values, last }, texts) =>
  until(() => JSON.stringify(last()) === JSON.stringify(texts), `${JSON.stringify(texts)}, shown: ${JSON.stringify(values)}`);

test("queries_mutations_and_errors_reach_the_chat", async () => {
  const client = await connect();
  const sent = await client.mutation("messages:send", { text: "hello" }, { shard: "calls" });
  assert.equal(sent.author, "ada");
  assert.deepEqual((await client.query("messages:list", {}, { shard: "calls" })).map(({ text }) => text), ["hello"]);
  await assert.rejects(client.mutation("messages:send", { text: " " }, { shard: "calls" }), { code: "VALIDATION_ERROR", status: 400 });
  const [first, second] = await client.batch([{ path: "messages:list", shard: "calls" }, { path: "messages:burn", shard: "calls" }]);
  assert.equal(first.value.length, 1);
  assert.equal(second.error.code, "FUNCTION_NOT_FOUND");
  const merge = { kind: "topK", k: 5, by: "_creationTime" };
  const all = await client.queryShards("messages:list", {}, { table: "messages", merge });
  assert.deepEqual([all.failed, all.data.some(({ channel }) => channel === "calls")], [0, true]);
});

test("a_write_is_shown_at_once_and_once_and_reaches_the_others", async () => {
  const [ada, bob] = [await connect(), await connect({ token: await signIn("bob") })];
  const [mine, theirs] = [watch(ada, "live"), watch(bob, "live")];
  await Promise.all([shows(mine, []), shows(theirs, [])]);
  assert.equal(ada.state, "live");
  for (const text of ["one", "two", "three"]) {
    await ada.mutation("messages:send", { text }, { shard: "live", optimistic: (cache) => cache.update("messages:list", {}, (list) => [...list, { text }]) });
  }
  await Promise.all([shows(mine, ["one", "two", "three"]), shows(theirs, ["one", "two", "three"])]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  // No value has less than the one before, and none has a message twice.
  for (const [index, value] of mine.values.entries()) {
    assert.equal(new Set(value).size, value.length, JSON.stringify(mine.values));
    assert.ok(index === 0 || value.length >= mine.values[index - 1].length, JSON.stringify(mine.values));
  }
});

test("resumes_from_its_cursor_after_a_lost_socket_on_workerd", async () => {
  const { Cuttable, cut, sockets } = cuttable();
  const [client, other] = [await connect({ WebSocket: Cuttable }), await connect()];
  const seen = watch(client, "lost");
  await shows(seen, []);
  await other.mutation("messages:send", { text: "before" }, { shard: "lost" });
  await shows(seen, ["before"]);
  cut();
  await until(() => sockets.length === 2 && client.state === "live", "a second socket");
  assert.deepEqual(seen.values, [[], ["before"]]);
  cut();
  await other.mutation("messages:send", { text: "meanwhile" }, { shard: "lost" });
  await shows(seen, ["before", "meanwhile"]);
  assert.deepEqual(seen.values, [[], ["before"], ["before", "meanwhile"]]);
});

test("a_client_that_takes_changes_shows_what_every_other_shows", async () => {
  const frames = [];
  const tapped = { ...changes, take: (frame, query) => (frames.push(frame.type), changes.take(frame, query)) };
  const [writer, taking, plain] = [await connect(), await connect({ changes: tapped }), await connect()];
  const views = [taking, plain].map((client) => watch(client, "changes"));
  const texts = Array.from({ length: 55 }, (_, n) => `${n} ${"x".repeat(40)}`);
  // The list has room for 50: from then on each message also takes one away.
  for (const text of texts) await writer.mutation("messages:send", { text }, { shard: "changes" });
  for (const view of views) await shows(view, texts.slice(-50));
  assert.ok(frames.filter((type) => type === "delta").length > 50, String(frames));
});

test("a_lost_answer_stores_the_message_once", async () => {
  let losses = 2;
  const client = await connect({
    fetch: async (...args) => {
      const response = await fetch(...args);
      if (losses-- > 0) throw new TypeError(`lost an answer of status ${response.status}`);
      return response;
    },
  });
  const sent = await client.mutation("messages:send", { text: "once" }, { shard: "answers", offline: true });
  assert.equal(sent.text, "once");
  assert.deepEqual((await client.query("messages:list", {}, { shard: "answers" })).map(({ text }) => text), ["once"]);
});

test("two_clients_with_one_outbox_store_each_message_once", async () => {
  const storage = new MemoryStorage();
  const token = await signIn("ada");
  const pair = await Promise.all([0, 1].map(() => connect({ storage, token })));
  const texts = Array.from({ length: 12 }, (_, n) => `message ${n}`);
  const sent = await Promise.all(texts.map((text, n) => pair[n % 2].mutation("messages:send", { text }, { shard: "outbox", offline: true })));
  assert.deepEqual(sent.map(({ text }) => text), texts);
  const stored = (await pair[0].query("messages:list", {}, { shard: "outbox" })).map(({ text }) => text);
  assert.deepEqual(stored.toSorted(), texts.toSorted());
});

test("an_expired_token_is_renewed_for_sockets_and_calls", async () => {
  let asked = 0;
  const { Cuttable, sockets } = cuttable();
  const token = () => tokenUntil("ada", Date.now() + (asked++ === 0 ? 1_500 : 60_000));
  const client = await connect({ token, WebSocket: Cuttable });
  const seen = watch(client, "expiry");
  await shows(seen, []);
  await until(() => sockets.length === 2 && client.state === "live", "a socket with the next token");
  await client.mutation("messages:send", { text: "still here" }, { shard: "expiry" });
  await shows(seen, ["still here"]);
  assert.deepEqual([asked, seen.errors], [2, []]);

  const stale = await connect({ token: tokenUntil("ada", Date.now() - 1_000) });
  await assert.rejects(stale.query("messages:list", {}, { shard: "expiry" }), { code: "UNAUTHORIZED" });
  const refused = watch(stale, "expiry");
  await until(() => refused.errors.length > 0, "an error of the subscription");
  assert.deepEqual(refused.errors, ["UNAUTHORIZED"]);
});

test("writes_and_live_values_survive_a_killed_server", async () => {
  const client = await connect();
  const seen = watch(client, "killed");
  await client.mutation("messages:send", { text: "before" }, { shard: "killed" });
  await shows(seen, ["before"]);
  for (const pid of workerdProcesses()) process.kill(pid, "SIGKILL");
  await mf.dispose().catch(() => {});
  await until(() => client.state !== "live", "a state other than live");
  const writes = ["one", "two", "three"].map((text) => client.mutation("messages:send", { text }, { shard: "killed", offline: true }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal((await client.pendingWrites()).length, 3);
  await serve();
  client.retryNow();
  await Promise.all(writes);
  await shows(seen, ["before", "one", "two", "three"]);
  assert.deepEqual(await client.pendingWrites(), []);
});

const EXECUTABLE = process.env.LUNORA_BROWSER;

test("an_outbox_in_a_browser_survives_a_reload_and_is_shared_by_its_tabs", { skip: EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER" }, async () => {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
  try {
    const context = await browser.newContext();
    const script = readFileSync(new URL("../packages/client/dist/index.js", import.meta.url), "utf8");
    await context.route("**/tab", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>tab</title>" }));
    await context.route("**/lunora-client.js", (route) => route.fulfill({ contentType: "text/javascript", body: script }));
    const sent = [];
    let isCut = true;
    await context.route("**/_lunora/rpc", (route) => {
      const id = route.request().headers()["x-lunora-mutation-id"];
      if (isCut) return route.abort();
      if (id) sent.push(id);
      return route.continue();
    });
    const token = await signIn("ada");
    const openTab = async (page) => {
      await page.goto(`${url}/tab`);
      await page.evaluate(async ({ url, token }) => {
        const { LunoraClient } = await import("/lunora-client.js");
        globalThis.client = new LunoraClient({ url, token });
      }, { url, token });
    };
    const send = (page, text) =>
      page.evaluate((text) => {
        const write = client.mutation("messages:send", { text }, { id: text, shard: "tabs", offline: true });
        (globalThis.writes ??= []).push(write.then((sent) => sent.text));
      }, text);
    const pending = (page) => page.evaluate(async () => (await client.pendingWrites()).map(({ id }) => id));
    const tabs = [await context.newPage(), await context.newPage()];
    for (const page of tabs) await openTab(page);
    await send(tabs[0], "one");
    await until(async () => (await pending(tabs[0])).length === 1, "a queued write");
    await openTab(tabs[0]);
    assert.deepEqual(await pending(tabs[0]), ["one"]);
    await send(tabs[1], "two");
    await until(async () => (await pending(tabs[0])).length === 2, "a queued write of the other tab");
    isCut = false;
    for (const page of tabs) await page.evaluate(() => client.retryNow());
    assert.deepEqual(await tabs[1].evaluate(() => Promise.all(writes)), ["two"]);
    await until(async () => (await pending(tabs[1])).length === 0, "an empty outbox");
    assert.deepEqual(sent, ["one", "two"]);
    const client = await connect({ token });
    assert.deepEqual((await client.query("messages:list", {}, { shard: "tabs" })).map(({ text }) => text), ["one", "two"]);
  } finally {
    await browser.close();
  }
});
