// Global tables, in a database of D1, through exports, imports, backups and restores on workerd.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drill } from "./deployment.mjs";

const SCHEMA = [
  // Refers to a table whose name sorts after its own, and to itself.
  `CREATE TABLE members (_id TEXT PRIMARY KEY, team INTEGER NOT NULL REFERENCES teams (id), boss TEXT REFERENCES members (_id), email TEXT UNIQUE)`,
  `CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'refused'))`,
  `CREATE TABLE "odd ""name""; --" ("a ""b""" REAL, rowid TEXT, shout TEXT GENERATED ALWAYS AS (upper(rowid)))`,
  `CREATE TABLE pairs (a TEXT COLLATE NOCASE, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID`,
  `CREATE TABLE d1_migrations (id INTEGER)`,
  `CREATE VIRTUAL TABLE words USING fts5 (body)`,
];
const ODD = '"odd ""name""; --"';
const TABLES = ["members", "teams", ODD, "pairs"];

const options = { d1Databases: ["DB"] };
const database = ({ mf }) => mf.getD1Database("DB");

async function migrate(deployment) {
  const db = await database(deployment);
  for (const sql of SCHEMA) await db.prepare(sql).run();
  return db;
}

async function populate(deployment) {
  const db = await migrate(deployment);
  await db.batch([
    db.prepare("INSERT INTO teams VALUES (9223372036854775807, 'far'), (9007199254740993, 'exact'), (-9223372036854775808, 'low')"),
    db.prepare("INSERT INTO teams WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300) SELECT i, 'team ' || i FROM n"),
    db.prepare("PRAGMA defer_foreign_keys = on"),
    db.prepare("INSERT INTO members VALUES ('m1', 9007199254740993, 'm2', 'ü@x'), ('m2', 1, NULL, NULL), ('m3', 2, 'm1', '💬')"),
    db.prepare(`INSERT INTO ${ODD} VALUES (3.0, 'three'), (0.1, NULL), (9e999, 'inf'), (-9e999, ''), (NULL, 'same'), (NULL, 'same')`),
    db.prepare("INSERT INTO pairs VALUES ('A', 1, x'00ff10'), ('a', '1', x''), ('b', 2.5, 9007199254740993), ('b', x'01', 'text'), ('c', 1e300, 0.1)"),
    db.prepare("INSERT INTO pairs WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT 'large', i, randomblob(700000) FROM n"),
    db.prepare("INSERT INTO words VALUES ('not moved')"),
  ]);
}

/** Every row as SQLite itself writes its values. */
async function rows(deployment) {
  const db = await database(deployment);
  const all = {};
  for (const table of TABLES) {
    const { results } = await db.prepare(`SELECT name FROM pragma_table_info(?)`).bind(table === ODD ? 'odd "name"; --' : table).all();
    const columns = results.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
    const read = columns.map((column, i) => `typeof(${column}) || ':' || CASE WHEN length(${column}) > 1000 THEN hex(substr(${column}, 1, 20)) || length(${column}) ELSE quote(${column}) END AS c${i}`);
    const found = await db.prepare(`SELECT ${read.join(", ")} FROM ${table}`).raw();
    all[table] = found.map(String).sort();
  }
  return all;
}

async function wipe(deployment) {
  await deployment.destroy();
  await migrate(deployment);
  assert.deepEqual(Object.values(await rows(deployment)).flat(), []);
}

test("an export brings every row of a database of D1 back, exactly", () => drill(async (deployment) => {
  await populate(deployment);
  await deployment.rpc("users:add", { name: "Ada" });
  const before = await rows(deployment);
  assert.deepEqual(TABLES.map((table) => before[table].length), [3, 1303, 6, 10]);
  const { status, text } = await deployment.call("/_lunora/admin/export", { end: true, allowEmptyRegistry: true });
  assert.equal(status, 200, text.slice(0, 500));
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([...lines[0].globalTables].sort(), ["members", 'odd "name"; --', "pairs", "plans", "teams"]);
  assert.equal(lines[0].table, "users");
  assert.equal(lines.filter((line) => line.global).length, 1322);

  await wipe(deployment);
  const report = await deployment.admin("import", text);
  assert.deepEqual([report.errors, report.failed, report.globalFailure], [[], [], undefined]);
  assert.deepEqual(report.inserted, { members: 3, 'odd "name"; --': 6, pairs: 10, teams: 1303, users: 1 });
  assert.deepEqual(await rows(deployment), before);
  const again = await deployment.admin("import", text);
  assert.deepEqual([again.conflicts, again.errors, again.inserted], [1323, [], {}]);
  assert.deepEqual(await rows(deployment), before);
}, options));

