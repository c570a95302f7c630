// What a query across shards costs, by the number of shards: in a Worker of lunora, and in the least
// that JavaScript can do with the same concurrency.
//
//   node fan-out.mjs <rounds>
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { modulesOf } from "../e2e/worker.mjs";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { Miniflare } = require("miniflare");
const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const rounds = Number(process.argv[2]);
const SIZES = [1, 10, 100, 1000];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const bindings = { FAN_OUT: "yes", SHARDS: "1", ROWS: "0" };
const shared = {
  compatibilityDate: "2026-04-01",
  bindings,
  durableObjects: { SHARD: { className: "Shard", scriptName: "shards" } },
};
const mf = new Miniflare({
  cf: false,
  workers: [
    { name: "shards", modules: true, scriptPath: here("shard.mjs"), compatibilityDate: "2026-04-01", bindings, durableObjects: { SHARD: "Shard" } },
    { ...shared, name: "lunora", ...modulesOf(here("worker/build")), r2Buckets: ["BUCKET"], bindings: { ...bindings, LUNORA_ADMIN_TOKEN: "a-token-for-benchmarks-only" } },
    { ...shared, name: "javascript", modules: true, scriptPath: here("asker.mjs") },
  ],
});

try {
  const contenders = {};
  for (const name of ["lunora", "javascript"]) {
    const worker = await mf.getWorker(name);
    contenders[name] = async (shards) => {
      const body = JSON.stringify({
        functionPath: "rows:count", args: {}, fanOut: { table: `of-${shards}`, merge: { kind: "concat" } },
      });
      const start = performance.now();
      const response = await worker.fetch("http://bench/_lunora/rpc", { method: "POST", body });
      const answer = await response.json();
      const ms = performance.now() - start;
      if (answer.ok !== shards) throw new Error(`${name}: ${JSON.stringify(answer).slice(0, 200)}`);
      return ms;
    };
  }
  console.log(`a query across shards on workerd, 16 at a time; medians of ${rounds} rounds, taken in turn\n`);
  for (const shards of SIZES) {
    const times = { lunora: [], javascript: [] };
    // The first round wakes the objects.
    for (let round = 0; round <= rounds; round++) {
      for (const [name, ask] of Object.entries(contenders)) {
        const ms = await ask(shards);
        if (round > 0) times[name].push(ms);
      }
    }
    const [ours, theirs] = [median(times.lunora), median(times.javascript)];
    const each = ((ours * 1000) / shards).toFixed(0);
    console.log(`${String(shards).padStart(5)} shards  lunora ${ours.toFixed(1).padStart(7)} ms, ${each.padStart(5)} us a shard  JavaScript ${theirs.toFixed(1).padStart(7)} ms  ratio ${(ours / theirs).toFixed(2)}`);
  }
} finally {
  await mf.dispose();
}
