// A query across shards, some of which fail in every way: by requests, and by RPC.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./bounds.mjs";

/** Objects that answer the query of this test as their names say. */
const entry = `
import worker, * as objects from "./shim.js";
export default worker;
const ERROR = JSON.stringify({ error: { code: "QUOTA_EXCEEDED", message: "no room" } });
const ODD = {
  hangs: () => new Promise((resolve) => setTimeout(resolve, 30_000)),
  throws: () => { throw new Error("a secret"); },
  refuses: (text) => text ? "429\\ncontent-type:application/json\\n\\n" + ERROR : new Response(ERROR, { status: 429 }),
  bare: (text) => text ? "500\\n\\noops" : new Response("oops", { status: 500 }),
  large: (text) => {
    const body = JSON.stringify({ result: ["x".repeat(2_200_000)] });
    return text ? "200\\n\\n" + body : new Response(body);
  },
  breaks: () => new Response(new ReadableStream({
    start(stream) { stream.enqueue(new TextEncoder().encode('{"result":[')); },
    pull(stream) { stream.error(new Error("a secret")); },
  })),
};
export class Vault extends objects.Vault {
  async fetch(request) {
    const odd = ODD[this.ctx.id.name];
    if (odd && request.method === "POST" && (await request.clone().text()).includes("notes:list")) return odd(false);
    return super.fetch(request);
  }
  async __lunora_call(head, body) {
    const odd = ODD[this.ctx.id.name];
    return odd && body.includes("notes:list") ? odd(true) : super.__lunora_call(head, body);
  }
}
export class ShardRegistry extends objects.ShardRegistry {}
`;

const EXPECTED = {
  bare: ["SHARD_HTTP_ERROR", false],
  breaks: ["SHARD_UNAVAILABLE", false],
  hangs: ["SHARD_TIMEOUT", true],
  large: ["PAYLOAD_TOO_LARGE", false],
  refuses: ["QUOTA_EXCEEDED", false],
  throws: ["SHARD_UNAVAILABLE", false],
};
const HEALTHY = 40;
const WAYS = { "by requests": {}, "by RPC": { compatibilityFlags: ["enable_request_signal"] } };

for (const [name, options] of Object.entries(WAYS)) {
  let app;
  before(async () => {
    app = await App.start({}, { entry, ...options });
    for (const shard of [...Object.keys(EXPECTED), ...Array.from({ length: HEALTHY }, (_, n) => `部屋-${n}`)]) {
      assert.equal((await app.add(shard, { label: `héllo of ${shard}` })).status, 200);
    }
  });
  after(() => app.mf.dispose());

  test(`names each shard that fails, and merges the others ${name}`, async () => {
    const fanOut = { table: "notes", merge: { kind: "concat" } };
    const response = await app.mf.dispatchFetch("http://fan-out.test/_lunora/rpc", {
      method: "POST",
      body: JSON.stringify({ functionPath: "notes:list", args: {}, fanOut }),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.ok(!text.includes("a secret"), text.slice(-2000));
    const { data, ok, failed, errors } = JSON.parse(text);
    const codes = Object.fromEntries(errors.map(({ shardKey, code, timedOut }) => [shardKey, [code, timedOut]]).sort());
    assert.deepEqual(codes, EXPECTED);
    assert.deepEqual([ok, failed], [HEALTHY, Object.keys(EXPECTED).length]);
    const labels = Array.from({ length: HEALTHY }, (_, n) => `héllo of 部屋-${n}`).sort();
    assert.deepEqual(data.map(({ text }) => text.replace(/ 0 $/, "")).sort(), labels);
  });
}
