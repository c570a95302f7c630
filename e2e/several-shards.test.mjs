// Queries and batches of several shards, some of which fail in every way: by requests, and by RPC.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./bounds.mjs";

/** Objects that answer the query of these tests as their names say, up to a dash. */
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
  marks: (text) => {
    const slots = JSON.stringify({ results: [{ id: 0, status: 200, body: { result: "marked" } }] });
    if (text) return "200\\ncontent-type:application/json\\nx-d1-bookmark:a:b\\nx-other:c\\n\\n" + slots;
    return new Response(slots, { headers: { "x-d1-bookmark": "a:b" } });
  },
  vast: (text) => {
    const body = JSON.stringify({ results: ["x".repeat(17_000_000)] });
    return text ? "200\\n\\n" + body : new Response(body);
  },
  breaks: () => new Response(new ReadableStream({
    start(stream) { stream.enqueue(new TextEncoder().encode('{"result":[')); },
    pull(stream) { stream.error(new Error("a secret")); },
  })),
};
export class Vault extends objects.Vault {
  async fetch(request) {
    const odd = ODD[this.ctx.id.name?.split("-")[0]];
    if (odd && request.method === "POST" && (await request.clone().text()).includes("notes:list")) return odd(false);
    return super.fetch(request);
  }
  async __lunora_call(head, body) {
    const odd = ODD[this.ctx.id.name?.split("-")[0]];
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
  vast: ["PAYLOAD_TOO_LARGE", false],
};
/** The status and the code of the slots in a batch. */
const SLOTS = {
  bare: [500, "SHARD_ERROR"],
  breaks: [502, "SHARD_ERROR"],
  hangs: [502, "SHARD_UNAVAILABLE"],
  large: [502, "SHARD_ERROR"],
  refuses: [429, "SHARD_ERROR"],
  throws: [502, "SHARD_UNAVAILABLE"],
  vast: [429, "TOO_MANY_REQUESTS"],
};
const HEALTHY = 40;
const WAYS = { "by requests": {}, "by RPC": { compatibilityFlags: ["enable_request_signal"] } };

for (const [name, options] of Object.entries(WAYS)) {
  let app;
  before(async () => {
    app = await App.start({ DRILL_SHARD_TIMEOUT_MS: "6000" }, { entry, ...options });
    for (const shard of [...Object.keys(EXPECTED), ...Array.from({ length: HEALTHY }, (_, n) => `部屋-${n}`)]) {
      assert.equal((await app.add(shard, { label: `héllo of ${shard}` })).status, 200);
    }
  });
  after(() => app.mf.dispose());

  test(`names each shard that fails, and merges the others ${name}`, async () => {
    const fanOut = { table: "notes", merge: { kind: "concat" } };
    const response = await app.mf.dispatchFetch("http://several-shards.test/_lunora/rpc", {
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

  test(`gives every call of a batch its slot ${name}`, async () => {
    const healthy = Array.from({ length: HEALTHY }, (_, n) => `部屋-${n}`);
    const keys = [...Object.keys(SLOTS), ...healthy, ...Object.keys(SLOTS)];
    const slots = await app.batch(keys.map((shardKey) => ({ functionPath: "notes:list", shardKey })));
    slots.forEach(({ status, code, result }, place) => {
      const key = keys[place];
      const expected = SLOTS[key] ?? [200, undefined];
      assert.deepEqual([status, code], expected, key);
      if (expected[0] === 200) assert.deepEqual(result.map(({ text }) => text.replace(/ 0 $/, "")), [`héllo of ${key}`]);
    });
  });

  test(`passes on the bookmark of the only shard that has one ${name}`, async () => {
    for (const [keys, bookmark] of [[["marks", "部屋-0"], "a:b"], [["部屋-0"], null], [["marks-1", "marks-2"], null]]) {
      const calls = keys.map((shardKey) => ({ id: 0, functionPath: "notes:list", shardKey }));
      const init = { method: "POST", body: JSON.stringify({ calls }) };
      const response = await app.mf.dispatchFetch("http://several-shards.test/_lunora/rpc-batch", init);
      assert.equal(response.headers.get("x-d1-bookmark"), bookmark);
      assert.deepEqual((await response.json()).results.map(({ status }) => status), keys.map(() => 200));
    }
  });

  test(`asks no shard after the time of a batch is up ${name}`, async () => {
    const hanging = Array.from({ length: 16 }, (_, n) => `hangs-${n}`);
    const calls = [...hanging, "部屋-0"].map((shardKey, id) => ({ id, functionPath: "notes:list", shardKey }));
    const answer = await app.post("/_lunora/rpc-batch", { calls });
    const messages = JSON.parse(answer.text).results.map(({ body }) => body.error.message);
    assert.deepEqual(messages.slice(0, 16).filter((message) => !message.includes("timed out after 6000 ms")), []);
    assert.match(messages[16], /was not asked/);
  });
}
