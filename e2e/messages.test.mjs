// What a client reads off the connection: bodies that are encoded already, and the subprotocol of a socket.
import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Miniflare } from "miniflare";
import { WebSocket } from "ws";
import { workerOptions } from "./worker.mjs";

const worker = (path) => workerOptions(new URL(path, import.meta.url).pathname);
const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };

/** Runs `use` beside a Worker, at the URL of the runtime's own socket. */
async function serving(options, use) {
  const mf = new Miniflare({ ...options, ...quiet, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] });
  try {
    await use(await mf.unsafeGetDirectURL());
  } finally {
    await mf.dispose();
  }
}

test("a body that is encoded already is sent as it is", () => serving(worker("fixture"), async (url) => {
  const { headers, body } = await new Promise((resolve, reject) => {
    const asked = request(new URL("/gzipped", url), { headers: { "accept-encoding": "gzip" } }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    });
    asked.on("error", reject).end();
  });
  assert.equal(headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(body).toString(), "encoded once");
}));

test("a socket chooses the subprotocol `lunora`, and no other", () => serving(worker("../examples/plain"), async (url) => {
  const open = (protocols) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${url.host}/_lunora/ws`, protocols);
    socket.on("open", () => { resolve(socket.protocol); socket.close(); });
    socket.on("error", reject);
  });
  assert.equal(await open(["token.of-ada", "lunora"]), "lunora");
  assert.equal(await open([]), "");
  await assert.rejects(open(["graphql-ws"]), /subprotocol/);
}));
