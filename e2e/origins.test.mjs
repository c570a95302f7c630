// The client on pages of other origins, in Chromium and as an application's shell sends it, and on a session of a cookie.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { LunoraClient } from "../packages/client/dist/index.js";
import { workerOptions } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
const SCRIPT = readFileSync(new URL("../packages/client/dist/index.js", import.meta.url), "utf8");
const SHELLS = ["tauri://localhost", "capacitor://localhost", "chrome-extension://abcdefghijklmnop"];
const EXECUTABLE = process.env.LUNORA_BROWSER;
const skip = EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER";
const token = `ada:${Date.now() + 600_000}`;
let mf, url, named, page, browser;

before(async () => {
  page = createServer(({ url }, response) => {
    const [type, body] = url === "/lunora-client.js" ? ["text/javascript", SCRIPT] : ["text/html", "<!doctype html><title>page</title>"];
    response.setHeader("content-type", type).end(body);
  });
  await new Promise((resolve) => page.listen(0, "127.0.0.1", resolve));
  page.origin = `http://page.example.test:${page.address().port}`;
  const options = workerOptions(DRILL);
  mf = new Miniflare({
    ...options,
    bindings: { ...options.bindings, LUNORA_ALLOWED_ORIGINS: [page.origin, ...SHELLS].join(", ") },
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
    host: "127.0.0.1",
    port: 0,
  });
  url = String(await mf.ready).replace(/\/$/, "");
  // A page on loopback is trusted by a Worker on loopback, as in development.
  named = url.replace("127.0.0.1", "api.example.test");
  if (skip) return;
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.example.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"];
  browser = await chromium.launch({ executablePath: EXECUTABLE, args });
});
after(async () => {
  await browser?.close();
  await mf?.dispose();
  page?.close();
});

/** Opens a page with a client that shows the texts of a shard. */
async function open(context, address, options) {
  const tab = await context.newPage();
  await tab.goto(address);
  await tab.evaluate(async (options) => {
    const { LunoraClient } = await import("/lunora-client.js");
    const { shard, ...rest } = options;
    globalThis.client = new LunoraClient(rest);
    client.subscribe("notes:list", {}, { shard }, { onValue: (notes) => (globalThis.texts = notes.map(({ text }) => text.split(" ")[0])) });
  }, options);
  await shows(tab, []);
  return tab;
}

const shows = (tab, texts) => tab.waitForFunction((texts) => JSON.stringify(globalThis.texts) === texts, JSON.stringify(texts), { timeout: 15_000 });

/** Writes a note from the page. Returns nothing: an offline write may be answered much later. */
const write = (tab, label, shard, offline = false) =>
  tab.evaluate(({ label, ...options }) => {
    const answer = client.mutation("notes:add", { count: 1, bytes: 0, label }, options);
    (globalThis.writes ??= []).push(answer.then(() => "stored", ({ code }) => code));
  }, { label, shard, offline });

const answers = (tab) => tab.evaluate(() => Promise.all(writes));

const lunoraHeaders = (request) => Object.fromEntries(Object.entries(request.headers()).filter(([name]) => name.startsWith("x-lunora-")));

test("a page of another origin mutates while a live query is open", { skip }, async () => {
  const context = await browser.newContext();
  const tab = await open(context, page.origin, { url: named, token, shard: "other-origin" });
  const sent = [];
  tab.on("request", (request) => request.method() === "POST" && sent.push(lunoraHeaders(request)));
  await write(tab, "one", "other-origin");
  await write(tab, "two", "other-origin", true);
  await shows(tab, ["one", "two"]);
  assert.deepEqual(await answers(tab), ["stored", "stored"]);
  assert.ok(sent.every((headers) => /^\d+$/.test(headers["x-lunora-base-seq"])), JSON.stringify(sent));
  await context.close();
});

/** Sends what a page of `origin` sends, and refuses what its browser refuses. */
function pageOf(origin) {
  const asked = new Set();
  const refuse = (why) => {
    throw new TypeError(`blocked by CORS: ${why}`);
  };
  const isReadable = (response) => response.headers.get("access-control-allow-origin") === origin || refuse("access-control-allow-origin");
  const send = async (url, { headers, ...init }) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": init.method, "access-control-request-headers": names.sort().join(",") },
    });
    isReadable(preflight);
    const allowed = preflight.headers.get("access-control-allow-headers").toLowerCase().split(/,\s*/);
    for (const name of names) allowed.includes(name) ? asked.add(name) : refuse(name);
    const response = await fetch(url, { ...init, headers: { ...headers, origin } });
    isReadable(response);
    return response;
  };
  class Socket extends WebSocket {
    constructor(address) {
      super(address, { origin });
    }
  }
  return { fetch: send, WebSocket: Socket, asked };
}

for (const origin of SHELLS) {
  test(`an application at ${origin} subscribes and mutates`, async () => {
    const { asked, ...env } = pageOf(origin);
    const [client, shard] = [new LunoraClient({ url, token, ...env }), origin];
    try {
      const values = [];
      let heard = () => {};
      client.subscribe("notes:list", {}, { shard }, { onValue: (notes) => (values.push(notes.length), heard()) });
      const count = (n) => new Promise((resolve) => (heard = () => values.at(-1) === n && resolve())(n));
      await count(0);
      for (const offline of [false, true]) await client.mutation("notes:add", { count: 1, bytes: 0, label: "one" }, { shard, offline });
      await count(2);
      for (const name of ["base-seq", "client-id", "expect-subject", "mutation-id"]) assert.ok(asked.has(`x-lunora-${name}`), name);
    } finally {
      client.close();
    }
  });
}

test("an application that is not listed is told nothing", async () => {
  const { asked, ...env } = pageOf("tauri://evil");
  const client = new LunoraClient({ url, token, ...env });
  try {
    await assert.rejects(client.query("notes:list", {}, { shard: "unlisted" }), { code: "NETWORK_ERROR", message: /blocked by CORS/ });
  } finally {
    client.close();
  }
});

test("offline writes of a cookie session are stored in the name of its user", { skip }, async () => {
  const context = await browser.newContext();
  await context.addCookies([{ name: "session", value: token, url: named, httpOnly: true }]);
  await context.route("**/tab", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>tab</title>" }));
  await context.route("**/lunora-client.js", (route) => route.fulfill({ contentType: "text/javascript", body: SCRIPT }));
  const tab = await open(context, `${named}/tab`, { url: named, shard: "cookie" });
  const sent = [];
  tab.on("request", (request) => request.method() === "POST" && sent.push(lunoraHeaders(request)));
  await context.setOffline(true);
  for (const label of ["one", "two", "three"]) await write(tab, label, "cookie", true);
  await tab.waitForFunction(async () => (await client.pendingWrites()).length === 3, undefined, { timeout: 15_000 });
  await context.setOffline(false);
  await tab.evaluate(() => client.retryNow());
  assert.deepEqual(await answers(tab), ["stored", "stored", "stored"]);
  await shows(tab, ["one", "two", "three"]);
  const subjects = new Set(sent.map((headers) => Buffer.from(headers["x-lunora-expect-subject"], "base64url").toString()));
  assert.deepEqual([...subjects], ['{"subject":"ada"}']);
  await context.close();
});
