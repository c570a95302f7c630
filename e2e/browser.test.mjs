// The page of the example, and the security of its Worker, in Chromium.
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

async function signIn(page, name) {
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await page.waitForSelector("#chat:visible");
}

async function enter(name, channel, options) {
  const page = await open(`${origin}/#${channel}`, options);
  await signIn(page, name);
  await page.waitForSelector('#state[data-state="live"], #state[data-state="polling"]');
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

const tokens = new Map();

/** Calls a function of a channel without the page. */
async function rpc(name, functionPath, channel, args) {
  if (!tokens.has(name)) tokens.set(name, await token(name));
  const response = await fetch(`${origin}/_lunora/rpc`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokens.get(name)}` },
    body: JSON.stringify({ functionPath, args, shardKey: channel }),
  });
  assert.equal(response.status, 200);
  return (await response.json()).result;
}

const sent = (name, channel, text) => rpc(name, "messages:send", channel, { text });
const stored = async (channel) => (await rpc("reader", "messages:list", channel, {})).map(({ text }) => text);

const numbered = (from, to) => Array.from({ length: to - from }, (_, n) => `message ${from + n}`);
async function sendNumbered(channel, from, to) {
  for (const text of numbered(from, to)) await sent("Bob", channel, text);
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
    if (!route.request().postData().includes("messages:send") || lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await say(page, "once");
  await waitForShown(page, ["once"]);
  await page.waitForFunction(() => !document.querySelector(".pending"));
  await eventually(() => lost >= 2);
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
  await ada.waitForSelector('#state[data-state="live"]');
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

const notice = (page) => page.textContent(".notice").catch(() => null);
const error = (page) => page.textContent("#chat-error");
const listed = (page) => page.$$eval("#channels a", (links) => links.map(({ textContent }) => textContent));

/** Waits until the newest messages of a page are these. */
const waitForShown = (page, wanted) =>
  page.waitForFunction((wanted) => {
    const texts = Array.from(document.querySelectorAll(".message:not(.pending) p:not(.by)"), ({ textContent }) => textContent);
    return JSON.stringify(texts) === JSON.stringify(wanted);
  }, wanted);

test("the page says who is signed in, and when a message was sent", { skip }, async () => {
  const page = await enter("Ada Lovelace", "who", { timezoneId: "Europe/Vienna" });
  assert.equal(await page.innerText("#who"), "Signed in as Ada Lovelace");
  await say(page, "hello");
  await page.waitForSelector(".message:not(.pending)");
  assert.match(await page.textContent(".message .by"), /^Ada Lovelace · (Today|[A-Z][a-z]{2}) \d\d:\d\d$/);
  const labels = await page.evaluate(async () => {
    const { when } = await import("/view.js");
    const now = new Date(2026, 2, 31, 14, 3).getTime();
    const at = (...date) => when(new Date(...date).getTime(), now);
    // The clocks change on 29 March.
    return [at(2026, 2, 31, 0, 0), at(2026, 2, 30, 23, 59), at(2026, 2, 25, 14, 3), at(2026, 2, 24, 23, 59), at(2025, 2, 31)];
  });
  assert.deepEqual(labels, ["Today 00:00", "Mon 23:59", "Wed 14:03", "24 Mar", "31 Mar 2025"]);
});

test("everyone sees the channels that have a message", { skip }, async () => {
  const ada = await enter("Ada", "listed-before");
  await sent("Bob", "listed-by-bob", "hello");
  const bob = await enter("Bob", "listed-elsewhere");
  await bob.waitForSelector("#channels >> text=listed-by-bob", { state: "attached" });
  assert.deepEqual((await listed(bob)).slice(0, 1), ["All channels"]);
  // A page that is open asks again, at the latest when it is looked at.
  await ada.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await ada.waitForSelector("#channels >> text=listed-by-bob", { state: "attached" });
  assert.ok(!(await listed(ada)).includes("listed-elsewhere"), "a channel without a message");
  await ada.click("#channels >> text=listed-by-bob");
  await ada.waitForSelector(".message >> text=hello");
  assert.deepEqual(ada.problems, []);
});

test("all channels: the last messages of each, refreshed, and a way into the channel", { skip }, async () => {
  await sent("Bob", "everywhere-1", "in the first");
  await sent("Bob", "everywhere-2", "in the second");
  const page = await enter("Ada", "/all");
  assert.equal(await page.textContent("#channel-title"), "All channels");
  assert.deepEqual((await shown(page)).slice(-2), ["in the first", "in the second"]);
  assert.equal(await page.isVisible("#send"), false);
  await sent("Bob", "everywhere-1", "in the first, later");
  await page.waitForSelector("text=in the first, later");
  await page.click("text=in the first, later");
  await page.waitForSelector('#state[data-state="live"]');
  assert.equal(await page.textContent("#channel-title"), "# everywhere-1");
  await waitForShown(page, ["in the first", "in the first, later"]);
  assert.deepEqual(page.problems, []);
});

test("older messages come on request, and the list stays where it was read", { skip }, async () => {
  await sendNumbered("older", 0, 120);
  const page = await enter("Ada", "older");
  await waitForShown(page, numbered(70, 120));
  const place = (text) => page.$eval(`.message >> text="${text}"`, (one) => one.getBoundingClientRect().top);
  await page.$eval("#messages", (list) => (list.scrollTop = 0));
  const before = await place("message 70");
  await page.click("#older");
  await waitForShown(page, numbered(20, 120));
  assert.ok(Math.abs((await place("message 70")) - before) < 60, "the messages jumped");
  await page.$eval("#messages", (list) => (list.scrollTop = 0));
  await page.click("#older");
  await waitForShown(page, numbered(0, 120));
  assert.equal(await page.$("#older"), null);
  // What is new does not take away what was loaded.
  await sent("Bob", "older", "message 120");
  await waitForShown(page, numbered(0, 121));
  assert.deepEqual(page.problems, []);
});

test("after a long absence no message is missing between those that are shown", { skip }, async () => {
  await sendNumbered("absence", 0, 60);
  const page = await open(`${origin}/#absence`);
  let [isAway, hangUp] = [false, () => {}];
  await page.routeWebSocket(/_lunora\/ws/, (socket) => {
    if (isAway) return socket.close();
    socket.connectToServer();
    hangUp = () => socket.close();
  });
  await signIn(page, "Ada");
  await waitForShown(page, numbered(10, 60));
  isAway = true;
  hangUp();
  await page.waitForSelector('#state[data-state="connecting"]');
  await sendNumbered("absence", 60, 120);
  assert.deepEqual(await shown(page), numbered(10, 60));
  isAway = false;
  // What is shown stays, and what was missed comes after it.
  await waitForShown(page, numbered(10, 120));
  await page.click("#older");
  await waitForShown(page, numbered(0, 120));
});

