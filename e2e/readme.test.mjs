// The application that README.md shows, built from exactly that text by `cargo xtask test`: its shell lines are
// pasted while `lunora dev` serves it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { TOOLS, developing } from "./tool.mjs";

const APP = new URL("../target/template/readme", import.meta.url).pathname;
const README = new URL("../README.md", import.meta.url).pathname;

test("the lines of the README work as pasted", { timeout: 240_000 }, () => developing(APP, async (origin) => {
  const readme = await readFile(README, "utf8");
  const blocks = Array.from(readme.matchAll(/^```sh\n(.*?)^```$/gms), ([, block]) => block);
  const block = blocks.find((block) => block.includes("/_lunora/rpc"));
  const lines = block.replaceAll("http://127.0.0.1:8787", origin);
  const env = { ...process.env, PATH: `${TOOLS}:${process.env.PATH}`, LUNORA_URL: origin };
  const { stdout } = await promisify(execFile)("sh", ["-ec", lines], { env, cwd: APP, timeout: 60_000 });
  assert.match(stdout, /"name":"Ada","text":"hello".*"name":"Ada","text":"hello"/s);
  assert.match(stdout, /1 rows?/);
  assert.match(stdout, /drill|restored|compared/i);
}));
