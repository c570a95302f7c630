// The admin plane over real bindings: R2, KV, D1, Durable Objects and Workflows.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { validateOpenRPCDocument } from "@open-rpc/schema-utils-js";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;
const DRILL = new URL("drill", import.meta.url).pathname;
const CHAT = new URL("../examples/chat", import.meta.url).pathname;
const TOKEN = "the-fixtures-admin-token";
const SECRET = "the-fixtures-scheduler-secret";
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };

// What only JavaScript can export: the class behind a workflow.
const WORKFLOWS = `
  import { WorkflowEntrypoint } from "cloudflare:workers";
  export class Digest extends WorkflowEntrypoint {
    async run(event, step) {
      await step.do("read", async () => event.payload);
      await step.waitForEvent("wait", { type: "go", timeout: "1 hour" });
    }
  }
  export default { fetch: () => new Response("workflows") };
`;

// Miniflare has no Vectorize: its interface, over two vectors.
const VECTORIZE = `
  export default () => ({
    describe: async () => ({ dimensions: 2, vectorCount: 2 }),
    query: async (vector, { topK, returnMetadata }) => {
      if (!Array.isArray(vector)) throw new Error("no vector");
      const all = [{ id: "near", score: 0.9, metadata: { vector, returnMetadata } }, { id: "far", score: 0.1 }];
      return { count: 2, matches: all.slice(0, topK) };
    },
  });
`;

let mf;
before(() => {
  mf = new Miniflare({
    ...quiet,
    workers: [
      {
        ...workerOptions(FIXTURE),
        workflows: { DIGEST: { name: "digest", className: "Digest", scriptName: "workflows" } },
        wrappedBindings: { DOCS: "vectorize" },
      },
      { name: "vectorize", modules: [{ type: "ESModule", path: "vectorize.mjs", contents: VECTORIZE }] },
      {
        name: "workflows",
        modules: [{ type: "ESModule", path: "workflows.mjs", contents: WORKFLOWS }],
        compatibilityDate: "2026-04-01",
        workflows: { DIGEST: { name: "digest", className: "Digest" } },
      },
    ],
  });
});
after(() => mf.dispose());

const ask = (method, path, { body, headers = {}, token = TOKEN } = {}) =>
  mf.dispatchFetch(`http://fixture/_lunora/${path}`, {
    method,
    body,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    ...(body instanceof ReadableStream && { duplex: "half" }),
  });
/** The body of an answer, with the answer's own status as `status`. */
const json = async (...args) => {
  const response = await ask(...args);
  return { ...(await response.json()), status: response.status };
};
const post = (path, body) => json("POST", path, { body: JSON.stringify(body) });
const code = ({ status, error }) => [status, error?.code];

test("rejects access to a binding without the token", async () => {
  for (const [method, path] of [
    ["GET", "admin/storage"],
    ["PUT", "admin/storage?key=k"],
    ["GET", "admin/kv/keys?namespace=SETTINGS"],
    ["GET", "admin/global/tables"],
    ["GET", "admin/scheduled"],
    ["GET", "admin/workflows/instance?name=DIGEST&id=i"],
    ["POST", "admin/ws-token"],
    ["POST", "scheduled"],
  ]) {
    for (const token of [null, "wrong", `${TOKEN}2`]) {
      assert.deepEqual(code(await json(method, path, { token })), [403, "ADMIN_FORBIDDEN"], `${method} ${path}`);
    }
  }
});

