// Sign-in by codes, and sessions, on workerd with D1: by fetch, and by the page in Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { createAuth } from "../packages/client/dist/auth.js";
import { workerOptions } from "./worker.mjs";

const EXAMPLE = new URL("../examples/sign-in", import.meta.url).pathname;
const EXECUTABLE = process.env.LUNORA_BROWSER;
const skip = EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER";
const { LUNORA_ADMIN_TOKEN: ADMIN } = workerOptions(EXAMPLE).bindings;
const HOST = "https://app.test";

let mf, origin, logged = "";

before(async () => {
  const handleRuntimeStdio = (...streams) => {
    for (const stream of streams) stream.on("data", (data) => { logged += data; });
  };
  mf = new Miniflare({ ...workerOptions(EXAMPLE), handleRuntimeStdio, host: "127.0.0.1", port: 0 });
  origin = String(await mf.ready).replace(/\/$/, "");
});
after(() => mf.dispose());

const fetchAt = (path, init) => mf.dispatchFetch(HOST + path, init);
const post = (path, body, headers = {}) => fetchAt(path, {
  method: "POST", headers: { "content-type": "application/json", origin: HOST, ...headers }, body: JSON.stringify(body),
});
const send = (email, headers) => post("/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" }, headers);
const enter = (email, otp) => post("/api/auth/sign-in/email-otp", { email, otp });
const codeOf = async (email) => (await fetchAt(`/dev/mail?to=${encodeURIComponent(email)}`)).text();
const session = async (cookie) => (await fetchAt("/api/auth/get-session", { headers: { cookie } })).json();
const pairOf = (response) => response.headers.getSetCookie()[0].split(";")[0];
const rows = async (sql) => (await (await mf.getD1Database("DB")).prepare(sql).all()).results;

async function signIn(email) {
  assert.equal((await send(email)).status, 200);
  const response = await enter(email, await codeOf(email));
  assert.equal(response.status, 200, await response.clone().text());
  return { response, cookie: pairOf(response), ...(await response.json()) };
}

test("a code signs in once, and the session is a cookie of the host", async () => {
  const sent = await send(" Ada@Example.com ");
  assert.deepEqual([sent.status, await sent.json()], [200, { success: true }]);
  assert.equal(sent.headers.get("cache-control"), "no-store");
  const code = await codeOf("ada@example.com");
  assert.match(code, /^\d{6}$/);
  const first = await enter("ada@example.com", code);
  assert.match(first.headers.getSetCookie()[0],
    /^__Host-lunora\.session=[\w-]{43}\.[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax$/);
  const again = await enter("ada@example.com", code);
  assert.deepEqual([again.status, (await again.json()).error.code], [400, "INVALID_OTP"]);
  const { user, session: mine } = await session(pairOf(first));
  assert.equal(user.email, "ada@example.com");
  assert.ok(Date.parse(mine.expiresAt) > Date.now() + 6 * 86_400_000);
});

test("the database holds no code and no token", async () => {
  const { token } = await signIn("hash@example.com");
  await send("hash@example.com");
  const code = await codeOf("hash@example.com");
  const all = JSON.stringify([await rows("SELECT * FROM lunora_sessions"), await rows("SELECT * FROM lunora_codes")]);
  assert.ok(!token.split(".").some((part) => all.includes(part)));
  assert.ok(!all.includes(`"${code}"`) && !all.includes("@"), all);
});

test("attempts at once are five, and of two sign-ins with one code one wins", async () => {
  await send("race@example.com");
  const code = await codeOf("race@example.com");
  const wrong = code === "000000" ? "000001" : "000000";
  await Promise.all(Array.from({ length: 20 }, () => enter("race@example.com", wrong)));
  const [{ most }] = await rows("SELECT MAX(attempts) AS most FROM lunora_codes");
  assert.equal(most, 5);
  assert.equal((await enter("race@example.com", code)).status, 400);
  await send("race@example.com");
  const newer = await codeOf("race@example.com");
  const both = await Promise.all([enter("race@example.com", newer), enter("race@example.com", newer)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 400]);
});

test("three codes are sent to an address in a while", async () => {
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await send("limit@example.com"));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 429]);
  assert.ok(Number(answers[3].headers.get("retry-after")) > 800);
});

test("each user reaches the own notes, by cookie and by bearer, until sign-out", async () => {
  const [ada, bob] = [await signIn("ada2@example.com"), await signIn("bob@example.com")];
  const rpc = (shardKey, functionPath, headers, args = {}) => post("/_lunora/rpc", { functionPath, args, shardKey }, headers);
  assert.equal((await rpc(ada.user.id, "notes:add", { cookie: ada.cookie }, { text: "mine" })).status, 200);
  const bearer = { authorization: `Bearer ${ada.token}` };
  const { result } = await (await rpc(ada.user.id, "notes:list", bearer)).json();
  assert.deepEqual(result.map(({ text }) => text), ["mine"]);
  assert.equal((await rpc(ada.user.id, "notes:list", { cookie: bob.cookie })).status, 403);
  assert.equal((await rpc(ada.user.id, "notes:list", {})).status, 403);

  const foreign = await post("/api/auth/sign-out", {}, { cookie: ada.cookie, origin: "https://evil.test" });
  assert.equal(foreign.status, 403);
  const out = await post("/api/auth/sign-out", {}, { cookie: ada.cookie });
  assert.match(out.headers.getSetCookie()[0], /^__Host-lunora\.session=; Path=\/; Max-Age=0;/);
  assert.equal(await session(ada.cookie), null);
  assert.equal((await rpc(ada.user.id, "notes:list", { cookie: ada.cookie })).status, 403);
  assert.equal((await rpc(ada.user.id, "notes:list", bearer)).status, 401);
  assert.ok(await session(bob.cookie));
});

