// Backups of a real deployment: taken on workerd from SQLite into R2, destroyed, restored, compared.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const DRILL = new URL("drill", import.meta.url).pathname;
const TOKEN = "a-token-for-drills-and-nothing-else";
const FOLDERS = ["red", "green", "blue/ü"];

/** A deployment whose objects and bucket live in folders of their own. */
class Deployment {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "lunora-drill-"));
    this.generation = 0;
    this.start();
  }

  start() {
    this.mf = new Miniflare({
      ...workerOptions(DRILL),
      durableObjectsPersist: join(this.dir, `objects-${this.generation}`),
      r2Persist: join(this.dir, "bucket"),
    });
  }

  /** Every object is gone; what is in the bucket stays. */
  async destroy() {
    await this.mf.dispose();
    this.generation++;
    this.start();
  }

  /** workerd dies as it does when a machine does. */
  async kill() {
    const pids = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)]).toString();
    const workerd = pids.split("\n").filter((line) => line.includes("workerd")).map((line) => Number(line.trim().split(/\s+/)[0]));
    assert.equal(workerd.length, 1, pids);
    process.kill(workerd[0], "SIGKILL");
    await this.mf.dispose().catch(() => {});
    this.start();
  }

  async close() {
    await this.mf.dispose();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async call(path, body, method = "POST") {
    const response = await this.mf.dispatchFetch(`http://drill${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: method === "GET" ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  }

  async json(path, body, method) {
    const { status, text } = await this.call(path, body, method);
    assert.equal(status, 200, `${path}: ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }

  async rpc(functionPath, args, shardKey) {
    return (await this.json("/_lunora/rpc", { functionPath, args, shardKey })).result;
  }

  admin(path, body = {}, method) {
    return this.json(`/_lunora/admin/${path}`, body, method);
  }

  /** Every row there is, deleted users included, as sorted lines. */
  async rows() {
    const { status, text } = await this.call("/_lunora/admin/export", {});
    assert.equal(status, 200, text.slice(0, 500));
    return text.split("\n").filter(Boolean).sort();
  }

  async populate() {
    for (const folder of FOLDERS) await this.rpc("notes:add", { count: 40, bytes: 200, label: folder }, folder);
    const { _id } = await this.rpc("users:add", { name: "Ada" });
    await this.rpc("users:add", { name: "Zoë 💬" });
    await this.rpc("users:remove", { id: _id });
  }
}

async function drill(run) {
  const deployment = new Deployment();
  try {
    await run(deployment);
  } finally {
    await deployment.close();
  }
}

test("every row of a destroyed deployment comes back from its snapshot", () => drill(async (deployment) => {
  await deployment.populate();
  const before = await deployment.rows();
  assert.equal(before.length, 122);
  const snapshot = await deployment.admin("backup/create");
  assert.deepEqual(snapshot.rowsByTable, { notes: 120, users: 2 });
  assert.deepEqual(snapshot.shards.map(({ shardKey, rows }) => [shardKey, rows]).sort(),
    [["__root__", 2], ["blue/ü", 40], ["green", 40], ["red", 40]]);

  await deployment.destroy();
  assert.deepEqual(await deployment.rows(), []);
  const { snapshots } = await deployment.admin("backup/list", undefined, "GET");
  assert.equal(snapshots[0].id, snapshot.id);
  assert.equal((await deployment.admin("backup/verify", { id: snapshot.id })).ok, true);
  // As whoever knows the contract's storage reads it.
  const { objects } = await deployment.admin("storage?prefix=backups/", undefined, "GET");
  assert.deepEqual(objects.map(({ key }) => key), [snapshot.file, `${snapshot.file}.manifest.json`]);
  const read = await deployment.call(`/_lunora/admin/storage/object?key=${encodeURIComponent(snapshot.file)}`, undefined, "GET");
  assert.deepEqual(read.text.split("\n").filter(Boolean).sort(), before);
  const report = await deployment.admin("backup/restore", { id: snapshot.id });
  assert.deepEqual([report.received, report.errors, report.next], [122, [], null]);
  assert.deepEqual(await deployment.rows(), before);
  // The registry was destroyed too, and knows the shards again.
  assert.equal((await deployment.rpc("notes:list", {}, "green")).length, 40);
}));

test("a restore goes back to the moment, and forward again by the change feed", () => drill(async (deployment) => {
  await deployment.populate();
  const snapshot = await deployment.admin("backup/create");
  await deployment.rpc("notes:add", { count: 5, bytes: 10, label: "later" }, "red");
  const [first] = await deployment.rpc("notes:list", {}, "red");
  await deployment.rpc("notes:remove", { id: first._id }, "red");
  const wanted = await deployment.rows();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const moment = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  // The accident.
  for (const { _id } of await deployment.rpc("notes:list", {}, "green")) await deployment.rpc("notes:remove", { id: _id }, "green");
  await deployment.rpc("notes:add", { count: 3, bytes: 10, label: "too late" }, "red");

  const cursors = Object.fromEntries(snapshot.shards.map(({ shardKey, seq }) => [shardKey, seq]));
  const { shards } = await deployment.admin("sync", { cursors, limit: 10_000 });
  const batches = shards.map(({ shardKey, changes }) => ({ shardKey, changes: changes.filter(({ ts }) => ts <= moment) }));
  await deployment.admin("backup/restore", { id: snapshot.id, replace: true });
  const applied = await deployment.admin("apply", { batches: batches.filter(({ changes }) => changes.length > 0) });
  assert.equal(applied.failed, 0);
  assert.deepEqual(await deployment.rows(), wanted);
}));

test("a snapshot of many parts is whole, and restored in several calls", () => drill(async (deployment) => {
  for (const folder of FOLDERS) {
    for (let round = 0; round < 4; round++) await deployment.rpc("notes:add", { count: 20, bytes: 50_000, label: `${folder}${round}` }, folder);
  }
  const before = await deployment.rows();
  const snapshot = await deployment.admin("backup/create");
  assert.ok(snapshot.bytes > 10 * 1024 * 1024, String(snapshot.bytes));
  assert.equal((await deployment.admin("backup/verify", { id: snapshot.id })).ok, true);
  await deployment.destroy();
  let from, received = 0, calls = 0;
  do {
    const report = await deployment.admin("backup/restore", { id: snapshot.id, from, maxRows: 70 });
    assert.deepEqual(report.errors, []);
    received += report.received;
    calls++;
    from = report.next;
  } while (from);
  assert.deepEqual([received, calls], [240, 4]);
  assert.deepEqual(await deployment.rows(), before);
}));

test("a run that is killed in its middle leaves no snapshot, and the next one is whole", () => drill(async (deployment) => {
  for (const folder of FOLDERS) await deployment.rpc("notes:add", { count: 200, bytes: 20_000, label: folder }, folder);
  const before = await deployment.rows();
  for (const delay of [5, 40, 120]) {
    const run = deployment.call("/_lunora/admin/backup/create", {}).catch(() => ({ status: 0 }));
    await new Promise((resolve) => setTimeout(resolve, delay));
    await deployment.kill();
    await Promise.race([run, new Promise((resolve) => setTimeout(resolve, 1000))]);
    const { snapshots } = await deployment.admin("backup/list", undefined, "GET");
    for (const { id } of snapshots) assert.equal((await deployment.admin("backup/verify", { id })).ok, true);
  }
  const snapshot = await deployment.admin("backup/create");
  assert.equal((await deployment.admin("backup/verify", { id: snapshot.id })).ok, true);
  await deployment.destroy();
  await deployment.admin("backup/restore", { id: snapshot.id });
  assert.deepEqual(await deployment.rows(), before);
}));

test("the trigger takes a snapshot, keeps the newest and never touches what was made by hand", () => drill(async (deployment) => {
  await deployment.populate();
  const byHand = await deployment.admin("backup/create");
  const worker = await deployment.mf.getWorker();
  const nights = [1, 2, 3].map((day) => new Date(Date.UTC(2026, 0, day, 3)));
  for (const night of nights) {
    const { outcome } = await worker.scheduled({ cron: "0 3 * * *", scheduledTime: night });
    assert.equal(outcome, "ok");
  }
  const { snapshots } = await deployment.admin("backup/list", undefined, "GET");
  assert.deepEqual(snapshots.map(({ id }) => id), [byHand.id, "2026-01-03T03:00:00.000Z", "2026-01-02T03:00:00.000Z"]);
}));

test("an import of many rows gives true line numbers, and counts what was there", () => drill(async (deployment) => {
  const row = (id, folder) => JSON.stringify({ table: "notes", doc: { _id: id, folder, text: "x".repeat(500) } });
  const lines = Array.from({ length: 5000 }, (_, n) => row(`n${n}`, FOLDERS[n % 3]));
  lines[1234] = "nonsense";
  lines[4321] = JSON.stringify({ table: "nowhere", doc: {} });
  lines[4999] = row("n0", FOLDERS[0]);
  const report = await deployment.admin("import", lines.join("\n"));
  assert.equal(report.received, 5000);
  assert.equal(report.conflicts, 1);
  assert.deepEqual(report.inserted, { notes: 4997 });
  assert.deepEqual(report.errors.map(({ line }) => line).sort((a, b) => a - b), [1235, 4322]);
  assert.equal((await deployment.rows()).length, 4997);
}));
