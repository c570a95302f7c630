// Calls that a mutation leaves for later, made by the alarm of the object on workerd.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { Client } from "./client.mjs";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), "lunora-scheduled-"));
const serve = () => new Miniflare({
  ...workerOptions(DRILL),
  handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  durableObjectsPersist: dir,
});
let mf;
before(() => (mf = serve()));
after(async () => {
  await mf.dispose();
  rmSync(dir, { recursive: true, force: true });
});

async function rpc(functionPath, args, shardKey) {
  const response = await mf.dispatchFetch("http://scheduled.test/_lunora/rpc", { method: "POST", body: JSON.stringify({ functionPath, args, shardKey }) });
  const { result, error } = await response.json();
  assert.equal(error, undefined, JSON.stringify(error));
  return result;
}

const later = (shard, label, ms, rest) => rpc("drill:later", { label, ms, ...rest }, shard);
const labels = async (shard) => (await rpc("notes:list", {}, shard)).map(({ text }) => text.split(" ")[0]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition, message) {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) if (await condition()) return;
  assert.fail(message);
}

test("a scheduled call is made when it is due, and a live query shows it", async () => {
  const watcher = await Client.open(mf, "due");
  assert.deepEqual((await watcher.first("sub_1", "notes:list")).data, []);
  await later("due", "second", 1200);
  await later("due", "first", 400);
  assert.deepEqual(await labels("due"), []);
  assert.deepEqual((await watcher.next()).data.map(({ text }) => text), ["first 0 "]);
  assert.deepEqual((await watcher.next()).data.map(({ text }) => text), ["first 0 ", "second 0 "]);
  assert.deepEqual(await rpc("drill:waiting", {}, "due"), []);
});

test("a scheduled call wakes an object that sleeps", async () => {
  await later("asleep", "awake", 14_000);
  // workerd evicts an object after 10 idle seconds.
  await sleep(15_000);
  await until(async () => (await labels("asleep")).length === 1, "the call was not made");
});

test("a call that panics is made again later, and holds up no other one", async () => {
  await later("panics", "", 0, { crash: true });
  await later("panics", "sound", 0);
  await until(async () => (await labels("panics")).length === 1, "the other call was not made");
  const [{ functionPath, attempts, due }] = await rpc("drill:waiting", {}, "panics");
  assert.deepEqual([functionPath, attempts], ["drill:crash", 1]);
  assert.ok(due > Date.now());
});

test("killed before and while calls are made, each is applied once", async () => {
  const expected = [];
  for (let round = 0; round < 3; round++) {
    const own = workerdProcesses();
    for (let n = 0; n < 20; n++) {
      expected.push(`${round}-${n}`);
      await later("killed", `${round}-${n}`, 500 + n * 20);
    }
    await sleep(200 + round * 250);
    own.forEach((pid) => process.kill(pid, "SIGKILL"));
    await mf.dispose().catch(() => {});
    mf = serve();
    await mf.ready;
  }
  await until(async () => (await rpc("drill:waiting", {}, "killed")).length === 0, "calls are left");
  assert.deepEqual((await labels("killed")).sort(), expected.sort());
});