test("objects of R2 are written with their checksum, listed, streamed and deleted", async () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024, "lunora");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const path = "admin/storage?key=a%2Fbig.bin";
  const written = await json("PUT", `${path}&expectedSha256=${sha256}&expectedSize=${bytes.length}`, {
    body: bytes,
    headers: { "content-type": "text/html" },
  });
  assert.deepEqual([written.status, written.key, written.sha256], [200, "a/big.bin", sha256]);
  const bucket = await mf.getR2Bucket("BUCKET");
  const head = await bucket.head("a/big.bin");
  assert.equal(Buffer.from(head.checksums.sha256).toString("hex"), sha256);

  const { objects } = await json("GET", "admin/storage?prefix=a/");
  assert.deepEqual(
    objects.map(({ key, size, sha256, contentType, etag }) => ({ key, size, sha256, contentType, etag })),
    [{ key: "a/big.bin", size: bytes.length, sha256, contentType: "text/html", etag: written.etag }],
  );
  assert.match(objects[0].uploaded, /^20\d\d-.*Z$/);

  const read = await ask("GET", "admin/storage/object?key=a/big.bin");
  assert.equal(read.headers.get("content-disposition"), "attachment");
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(bytes));

  const refused = await json("PUT", `admin/storage?key=bad&expectedSha256=${"0".repeat(64)}`, { body: "x" });
  assert.deepEqual(code(refused), [400, "STORAGE_CHECKSUM_MISMATCH"]);
  assert.equal(await bucket.head("bad"), null);

  assert.deepEqual(await json("DELETE", path), { status: 200, deleted: true, key: "a/big.bin" });
  assert.equal(await bucket.head("a/big.bin"), null);
  assert.deepEqual(code(await json("GET", "admin/storage/object?key=a/big.bin")), [404, "STORAGE_OBJECT_NOT_FOUND"]);
  assert.deepEqual(code(await json("GET", "admin/storage?bucket=OTHER")), [404, "NOT_FOUND"]);
  assert.deepEqual((await json("GET", "admin/storage/buckets")).buckets, ["BUCKET"]);
});

test("an upload of 32 MiB arrives, and one byte more is refused", async () => {
  const most = 32 * 1024 * 1024;
  const largest = await json("PUT", "admin/storage?key=largest", { body: Buffer.alloc(most) });
  assert.equal(largest.status, 200);
  assert.equal((await (await mf.getR2Bucket("BUCKET")).head("largest")).size, most);
  const larger = await json("PUT", "admin/storage?key=larger", { body: Buffer.alloc(most + 1) });
  assert.deepEqual(code(larger), [413, "PAYLOAD_TOO_LARGE"]);
});

test("values of KV are written, read, listed by page and deleted", async () => {
  const value = (body) => json("PUT", "admin/kv/value", { body: JSON.stringify({ namespace: "SETTINGS", ...body }) });
  const metadata = { by: ["ada"], at: { deep: 1.5 }, n: null };
  assert.deepEqual(await value({ key: "theme", value: 'größe "quoted"', metadata }), { status: 200, ok: true });
  const kv = await mf.getKVNamespace("SETTINGS");
  assert.equal(await kv.get("theme"), 'größe "quoted"');

  const path = "admin/kv/value?namespace=SETTINGS&key=theme";
  assert.deepEqual(await json("GET", path), { status: 200, value: 'größe "quoted"', metadata });
  const expiration = Math.floor(Date.now() / 1000) + 3600;
  assert.equal((await value({ key: "until", value: "x", expiration })).status, 200);
  assert.equal((await value({ key: "ttl", value: "x", expirationTtl: 60 })).status, 200);
  assert.deepEqual(code(await value({ key: "soon", value: "x", expirationTtl: 59 })), [400, "BAD_REQUEST"]);

  const first = await json("GET", "admin/kv/keys?namespace=SETTINGS&limit=2");
  assert.deepEqual([first.listComplete, first.keys.map(({ name }) => name)], [false, ["theme", "ttl"]]);
  assert.deepEqual(first.keys[0], { name: "theme", metadata });
  const rest = await json("GET", `admin/kv/keys?namespace=SETTINGS&cursor=${encodeURIComponent(first.cursor)}`);
  assert.deepEqual([rest.listComplete, rest.keys], [true, [{ name: "until", expiration }]]);
  assert.equal(rest.cursor, undefined);

  assert.deepEqual(await json("DELETE", path), { status: 200, deleted: true });
  assert.deepEqual(await json("GET", path), { status: 200, value: null, metadata: null });
  assert.deepEqual(code(await json("GET", "admin/kv/keys?namespace=OTHER")), [404, "NOT_FOUND"]);
  assert.deepEqual((await json("GET", "admin/kv/namespaces")).namespaces, [{ binding: "SETTINGS" }]);
});

