// Serves a built Worker for people: `node dev.mjs <crate dir> <port> <state dir>`. Objects, buckets and
// KV live on disk in the state folder. A new build is picked up without a restart. Ctrl-C stops it.
import { watch } from "node:fs";
import { resolve } from "node:path";
import { Miniflare } from "miniflare";
import { readConfig, workerOptions } from "./worker.mjs";

const [crateDir, port, stateDir] = process.argv.slice(2);
if (!crateDir || !port || !stateDir) {
  console.error("Usage: node dev.mjs <crate dir> <port> <state dir>");
  process.exit(2);
}

const options = () => ({
  ...workerOptions(crateDir),
  host: "127.0.0.1",
  port: Number(port),
  defaultPersistRoot: resolve(stateDir),
  // GET /cdn-cgi/handler/scheduled?cron=… runs a cron.
  unsafeTriggerHandlers: true,
});
const mf = new Miniflare(options());
const { origin } = await mf.ready;
const crons = readConfig(crateDir).triggers?.crons ?? [];

console.log(`\nServing ${origin}, state in ${resolve(stateDir)}. Ctrl-C stops.`);
console.log(`Try:  curl -i ${origin}/`);
for (const cron of crons) console.log(`Cron: curl '${origin}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}'`);

let timer;
watch(crateDir, (_, name) => {
  if (name !== "build") return;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    await mf.setOptions(options()).then(
      () => console.log("Reloaded the new build."),
      (error) => console.error(`Could not load the new build: ${error.message}`),
    );
  }, 200);
});

async function stop() {
  clearTimeout(timer);
  await mf.dispose();
  process.exit(0);
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
// Whoever holds the other end may die without a word.
if (process.argv.includes("--stop-with-stdin")) process.stdin.resume().once("end", stop);