test("a line that breaks without a sign is noticed, and the state is true again when it works", { skip }, async () => {
  const page = await open(`${origin}/#silent`);
  const lines = [];
  await page.routeWebSocket(/_lunora\/ws/, (socket) => {
    const line = { isSilent: false };
    lines.push(line);
    const server = socket.connectToServer();
    socket.onMessage((message) => line.isSilent || server.send(message));
  });
  await page.clock.install();
  await signIn(page, "Ada");
  await page.waitForSelector('#state[data-state="live"]');
  // The browser says that it was offline, and the socket lives on.
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  await page.waitForSelector('#state[data-state="offline"]');
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.waitForSelector('#state[data-state="live"]');
  const broken = lines.length;
  for (const line of lines) line.isSilent = true;
  await page.clock.fastForward(31_000);
  // The client gives a silent line up 45 s after a ping, and takes another one after at most 30 s.
  await page.clock.fastForward(46_000);
  for (let tries = 0; lines.length === broken; tries++) {
    assert.ok(tries < 50, "the silent line was not given up");
    await page.waitForTimeout(100);
    await page.clock.fastForward(31_000);
  }
  await page.waitForSelector('#state[data-state="live"]');
  await sendNumbered("silent", 0, 1);
  await waitForShown(page, numbered(0, 1));
});

/** Lets the page send texts that its field would not take. */
const withoutMaximum = (page) => page.$eval("#text", (field) => field.removeAttribute("maxlength"));

test("a text that the server refused returns to the field, with the reason", { skip }, async () => {
  const page = await enter("Ada", "refused");
  await withoutMaximum(page);
  const long = "x".repeat(2001);
  await say(page, long);
  await page.waitForFunction(() => document.getElementById("chat-error").textContent !== "");
  assert.match(await error(page), /^Not sent: .*1 to 2000 characters/);
  assert.equal(await page.inputValue("#text"), long);
  assert.deepEqual(await shown(page), []);
  assert.equal(await page.$(".pending, .refused"), null);
  await say(page, "short enough");
  await page.waitForSelector(".message:not(.pending)");
  assert.deepEqual([await error(page), await stored("refused")], ["", ["short enough"]]);
});

test("a refused text waits in the list while the field is in use", { skip }, async () => {
  const page = await enter("Ada", "refused-later");
  await withoutMaximum(page);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/_lunora/rpc", async (route) => {
    if (route.request().postData().includes("messages:send")) await held;
    await route.continue();
  });
  const long = "x".repeat(2001);
  await say(page, long);
  await page.fill("#text", "the next one");
  release();
  await page.waitForSelector(".refused");
  assert.equal(await page.inputValue("#text"), "the next one");
  await page.press("#text", "Enter");
  await page.waitForSelector(".message:not(.pending):not(.refused)");
  await page.click(".refused button");
  assert.equal(await page.inputValue("#text"), long);
  assert.equal(await page.$(".refused"), null);
});

