// The trace of a run without a client, in the log of the Worker and of its shards.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Deployment, TOKEN } from "./deployment.mjs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

let deployment, log = "";
before(() => {
  const handleRuntimeStdio = (...streams) => streams.forEach((stream) => stream.on("data", (text) => (log += text)));
  deployment = new Deployment({ handleRuntimeStdio });
});
after(() => deployment.close());

/** Returns the ids of the traces of the lines that name the fault, once there are `count` since `from`. */
async function traces(from, count) {
  const line = /a fault of the drill.*?\[trace ([0-9a-f]{32})\]/gs;
  const found = () => [...log.slice(from).matchAll(line)].map(([, id]) => id);
  for (const until = Date.now() + 5_000; found().length < count && Date.now() < until; ) await sleep(10);
  assert.equal(found().length, count, log.slice(from));
  return found();
}

test("a cron run has one trace, which its shard logs", async () => {
  const worker = await deployment.mf.getWorker();
  const seen = new Set();
  for (let run = 0; run < 2; run++) {
    const from = log.length;
    assert.equal((await worker.scheduled({ cron: "0 6 * * *" })).outcome, "exception");
    for (const trace of await traces(from, 1)) seen.add(trace);
  }
  assert.equal(seen.size, 2);
});

test("an operator's run, a scheduled dispatch and an operation continue the trace of their request", async () => {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", traceparent: PARENT };
  for (const [path, body] of [
    ["/_lunora/admin/cron-jobs/run", { name: "fails" }],
    ["/_lunora/scheduler/dispatch", { functionPath: "drill:fail" }],
  ]) {
    const from = log.length;
    const answer = await deployment.mf.dispatchFetch(`http://drill${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.status >= 500, `${path}: ${answer.status}`);
    await answer.text();
    for (const trace of await traces(from, 1)) assert.equal(trace, TRACE, path);
  }
});
