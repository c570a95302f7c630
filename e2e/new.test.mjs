// The applications of `lunora new`, made and built by `cargo xtask test`, as they run.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { developing } from "./tool.mjs";
import { workerOptions } from "./worker.mjs";

const app = (kind) => new URL(`../target/template/new-${kind}`, import.meta.url).pathname;
const EXECUTABLE = process.env.LUNORA_BROWSER;
const skip = EXECUTABLE ? false : "no Chromium: name it in LUNORA_BROWSER";
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };

for (const kind of ["plain", "pages", "axum"]) {
  describe(kind, () => {
    let mf, origin;
    before(async () => {
      mf = new Miniflare({ ...workerOptions(app(kind)), ...quiet, host: "127.0.0.1", port: 0 });
      origin = String(await mf.ready).replace(/\/$/, "");
    });
    after(() => mf.dispose());

    async function post(call) {
      const response = await fetch(`${origin}/_lunora/rpc`, { method: "POST", body: JSON.stringify(call) });
      return { status: response.status, ...(await response.json()) };
    }
    const rpc = (functionPath, args, shardKey = "__root__") => post({ functionPath, args, shardKey });
    const titles = async (shardKey) => (await rpc("tasks:list", {}, shardKey)).result.map(({ title }) => title);

    test("the page is served with its files", async () => {
      const get = async (path) => {
        const response = await fetch(`${origin}${path}`);
        assert.equal(response.status, 200, path);
        return [response.headers.get("content-type"), await response.text()];
      };
      const [type, page] = await get("/");
      assert.equal(type, "text/html; charset=utf-8");
      assert.ok(page.includes(`<h1>new-${kind}</h1>`), page);
      const files = Array.from(page.matchAll(/(?:src|href)="(\/[^"]*)"/g), ([, path]) => path);
      assert.deepEqual(files, ["/style.css", "/app.js"]);
      assert.deepEqual((await Promise.all(files.map(get))).map(([type]) => type), [
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
      ]);
      assert.equal((await fetch(`${origin}/nowhere`)).status, 404);
    });

    test("a task is added to its list, and read back", async () => {
      const added = await rpc("tasks:add", { title: " bread " }, "groceries");
      assert.equal(added.status, 200, JSON.stringify(added));
      assert.deepEqual(await titles("groceries"), ["bread"]);
      assert.deepEqual(await titles("chores"), []);
    });

    test("arguments are checked", async () => {
      const refused = await rpc("tasks:add", { title: " " }, "groceries");
      assert.deepEqual([refused.status, refused.error.code], [400, "VALIDATION_ERROR"]);
    });

    test("a query across the lists adds up their tasks", async () => {
      const across = async () => {
        const fanOut = { table: "tasks", merge: { kind: "sum" } };
        const answer = await post({ functionPath: "tasks:count", args: {}, fanOut });
        assert.equal(answer.failed, 0);
        return answer.data;
      };
      const before = await across();
      for (const list of ["one", "two"]) await rpc("tasks:add", { title: "bread" }, list);
      assert.equal(await across(), before + 2);
    });

    test("the triggers tidy up the default list, and back up every list", async () => {
      await rpc("tasks:add", { title: "done" });
      assert.deepEqual(await titles(), ["done"]);
      const worker = await mf.getWorker();
      assert.equal((await worker.scheduled({ cron: "0 3 * * *" })).outcome, "ok");
      assert.equal((await worker.scheduled({ cron: "0 4 * * *" })).outcome, "ok");
      assert.deepEqual(await titles(), []);
      const { objects } = await (await mf.getR2Bucket("BACKUPS")).list();
      assert.equal(objects.filter(({ key }) => /manifest/.test(key)).length, 1, JSON.stringify(objects.map(({ key }) => key)));
    });

    test("two windows show the same list at once", { skip }, async () => {
      const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ["--headless", "--no-sandbox"] });
      try {
        const problems = [];
        const open = async () => {
          const page = await browser.newPage();
          page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
          page.on("pageerror", (error) => problems.push(error.message));
          await page.goto(`${origin}/?list=windows`);
          await page.waitForFunction(() => document.getElementById("all").textContent !== "");
          return page;
        };
        const [one, two] = [await open(), await open()];
        await one.fill("#add input", "milk");
        await one.press("#add input", "Enter");
        for (const page of [one, two]) await page.waitForSelector("#tasks li:text-is('milk')");
        assert.equal(await one.inputValue("#choose input"), "windows");
        assert.deepEqual(problems, []);
      } finally {
        await browser.close();
      }
    });
  });
}

test("the form of a rendered page works without JavaScript", async () => {
  const mf = new Miniflare({ ...workerOptions(app("pages")), ...quiet });
  try {
    const body = new URLSearchParams({ title: "<b>bread</b>" });
    const sent = await mf.dispatchFetch("http://app.test/?list=a%26b", {
      method: "POST", redirect: "manual", headers: { origin: "http://app.test" }, body,
    });
    assert.deepEqual([sent.status, sent.headers.get("location")], [303, "/?list=a%26b"]);
    const page = await (await mf.dispatchFetch("http://app.test/?list=a%26b")).text();
    assert.ok(page.includes("<li>&lt;b&gt;bread&lt;/b&gt;</li>"), page);
  } finally {
    await mf.dispose();
  }
});

test("`lunora dev` builds and serves the application, and stops with Ctrl-C", { timeout: 240_000 }, () =>
  developing(app("plain"), async (origin, output) => {
    const page = await (await fetch(`${origin}/`)).text();
    assert.ok(page.includes("<h1>new-plain</h1>"), page);
    for (const line of ["tasks:add", "scheduled?cron=0%203%20*%20*%20*", "backup create"]) assert.ok(output.includes(line), output);
  }));
