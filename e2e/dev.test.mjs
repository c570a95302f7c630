// The server of `lunora dev`: what it prints works as pasted, and what it reads can change.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Miniflare } from "miniflare";
import { devOptions } from "../crates/lunora-dev/src/server.mjs";
import { freePort, readConfig } from "./worker.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;

let scratch, crate;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "lunora-dev-"));
  crate = join(scratch, "chat");
  // A test writes to its files.
  await cp(CHAT, crate, { recursive: true });
});
after(() => rm(scratch, { recursive: true, force: true }));

const SERVER = new URL("../crates/lunora-dev/src/server.mjs", import.meta.url).pathname;

/** Runs `use` beside a server of `dir`, and ends it as `lunora dev` does. */
async function serving(dir, use) {
  const port = await freePort();
  const options = { dir, port, state: join(scratch, "state"), runtime: import.meta.dirname, tool: "lunora" };
  const program = `${await readFile(SERVER, "utf8")}\nawait main(process.argv[1]);`;
  const args = ["--input-type=module", "--eval", program, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const configure = () => child.stdin.write(`${JSON.stringify(readConfig(dir))}\n`);
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
    configure();
    return printed(wanted, from);
  };
  configure();
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
  assert.ok(help.includes(`Admin:  ${origin}/_lunora/admin\n`), help);
  for (const page of ["/", "/_lunora/admin"]) {
    assert.match(await (await fetch(`${origin}${page}`)).text(), /<!doctype html>/i);
  }

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

test("the printed backup runs, and operators see how to take one by hand", () =>
  serving(crate, async ({ origin, help }) => {
    // A backup needs a message.
    await paste(...below(help, "Call a function:").slice(0, 2));
    const [backup, drill, ...rest] = below(help, "Run a cron:");
    assert.deepEqual(rest, []);
    for (const cron of [backup, drill]) {
      const { head, body } = await paste(cron);
      assert.match(head, /^HTTP\/1.1 200 /);
      assert.equal(body, "ok");
    }
    const lines = below(help, "Take a backup, and list what there is:");
    assert.deepEqual(
      lines.map((line) => line.replace(/TOKEN=\S+/, "TOKEN=…")),
      ["create", "list"].map((verb) => `  LUNORA_ADMIN_TOKEN=… lunora --url ${origin} backup ${verb}`),
    );
  }));

test("nothing is printed of backups that are not configured", async () => {
  const dir = join(scratch, "not-backed-up");
  await cp(crate, dir, { recursive: true });
  const file = join(dir, "src/lib.rs");
  const source = await readFile(file, "utf8");
  assert.ok(source.includes("        .backup(nightly)\n"));
  await writeFile(file, source.replace("        .backup(nightly)\n", ""));
  await serving(dir, async ({ help }) => assert.equal(/backup create/.test(help), false, help));
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

    // A value that Miniflare refuses, a module that does not parse.
    for (const [name, from, to] of [
      ["wrangler.jsonc", '"compatibility_date": "', '"compatibility_date": "never-'],
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
    const mf = new Miniflare(devOptions(readConfig(crate), { dir: crate, port: 0, state: join(scratch, "kept") }));
    try {
      return await use(await mf.getR2Bucket("BACKUPS"));
    } finally {
      await mf.dispose();
    }
  };
  await using(async (bucket) => void (await bucket.put("key", "value")));
  assert.equal(await using(async (bucket) => (await bucket.get("key"))?.text()), "value");
});
