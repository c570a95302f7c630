// The command-line tool, as the tests run it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./worker.mjs";

/** The folder of the built tool. */
export const TOOLS = new URL("../target/debug", import.meta.url).pathname;

/** Runs `use` while `lunora dev` serves the application in `dir`, whose release build is there already. */
export async function developing(dir, use) {
  const port = await freePort();
  const child = spawn(join(TOOLS, "lunora"), ["dev", "--release", "--port", String(port)], { cwd: dir, detached: true });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  try {
    while (!output.includes("Ctrl-C stops.")) {
      assert.ok(child.exitCode === null && !output.includes("error: "), output);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await use(`http://127.0.0.1:${port}`, output);
  } finally {
    // As a terminal does it: the whole group.
    process.kill(-child.pid, "SIGINT");
    await ended;
    await rm(join(dir, ".state"), { recursive: true, force: true });
  }
}