test("a text that waits is not sent in the name of another user", { skip }, async () => {
  const page = await enter("Ada", "names");
  await page.route("**/_lunora/rpc", (route) => route.abort());
  await say(page, "from Ada");
  await page.waitForSelector(".pending");
  await page.click("#sign-out");
  await page.unroute("**/_lunora/rpc");
  await signIn(page, "Bob");
  await say(page, "from Bob");
  await waitForShown(page, ["from Bob"]);
  await page.click("#sign-out");
  await signIn(page, "Ada");
  await waitForShown(page, ["from Bob", "from Ada"]);
  const authors = (await rpc("reader", "messages:list", "names", {})).map(({ author }) => author);
  assert.deepEqual(authors, ["Bob", "Ada"]);
});

test("a malformed hash opens a channel, and the page says which", { skip }, async () => {
  for (const hash of ["%E0%A4%A", "%", "x".repeat(1025)]) {
    const page = await enter("Ada", hash);
    assert.equal(await page.textContent("#channel-title"), "# general");
    assert.equal(await error(page), "The address named no channel. This is #general.");
    assert.equal(new URL(page.url()).hash, "#general");
    await page.evaluate(() => (location.hash = "#%E0%A4%A"));
    await page.waitForFunction(() => location.hash === "#general");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
  const page = await enter("Ada", encodeURIComponent("/all"));
  assert.equal(await page.textContent("#channel-title"), "# /all");
});

test("a name that no channel can have is refused with the reason", { skip }, async () => {
  const page = await open(`${origin}/#general`);
  await signIn(page, "Ada");
  await page.click("#create summary");
  await page.fill("#channel-name", "a::replica::0");
  await page.press("#channel-name", "Enter");
  await page.waitForFunction(() => document.getElementById("chat-error").textContent.includes("::replica::"));
  assert.equal(await notice(page), "The messages could not be loaded.");
  await page.evaluate(() => (location.hash = "#named"));
  await page.waitForSelector('#state[data-state="live"]');
  assert.equal(await error(page), "");
});

test("a message that is stored is shown before the live query has it", { skip }, async () => {
  const page = await open(`${origin}/#early`);
  let isHeld = false;
  await page.routeWebSocket(/_lunora\/ws/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => isHeld || socket.send(message));
  });
  await signIn(page, "Ada");
  await page.waitForSelector('#state[data-state="live"]');
  isHeld = true;
  await say(page, "hello");
  await waitForShown(page, ["hello"]);
  assert.equal(await page.$(".notice"), null);
});

test("two windows of one browser keep what both wrote offline", { skip }, async () => {
  const one = await enter("Ada", "windows");
  const other = await one.context().newPage();
  await other.goto(`${origin}/#windows`);
  await other.waitForSelector('#state[data-state="live"]');
  await one.context().setOffline(true);
  await say(one, "from one");
  await say(other, "from the other");
  await one.waitForFunction(() => document.querySelectorAll(".pending").length === 2);
  await one.context().setOffline(false);
  await Promise.all([one.close(), other.close()]);
  const next = await one.context().newPage();
  await next.goto(`${origin}/#windows`);
  await waitForShown(next, ["from one", "from the other"]);
});

test("an empty channel is called empty only once that is known", { skip }, async () => {
  const page = await open(`${origin}/#loading`);
  let answers = () => {};
  await page.routeWebSocket(/_lunora\/ws/, (socket) => {
    const server = socket.connectToServer();
    const waiting = [];
    server.onMessage((message) => waiting.push(message));
    answers = () => waiting.forEach((message) => socket.send(message));
  });
  await page.route("**/_lunora/rpc", () => {});
  await signIn(page, "Ada");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await notice(page), "Loading…");
  assert.match(await page.textContent("#channels"), /Loading…/);
  await page.waitForFunction(() => document.getElementById("state").dataset.state === "connecting");
  answers();
  await page.waitForSelector('#state[data-state="live"]');
  assert.equal(await notice(page), "No messages yet.");
  await page.evaluate(() => (location.hash = "#/all"));
  await page.waitForFunction(() => document.getElementById("channel-title").textContent === "All channels");
  assert.equal(await notice(page), "Loading…");
});

test("a session that has ended asks for a new sign-in", { skip }, async () => {
  const page = await enter("Ada", "ended");
  await page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("session"));
    localStorage.setItem("session", JSON.stringify({ ...session, expiresAtMs: Date.now() - 1 }));
  });
  await page.reload();
  assert.match(await page.textContent("#sign-in-error"), /has ended/);
  assert.equal(await page.isVisible("#chat"), false);
});

