// Takes backups of several sizes, and copies the same bytes with JavaScript, side by side.
//
//   node backup.mjs <MiB> <rounds>
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { modulesOf } from "../e2e/worker.mjs";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { Miniflare } = require("miniflare");
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

const MIB = 1024 * 1024;
const SHARDS = 16;
const TOKEN = "a-token-for-benchmarks-only";
const [largest, rounds] = process.argv.slice(2).map(Number);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const rate = (bytes, ms) => bytes / MIB / (ms / 1000);

/** Every Worker over shards that have `mib` MiB together. */
async function serve(mib) {
  const dir = mkdtempSync(join(tmpdir(), "lunora-bench-"));
  const bindings = { SHARDS: String(SHARDS), ROWS: String(Math.ceil((mib * MIB) / SHARDS / 998)) };
  const shared = {
    compatibilityDate: "2026-04-01",
    bindings,
    r2Buckets: { BUCKET: "bench" },
    durableObjects: { SHARD: { className: "Shard", scriptName: "shards" } },
  };
  const mf = new Miniflare({
    cf: false,
    r2Persist: dir,
    workers: [
      { name: "shards", modules: true, scriptPath: here("shard.mjs"), bindings, compatibilityDate: "2026-04-01", durableObjects: { SHARD: "Shard" } },
      { ...shared, name: "lunora", ...modulesOf(here("worker/build")), bindings: { ...bindings, LUNORA_ADMIN_TOKEN: TOKEN } },
      { ...shared, name: "copier", modules: true, scriptPath: here("copier.mjs") },
    ],
  });
  const workers = { lunora: await mf.getWorker("lunora"), copier: await mf.getWorker("copier") };
  const ask = async (worker, path, method = "GET") => {
    const response = await workers[worker].fetch(`http://bench${path}`, {
      method, headers: { authorization: `Bearer ${TOKEN}` },
    });
    if (!response.ok) throw new Error(`${worker} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const contenders = {
    "lunora, a verified backup": async () => (await (await ask("lunora", "/_lunora/admin/backup/create", "POST")).json()).bytes,
    "JavaScript, the same lines": async () => (await (await ask("copier", "/lines")).json()).bytes,
    "JavaScript, bytes unread": async () => (await (await ask("copier", "/copy")).json()).bytes,
  };
  const memory = async () => Number(await (await ask("lunora", "/memory")).text());
  const close = async () => {
    await mf.dispose();
    rmSync(dir, { recursive: true, force: true });
  };
  return { contenders, memory, close };
}

console.log(`backups over ${SHARDS} shards on workerd, R2 on local disk; medians of ${rounds} rounds, taken in turn\n`);
for (const mib of [largest / 16, largest / 4, largest].filter((mib) => mib >= 1)) {
  const { contenders, memory, close } = await serve(mib);
  try {
    const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    let bytes = 0;
    for (let round = 0; round < rounds; round++) {
      for (const [name, run] of Object.entries(contenders)) {
        const start = performance.now();
        const written = await run();
        times[name].push(rate(written, performance.now() - start));
        if (name.startsWith("lunora")) bytes = written;
      }
    }
    const [ours] = Object.values(times).map(median);
    console.log(`${(bytes / MIB).toFixed(0)} MiB, peak wasm memory ${((await memory()) / MIB).toFixed(1)} MiB`);
    for (const [name, rates] of Object.entries(times)) {
      const spread = `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`;
      console.log(`  ${name.padEnd(28)} ${median(rates).toFixed(0).padStart(5)} MiB/s (${spread})  lunora is ${(ours / median(rates)).toFixed(2)} of it`);
    }
  } finally {
    await close();
  }
}
