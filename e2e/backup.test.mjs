// Backups of a real deployment: taken on workerd from SQLite into R2, destroyed, restored, compared.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FOLDERS, drill } from "./deployment.mjs";

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
  // As a client of the wire's storage endpoints reads it.
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

test("a table that was empty when the snapshot was taken is emptied again", () => drill(async (deployment) => {
  await deployment.rpc("notes:add", { count: 3, bytes: 10, label: "kept" }, "red");
  const before = await deployment.rows();
  const snapshot = await deployment.admin("backup/create");
  assert.deepEqual(snapshot.rowsByTable, { notes: 3 });
  await deployment.rpc("users:add", { name: "Later" });
  const report = await deployment.admin("backup/restore", { id: snapshot.id, replace: true });
  assert.deepEqual(report.cleared, { notes: 3, online: 0, scheduled: 0, users: 1 });
  assert.deepEqual(await deployment.rows(), before);
}));

test("a call that was scheduled is part of a snapshot, and waits again after a restore", () => drill(async (deployment) => {
  await deployment.rpc("drill:later", { label: "later", ms: 3_600_000 }, "red");
  const waiting = await deployment.rpc("drill:waiting", {}, "red");
  const snapshot = await deployment.admin("backup/create");
  assert.deepEqual(snapshot.rowsByTable, { scheduled: 1 });
  await deployment.destroy();
  await deployment.admin("backup/restore", { id: snapshot.id });
  assert.deepEqual(await deployment.rpc("drill:waiting", {}, "red"), waiting);
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

test("a snapshot that is too long for one invocation is taken in several, kills between them included", () => drill(async (deployment) => {
  for (const folder of FOLDERS) {
    for (let round = 0; round < 4; round++) await deployment.rpc("notes:add", { count: 20, bytes: 50_000, label: `${folder}${round}` }, folder);
  }
  const before = await deployment.rows();
  // By hand: as often as the answer says so.
  let made = await deployment.admin("backup/create");
  let calls = 1;
  for (; made.unfinished; calls++) made = await deployment.admin("backup/create", { time: made.unfinished.time });
  assert.ok(calls > 3 && made.segments.length > 3, `${calls} calls, ${made.segments?.length} segments`);
  assert.equal(made.rows, 240);
  assert.equal((await deployment.admin("backup/verify", { id: made.id })).ok, true);

  // By triggers, while workerd dies between them.
  const fire = async (cron, scheduledTime) => (await deployment.mf.getWorker()).scheduled({ cron, scheduledTime });
  const night = new Date(Date.UTC(2026, 0, 1, 3));
  assert.equal((await fire("0 3 * * *", night)).outcome, "ok");
  const status = () => deployment.admin("backup/status", undefined, "GET");
  const { unfinished: [run] } = await status();
  assert.equal(run.id, night.toISOString());
  let rests = 0;
  for (; (await status()).unfinished; rests++) {
    assert.ok(rests < 50, "the run never ends");
    if (rests === 1) await deployment.kill();
    assert.equal((await fire("*/10 * * * *", new Date())).outcome, "ok");
  }
  assert.ok(rests > 2, `${rests} rests`);
  assert.equal((await deployment.admin("backup/verify", { id: run.id })).ok, true);
  await deployment.destroy();
  await deployment.admin("backup/restore", { id: run.id });
  assert.deepEqual(await deployment.rows(), before);
}, { vars: { DRILL_RUN_CALLS: "2" } }));

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
