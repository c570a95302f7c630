// The page of operators, in Chromium, with a deployment of the drill behind it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Deployment, TOKEN } from "./deployment.mjs";

const EXECUTABLE = process.env.LUNORA_BROWSER;
const skip = EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER";
const HOSTILE = '<img src=x onerror="document.title=1"><b>bold</b>';

let browser, deployment, origin;

before(async () => {
  if (skip) return;
  const args = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ];
  browser = await chromium.launch({ executablePath: EXECUTABLE, args });
  const handleRuntimeStdio = (...streams) => streams.forEach((stream) => stream.resume());
  deployment = new Deployment({ handleRuntimeStdio, host: "127.0.0.1", port: 0 });
  origin = String(await deployment.mf.ready).replace(/\/$/, "");
  await deployment.populate();
  await deployment.rpc("notes:add", { count: 1, bytes: 10, label: HOSTILE }, "red");
});

after(async () => {
  await browser?.close();
  await deployment?.close();
});

/** A new tab at the page, and what went wrong in it: answers that the page asked for do not count. */
async function open(options) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(10_000);
  page.problems = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.problems.push(message.text());
  });
  page.on("pageerror", (error) => page.problems.push(error.message));
  await page.goto(`${origin}/_lunora/admin`);
  return page;
}

/** Signs in by the keyboard alone. */
async function signIn(page, token = TOKEN) {
  await page.waitForSelector("#token:focus");
  await page.keyboard.type(token);
  await page.keyboard.press("Enter");
}

async function enter(view, options) {
  const page = await open(options);
  await signIn(page);
  await page.click(`#nav a[href="#${view}"]`);
  await page.waitForSelector(`#${view}:visible`);
  return page;
}

/** Waits until a note matches, and returns its text. */
async function noted(page, view, pattern) {
  const note = page.locator(`#${view}-note`).filter({ hasText: pattern });
  await note.waitFor();
  return note.textContent();
}

const cells = (page, row) => page.$$eval(`${row} td`, (all) => all.map(({ textContent }) => textContent));

