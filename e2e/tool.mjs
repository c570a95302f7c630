// The command-line tool, as the tests run it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "./worker.mjs";

/** The folder of the built tool. */
export const TOOLS = new URL("../target/debug", import.meta.url).pathname;

/** Runs `use` while `lunora dev` serves the application in `dir`, whose release build is there already. */
export const developing = (dir, use) =>
  following(dir, ["--release"], { tool: join(TOOLS, "lunora") }, async ({ origin, printed, output }) => {
    await printed("Ctrl-C stops.");
    await use(origin, output());
  });

/** Runs `use` beside `lunora dev` with `options` in `dir`. `printed` waits for a text that it prints after `from`. */
export async function following(dir, options, { tool, env = process.env }, use) {
  const port = await freePort();
  const child = spawn(tool, ["dev", "--port", String(port), ...options], { cwd: dir, env, detached: true });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const printed = async (text, from = 0) => {
    while (!output.includes(text, from)) {
      assert.ok(child.exitCode === null && !output.includes("error: ", from), output);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return output.slice(from);
  };
  try {
    await use({ origin: `http://127.0.0.1:${port}`, printed, output: () => output });
  } finally {
    // As a terminal does it: the whole group.
    process.kill(-child.pid, "SIGINT");
    await ended;
    await rm(join(dir, ".state"), { recursive: true, force: true });
  }
}
