// Serves a built Worker for development: `node dev.mjs <crate dir> <port> <state dir> [--commands]`.
// Objects, buckets and KV live on disk in the state folder. With `--commands`, a line `reload` on
// standard input takes up the build and the configuration on disk, and its end stops the server.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { readConfig, workerOptions } from "./worker.mjs";

/** Where the calls in an example's README go. */
const DOCUMENTED = "http://127.0.0.1:8787";

/** Miniflare's options. The modules are in memory: a failed reload can return to them. */
export function devOptions(crateDir, port, stateDir) {
  const options = workerOptions(crateDir);
  return {
    ...options,
    modules: options.modules.map((module) => ({ ...module, contents: readFileSync(module.path) })),
    host: "127.0.0.1",
    port: Number(port),
    defaultPersistRoot: resolve(stateDir),
    // GET /cdn-cgi/handler/scheduled?cron=… runs a cron. Only this machine reaches it.
    unsafeTriggerHandlers: true,
  };
}

/** The first calls to paste: the first shell block of the example's README. */
export function firstCalls(crateDir, origin) {
  const readme = join(crateDir, "README.md");
  const text = existsSync(readme) ? readFileSync(readme, "utf8") : "";
  const block = /^```sh\n(.*?)^```$/ms.exec(text)?.[1] ?? `curl -i ${DOCUMENTED}/\n`;
  return block.trimEnd().replaceAll(DOCUMENTED, origin).split("\n");
}

/** The line that runs a cron. */
export const cronCall = (cron, origin) =>
  `curl -s '${origin}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}'`;

/** Whether the Worker configures backups. Without, its admin plane answers no command about them. */
function hasBackups(crateDir) {
  const src = join(crateDir, "src");
  const sources = readdirSync(src, { recursive: true }).filter((file) => file.endsWith(".rs"));
  return sources.some((file) => /^(?!\s*\/\/).*\.backup\(/m.test(readFileSync(join(src, file), "utf8")));
}

function help(crateDir, origin, stateDir) {
  const indented = (lines) => lines.map((line) => `  ${line}`).join("\n");
  const parts = [`Page:   ${origin}/`, `State:  ${resolve(stateDir)}`];
  parts.push("", "Call a function:", indented(firstCalls(crateDir, origin)));
  const crons = readConfig(crateDir).triggers?.crons ?? [];
  if (crons.length > 0) parts.push("", "Run a cron:", indented(crons.map((cron) => cronCall(cron, origin))));
  const token = workerOptions(crateDir).bindings.LUNORA_ADMIN_TOKEN;
  if (token && hasBackups(crateDir)) {
    const status = `LUNORA_ADMIN_TOKEN=${token} cargo run -p lunora-cli -- --url ${origin} backup status`;
    parts.push("", "Ask for the backups:", indented([status]));
  }
  return [...parts, "", "Ctrl-C stops."].join("\n");
}

/** Seconds since `start`, to be read. */
const since = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

async function main([crateDir, port, stateDir, ...flags]) {
  if (!crateDir || !port || !stateDir) {
    console.error("Usage: node dev.mjs <crate dir> <port> <state dir> [--commands]");
    process.exit(2);
  }
  const read = () => devOptions(crateDir, port, stateDir);
  const start = performance.now();
  let good = read();
  const mf = new Miniflare(good);
  const { origin } = await mf.ready;
  console.log(`Serving ${origin} after ${since(start)}.\n\n${help(crateDir, origin, stateDir)}\n`);

  async function reload() {
    const start = performance.now();
    let next;
    try {
      next = read();
      await mf.setOptions(next);
      good = next;
      console.log(`Serving the new build after ${since(start)}: ${origin}/`);
    } catch (error) {
      console.error(`error: could not serve the new build: ${error.message}`);
      // Without options nothing was replaced.
      if (next) await mf.setOptions(good);
      console.log("The last good build is still being served.");
    }
  }

  async function stop() {
    await mf.dispose();
    process.exit(0);
  }
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  if (flags.includes("--commands")) {
    let last = Promise.resolve();
    const commands = createInterface({ input: process.stdin });
    commands.on("line", (line) => {
      if (line === "reload") last = last.then(reload);
    });
    commands.once("close", stop);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2)).catch((error) => {
    console.error(`error: could not start the server: ${error.message}`);
    process.exit(1);
  });
}
