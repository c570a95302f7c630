// The application that README.md shows, built from exactly that text by `cargo xtask test`: its shell lines are
// pasted while `lunora dev` serves it.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "./worker.mjs";

const APP = new URL("../target/template/readme", import.meta.url).pathname;
const README = new URL("../README.md", import.meta.url).pathname;
const TOOLS = new URL("../target/debug", import.meta.url).pathname;

test("the lines of the README work as pasted", { timeout: 240_000 }, async () => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  // The release build is there already.
  const child = spawn(join(TOOLS, "lunora"), ["dev", "--release", "--port", String(port)], { cwd: APP, detached: true });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  try {
    while (!output.includes("Ctrl-C stops.")) {
      assert.ok(child.exitCode === null && !output.includes("error: "), output);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const readme = await readFile(README, "utf8");
    const blocks = Array.from(readme.matchAll(/^```sh\n(.*?)^```$/gms), ([, block]) => block);
    const block = blocks.find((block) => block.includes("/_lunora/rpc"));
    const lines = block.replaceAll("http://127.0.0.1:8787", origin);
    const env = { ...process.env, PATH: `${TOOLS}:${process.env.PATH}`, LUNORA_URL: origin };
    const { stdout } = await promisify(execFile)("sh", ["-ec", lines], { env, cwd: APP, timeout: 60_000 });
    assert.match(stdout, /"name":"Ada","text":"hello".*"name":"Ada","text":"hello"/s);
    assert.match(stdout, /1 rows?/);
    assert.match(stdout, /drill|restored|compared/i);
  } finally {
    process.kill(-child.pid, "SIGINT");
    await ended;
    await rm(join(APP, ".state"), { recursive: true, force: true });
  }
});
