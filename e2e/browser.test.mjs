// The page of the example and the edge, as a real browser sees them.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { workerOptions } from "./worker.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;
// `cargo xtask test` finds it, and installs it where it can.
const EXECUTABLE = process.env.LUNORA_BROWSER;
const skip = EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER";
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };

let browser, foreign, chat, origin;

before(async () => {
  if (skip) return;
  browser = await chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
      // Names of one site. A page on loopback is trusted by one on loopback, as in development.
      "--host-resolver-rules=MAP *.example.test 127.0.0.1",
    ],
  });
  // A page of another origin on the same site: a browser sends it the chat's cookies.
  foreign = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><title>foreign</title>"));
  await new Promise((resolve) => foreign.listen(0, "127.0.0.1", resolve));
  foreign.origin = `http://foreign.example.test:${foreign.address().port}`;
  chat = new Miniflare({ ...workerOptions(CHAT), ...quiet, host: "127.0.0.1", port: 0 });
  origin = String(await chat.ready).replace(/\/$/, "");
});

after(async () => {
  await browser?.close();
  await chat?.dispose();
  foreign?.close();
});

/** A new window, and what went wrong in it. */
async function open(url, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.problems = [];
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(error.message));
  await page.goto(url);
  return page;
}

async function enter(name, channel) {
  const page = await open(`${origin}/#${channel}`);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await page.waitForSelector('#state[data-state="live"]');
  return page;
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

const shown = (page) => page.$$eval(".message:not(.pending) p:not(.by)", (texts) => texts.map(({ textContent }) => textContent));

async function token(name, at = origin) {
  const response = await fetch(`${at}/api/sign-in`, { method: "POST", body: JSON.stringify({ name }) });
  return (await response.json()).token;
}

/** What `find` finds, once it does. */
async function eventually(find) {
  for (let tries = 0; tries < 200; tries++) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`nothing came: ${find}`);
}

/** What is stored in a channel. */
async function stored(channel) {
  const response = await fetch(`${origin}/_lunora/rpc`, {
    method: "POST",
    headers: { authorization: `Bearer ${await token("reader")}` },
    body: JSON.stringify({ functionPath: "messages:list", args: {}, shardKey: channel }),
  });
  return (await response.json()).result.map(({ text }) => text);
}

test("two pages chat live, without an error in either", { skip }, async () => {
  const [ada, bob] = [await enter("Ada", "live"), await enter("Bob", "live")];
  await say(ada, "hello");
  await bob.waitForSelector("text=hello");
  await say(bob, "<b>hi</b> 💬");
  await ada.waitForSelector("text=<b>hi</b> 💬");
  assert.deepEqual(await shown(ada), ["hello", "<b>hi</b> 💬"]);
  assert.deepEqual(await shown(bob), await shown(ada));
  const other = await enter("Zoë", "elsewhere");
  assert.deepEqual(await shown(other), []);
  for (const page of [ada, bob, other]) assert.deepEqual(page.problems, []);
});

test("what is written offline waits, and is stored once when the line is back", { skip }, async () => {
  const page = await enter("Ada", "offline");
  await page.context().setOffline(true);
  await page.waitForSelector('#state[data-state="offline"]');
  await say(page, "from nowhere");
  await page.waitForSelector(".pending");
  assert.deepEqual(await stored("offline"), []);
  // Even a page that was closed in the meantime keeps it.
  await page.context().setOffline(false);
  await page.reload();
  await page.waitForSelector(".message:not(.pending)");
  assert.deepEqual(await stored("offline"), ["from nowhere"]);
});

