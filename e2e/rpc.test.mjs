// The two ways from a Worker to a shard of ours, by RPC and by a request, give the same answers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { App } from "./bounds.mjs";

/** Counts the calls of each way; without the method, the class is as an older version of it. */
const entry = (byRpc) => `
import worker, * as objects from "./shim.js";
export default worker;
const ways = { rpc: 0, request: 0 };
export class Vault extends objects.Vault {
  async fetch(request) {
    if (request.url.endsWith("/ways")) return Response.json(ways);
    ways.request++;
    return super.fetch(request);
  }
  ${byRpc ? "__lunora_call(...args) { ways.rpc++; return super.__lunora_call(...args); }" : "__lunora_call = undefined;"}
}
export class ShardRegistry extends objects.ShardRegistry {}
`;

let apps;
before(async () => {
  const flags = { compatibilityFlags: ["enable_request_signal"] };
  apps = [await App.start({}, { entry: entry(true), ...flags }), await App.start({}, { entry: entry(false), ...flags })];
});
after(() => Promise.all(apps.map((app) => app.mf.dispose())));

const ways = async (app) => JSON.parse((await app.object("VAULT", "any", "/ways")).text);

/** What varies from run to run: ids of documents, times, cursors of another epoch. */
const settled = (text) => text.replace(/"_id":"[^"]*"/g, '"_id":"…"').replace(/"(_creationTime|timestamp)":[\d.]+/g, '"$1":0');

const CALLS = {
  "a mutation": ["notes:add", { count: 2, bytes: 3, label: "héllo 部屋 \u{1f600}" }, "one"],
  "a query": ["notes:list", {}, "one"],
  "a query of a shard with an odd name": ["notes:list", {}, "a/b?c=d&é 部屋\u{1f600}"],
  "a query of an empty shard": ["notes:list", {}, "empty"],
  "a long answer": ["drill:blob", { bytes: 3_000_000 }, "one"],
  "values of the codec": ["drill:echo", { value: ["$lunora:bigint", "12"] }, "one"],
  "text that JSON escapes": ["drill:echo", { value: 'a"\\\n\u2028\u0000\n\nb' }, "one"],
  "invalid arguments": ["notes:add", { count: "two" }, "one"],
  "an unknown function": ["notes:none", {}, "one"],
  "an admin operation without a token": ["__lunora_admin__:listTables", {}, "one"],
};

for (const [name, [functionPath, args, shardKey]] of Object.entries(CALLS)) {
  test(`${name} is answered alike by both ways`, async () => {
    const answers = [];
    for (const app of apps) {
      const response = await app.mf.dispatchFetch("http://rpc.test/_lunora/rpc", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ functionPath, args, shardKey }),
      });
      const headers = Object.fromEntries([...response.headers].filter(([header]) => header !== "content-length"));
      answers.push({ status: response.status, headers, text: settled(await response.text()) });
    }
    const [rpc, request] = answers;
    assert.ok(rpc.text === request.text, `${rpc.text.slice(0, 300)}\n${request.text.slice(0, 300)}`);
    assert.deepEqual({ ...rpc, text: "" }, { ...request, text: "" });
  });
}

test("a batch and a replayed mutation are answered alike by both ways", async () => {
  const [rpc, request] = await Promise.all(apps.map(async (app) => {
    const id = { "x-lunora-mutation-id": "m1", "x-lunora-client-id": "c1" };
    const add = () => app.add("two", { count: 1, headers: id });
    const [first, again] = [await add(), await add()];
    const slots = await app.batch([{ functionPath: "notes:list", shardKey: "one" }, { functionPath: "notes:none", shardKey: "two" }]);
    return settled(JSON.stringify([first.status, first.text, again.text, slots, (await app.notes("two")).length]));
  }));
  assert.equal(rpc, request);
});

test("a crash under a call by RPC is answered, and the next call is served", async () => {
  const [app] = apps;
  const crashed = await app.rpc("drill:crash", {}, "crashes");
  assert.deepEqual([crashed.status, crashed.text], [500, "Internal Server Error"]);
  assert.equal((await app.rpc("notes:list", {}, "crashes")).status, 200);
});

test("each deployment took its way", async () => {
  const [rpc, request] = await Promise.all(apps.map(ways));
  assert.ok(rpc.rpc > Object.keys(CALLS).length && rpc.request === 0, JSON.stringify(rpc));
  assert.ok(request.rpc === 0 && request.request > Object.keys(CALLS).length, JSON.stringify(request));
});

test("rejects a call that is not UTF-8, and takes U+FFFD for what it is", async () => {
  const send = (value) => apps[0].mf.dispatchFetch("http://rpc.test/_lunora/rpc", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: Buffer.concat([Buffer.from('{"functionPath":"drill:echo","shardKey":"one","args":{"value":"'), value, Buffer.from('"}}')]),
  });
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xef, 0xbf, 0xbd, 0x80]]) {
    const response = await send(Buffer.from(bytes));
    assert.deepEqual([response.status, (await response.json()).error.code], [400, "BAD_REQUEST"], String(bytes));
  }
  assert.deepEqual(await (await send(Buffer.from("\u{fffd} 部屋 \u{1f600}"))).json(), { result: "\u{fffd} 部屋 \u{1f600}" });
});