test("tables of D1 are looked into, whatever they are called", async () => {
  const db = await mf.getD1Database("DB");
  await db.batch([
    db.prepare("CREATE TABLE users (name TEXT, age INTEGER, plan TEXT)"),
    db.prepare("INSERT INTO users VALUES ('ada', 36, 'pro'), ('bob', 41, 'free'), ('cyd', 41, NULL)"),
    db.prepare('CREATE TABLE "odd ""name""; --" ("a ""b""" REAL)'),
    db.prepare('INSERT INTO "odd ""name""; --" VALUES (1.5), (NULL)'),
    db.prepare("CREATE TABLE d1_migrations (id INTEGER)"),
  ]);
  const odd = 'odd "name"; --';
  const tables = await (await ask("GET", "admin/global/tables")).json();
  assert.deepEqual(tables, [{ name: odd, rowCount: 2 }, { name: "users", rowCount: 3 }]);

  const query = (params) => new URLSearchParams(params);
  const page = (params) => json("GET", `admin/global/table?${query(params)}`);
  const filters = (...list) => JSON.stringify(list);
  const users = await page({ table: "users", limit: 2 });
  assert.deepEqual([users.columns, users.total], [["name", "age", "plan"], 3]);
  assert.deepEqual(users.rows[0], { name: "ada", age: 36, plan: "pro" });
  const names = async (...list) =>
    (await page({ table: "users", filters: filters(...list) })).rows.map(({ name }) => name);
  assert.deepEqual(await names({ column: "age", value: 41 }), ["bob", "cyd"]);
  assert.deepEqual(await names({ column: "age", value: ["$lunora.wire$", "bigint", "36"] }), ["ada"]);
  assert.deepEqual(await names({ column: "plan", value: null }), ["cyd"]);
  assert.deepEqual(await names({ column: "age", value: 41 }, { column: "plan", value: "free" }), ["bob"]);
  assert.deepEqual(await names({ column: "name", value: "x' OR '1'='1" }), []);
  assert.deepEqual((await page({ table: odd, filters: filters({ column: 'a "b"', value: 1.5 }) })).rows, [
    { 'a "b"': 1.5 },
  ]);

  const facet = (params) => json("GET", `admin/global/facet?${query(params)}`);
  const ages = await facet({ table: "users", column: "age" });
  assert.deepEqual([ages.truncated, ages.values], [false, [{ count: 2, value: 41 }, { count: 1, value: 36 }]]);
  assert.equal((await facet({ table: "users", column: "age", limit: 1 })).truncated, true);

  for (const table of ["nothing", "d1_migrations", "sqlite_master", "_cf_KV", 'users"; DROP TABLE users; --']) {
    assert.deepEqual(code(await page({ table })), [404, "UNKNOWN_TABLE"], table);
  }
  const inject = { column: 'age" = 1 OR "1', value: 1 };
  assert.deepEqual(code(await page({ table: "users", filters: filters(inject) })), [400, "BAD_REQUEST"]);
  assert.deepEqual(code(await facet({ table: "users", column: "nothing" })), [400, "BAD_REQUEST"]);
  assert.equal((await db.prepare("SELECT COUNT(*) AS n FROM users").first("n")), 3);
});

test("the scheduler's object is asked by its own paths, without the operator's token", async () => {
  const { status, asked, instance, authorization } = await json("GET", "admin/scheduled?cursor=a%26b");
  assert.deepEqual([status, asked, instance, authorization], [200, "GET https://scheduler.internal/list?cursor=a%26b", "default", null]);
  const { asked: cancel, body } = await post("admin/scheduled/cancel", { id: "j1" });
  assert.deepEqual([cancel, body], ["POST https://scheduler.internal/cancel", { id: "j1" }]);
});

test("a live connection to the scheduler opens by a token made for it", async () => {
  const open = (token) =>
    mf.dispatchFetch(`http://fixture/_lunora/admin/scheduled/ws?token=${token}`, { headers: { upgrade: "websocket" } });
  const minted = await json("POST", "admin/ws-token");
  assert.ok(minted.expiresAtMs > Date.now() && minted.expiresAtMs <= Date.now() + 61_000);
  const claim = `v1.${minted.expiresAtMs}`;
  assert.equal(minted.token, `${claim}.${createHmac("sha256", TOKEN).update(claim).digest("base64url")}`);

  const { status, webSocket } = await open(minted.token);
  assert.equal(status, 101);
  const message = new Promise((resolve) => webSocket.addEventListener("message", ({ data }) => resolve(data), { once: true }));
  webSocket.accept();
  assert.equal(await message, '{"type":"jobs","records":[]}');
  webSocket.close();

  const expired = `v1.${Date.now() - 1}`;
  const stale = `${expired}.${createHmac("sha256", TOKEN).update(expired).digest("base64url")}`;
  for (const token of [TOKEN, stale, `${minted.token}x`, ""]) assert.equal((await open(token)).status, 403, token);
});

