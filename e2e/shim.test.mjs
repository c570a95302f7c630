// The entry point lunora-build writes, on the runtime: what it defines, and how it fares among other Workers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;
/** Exports no `queue`. */
const DRILL = new URL("drill", import.meta.url).pathname;
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };

async function withMiniflare(options, use) {
  const mf = new Miniflare({ ...options, ...quiet });
  try {
    await use(mf);
  } finally {
    await mf.dispose();
  }
}

test("a handler the crate does not export is not defined", async () => {
  const message = { id: "1", timestamp: new Date(), body: "x", attempts: 1 };
  await withMiniflare(workerOptions(DRILL), async (mf) => {
    assert.notEqual((await (await mf.getWorker()).queue("jobs", [message])).outcome, "ok");
  });
  await withMiniflare(workerOptions(FIXTURE), async (mf) => {
    assert.equal((await (await mf.getWorker()).scheduled({ cron: "*/5 * * * *" })).outcome, "ok");
  });
});

test("a panic in an object of another isolate rejects the stub's call, and harms no one else", async () => {
  const { name, durableObjects, ...fixture } = workerOptions(FIXTURE);
  const objects = (more) => ({ ...durableObjects, PROBE: { ...durableObjects.PROBE, ...more } });
  const workers = [
    { ...fixture, name: "front", durableObjects: objects({ scriptName: "back" }) },
    { ...fixture, name: "back", durableObjects: objects() },
  ];
  await withMiniflare({ workers }, async (mf) => {
    const get = (path) => mf.dispatchFetch(`http://fixture${path}`);
    const unharmed = get("/slow?ms=500");
    const answer = await get("/probe/a/panic");
    assert.equal(answer.status, 500);
    assert.doesNotMatch(await answer.text(), /secret/);
    assert.equal(await (await unharmed).text(), "slow");
    assert.equal((await get("/probe/a/rows")).status, 200);
  });
});

test("serve.mjs says where it listens, and stops with its input", async () => {
  const server = spawn(process.execPath, [new URL("serve.mjs", import.meta.url).pathname, FIXTURE]);
  const [line] = await once(server.stdout.setEncoding("utf8"), "data");
  const [, url] = /^READY (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line);
  assert.equal((await fetch(`${url}/probe/a/rows`)).status, 200);
  server.stdin.end();
  const [code] = await once(server, "exit");
  assert.equal(code, 0);
});