test("a write whose answer is lost is sent again, and stored once", { skip }, async () => {
  const page = await enter("Ada", "lost");
  let lost = 0;
  await page.route("**/_lunora/rpc", async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await say(page, "once");
  await page.waitForFunction(() => JSON.parse(localStorage.getItem("outbox") ?? "[]").length === 0);
  assert.ok(lost >= 2);
  assert.deepEqual(await stored("lost"), ["once"]);
  assert.deepEqual(await shown(page), ["once"]);
});

test("the line breaks and comes back, and nothing is missed", { skip }, async () => {
  const [ada, bob] = [await enter("Ada", "gap"), await enter("Bob", "gap")];
  await ada.context().setOffline(true);
  await ada.waitForSelector('#state[data-state="offline"]');
  await say(bob, "while you were away");
  await bob.waitForSelector(".message:not(.pending)");
  await ada.context().setOffline(false);
  await ada.waitForSelector("text=while you were away");
});

test("a foreign page can neither post with cookies nor open the socket", { skip }, async () => {
  const page = await open(foreign.origin);
  const named = origin.replace("127.0.0.1", "chat.example.test");
  await page.context().addCookies([{ name: "session", value: "ada", url: named }]);
  // What the page may not learn, the browser's own log knows.
  const seen = new Map();
  const note = (id, fact) => seen.set(id, { ...seen.get(id), ...fact });
  const log = await page.context().newCDPSession(page);
  log.on("Network.requestWillBeSent", ({ requestId, request }) => note(requestId, { url: request.url, method: request.method }));
  log.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => note(requestId, { cookie: headers.Cookie }));
  log.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => note(requestId, { status: statusCode }));
  await log.send("Network.enable");
  const bearer = await token("ada");
  const outcome = await page.evaluate(async ([origin, bearer]) => {
    const body = JSON.stringify({ functionPath: "messages:send", args: { text: "forged" }, shardKey: "foreign" });
    const plain = await fetch(`${origin}/_lunora/rpc`, { method: "POST", mode: "no-cors", credentials: "include", body })
      .then(() => "sent", () => "refused");
    const read = await fetch(`${origin}/_lunora/rpc`, { method: "POST", headers: { authorization: `Bearer ${bearer}` }, body })
      .then(() => "read", () => "refused");
    const socket = await new Promise((resolve) => {
      const url = `${origin.replace("http", "ws")}/_lunora/ws?shard=foreign&token=${bearer}`;
      const socket = new WebSocket(url);
      socket.onopen = () => resolve("open");
      socket.onclose = () => resolve("refused");
    });
    return { plain, read, socket };
  }, [named, bearer]);
  assert.deepEqual(outcome, { plain: "refused", read: "refused", socket: "refused" });
  const forged = await eventually(() =>
    [...seen.values()].find(({ url, method, cookie, status }) => url?.endsWith("/rpc") && method === "POST" && cookie && status));
  assert.deepEqual([forged.cookie, forged.status], ["session=ada", 403]);
  assert.deepEqual(await stored("foreign"), []);
});

test("an origin that is allowed may send every header that clients send", { skip }, async () => {
  const options = workerOptions(CHAT);
  const allowing = new Miniflare({
    ...options, ...quiet, host: "127.0.0.1", port: 0,
    bindings: { ...options.bindings, LUNORA_ALLOWED_ORIGINS: foreign.origin },
  });
  try {
    const loopback = String(await allowing.ready).replace(/\/$/, "");
    const at = loopback.replace("127.0.0.1", "chat.example.test");
    const page = await open(foreign.origin);
    const bearer = await token("ada", loopback);
    const answer = await page.evaluate(async ([at, bearer]) => {
      const response = await fetch(`${at}/_lunora/rpc`, {
        method: "POST",
        headers: {
          "authorization": `Bearer ${bearer}`,
          "content-type": "application/json",
          "x-d1-bookmark": "b",
          "x-lunora-client-id": "c1",
          "x-lunora-client-seq": "1",
          "x-lunora-expect-subject": btoa('{"subject":"ada"}').replaceAll("=", ""),
          "x-lunora-min-seq": "0",
          "x-lunora-mutation-id": "m1",
          "x-lunora-shard-key": "s",
        },
        body: JSON.stringify({ functionPath: "messages:send", args: { text: "hello" }, shardKey: "cors" }),
      });
      const socket = await new Promise((resolve) => {
        const socket = new WebSocket(`${at.replace("http", "ws")}/_lunora/ws?shard=cors&token=${bearer}`);
        socket.onopen = () => resolve("open");
        socket.onclose = () => resolve("refused");
      });
      return { status: response.status, shard: response.headers.get("x-lunora-shard-key"), text: (await response.json()).result.text, socket };
    }, [at, bearer]);
    assert.deepEqual(answer, { status: 200, shard: "cors", text: "hello", socket: "open" });
    assert.deepEqual(page.problems, []);
  } finally {
    await allowing.dispose();
  }
});

test("the page, calls and errors carry the security headers", { skip }, async () => {
  for (const [path, init] of [["/", {}], ["/app.js", {}], ["/_lunora/rpc", { method: "POST", body: "{" }], ["/nowhere", {}]]) {
    const { headers } = await fetch(origin + path, init);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.ok(headers.get("x-frame-options"), path);
    assert.ok(headers.get("referrer-policy"), path);
    assert.match(headers.get("content-security-policy"), /default-src 'none'/, path);
    assert.equal(headers.get("strict-transport-security"), null, "only over https");
  }
});

test("the page is used by keyboard alone, and says what it is", { skip }, async () => {
  const page = await open(`${origin}/#keys`);
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await page.waitForSelector('#state[data-state="live"]');
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=typed");
  const unnamed = await page.$$eval("input, button, nav, [role=log]", (elements) =>
    elements.filter((one) => !(one.labels?.length || one.textContent.trim() || one.getAttribute("aria-label"))).map((one) => one.outerHTML));
  assert.deepEqual(unnamed, []);
  for (const landmark of ["header", "nav", "main"]) assert.ok(await page.$(`${landmark}:visible`), landmark);
});