test("a signed dispatch reaches its shard as the server", async () => {
  const body = JSON.stringify({ functionPath: "echo", args: { a: 1 }, shardKey: "room:1", id: "j1", pool: "mail" });
  const sign = (secret) => createHmac("sha256", secret).update(body).digest("base64url");
  const dispatch = (signature) =>
    json("POST", "scheduler/dispatch", { body, token: null, headers: { "x-lunora-scheduler-signature": signature } });
  const { status, result } = await dispatch(sign(SECRET));
  assert.equal(status, 200);
  assert.deepEqual([result.shard, result.body], ["room:1", '{"args":{"a":1},"functionPath":"echo"}']);
  assert.deepEqual(result.headers, {
    "content-type": "application/json",
    "x-lunora-mutation-id": "j1",
    "x-lunora-system": "1",
  });
  assert.deepEqual(code(await dispatch(sign("another secret"))), [403, "DISPATCH_UNAUTHENTICATED"]);
});

test("cron jobs are listed, run on demand, and started by their trigger", async () => {
  const { jobs } = await json("GET", "admin/cron-jobs");
  assert.deepEqual(jobs.map(({ name, cron }) => [name, cron]), [["digest", "0 2 * * *"], ["sweep", "0 2 * * *"]]);
  assert.deepEqual(await post("admin/cron-jobs/run", { name: "sweep" }), { status: 200, name: "sweep", ran: true });
  assert.deepEqual(code(await post("admin/cron-jobs/run", { name: "nothing" })), [404, "CRON_JOB_NOT_FOUND"]);

  const worker = await mf.getWorker("fixture");
  const scheduledTime = new Date(1_780_000_000_000);
  for (let firing = 0; firing < 2; firing++) {
    assert.equal((await worker.scheduled({ cron: "0 2 * * *", scheduledTime })).outcome, "ok");
  }
  const id = `cron-digest-${scheduledTime.getTime()}`;
  const { status } = await ask("GET", `admin/workflows/instance?name=DIGEST&id=${id}`);
  assert.equal(status, 200);
  assert.deepEqual(await post("scheduled", { cron: "0 2 * * *" }), { status: 200, cron: "0 2 * * *", ok: true });
});

test("an instance of a workflow is looked at and stopped", async () => {
  const ran = await post("scheduler/dispatch", { workflow: "DIGEST", id: "i1", args: { day: 1 } });
  assert.deepEqual(ran, { status: 200, result: { id: "i1" } });
  const again = await post("scheduler/dispatch", { workflow: "DIGEST", id: "i1", args: { day: 1 } });
  assert.deepEqual(again, { status: 200, result: { id: "i1" } });
  const instance = async () => (await (await ask("GET", "admin/workflows/instance?name=DIGEST&id=i1")).json()).status;
  assert.ok(["queued", "running", "waiting"].includes(await instance()), await instance());
  assert.deepEqual(await post("admin/workflows/status", { name: "DIGEST", id: "i1", action: "terminate" }), {
    status: 200,
    id: "i1",
    ok: true,
  });
  assert.equal(await instance(), "terminated");
  const listed = await json("GET", "admin/workflows/instances");
  assert.deepEqual([listed.configured, listed.instances, listed.workflows], [false, [], ["DIGEST"]]);
  const missing = await json("GET", "admin/workflows/instance?name=DIGEST&id=none");
  assert.deepEqual(code(missing), [404, "NOT_FOUND"]);
  assert.deepEqual(code(await json("GET", "admin/workflows/instance?name=OTHER&id=i1")), [501, "WORKFLOWS_NOT_CONFIGURED"]);
});

test("health says what is up, without a token and without a reason", async () => {
  const response = await ask("GET", "health", { token: null });
  const body = await response.json();
  assert.deepEqual([response.status, body.status], [200, "healthy"]);
  assert.deepEqual(body.checks, [
    { critical: false, name: "custom", status: "up" },
    { critical: true, name: "d1", status: "up" },
    { critical: true, name: "durable-object", status: "up" },
  ]);
  assert.equal(body.appName, "fixture");
});

