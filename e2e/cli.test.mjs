// The command-line tool against a deployment on workerd.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { TOKEN, drill } from "./deployment.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), "lunora-cli-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs the tool; its exit code, and what it answered as JSON. */
async function lunora(deployment, ...args) {
  const url = String(await deployment.mf.ready);
  const command = ["run", "--quiet", "--package", "lunora-cli", "--", "--json", "--url", url, ...args];
  return new Promise((resolve) => {
    execFile("cargo", command, { cwd: ROOT, env: { ...process.env, LUNORA_ADMIN_TOKEN: TOKEN } }, (error, stdout, stderr) => {
      let answer;
      try {
        answer = JSON.parse(stdout);
      } catch {
        answer = stdout;
      }
      resolve({ code: error?.code ?? 0, answer, stderr });
    });
  });
}

/** The answer of a command that must go well. */
async function done(deployment, ...args) {
  const { code, answer, stderr } = await lunora(deployment, ...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return answer;
}

test("a destroyed deployment is restored by the tool, row for row", () => drill(async (deployment) => {
  await deployment.populate();
  const before = await deployment.rows();
  const snapshot = await done(deployment, "backup", "create");
  assert.equal(snapshot.rows, 122);
  await deployment.destroy();
  assert.deepEqual((await done(deployment, "backup", "list")).map(({ id }) => id), [snapshot.id]);
  assert.equal((await done(deployment, "backup", "verify", snapshot.id)).ok, true);
  const report = await done(deployment, "backup", "restore", snapshot.id, "--max-rows", "50");
  assert.deepEqual([report.received, report.errors, report.inserted], [122, [], { notes: 120, users: 2 }]);
  assert.deepEqual(await deployment.rows(), before);
  const file = join(scratch, "rows.ndjson");
  assert.equal((await done(deployment, "export", "-o", file)).rows, 122);
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  assert.equal(JSON.parse(lines.pop()).$end.rows, 122);
  const rows = lines.map((line) => line.replace(/"shardKey":"[^"]*",/, ""));
  assert.deepEqual(rows.sort(), before);
  assert.deepEqual((await done(deployment, "import", file)).conflicts, 122);
  const plan = await done(deployment, "backup", "restore", snapshot.id, "--replace", "--dry-run");
  assert.deepEqual([plan.problems, plan.rows, plan.unknownTables], [[], 122, []]);
  assert.deepEqual(await deployment.rows(), before);
  // Each row returns to its shard: the same export comes out of an empty deployment.
  await deployment.destroy();
  assert.deepEqual((await done(deployment, "import", file)).inserted, { notes: 120, users: 2 });
  const again = join(scratch, "again.ndjson");
  await done(deployment, "export", "-o", again);
  assert.equal(readFileSync(again, "utf8"), readFileSync(file, "utf8"));
  assert.equal((await deployment.rpc("notes:list", {}, "green")).length, 40);
}));

test("the moment before the accident comes back", () => drill(async (deployment) => {
  await deployment.populate();
  await done(deployment, "backup", "create");
  await deployment.rpc("notes:add", { count: 5, bytes: 10, label: "later" }, "red");
  await deployment.rpc("notes:add", { count: 2, bytes: 10, label: "born later" }, "violet");
  const wanted = await deployment.rows();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const moment = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { _id } of await deployment.rpc("notes:list", {}, "green")) await deployment.rpc("notes:remove", { id: _id }, "green");
  await deployment.rpc("notes:add", { count: 3, bytes: 10, label: "too late" }, "violet");

  const refused = await lunora(deployment, "backup", "restore", "--to", moment);
  assert.equal(refused.code, 4, refused.stderr);
  assert.notDeepEqual(await deployment.rows(), wanted);
  const report = await done(deployment, "backup", "restore", "--to", moment, "--yes");
  assert.equal(report.changes, 7);
  assert.deepEqual(await deployment.rows(), wanted);
  const early = await lunora(deployment, "backup", "restore", "--to", "2020-01-01T00:00:00Z", "--yes");
  assert.deepEqual([early.code, await deployment.rows()], [1, wanted]);
}));

test("a damaged snapshot and invalid rows have their exit code", () => drill(async (deployment) => {
  await deployment.populate();
  const snapshot = await done(deployment, "backup", "create");
  const bucket = await deployment.mf.getR2Bucket("BACKUPS");
  const rows = await (await bucket.get(snapshot.file)).text();
  await bucket.put(snapshot.file, rows.replace("red 7", "red 8"));
  const verified = await lunora(deployment, "backup", "verify", snapshot.id);
  assert.deepEqual([verified.code, verified.answer.ok], [3, false]);
  // Nothing is emptied for the sake of it.
  const before = await deployment.rows();
  assert.equal((await lunora(deployment, "backup", "restore", snapshot.id, "--replace", "--yes")).code, 1);
  assert.deepEqual(await deployment.rows(), before);

  const file = join(scratch, "import.ndjson");
  const row = (folder) => JSON.stringify({ table: "notes", doc: { folder, text: "imported" } });
  writeFileSync(file, [row("red"), "", "nonsense", row("indigo"), '{"table":7}'].join("\n"));
  const imported = await lunora(deployment, "import", file);
  assert.deepEqual([imported.code, imported.answer.errors.map(({ line }) => line)], [3, [3, 5]]);
  assert.deepEqual(imported.answer.inserted, { notes: 2 });
  assert.equal((await done(deployment, "rpc", "notes:list", "{}", "--shard", "indigo")).length, 1);
  const unknown = await lunora(deployment, "rpc", "notes:none");
  assert.deepEqual([unknown.code, /FUNCTION_NOT_FOUND/.test(unknown.stderr)], [1, true]);
}));

test("a migration runs on every shard by the tool, and is undone by it", () => drill(async (deployment) => {
  await deployment.populate();
  const migrate = (...options) => done(deployment, "migrate", "notes", "underline", ...options);
  const before = await deployment.rows();
  const shards = (await migrate("--status")).shards.length;
  assert.equal((await migrate("--status")).status, "not_started");
  const dry = await migrate("--dry-run");
  assert.deepEqual([dry.done, dry.processed, dry.changed], [shards, 120, 120]);
  assert.deepEqual(await deployment.rows(), before);
  const up = await migrate();
  assert.deepEqual([up.status, up.done, up.failed, up.processed, up.changed], ["completed", shards, 0, 120, 120]);
  assert.notDeepEqual(await deployment.rows(), before);
  assert.equal((await migrate()).changed, 120);
  assert.equal((await migrate("--status")).status, "completed");
  assert.equal((await migrate("--down")).done, shards);
  assert.deepEqual(await deployment.rows(), before);
  const unknown = await lunora(deployment, "migrate", "notes", "unheard");
  assert.deepEqual([unknown.code, unknown.answer.failed], [3, shards]);
  assert.match(unknown.answer.shards[0].error, /^MIGRATION_NOT_FOUND: /);
}));
