// A built Worker's options for Miniflare. Its wrangler.jsonc is the one place that says which
// objects, buckets and variables it has: what works here works under wrangler.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { parse, printParseErrorCode } from "jsonc-parser";
import { unknownKeys, workerOptions as optionsOf } from "../crates/lunora-dev/src/server.mjs";

export { modulesOf } from "../crates/lunora-dev/src/server.mjs";

/** The parsed wrangler.jsonc of a crate. */
export function readConfig(crateDir) {
  const file = join(crateDir, "wrangler.jsonc");
  const errors = [];
  const config = parse(readFileSync(file, "utf8"), errors, { allowTrailingComma: true });
  for (const { error, offset } of errors) throw new Error(`${file}, at byte ${offset}: ${printParseErrorCode(error)}`);
  const unknown = unknownKeys(config);
  if (unknown.length > 0) throw new Error(`${file}: not passed on to Miniflare: ${unknown.join(", ")}`);
  return config;
}

/** Miniflare's options for the Worker in `crateDir`, built by lunora-build. */
export function workerOptions(crateDir) {
  const dir = resolve(crateDir);
  return optionsOf(readConfig(dir), dir);
}

/** The ids of the workerd processes that Miniflare started from here. */
export function workerdProcesses() {
  const list = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)]).toString().split("\n");
  return list.filter((line) => line.includes("workerd")).map((line) => Number(line.trim().split(/\s+/)[0]));
}

/** A port without a listener. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