/** Ends a test: nothing was blocked, nothing was thrown. */
async function close(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

test("the page is public, holds nothing, and has a policy of its own", { skip }, async () => {
  const response = await fetch(`${origin}/_lunora/admin`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-security-policy"), /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.ok(!(await response.text()).includes(TOKEN));
  for (const [init, status] of [[{ method: "HEAD" }, 200], [{ method: "POST", headers: { origin } }, 405]]) {
    assert.equal((await fetch(`${origin}/_lunora/admin`, init)).status, status);
  }
});

test("a Worker that does not serve the page does not contain it", async () => {
  const contains = (name) => readFileSync(new URL(`${name}/build/index_bg.wasm`, import.meta.url)).includes("lunora-admin-token");
  assert.deepEqual(["drill", "fixture"].map(contains), [true, false]);
});

test("a wrong token is refused in the words of the Worker, and the right one shows every shard", { skip }, async () => {
  const page = await open();
  await signIn(page, "not-the-token-of-this-deployment");
  assert.equal(await noted(page, "sign-in", "ADMIN_FORBIDDEN"), "ADMIN_FORBIDDEN: admin endpoint requires a valid admin bearer");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await signIn(page);
  await noted(page, "shards", "4 of 4 shards");
  await page.waitForFunction(() => document.querySelectorAll("#shards-list td.number").length === 16);
  const line = '#shards-list tr:has(button:text-is("blue/ü"))';
  const [key, rows, size] = await cells(page, line);
  assert.deepEqual([key, rows], ["blue/ü", "40"]);
  assert.match(size, /^\d+ KiB$/);
  // The tab keeps the token, and signing out forgets it.
  await page.reload();
  await noted(page, "shards", "4 of 4 shards");
  await page.click("#sign-out");
  await page.waitForSelector("#sign-in:visible");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await page.locator("#shards-list td").count(), 0);
  await close(page);
});

test("rows are paged, ordered and searched, and their HTML is text", { skip }, async () => {
  const page = await enter("shards");
  await page.click('#shards-list button:text-is("red")');
  await noted(page, "rows", "1 to 41 of 41");
  await page.selectOption("#rows-order", "text");
  await page.selectOption("#rows-direction", "asc");
  await page.fill("#rows-search", "<B>");
  await page.press("#rows-search", "Enter");
  await noted(page, "rows", "1 to 1 of 1");
  const row = await cells(page, "#rows-list tbody tr");
  assert.ok(row.some((text) => text.startsWith(HOSTILE)), String(row));
  await page.click("#rows-list tbody button");
  assert.ok(JSON.parse(await page.textContent("#rows-list pre")).text.startsWith(HOSTILE));
  assert.equal(await page.locator("#rows-list :is(img, b)").count(), 0);
  assert.equal(await page.title(), "Operate · lunora");

  await deployment.rpc("notes:add", { count: 60, bytes: 10, label: "paged" }, "red");
  await page.fill("#rows-search", "paged");
  await page.press("#rows-search", "Enter");
  await noted(page, "rows", "1 to 50 of 60");
  await page.click("#rows-after");
  await noted(page, "rows", "51 to 60 of 60");
  assert.equal(await page.locator("#rows-after").isDisabled(), true);
  await page.click("#rows-before");
  await noted(page, "rows", "1 to 50 of 60");
  await close(page);
});

test("a function runs as a user and as the server, and its failure is a recent error", { skip }, async () => {
  await deployment.rpc("notes:add", { count: 2, bytes: 0, label: "ada" }, "run");
  const page = await enter("run");
  const run = async (path, args, as, user = "") => {
    await page.fill("#run-path", path);
    await page.fill("#run-shard", "run");
    await page.selectOption("#run-as", as);
    if (as === "user") await page.fill("#run-user", user);
    await page.fill("#run-args", args);
    await page.click("#run-form button");
  };
  await run("notes:mine", "{}", "user", "ada");
  await noted(page, "run", "Done.");
  assert.deepEqual(JSON.parse(await page.textContent("#run-result")), ["ada 0 ", "ada 1 "]);
  await run("notes:mine", "{}", "user");
  await noted(page, "run", /^UNAUTHORIZED: /);
  await run("notes:add", '{"count":1,"bytes":0,"label":"by the server"}', "server");
  await noted(page, "run", "Done.");
  assert.equal((await deployment.rpc("notes:list", {}, "run")).length, 3);
  assert.equal(await page.textContent("#run-about"), "mutation, bytes: number, count: number, label: string");
  await run("notes:list", "{", "server");
  await noted(page, "run", "The arguments are not JSON");
  await run("drill:fail", "{}", "server");
  await noted(page, "run", "INTERNAL");

  await page.click('#nav a[href="#errors"]');
  await noted(page, "errors", "1 error.");
  const [, shard, path, code, message] = await cells(page, "#errors-list tbody tr");
  assert.deepEqual([shard, path, code], ["run", "drill:fail", "INTERNAL"]);
  assert.match(message, /a fault of the drill/);
  await close(page);
});

test("a snapshot is taken, verified, drilled, and restored once its id is typed", { skip }, async () => {
  const page = await enter("backups");
  await noted(page, "backups", "No snapshots.");
  await page.click("#backups-create");
  await noted(page, "backups", /^Took /);
  const [id] = await cells(page, "#backups-list tbody tr");
  await page.click('#backups-list button:text-is("Verify")');
  assert.ok((await noted(page, "backups", "is whole")).startsWith(id));
  await page.click('#backups-list button:text-is("Drill")');
  await noted(page, "backups", "was restored into a scratch shard");

  const before = await deployment.rows();
  await deployment.rpc("notes:add", { count: 5, bytes: 0, label: "later" }, "red");
  await page.click('#backups-list button:text-is("Restore…")');
  await page.waitForSelector("#restore-plan:has-text('rows in')");
  await page.fill("#restore-id", "another");
  assert.equal(await page.locator("#restore-start").isDisabled(), true);
  await page.fill("#restore-id", id);
  await page.check("#restore-replace");
  // A large snapshot takes several requests, one of which fails here.
  let requests = 0;
  await page.route("**/backup/restore", async (route) => {
    requests += 1;
    if (requests === 2) return route.fulfill({ status: 503, json: { error: { code: "SHARD_UNAVAILABLE", message: "on purpose" } } });
    await route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), maxRows: 50 }) });
  });
  await page.click("#restore-start");
  await noted(page, "restore", /^SHARD_UNAVAILABLE: on purpose$/);
  await page.click("#restore-start");
  await noted(page, "restore", `Restored ${before.length} rows.`);
  assert.ok(requests > 3, String(requests));
  assert.deepEqual(await deployment.rows(), before);
  await close(page);
});