test("a row that the database refuses is an error of its line, and the others are written", () => drill(async (deployment) => {
  await migrate(deployment);
  const row = (table, doc) => JSON.stringify({ table, global: true, doc });
  const body = [
    row("teams", { id: 1, name: "a" }),
    row("teams", { id: 2, name: "refused" }),
    row("teams", { id: "text", name: "b" }),
    row("teams", { id: 3, color: "red" }),
    row("members", { _id: "m1", team: 1, email: "x" }),
    row("members", { _id: "m2", team: 1, email: "x" }),
    row("members", { _id: "m3", team: 99 }),
    row("words", { body: "virtual" }),
    row("members", { _id: "m4", team: 1 }),
  ];
  const report = await deployment.admin("import", body.join("\n"));
  assert.deepEqual(report.errors.map(({ line, code }) => [line, code]).sort(([a], [b]) => a - b),
    [[2, "BAD_ROW"], [3, "BAD_ROW"], [4, "BAD_ROW"], [6, "BAD_ROW"], [7, "BAD_ROW"], [8, "UNKNOWN_TABLE"]]);
  const message = (line) => report.errors.find((error) => error.line === line).message;
  assert.match(message(2), /CHECK constraint failed/);
  assert.equal(message(6), "UNIQUE constraint failed: members.email");
  assert.deepEqual(report.inserted, { members: 2, teams: 1 });

  const globalChanges = [
    { table: "teams", op: "update", doc: { id: 1, name: "renamed" } },
    { table: "members", op: "insert", id: "m5", doc: { team: 1 } },
    { table: "members", op: "delete", id: "m4" },
  ];
  const applied = await deployment.admin("apply", { batches: [], globalChanges });
  assert.deepEqual([applied.applied, applied.errors], [3, undefined]);
  const after = await rows(deployment);
  assert.deepEqual(after.teams, ["integer:1,text:'renamed'"]);
  assert.deepEqual(after.members.map((row) => row.slice(6, 8)), ["m1", "m5"]);
}, options));

test("a backup brings every row of a database of D1 back, in runs of a few calls", () => drill(async (deployment) => {
  await populate(deployment);
  await deployment.rpc("users:add", { name: "Ada" });
  const before = await rows(deployment);
  let snapshot = await deployment.admin("backup/create", { allowEmptyRegistry: true });
  let runs = 1;
  for (; snapshot.unfinished; runs++) snapshot = await deployment.admin("backup/create", { time: snapshot.unfinished.time });
  assert.ok(runs > 2, `${runs} runs`);
  assert.deepEqual(snapshot.global, { consistent: false, rowsByTable: { members: 3, 'odd "name"; --': 6, pairs: 10, plans: 0, teams: 1303 } });
  // A virtual table, and those in which SQLite keeps it.
  assert.ok(snapshot.leftOut.globalTables.every((name) => /^words(_|$)/.test(name)), String(snapshot.leftOut.globalTables));
  assert.equal(snapshot.leftOut.globalTables[0], "words");
  assert.equal((await deployment.admin("backup/verify", { id: snapshot.id })).ok, true);
  assert.equal((await deployment.admin("backup/drill", { id: snapshot.id })).ok, true);

  await wipe(deployment);
  const report = await deployment.admin("backup/restore", { id: snapshot.id, safetySnapshot: false });
  assert.deepEqual([report.errors, report.failed, report.state], [[], [], "finished"]);
  assert.deepEqual(await rows(deployment), before);

  const db = await database(deployment);
  await db.prepare("INSERT INTO teams VALUES (4000, 'later')").run();
  await db.prepare("UPDATE members SET email = 'changed'  WHERE _id = 'm1'").run();
  const replaced = await deployment.admin("backup/restore", { id: snapshot.id, replace: true, safetySnapshot: false });
  assert.deepEqual([replaced.cleared.teams, replaced.cleared.members, replaced.errors], [1304, 3, []]);
  assert.deepEqual(await rows(deployment), before);
}, { ...options, vars: { DRILL_RUN_CALLS: "4" } }));

test("documents in D1 are changed by actions, listed by a route, and brought back by a restore", () => drill(async (deployment) => {
  const addSeat = (plan, shard) => deployment.rpc("plans:addSeat", { plan }, shard);
  // From several objects at once: no change is lost.
  const seats = await Promise.all(Array.from({ length: 12 }, (_, at) => addSeat("team", `shard-${at % 4}`)));
  assert.deepEqual(seats.sort((a, b) => a - b), Array.from({ length: 12 }, (_, at) => at + 1));
  for (const plan of ["solo", "duo", "duo"]) await addSeat(plan, "shard-1");

  const list = async () => {
    const plans = [];
    for (let page = { continueCursor: "" }; !page.isDone;) {
      page = await deployment.json(`/plans?cursor=${page.continueCursor}`, undefined, "GET");
      assert.ok(page.page.length <= 2);
      plans.push(...page.page.map(({ name, seats }) => [name, seats]));
    }
    return plans;
  };
  const before = [["team", 12], ["duo", 2], ["solo", 1]];
  assert.deepEqual(await list(), before);

  const { global } = await deployment.admin("sync", { cursors: {} });
  assert.equal(global.changes.length, global.cursor);
  assert.deepEqual(global.changes.slice(-1).map(({ table, id, op, doc }) => [table, id, op, JSON.parse(doc.doc).seats]), [["plans", "duo", "update", 2]]);
  assert.deepEqual((await deployment.admin("sync", { cursors: {}, globalCursor: global.cursor })).global, { changes: [], cursor: global.cursor });

  const snapshot = await deployment.admin("backup/create", { allowEmptyRegistry: true });
  assert.deepEqual(snapshot.global.rowsByTable, { plans: 3 });
  assert.deepEqual(snapshot.leftOut?.globalTables ?? [], []);
  await deployment.destroy();
  // Nothing but the restore names the table.
  const report = await deployment.admin("backup/restore", { id: snapshot.id, safetySnapshot: false });
  assert.deepEqual([report.errors, report.failed, report.state], [[], [], "finished"]);
  assert.deepEqual(await list(), before);
  assert.equal(await addSeat("solo", "shard-1"), 2);

  // What another deployment synced brings it there.
  await deployment.destroy();
  const applied = await deployment.admin("apply", { batches: [], globalChanges: global.changes });
  assert.deepEqual([applied.applied, applied.errors], [global.changes.length, undefined]);
  assert.deepEqual(await list(), before);
}, options));

