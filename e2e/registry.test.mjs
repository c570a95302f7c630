// A registry of shards that loses its entries on workerd, and is rebuilt.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drill } from "./deployment.mjs";

test("a registry that lost its entries gets back the shards of snapshots and those that are named", () => drill(async (deployment) => {
  await deployment.populate();
  await deployment.rpc("notes:add", { count: 1, bytes: 10, label: "spaces" }, " odd ");
  const snapshot = await deployment.admin("backup/create");
  // A shard that no snapshot has.
  await deployment.rpc("notes:add", { count: 2, bytes: 10, label: "late" }, "late");
  // One whose rows are gone: it announced itself, and would not do so again by itself.
  await deployment.rpc("notes:add", { count: 1, bytes: 10, label: "gone" }, "hollow");
  const [{ _id }] = await deployment.rpc("notes:list", {}, "hollow");
  await deployment.rpc("notes:remove", { id: _id }, "hollow");
  const before = await deployment.rows();
  assert.equal(before.length, 125);

  await deployment.loseRegistry();
  assert.equal((await deployment.rows()).length, 2, "the default shard alone is asked");
  const refused = await deployment.call("/_lunora/admin/backup/create", {});
  assert.equal(refused.status, 409, refused.text);
  assert.match(refused.text, /REGISTRY_EMPTY.*lunora registry rebuild/);

  const report = await deployment.admin("registry/rebuild", {});
  assert.deepEqual([report.listed, report.empty, report.failed], [[], [], []]);
  assert.deepEqual(report.found, [" odd ", "__root__", "blue/ü", "green", "red"]);
  assert.deepEqual(report.found.length, snapshot.shards.length);
  assert.match(report.unseen, /cannot list Durable Objects/);
  assert.equal((await deployment.rows()).length, 123);

  const named = await deployment.admin("registry/rebuild", { keys: ["late", "late ", "hollow"] });
  assert.deepEqual([named.found, named.empty, named.failed], [["late"], ["hollow", "late "], []]);
  assert.equal(named.listed.length, 5);
  assert.deepEqual(await deployment.rows(), before);
  const again = await deployment.admin("registry/rebuild", { keys: ["late"] });
  assert.deepEqual([again.listed.length, again.found], [6, []]);
  await deployment.rpc("notes:add", { count: 1, bytes: 10, label: "again" }, "hollow");
  assert.equal((await deployment.admin("backup/create")).rows, 126);
}));