test("a session older than a day is renewed, and the token before lasts a minute", async () => {
  const { cookie } = await signIn("old@example.com");
  const day = 24 * 3_600_000;
  await rows(`UPDATE lunora_sessions SET renewed_at = renewed_at - ${day} WHERE user_id = (SELECT id FROM lunora_users WHERE email = 'old@example.com')`);
  const tabs = await Promise.all([1, 2].map(() => fetchAt("/api/auth/get-session", { headers: { cookie } })));
  const renewed = tabs.filter((it) => it.headers.getSetCookie().length > 0);
  assert.equal(renewed.length, 1);
  assert.ok(await session(cookie));
  await rows("UPDATE lunora_sessions SET old_until = old_until - 60001");
  assert.equal(await session(cookie), null);
  assert.equal((await session(pairOf(renewed[0]))).user.email, "old@example.com");
});

test("operators list users, and a ban ends the sessions", async () => {
  const mallory = await signIn("mallory@example.com");
  const authorization = `Bearer ${ADMIN}`;
  const operate = async (path, body) => {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    return (await fetchAt(`/_lunora/admin/auth/${path}`, { ...init, headers: { authorization } })).json();
  };
  const found = await operate("users?search=mallory");
  assert.deepEqual([found.total, found.rows[0].email, found.rows[0].banned], [1, "mallory@example.com", false]);
  assert.equal((await operate(`sessions?userId=${mallory.user.id}`)).total, 1);
  assert.equal((await operate("users/ban", { userId: mallory.user.id, reason: "spam" })).banned, true);
  assert.equal(await session(mallory.cookie), null);
  await send("mallory@example.com");
  const banned = await enter("mallory@example.com", await codeOf("mallory@example.com"));
  assert.deepEqual([banned.status, (await banned.json()).error.code], [403, "BANNED_USER"]);
  assert.equal((await operate("users/unban", { userId: mallory.user.id })).banned, false);
  const again = await signIn("mallory@example.com");
  const { rows: [only], total } = await operate(`sessions?userId=${mallory.user.id}`);
  assert.equal(total, 1);
  assert.deepEqual(await operate("sessions/revoke", { sessionId: only.id }), { ok: true });
  assert.equal(await session(again.cookie), null);
  const tables = await (await fetchAt("/_lunora/admin/global/tables", { headers: { authorization } })).text();
  assert.match(tables, /lunora_users/);
});

test("nothing is logged but the mail of development", () => {
  const lines = logged.split("\n").filter((line) => line.includes("@") && !line.startsWith("mail to"));
  assert.deepEqual(lines, []);
});

test("the client signs in without a browser, and its errors have codes", async () => {
  let token = null;
  const auth = createAuth({ url: origin, token: () => token });
  assert.equal(await auth.getSession(), null);
  await auth.sendCode("node@example.com");
  await assert.rejects(auth.signIn("node@example.com", "nonsense"), { code: "INVALID_OTP", status: 400 });
  ({ token } = await auth.signIn("node@example.com", await codeOf("node@example.com")));
  assert.equal((await auth.getSession()).user.email, "node@example.com");
  await auth.signOut();
  await assert.rejects(auth.getSession(), { code: "UNAUTHORIZED", status: 401 });
  await assert.rejects(auth.sendCode("no address"), { code: "BAD_REQUEST" });
});

test("the page signs in, reload keeps the session, and sign-out ends it", { skip }, async () => {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(origin);
    await page.fill("#email", "page@example.com");
    await page.press("#email", "Enter");
    await page.waitForSelector("#otp:visible");
    await page.fill("#otp", await codeOf("page@example.com"));
    await page.press("#otp", "Enter");
    await page.waitForSelector("#mine:visible");
    await page.fill("#text", "bring bread");
    await page.press("#text", "Enter");
    // It comes over the socket, whose caller is known by the cookie.
    await page.waitForSelector("#notes li");
    await page.reload();
    await page.waitForSelector("#notes li");
    assert.equal(await page.textContent("#notes li"), "bring bread");
    assert.equal(await page.textContent("#who"), "page@example.com");
    assert.equal(await page.evaluate(() => document.cookie), "");
    await page.click("#out");
    await page.waitForSelector("#ask:visible");
    await page.reload();
    await page.waitForSelector("#ask:visible");
    assert.deepEqual(problems, []);
  } finally {
    await browser.close();
  }
});