test("a restore brings users back, and neither ends nor revives a session", () => drill(async (deployment) => {
  const db = await database(deployment);
  // As sign-in makes them.
  await db.batch([
    db.prepare("CREATE TABLE lunora_users (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE)"),
    db.prepare("CREATE TABLE lunora_sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL)"),
    db.prepare("CREATE TABLE lunora_codes (address_hash TEXT PRIMARY KEY, code_hash TEXT NOT NULL)"),
    db.prepare("CREATE TABLE lunora_code_limits (key_hash TEXT PRIMARY KEY, sent INTEGER NOT NULL)"),
    db.prepare("INSERT INTO lunora_users VALUES ('ada', 'ada@example.com')"),
    db.prepare("INSERT INTO lunora_sessions VALUES ('ended', 'ada'), ('kept', 'ada')"),
    db.prepare("INSERT INTO lunora_codes VALUES ('used', 'x')"),
    db.prepare("INSERT INTO lunora_code_limits VALUES ('client', 1)"),
  ]);
  await deployment.rpc("users:add", { name: "Ada" });
  const transient = ["lunora_code_limits", "lunora_codes", "lunora_sessions"];
  const listed = (await deployment.admin("global/tables", undefined, "GET")).map(({ name }) => name);
  assert.deepEqual(listed, [...transient, "lunora_users"]);
  const exported = (await deployment.rows()).map((line) => JSON.parse(line)).filter(({ global }) => global);
  assert.deepEqual(exported.map(({ table }) => table), ["lunora_users"]);
  const snapshot = await deployment.admin("backup/create", { allowEmptyRegistry: true });
  assert.deepEqual([snapshot.global.rowsByTable, snapshot.leftOut], [{ lunora_users: 1, plans: 0 }, undefined]);

  await db.batch([
    db.prepare("DELETE FROM lunora_sessions WHERE id = 'ended'"),
    db.prepare("DELETE FROM lunora_codes"),
    db.prepare("INSERT INTO lunora_users VALUES ('bob', 'bob@example.com')"),
    db.prepare("INSERT INTO lunora_sessions VALUES ('later', 'bob')"),
    db.prepare("UPDATE lunora_users SET email = 'changed' WHERE id = 'ada'"),
  ]);
  const plan = await deployment.admin(`backup/plan?id=${encodeURIComponent(snapshot.id)}`, undefined, "GET");
  assert.deepEqual([plan.problems, plan.unknownTables], [[], []]);
  const report = await deployment.admin("backup/restore", { id: snapshot.id, replace: true, safetySnapshot: false });
  assert.deepEqual([report.errors, report.state, report.cleared.lunora_users], [[], "finished", 2]);
  assert.ok(transient.every((name) => !Object.hasOwn(report.cleared, name)), JSON.stringify(report.cleared));
  const of = async (sql) => (await db.prepare(sql).raw()).flat();
  assert.deepEqual(await of("SELECT * FROM lunora_users"), ["ada", "ada@example.com"]);
  assert.deepEqual(await of("SELECT id FROM lunora_sessions ORDER BY id"), ["kept", "later"]);
  assert.deepEqual([await of("SELECT COUNT(*) FROM lunora_codes"), await of("SELECT COUNT(*) FROM lunora_code_limits")], [[0], [1]]);

  const rows = [["lunora_sessions", { id: "forged", user_id: "ada" }], ["lunora_users", { id: "eve", email: "eve@example.com" }]];
  const body = rows.map(([table, doc]) => JSON.stringify({ table, global: true, doc })).join("\n");
  const imported = await deployment.admin("import", body);
  assert.deepEqual([imported.errors, imported.inserted], [[], { lunora_users: 1 }]);
  assert.deepEqual(await of("SELECT COUNT(*) FROM lunora_sessions"), [2]);
}, options));
