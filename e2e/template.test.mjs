// The template, made into an application by `cargo xtask test`, as it runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const APP = new URL("../target/template/made-from-template", import.meta.url).pathname;

let mf;
before(() => {
  mf = new Miniflare({ ...workerOptions(APP), handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
});
after(() => mf.dispose());

async function rpc(functionPath, args, shardKey = "__root__") {
  const body = JSON.stringify({ functionPath, args, shardKey });
  const response = await mf.dispatchFetch("http://template.test/_lunora/rpc", { method: "POST", body });
  return { status: response.status, ...(await response.json()) };
}
const titles = async (shardKey) => (await rpc("tasks:list", {}, shardKey)).result.map(({ title }) => title);

test("a task is added to its list, and read back", async () => {
  const added = await rpc("tasks:add", { title: " bread " }, "groceries");
  assert.equal(added.status, 200, JSON.stringify(added));
  assert.deepEqual(await titles("groceries"), ["bread"]);
  assert.deepEqual(await titles("chores"), []);
});

test("arguments are checked", async () => {
  const refused = await rpc("tasks:add", { title: " " }, "groceries");
  assert.deepEqual([refused.status, refused.error.code], [400, "VALIDATION_ERROR"]);
});

test("the trigger of wrangler.jsonc empties the default list", async () => {
  await rpc("tasks:add", { title: "done" });
  assert.deepEqual(await titles(), ["done"]);
  const worker = await mf.getWorker();
  assert.equal((await worker.scheduled({ cron: "0 3 * * *" })).outcome, "ok");
  assert.deepEqual(await titles(), []);
});
