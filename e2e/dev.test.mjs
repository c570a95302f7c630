// `dev.mjs`, as `cargo xtask dev` runs it: what it prints works as pasted, and what it reads can change.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Miniflare } from "miniflare";
import { devOptions } from "./dev.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;

let scratch, crate;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "lunora-dev-"));
  crate = join(scratch, "chat");
  // A test writes to its files.
  await cp(CHAT, crate, { recursive: true });
});
after(() => rm(scratch, { recursive: true, force: true }));

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs `use` beside a server of `dir`, and ends it as `cargo xtask dev` does. */
async function serving(dir, use) {
  const port = await freePort();
  const args = ["dev.mjs", dir, String(port), join(scratch, "state"), "--commands"];
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  /** Waits for a text in what the server prints after `from`. */
  const printed = async (text, from = 0) => {
    for (const deadline = Date.now() + 20_000; !output.slice(from).includes(text); ) {
      assert.ok(Date.now() < deadline && child.exitCode === null, `no "${text}" in:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return output.slice(from);
  };
  const reload = (wanted) => {
    const from = output.length;
    child.stdin.write("reload\n");
    return printed(wanted, from);
  };
  try {
    const help = await printed("Ctrl-C stops.");
    return await use({ origin: `http://127.0.0.1:${port}`, help, reload });
  } finally {
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    assert.equal(await ended, 0, output);
    clearTimeout(timer);
  }
}

/** The lines below a heading of the help, as a person would copy them. */
function below(help, heading) {
  const lines = help.split("\n");
  const start = lines.indexOf(heading) + 1;
  assert.ok(start > 0, help);
  return lines.slice(start, lines.indexOf("", start));
}

/** Runs lines as they are; the body and the head of the last answer. A `.curlrc` of its own keeps the head. */
async function paste(...lines) {
  const head = join(scratch, "head");
  await writeFile(join(scratch, ".curlrc"), `dump-header = "${head}"\n`);
  const options = { timeout: 10_000, env: { ...process.env, CURL_HOME: scratch } };
  const { stdout } = await promisify(execFile)("sh", ["-c", lines.join("\n")], options);
  return { body: stdout, head: await readFile(head, "utf8") };
}

test("the printed calls work as pasted", () => serving(crate, async ({ origin, help }) => {
  assert.ok(help.includes(`Page:   ${origin}/\n`), help);
  assert.match(await (await fetch(`${origin}/`)).text(), /<!doctype html>/i);

  const [signIn, send, list, ...rest] = below(help, "Call a function:");
  assert.deepEqual(rest, []);
  for (const [line, check] of [
    [send, (result) => assert.deepEqual([result.author, result.text], ["ada", "hello"])],
    [list, (result) => assert.deepEqual(result.map(({ text }) => text), ["hello"])],
  ]) {
    assert.ok(line.includes(`${origin}/_lunora/rpc`), line);
    const { head, body } = await paste(signIn, line);
    assert.match(head, /^HTTP\/1.1 200 [^]*content-type: application\/json/i);
    check(JSON.parse(body).result);
  }
}));

test("a printed cron runs, and nothing is printed of backups that are not configured", () =>
  serving(crate, async ({ help }) => {
    const [cron] = below(help, "Run a cron:");
    const { head, body } = await paste(cron);
    assert.match(head, /^HTTP\/1.1 200 /);
    assert.equal(body, "ok");
    assert.equal(/backup/i.test(help), false, help);
  }));

test("a Worker with backups is shown with the operator's command", async () => {
  const dir = join(scratch, "backed-up");
  await cp(crate, dir, { recursive: true });
  await writeFile(join(dir, "src/backup.rs"), "fn app() {\n    builder\n        .backup(nightly)\n}\n");
  await serving(dir, async ({ origin, help }) => {
    const [status] = below(help, "Ask for the backups:");
    assert.match(status, /^ *LUNORA_ADMIN_TOKEN=\S+ cargo run -p lunora-cli -- --url (\S+) backup status$/);
    assert.ok(status.includes(origin), status);
  });
});

test("a changed configuration is served, and a broken one leaves the last good one", () =>
  serving(crate, async ({ origin, reload }) => {
    const status = async () => (await fetch(`${origin}/curl`)).status;
    const change = async (name, from, to, wanted) => {
      const file = join(crate, name);
      const text = await readFile(file, "utf8");
      assert.ok(text.includes(from), name);
      await writeFile(file, text.replace(from, to));
      await reload(wanted);
      return () => writeFile(file, text);
    };
    const [served, kept] = ["Serving the new build", "The last good build is still being served."];
    assert.equal(await status(), 200);
    let undo = await change(".dev.vars", 'AUTH_SECRET="', 'OTHER="', served);
    assert.equal(await status(), 500);
    await undo();
    await reload(served);
    assert.equal(await status(), 200);

    // A typing mistake, an unknown option, a module that does not parse.
    for (const [name, from, to] of [
      ["wrangler.jsonc", '"name":', '"name"'],
      ["wrangler.jsonc", '"name":', '"unknown": 1, "name":'],
      ["build/shim.js", "import", "import import"],
    ]) {
      undo = await change(name, from, to, kept);
      assert.equal(await status(), 200, `${name}: ${to}`);
      await undo();
      await reload(served);
      assert.equal(await status(), 200);
    }
  }));

test("rows and objects of R2 outlive a restart", async () => {
  const using = async (use) => {
    const mf = new Miniflare(devOptions(crate, 0, join(scratch, "kept")));
    try {
      return await use(await mf.getR2Bucket("BACKUPS"));
    } finally {
      await mf.dispose();
    }
  };
  await using(async (bucket) => void (await bucket.put("key", "value")));
  assert.equal(await using(async (bucket) => (await bucket.get("key"))?.text()), "value");
});
