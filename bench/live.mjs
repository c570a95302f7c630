// What a write costs that live queries wait for: in a shard of lunora, and in an object written by
// hand. Each round ends when the last client has its new value.
//
//   node live.mjs <rounds>
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { modulesOf } from "../e2e/worker.mjs";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { Miniflare } = require("miniflare");
const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const rounds = Number(process.argv[2]);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const shared = { compatibilityDate: "2026-04-01", cf: false };
const contenders = {
  lunora: () => new Miniflare({
    ...shared,
    ...modulesOf(here("../simulation/build")),
    durableObjects: { SHARD: { className: "Folder", useSQLite: true }, SHARD_REGISTRY: { className: "ShardRegistry", useSQLite: true } },
    r2Buckets: ["BACKUPS"],
    bindings: { LUNORA_ADMIN_TOKEN: "a-token-for-benchmarks-only" },
  }),
  JavaScript: () => new Miniflare({
    ...shared, modules: true, scriptPath: here("live-object.mjs"),
    durableObjects: { SHARD: { className: "Folder", useSQLite: true } },
  }),
};

/** Rows: how many sockets, how many subscriptions each has, and the document of each. */
const ROWS = [
  ["1,000 sockets, one query", 1000, 1, () => ({ name: "doc" })],
  ["1,024 queries, one of them touched", 32, 32, (n) => ({ name: n === 0 ? "doc" : `doc-${n}` })],
  ["1,024 queries, all of them touched", 32, 32, (n) => ({ name: "doc", pad: String(n) })],
];
const SIZES = [100, 10_000, 100_000];

async function measure(start, [, sockets, each, argsOf], bytes) {
  const mf = start();
  const headers = { authorization: "Bearer user:ada" };
  try {
    let version = -1, missing = 0, done;
    const hear = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "data" && frame.data?.text?.startsWith(`${version} `) && --missing === 0) done();
    };
    const write = async () => {
      version++;
      const args = { op: `op-${version}`, name: "doc", private: false, fails: false, text: `${version} ${"x".repeat(bytes)}` };
      const body = JSON.stringify({ functionPath: "docs:put", shardKey: "live", args });
      const response = await mf.dispatchFetch("http://bench/_lunora/rpc", { method: "POST", headers, body });
      const answer = await response.text();
      if (response.status !== 200) throw new Error(answer.slice(0, 300));
    };
    await write();
    let touched = 0, subscribed = 0;
    for (let at = 0; at < sockets; at++) {
      const { webSocket } = await mf.dispatchFetch("http://bench/_lunora/ws?shard=live", { headers: { ...headers, upgrade: "websocket" } });
      webSocket.accept();
      for (let n = 0; n < each; n++) {
        const args = argsOf(subscribed++);
        if (args.name === "doc") touched++;
        const first = new Promise((resolve) => {
          const acknowledged = ({ data }) => {
            if (!data.includes('"ack"')) return;
            webSocket.removeEventListener("message", acknowledged);
            resolve();
          };
          webSocket.addEventListener("message", acknowledged);
        });
        webSocket.send(JSON.stringify({ type: "subscribe", id: `sub_${n}`, query: { functionPath: "docs:get", args } }));
        await first;
      }
      webSocket.addEventListener("message", hear);
    }
    const times = [];
    for (let round = 0; round <= rounds; round++) {
      missing = touched;
      const heard = new Promise((resolve) => (done = resolve));
      const begin = performance.now();
      await write();
      await heard;
      // The first round warms up.
      if (round > 0) times.push(performance.now() - begin);
    }
    return median(times);
  } finally {
    await mf.dispose();
  }
}

console.log(`a write and the live values that follow, on workerd; medians of ${rounds} rounds\n`);
for (const row of ROWS) {
  for (const bytes of SIZES) {
    const ours = await measure(contenders.lunora, row, bytes);
    const theirs = await measure(contenders.JavaScript, row, bytes);
    console.log(`${row[0].padEnd(36)} ${String(bytes).padStart(6)} B  lunora ${ours.toFixed(2).padStart(7)} ms  JavaScript ${theirs.toFixed(2).padStart(7)} ms  ratio ${(ours / theirs).toFixed(2)}`);
  }
}
