// Operations on every shard, and an operator's operations on one, over SQLite Durable Objects.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Deployment } from "./deployment.mjs";

const FOLDERS = ["a", "b", "c"];
let deployment;
before(async () => {
  deployment = new Deployment({ handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
  for (const folder of FOLDERS) await call("notes:add", { count: 3, bytes: 0, label: folder }, folder);
});
after(() => deployment.close());

function call(functionPath, args, shardKey) {
  return deployment.rpc(functionPath, args, shardKey);
}

async function post(path, body) {
  const { status, text } = await deployment.call(path, body);
  return { status, ...JSON.parse(text) };
}

/** Calls an operation of a shard as the operator. */
const operate = (op, args, shardKey = "a") => post("/_lunora/rpc", { functionPath: `__lunora_admin__:${op}`, args, shardKey });

const texts = async (folder) => (await call("notes:list", {}, folder)).map(({ text }) => text);

test("a migration runs on every shard, and can be undone on every shard", async () => {
  const migrate = (direction, dryRun) =>
    post("/_lunora/migrate", { table: "notes", functionPath: "__lunora_admin__:runMigration", args: { id: "underline", direction, dryRun } });
  const before = await texts("b");
  const dry = await migrate("up", true);
  assert.deepEqual([dry.status, dry.ok, dry.failed], ["completed", 3, 0], JSON.stringify(dry));
  assert.deepEqual(await texts("b"), before);
  const up = await migrate("up", false);
  assert.deepEqual([up.ok, up.failed, up.processed, up.changed], [3, 0, 9, 9], JSON.stringify(up));
  for (const folder of FOLDERS) for (const text of await texts(folder)) assert.match(text, /^_.*_$/);
  const status = await post("/_lunora/migrate", { table: "notes", functionPath: "__lunora_admin__:migrationStatus", args: { id: "underline" } });
  assert.equal(status.ok, 3, JSON.stringify(status));
  const down = await migrate("down", false);
  assert.deepEqual([down.ok, down.failed], [3, 0], JSON.stringify(down));
  assert.deepEqual(await texts("b"), before);
});

test("pages of a ranked index go over all shards, each document once, and a rank is its place in the partition", async () => {
  const seen = [];
  let cursor;
  do {
    const page = await post("/_lunora/admin/rankpage", { table: "notes", index: "alphabet", take: 2, cursor });
    assert.deepEqual([page.status, page.failed, page.partial], [200, 0, false], JSON.stringify(page));
    seen.push(...page.page);
    cursor = page.isDone ? undefined : page.continueCursor;
  } while (cursor);
  const places = seen.map(({ folder, text }) => `${folder} ${text}`);
  assert.equal(places.length, 9);
  assert.deepEqual(places, places.toSorted());
  const third = seen[5];
  const rank = await post("/_lunora/admin/rank", {
    table: "notes", index: "alphabet", partitionKey: JSON.stringify([third.folder]), rowId: third._id, sortValues: [third.text],
  });
  assert.deepEqual([rank.status, rank.position, rank.total], [200, 3, 3], JSON.stringify(rank));
});

test("the traffic of each shard is counted", async () => {
  const { status, shards, failed } = await post("/_lunora/admin/shard-traffic", { table: "notes" });
  assert.deepEqual([status, failed, shards.map(({ shardKey }) => shardKey).sort()], [200, 0, FOLDERS]);
  for (const { requests } of shards) assert.ok(requests > 0);
});

test("changes of a shard are synced once, and apply to another shard", async () => {
  const first = await post("/_lunora/admin/sync", { cursors: {}, tables: ["notes"] });
  const { changes, cursor } = first.shards.find(({ shardKey }) => shardKey === "c");
  assert.ok(changes.length >= 3, JSON.stringify(first));
  const applied = await post("/_lunora/admin/apply", { batches: [{ shardKey: "copy", changes }] });
  assert.deepEqual([applied.status, applied.failed, applied.applied], [200, 0, changes.length], JSON.stringify(applied));
  assert.deepEqual(await texts("copy"), await texts("c"));
  const again = await post("/_lunora/admin/sync", { cursors: { c: cursor }, tables: ["notes"] });
  assert.deepEqual(again.shards.find(({ shardKey }) => shardKey === "c").changes, []);
});

test("an operator searches, sorts, patches and deletes documents", async () => {
  await call("notes:add", { count: 4, bytes: 0, label: "Needle" }, "rows");
  await call("notes:add", { count: 4, bytes: 0, label: "hay" }, "rows");
  const page = await operate("readTablePage", {
    table: "notes", search: "needle", orderBy: { column: "text", direction: "desc" }, limit: 3,
  }, "rows");
  assert.equal(page.status, 200, JSON.stringify(page));
  assert.deepEqual(page.result.rows.map(({ text }) => text), ["Needle 3 ", "Needle 2 ", "Needle 1 "]);
  assert.equal(page.result.total, 4);
  const where = { filters: [{ column: "text", op: "gte", value: "hay 2" }] };
  assert.deepEqual((await operate("patchRows", { table: "notes", ...where, doc: { text: "straw" } }, "rows")).result, { count: 2, hasMore: false });
  assert.deepEqual((await texts("rows")).filter((text) => text === "straw").length, 2);
  const invalid = await operate("patchRows", { table: "notes", search: "straw", doc: { text: 7 } }, "rows");
  assert.equal(invalid.status, 400);
  assert.equal((await operate("deleteRows", { table: "notes", search: "straw" }, "rows")).result.count, 2);
  assert.equal((await texts("rows")).length, 6);
});

test("an operator describes tables, and reads by SQL what no statement changes", async () => {
  const { result } = await operate("describeTable", { table: "notes" });
  assert.deepEqual(result.indexes.map(({ name }) => name).sort(), ["alphabet", "by_creation", "by_text"]);
  const sql = (sql, params) => operate("runSql", { sql, params });
  const counted = await sql('SELECT count(*) AS n FROM "notes" WHERE "_id" <> ?', ["x"]);
  assert.deepEqual(counted.result, { columns: ["n"], rows: [[3]], truncated: false }, JSON.stringify(counted));
  const found = await sql('SELECT value FROM json_each(?) ORDER BY 1', ["[2,1]"]);
  assert.deepEqual(found.result.rows, [[1], [2]], JSON.stringify(found));
  for (const statement of [
    'DELETE FROM "notes"',
    'DELETE FROM "notes" RETURNING 1',
    'WITH x AS (SELECT 1) DELETE FROM "notes"',
    'SELECT 1; DELETE FROM "notes"',
    "/* a */ PRAGMA user_version = 7",
    "VACUUM",
    "not sql",
  ]) {
    assert.equal((await sql(statement)).status, 400, statement);
  }
  assert.equal((await texts("a")).length, 3);
});

test("every value of SQLite crosses both ways as it is", async () => {
  const tagged = (...value) => ["$lunora.wire$", ...value];
  const bytes = (list) => tagged("bytes", Buffer.from(list).toString("base64"));
  const rows = async (sql, params = []) => {
    const answer = await operate("runSql", { sql, params });
    assert.equal(answer.status, 200, JSON.stringify(answer));
    return answer.result;
  };
  const values = [
    null, 0, 1, -1, 0.1, -1.5, 123456789.125, 9007199254740991, -9007199254740991, 1e21, 1e300, 5e-324, 1.7976931348623157e308,
    tagged("inf"), tagged("-inf"),
    "", "a", "\u0000", "a\u0000b\u001f\u001e\n,t1\"\\\r\u007f", "\ufeff\u2028\u2029", "ü".repeat(300), "漢字".repeat(300), "💬💬", "x💬ü\n",
    "null", "7", "t3", bytes([]), bytes([0, 10, 31, 44, 127, 128, 255]), bytes(Array.from({ length: 20_000 }, (_, at) => at % 256)),
  ];
  for (const value of values) assert.deepEqual((await rows("SELECT ? AS v", [value])).rows, [[value]], JSON.stringify(value));
  for (const order of [values, values.toReversed(), values.slice(0, 1)]) {
    const columns = order.map((_, at) => `? AS "c${at}"`).join(",");
    const found = await rows(`SELECT ${columns}`, order);
    assert.deepEqual(found, { columns: order.map((_, at) => `c${at}`), rows: [order], truncated: false });
    const list = await rows(`VALUES ${order.map(() => "(?)").join(",")}`, order);
    assert.deepEqual(list.rows, order.map((value) => [value]));
  }
  assert.deepEqual(await rows('SELECT 1 AS "a\n,t1 ü💬" WHERE 0'), { columns: ["a\n,t1 ü💬"], rows: [], truncated: false });
  assert.deepEqual((await rows("SELECT -0.0, 9e999, CAST(x'eda080' AS TEXT), CAST(x'ff61' AS TEXT)")).rows, [[0, tagged("inf"), "\ufffd\ufffd\ufffd", "\ufffda"]]);
  const many = await rows('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 400) SELECT i, i || \'ü\', NULL, i / 8.0 FROM n');
  assert.deepEqual(many.rows, Array.from({ length: 400 }, (_, at) => [at + 1, `${at + 1}ü`, null, (at + 1) / 8]));
});

test("an operator sees which functions ran, and which failed", async () => {
  await call("notes:add", { count: 1, bytes: 0, label: "x" }, "stats");
  const failed = await post("/_lunora/rpc", { functionPath: "notes:add", args: {}, shardKey: "stats" });
  assert.equal(failed.status, 400);
  const { functions } = (await operate("getFunctionStats", {}, "stats")).result;
  assert.deepEqual(functions.find(({ functionPath }) => functionPath === "notes:add"), { functionPath: "notes:add", calls: 2, errors: 1 });
  // What a client did wrong is no failure of the server.
  assert.deepEqual((await operate("getLogs", { limit: 5 }, "stats")).result.entries, []);
});

test("point-in-time recovery is 501 where the runtime has none", async () => {
  const pitr = (op, args) => post("/_lunora/admin/pitr", { functionPath: `__lunora_admin__:${op}`, args, shardKey: "a" });
  for (const [op, args] of [["getPitrBookmark", { time: Date.now() - 60_000 }], ["pitrRestore", { bookmark: "b" }], ["pitrRestore", { time: Date.now() }]]) {
    const { status, error, ...rest } = await pitr(op, args);
    assert.deepEqual([status, error?.code], [501, "NOT_IMPLEMENTED"], JSON.stringify([op, error, rest]));
  }
  // A running runtime may know the bookmark of now without knowing any other.
  const now = await pitr("getPitrBookmark", {});
  assert.ok(now.status === 501 || typeof now.result === "string", JSON.stringify(now));
  assert.equal((await texts("a")).length, 3);
});

test("operators see the calls that shards make later, cancel one, and retry one that was given up", async () => {
  const hour = 3_600_000;
  const get = async (path) => JSON.parse((await deployment.call(`/_lunora/admin/scheduled${path}`, undefined, "GET")).text);
  await call("drill:later", { label: "second", ms: 2 * hour }, "a");
  await call("drill:later", { label: "first", ms: hour }, "b:ü");
  const { records, truncated, error } = await get("");
  assert.equal(error, undefined, JSON.stringify(error));
  assert.deepEqual(records.map(({ shardKey, functionPath, args, attempts }) => [shardKey, functionPath, args.label, attempts]),
    [["b:ü", "notes:add", "first", 0], ["a", "notes:add", "second", 0]]);
  assert.equal(truncated, false);
  assert.ok(records[0].scheduledFor > Date.now());
  assert.deepEqual(await get("/status"), { backlog: 2, inFlight: 0, pools: [] });
  const cancel = () => post("/_lunora/admin/scheduled/cancel", { id: records[0].id });
  assert.deepEqual([(await cancel()).cancelled, (await cancel()).cancelled], [true, false]);
  // One that was given up.
  const [, id] = records[1].id.split(":");
  await operate("patchRows", { table: "scheduled", ids: [id], doc: { due: null, attempts: 12, error: "CONFLICT: no" } });
  assert.deepEqual((await get("")).records, []);
  const [dead] = (await get("/dead")).records;
  assert.deepEqual([dead.id, dead.scheduledFor, dead.error], [records[1].id, null, "CONFLICT: no"]);
  assert.equal((await post("/_lunora/admin/scheduled/dead/retry", { id: dead.id })).retried, true);
  for (const end = Date.now() + 10_000; Date.now() < end && (await get("/status")).backlog > 0; ) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok((await texts("a")).some((text) => text.startsWith("second")));
  assert.equal((await post("/_lunora/admin/scheduled/cancel", { id: "nothing" })).error.code, "BAD_REQUEST");
});
