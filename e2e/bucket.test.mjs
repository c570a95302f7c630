// The object store over R2, as the Worker itself finds it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;

test("a bucket does what an object store must", async () => {
  const mf = new Miniflare(workerOptions(FIXTURE));
  try {
    const response = await mf.dispatchFetch("http://fixture/bucket");
    assert.deepEqual(await response.json(), {
      put: { key: "a/one", size: 5 },
      again: true,
      digest: true,
      head: { size: 5, type: "text/plain", by: "ada" },
      missing: true,
      from: ["hello", "lo", "", ""],
      body: "hello",
      listed: ["b/0", "b/1", "b/2", "b/3", "b/4"],
      "several pages": true,
      big: 5 * 1024 * 1024 + 7,
      read: 5 * 1024 * 1024 + 7,
      dropped: true,
      deleted: true,
      slept: true,
    });
    const bucket = await mf.getR2Bucket("BUCKET");
    const { objects } = await bucket.list({ prefix: "c/" });
    assert.deepEqual(objects.map(({ key }) => key), ["c/big"]);
  } finally {
    await mf.dispose();
  }
});