test("the skip link moves the focus and not the channel", { skip }, async () => {
  const page = await enter("Ada", "skip");
  await page.focus("#skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  assert.equal(new URL(page.url()).hash, "#skip");
});

/** The pages to measure: every state of the page with its texts, in one scheme and width. */
async function states(colorScheme, width, measure) {
  const page = await open(`${origin}/#measured`, { colorScheme, viewport: { width, height: 800 } });
  await measure(page, "signed out");
  await page.focus("#skip");
  await measure(page, "skip link");
  await signIn(page, "Ada");
  await page.waitForSelector('#state[data-state="live"]');
  await page.waitForSelector("#older", { state: "attached" });
  await page.click("#create summary");
  await measure(page, "live");
  await withoutMaximum(page);
  await page.context().setOffline(true);
  await page.waitForSelector('#state[data-state="offline"]');
  await say(page, "x".repeat(2001));
  await page.fill("#text", "in use");
  await measure(page, "offline, and pending");
  await page.context().setOffline(false);
  await page.waitForSelector(".refused");
  await measure(page, "refused");
  await page.evaluate(() => (location.hash = "#/all"));
  await page.waitForSelector('#state[data-state="polling"]');
  await measure(page, "all channels");
  await page.context().close();
}

test("every text has a contrast of 4.5:1 in both schemes", { skip }, async () => {
  await sendNumbered("measured", 0, 51);
  await sent("Ada", "measured", "mine");
  for (const scheme of ["light", "dark"]) {
    await states(scheme, 1280, async (page, state) => {
      const { worst, measured } = await page.evaluate(() => {
        const rgba = (color) => {
          const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
          return [r, g, b, a];
        };
        const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
        const background = (element) => {
          if (!element) return [255, 255, 255, 1];
          const own = rgba(getComputedStyle(element).backgroundColor);
          return own[3] === 1 ? own : over(own, background(element.parentElement));
        };
        const luminance = ([r, g, b]) => {
          const [R, G, B] = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * R + 0.7152 * G + 0.0722 * B;
        };
        const contrast = (element, pseudo) => {
          const under = background(element);
          const [one, other] = [over(rgba(getComputedStyle(element, pseudo).color), under), under].map(luminance);
          return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        };
        const found = [];
        for (const element of document.querySelectorAll("body *")) {
          if (!element.checkVisibility() || element.getClientRects().length === 0) continue;
          const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim() !== "");
          const name = `${element.tagName}#${element.id}.${element.className}`;
          if (own) found.push([contrast(element), name]);
          if (element.matches("input")) found.push([contrast(element), `${name} value`]);
          if (element.placeholder) found.push([contrast(element, "::placeholder"), `${name} placeholder`]);
          for (const pseudo of ["::before", "::after"]) {
            const { content } = getComputedStyle(element, pseudo);
            if (/"."/.test(content)) found.push([contrast(element, pseudo), name + pseudo]);
          }
        }
        found.sort(([a], [b]) => a - b);
        return { worst: found[0], measured: found.length };
      });
      assert.ok(measured >= 4, `${measured} texts measured`);
      assert.ok(worst[0] >= 4.5, `${scheme}, ${state}: ${worst[1]} has ${worst[0].toFixed(2)}`);
    });
  }
});

test("everything that can be pressed is at least 44 pixels high, and nothing is wider than the page", { skip }, async () => {
  for (const width of [390, 1280]) {
    await states("light", width, async (page, state) => {
      const small = await page.$$eval("button, a, input, summary", (elements) =>
        elements
          .filter((one) => one.checkVisibility() && !(one.matches(".skip") && one !== document.activeElement))
          .map((one) => [one.getBoundingClientRect().height, one.outerHTML])
          .filter(([height]) => height < 44));
      assert.deepEqual(small, [], `${width}, ${state}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, state);
    });
  }
});

test("the bar of channels shows the chosen one at 390 pixels", { skip }, async () => {
  for (const name of ["a", "m", "z"]) for (let n = 0; n < 3; n++) await sent("Bob", `${name}-in-the-bar-${n}`, "hello");
  const page = await enter("Ada", "z-in-the-bar-2", { viewport: { width: 390, height: 844 } });
  const isInside = () =>
    page.waitForFunction(() => {
      const [bar, link] = ["#channels", "#channels [aria-current]"].map((it) => document.querySelector(it).getBoundingClientRect());
      return document.querySelectorAll("#channels a").length > 9 && link.left >= bar.left - 1 && link.right <= bar.right + 1;
    });
  await isInside();
  const position = () => page.$eval("#channels", ({ scrollLeft }) => scrollLeft);
  assert.ok((await position()) > 0);
  await page.evaluate(() => (location.hash = "#a-in-the-bar-0"));
  await isInside();
  await page.evaluate(() => (location.hash = "#m-in-the-bar-1"));
  await isInside();
});