test("cron jobs are listed with the times at which they are due, and run now", { skip }, async () => {
  const page = await enter("cron");
  await page.waitForSelector("#cron-list tbody tr");
  assert.deepEqual((await cells(page, "#cron-list tbody tr")).slice(0, 3), ["daily", "30 4 * * *", "notes:add"]);
  const [last, next] = await page.$$eval("#cron-list time", (times) => times.map(({ title }) => Date.parse(title)));
  assert.equal(next - last, 24 * 60 * 60 * 1000);
  assert.ok(last <= Date.now() && Date.now() < next);
  await page.click('#cron-list button:text-is("Run now")');
  await noted(page, "cron", "daily ran.");
  assert.deepEqual((await deployment.rpc("notes:list", {}, "daily")).map(({ text }) => text), ["daily 0 "]);
  await close(page);
});

test("scheduled calls are listed with what they do, run now, and cancelled", { skip }, async () => {
  const later = (label, ms, rest) => deployment.rpc("drill:later", { label, ms, ...rest }, "later");
  const labels = async () => (await deployment.rpc("notes:list", {}, "later")).map(({ text }) => text);
  await later("soon", 3_600_000);
  await later(HOSTILE, 7_200_000);
  await later("", 10_000_000, { crash: true });
  const page = await enter("scheduled");
  await noted(page, "scheduled", "3 calls.");
  const [due, path, shard, args, attempts, error] = await cells(page, "#scheduled-list tbody tr:nth-child(1)");
  assert.deepEqual([path, shard, JSON.parse(args).label, attempts, error], ["notes:add", "later", "soon", "0", ""]);
  assert.notEqual(due, "–");
  assert.equal(await page.locator("#scheduled-list :is(img, b)").count(), 0);

  const control = (line, text) => `#scheduled-list tbody tr:nth-child(${line}) button:text-is("${text}")`;
  await page.click(control(1, "Run now"));
  await noted(page, "scheduled", "notes:add is due now.");
  for (const end = Date.now() + 10_000; (await labels()).length === 0; ) {
    assert.ok(Date.now() < end, "the call was not made");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(await labels(), ["soon 0 "]);
  await page.click("#scheduled-form button");
  await noted(page, "scheduled", "2 calls.");
  // Another operator was faster.
  const { records } = await deployment.admin("scheduled", undefined, "GET");
  await deployment.admin("scheduled/cancel", { id: records[0].id });
  await page.click(control(1, "Cancel"));
  await noted(page, "scheduled", "notes:add was not there any more.");
  await page.click(control(1, "Cancel"));
  await noted(page, "scheduled", "drill:crash was cancelled.");
  assert.deepEqual((await deployment.admin("scheduled", undefined, "GET")).records, []);
  await page.selectOption("#scheduled-which", "dead");
  await noted(page, "scheduled", "No calls.");
  await close(page);
});

test("a call that was given up is listed with its error", { skip }, async () => {
  const page = await open();
  const record = { id: "red:1", functionPath: "drill:crash", args: {}, shardKey: "red", scheduledFor: null, attempts: 12, error: HOSTILE };
  const asked = [];
  await page.route("**/admin/scheduled/dead**", (route) => {
    const body = route.request().postDataJSON();
    if (body) asked.push([new URL(route.request().url()).pathname, body]);
    return route.fulfill({ json: body ? { retried: true } : { records: [record], truncated: true } });
  });
  await signIn(page);
  await page.click('#nav a[href="#scheduled"]');
  await page.selectOption("#scheduled-which", "dead");
  await noted(page, "scheduled", "1 call. Some shards have more.");
  assert.deepEqual((await cells(page, "#scheduled-list tbody tr")).slice(0, 6), ["–", "drill:crash", "red", "{}", "12", HOSTILE]);
  for (const name of ["Run now", "Cancel"]) {
    await page.click(`#scheduled-list button:text-is("${name}")`);
    await noted(page, "scheduled", name === "Cancel" ? "was cancelled." : "is due now.");
  }
  assert.deepEqual(asked, ["retry", "cancel"].map((op) => [`/_lunora/admin/scheduled/dead/${op}`, { id: "red:1" }]));
  await close(page);
});

test("users are listed with their sessions, banned and unbanned, where the Worker has them", { skip }, async () => {
  const without = await enter("shards");
  await noted(without, "shards", "shards");
  assert.equal(await without.locator('#nav a[href="#users"]').isVisible(), false);
  await close(without);

  // The drill has no users: answers as those of sign-in.
  const page = await open();
  const at = "2026-05-01T00:00:00.000Z";
  const user = { id: "ada", email: "ada@example.com", name: HOSTILE, createdAt: at, banned: false };
  let sessions = ["phone", "desk"].map((id) => ({ id, userId: "ada", createdAt: at, updatedAt: at, expiresAt: at, userAgent: `${id} ${HOSTILE}` }));
  const asked = [];
  await page.route("**/admin/auth/**", (route) => {
    const { pathname, search } = new URL(route.request().url());
    const op = pathname.replace("/_lunora/admin/auth/", "");
    const body = route.request().postDataJSON();
    if (body) asked.push([op, body]);
    if (op === "users/ban") Object.assign(user, { banned: true, banReason: body.reason, banExpires: null });
    if (op === "users/unban") user.banned = false;
    if (op === "sessions/revoke") sessions = sessions.filter(({ id }) => id !== body.sessionId);
    if (op === "users/ban" || op === "sessions/revoke-all") sessions = [];
    const found = !search.includes("search=unheard");
    const json = {
      capabilities: { admin: true }, sessions: { rows: sessions, total: sessions.length },
      users: { rows: found ? [user] : [], total: found ? 120 : 0 },
    }[op] ?? { ok: true };
    return route.fulfill({ json });
  });
  await signIn(page);
  await page.click('#nav a[href="#users"]');
  await noted(page, "users", "1 to 1 of 120");
  const [address, name, , banned] = await cells(page, "#users-list tbody tr");
  assert.deepEqual([address, name, banned], ["ada@example.com", HOSTILE, ""]);
  await page.click('#users-list button:text-is("Sessions")');
  await page.waitForSelector("#users-list .whole tbody tr:nth-child(2)");
  assert.equal(await page.locator("#users-list :is(img, b)").count(), 0);
  await page.click('#users-list .whole tbody tr:nth-child(1) button');
  await noted(page, "users", "The session ended.");
  assert.equal(await page.locator("#users-list .whole tbody tr").count(), 1);

  await page.fill("#users-reason", "spam");
  await page.click('#users-list button:text-is("Ban")');
  await noted(page, "users", "ada@example.com: banned, and every session ended.");
  assert.equal((await cells(page, "#users-list tbody tr"))[3], "spam");
  await page.click('#users-list button:text-is("Unban")');
  await noted(page, "users", "the ban is lifted.");
  await page.click('#users-list button:text-is("End sessions")');
  await noted(page, "users", "every session ended.");
  assert.deepEqual(asked, [
    ["sessions/revoke", { sessionId: "phone" }], ["users/ban", { userId: "ada", reason: "spam" }],
    ["users/unban", { userId: "ada" }], ["sessions/revoke-all", { userId: "ada" }],
  ]);
  await page.fill("#users-search", "unheard");
  await page.press("#users-search", "Enter");
  await noted(page, "users", "No users.");
  await close(page);
});

test("it fits a phone, in the dark and in the light", { skip }, async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await enter("rows", { viewport: { width: 360, height: 640 }, colorScheme });
    await page.fill("#rows-shard", "red");
    await page.press("#rows-shard", "Enter");
    await page.selectOption("#rows-table", "notes");
    await noted(page, "rows", /^1 to /);
    const unlabelled = (controls) => controls.filter(({ labels }) => labels.length === 0).map(({ id }) => id);
    assert.deepEqual(await page.$$eval("input, select, textarea", unlabelled), []);
    for (const view of ["shards", "rows", "run", "cron", "scheduled", "backups", "errors"]) {
      await page.click(`#nav a[href="#${view}"]`);
      await page.waitForSelector(`#${view}:visible`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), view);
    }
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(background, colorScheme === "light" ? "rgb(246, 246, 250)" : "rgb(20, 20, 27)");
    await close(page);
  }
});
