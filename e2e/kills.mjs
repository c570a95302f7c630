// Kills workerd at random points of random operations on a drill, and checks after each what must be
// true of its rows and its snapshots: `cargo xtask kills [--runs N] [--seed S]`.
import { parseArgs } from "node:util";
import { Random } from "./kills/model.mjs";
import { restore } from "./kills/restore.mjs";
import { Drill } from "./kills/rules.mjs";

/** How many operations one drill lives through. */
const LIVES = 10;
// One drill in five has snapshots of several parts.
const ROWS = [15, 15, 15, 100, 15];
const OPERATIONS = [
  ["mutations", 2], ["create", 3], ["trigger", 3], ["retention", 2], ["restore", 6], ["import", 1],
];

/** Kills so many times, and counts what was checked. A broken rule is an error that names seed and run. */
export async function kills({ runs, seed, log = () => {}, rows = ROWS }) {
  const weighted = OPERATIONS.flatMap(([name, weight]) => Array(weight).fill(name));
  const counts = {};
  let run = 0;
  for (let life = 0; run < runs; life++) {
    const drill = new Drill(new Random(seed + life), rows[life % rows.length]);
    let name = "populate";
    try {
      await drill.populate();
      for (let lives = 0; lives < LIVES && run < runs; lives++) {
        // How many numbers an operation draws depends on when it was killed: the next one starts anew.
        drill.random = new Random(seed + 7919 * (life * LIVES + lives + 1));
        name = drill.random.pick(weighted);
        const [started, killed] = [Date.now(), drill.kills];
        if (name === "restore") await restore(drill);
        else await drill[name]();
        run += drill.kills - killed;
        log(`${run}: ${name}, ${drill.kills - killed} kills, ${drill.snapshots.size} snapshots, ${Date.now() - started} ms`);
      }
    } catch (error) {
      error.message = `seed ${seed}, run ${run + 1}, ${name}: ${error.message}`;
      throw error;
    } finally {
      await drill.victim.close().catch(() => {});
    }
    for (const [what, count] of Object.entries(drill.checks)) counts[what] = (counts[what] ?? 0) + count;
  }
  return counts;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { values } = parseArgs({ options: { runs: { type: "string" }, seed: { type: "string" } } });
  const runs = Number(values.runs ?? 200);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const started = Date.now();
  console.log(`Seed ${seed}, ${runs} runs`);
  try {
    const counts = await kills({ runs, seed, log: console.log });
    for (const [what, count] of Object.entries(counts).sort()) console.log(`  ${String(count).padStart(4)} ${what}`);
    console.log(`${runs} runs, no broken rule, ${Math.round((Date.now() - started) / 1000)} s`);
  } catch (error) {
    console.error(`${error.message}\n${error.stack}`);
    process.exit(1);
  }
}