test("a vector index is described, and searched by text", async () => {
  const { indexes } = await json("GET", "admin/vector/indexes");
  assert.deepEqual(indexes, [{ name: "docs", table: "pages", dimensions: 2, vectorsCount: 2 }]);
  const { matches } = await post("admin/vector/query", { name: "docs", text: "seven..", topK: 1 });
  assert.deepEqual(matches, [{ id: "near", score: 0.9, metadata: { vector: [7, 0.5], returnMetadata: "all" } }]);
  assert.equal((await post("admin/vector/query", { name: "docs", text: "x" })).matches.length, 2);
  assert.deepEqual(code(await post("admin/vector/query", { name: "none", text: "x" })), [404, "NOT_FOUND"]);
});

test("the API documents are valid, and list the functions", async () => {
  const openApi = await (await ask("GET", "admin/openapi")).json();
  assert.deepEqual(await openApiErrors(openApi), undefined);
  const { schema } = openApi.paths["/_lunora/rpc"].post.requestBody.content["application/json"];
  assert.deepEqual(
    Object.entries(schema.discriminator.mapping),
    ["List", "Rename", "Send", "Thread"].map((name) => [`rooms:${name.toLowerCase()}`, `#/components/schemas/Rooms${name}Call`]),
  );
  const openRpc = await (await ask("GET", "admin/openrpc")).json();
  assert.equal(validateOpenRPCDocument(openRpc), true);
  assert.deepEqual(openRpc.methods.map(({ name }) => name), ["rooms:list", "rooms:rename", "rooms:send", "rooms:thread"]);

  const { functions } = await json("GET", "admin/functions");
  assert.deepEqual(functions[2], {
    args: [
      { element: "object", kind: "array", name: "tags", optional: true },
      { kind: "string", name: "text", optional: false },
    ],
    kind: "mutation",
    path: "rooms:send",
  });

  // The validators are not of those that find everything valid.
  assert.ok(await openApiErrors({ ...openApi, info: {} }));
  assert.notEqual(validateOpenRPCDocument({ ...openRpc, methods: [{ name: 7 }] }), true);
});

test("an application without schemas and optional bindings has valid documents all the same", async () => {
  const chat = new Miniflare({ ...workerOptions(CHAT), ...quiet, bindings: { ...workerOptions(CHAT).bindings, LUNORA_ADMIN_TOKEN: TOKEN } });
  try {
    const get = async (path) =>
      (await chat.dispatchFetch(`http://chat/_lunora/admin/${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })).json();
    assert.deepEqual(await openApiErrors(await get("openapi")), undefined);
    assert.equal(validateOpenRPCDocument(await get("openrpc")), true);
    assert.ok((await get("functions")).functions.some(({ path }) => path === "messages:send"));
    assert.equal((await get("kv/namespaces")).error.code, "KV_NOT_CONFIGURED");
  } finally {
    await chat.dispose();
  }
});

test("the API documents come out of the shard's own functions", async () => {
  const drill = new Miniflare({ ...workerOptions(DRILL), ...quiet });
  try {
    const get = async (path) => {
      const headers = { authorization: "Bearer a-token-for-drills-and-nothing-else" };
      return (await drill.dispatchFetch(`http://drill/_lunora/admin/${path}`, { headers })).json();
    };
    const { functions } = await get("functions");
    assert.deepEqual(functions.find(({ path }) => path === "notes:add"), {
      args: [
        { kind: "number", name: "bytes", optional: false },
        { kind: "number", name: "count", optional: false },
        { kind: "string", name: "label", optional: false },
      ],
      kind: "mutation",
      path: "notes:add",
    });
    // Every function that clients may call, once.
    const paths = functions.map(({ path }) => path);
    assert.deepEqual([...new Set(paths)], paths);
    for (const path of ["notes:add", "notes:list", "users:add", "users:remove"]) assert.ok(paths.includes(path), path);
    assert.deepEqual(await openApiErrors(await get("openapi")), undefined);
    const openRpc = await get("openrpc");
    assert.equal(validateOpenRPCDocument(openRpc), true);
    const added = openRpc.components.schemas.UsersAddResult;
    assert.deepEqual([...added.required].sort(), ["_creationTime", "_id", "name"]);
  } finally {
    await drill.dispose();
  }
});

async function openApiErrors(document) {
  return (await new Validator().validate(structuredClone(document))).errors;
}
