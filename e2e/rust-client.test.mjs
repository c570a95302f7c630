// The Rust client against the drill and the chat on workerd, directly and through proxies that lose answers.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { test } from "node:test";
import { Miniflare } from "miniflare";
import { drill } from "./deployment.mjs";
import { workerOptions } from "./worker.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const CHAT = new URL("../examples/chat", import.meta.url).pathname;

const CALLER = new URL("caller", import.meta.url).pathname;

/** Runs the tests of the crate that need a deployment. */
const cargo = (env) => new Promise((resolve) => {
  const args = ["test", "--quiet", "--package", "lunora-client", "--test", "deployment"];
  execFile("cargo", args, { cwd: ROOT, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
    resolve({ code: error?.code ?? 0, output: stdout + stderr });
  });
});

/** Serves `answer` while `use` runs. */
async function serving(answer, use) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.on("listening", resolve));
  try {
    return await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Forwards each request, and cuts the connection instead of the first answer to each body. */
function lossy(target) {
  const lost = new Set();
  return async (request, response) => {
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks);
    const { host, connection, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url, target), { method: request.method, headers, body });
    const text = await answer.text();
    if (!lost.has(String(body))) {
      lost.add(String(body));
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  };
}

test("the_rust_client_calls_a_deployment", { timeout: 590_000 }, () => drill(async (deployment) => {
  const chat = new Miniflare({ ...workerOptions(CHAT), handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
  try {
    const signIn = { method: "POST", body: JSON.stringify({ name: "ada" }) };
    const { token } = await (await chat.dispatchFetch("http://chat.test/api/sign-in", signIn)).json();
    const url = new URL(await deployment.mf.ready).origin;
    const { code, output } = await serving(lossy(url), (lossyUrl) => serving(() => {}, async (silentUrl) => cargo({
      LUNORA_TEST_URL: url,
      LUNORA_TEST_LOSSY_URL: lossyUrl,
      LUNORA_TEST_SILENT_URL: silentUrl,
      LUNORA_TEST_CHAT_URL: new URL(await chat.ready).origin,
      LUNORA_TEST_CHAT_TOKEN: token,
    })));
    assert.equal(code, 0, output);
    assert.match(output, /7 passed/);
  } finally {
    await chat.dispose();
  }
}));

test("the_rust_client_calls_from_a_worker", () => drill(async (deployment) => {
  const url = new URL(await deployment.mf.ready).origin;
  const caller = new Miniflare({ ...workerOptions(CALLER), handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) });
  try {
    // A lossy network: the first answer to each body does not arrive.
    const response = await serving(lossy(url), (origin) => caller.dispatchFetch(`http://caller.test/?origin=${encodeURIComponent(origin)}`));
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.deepEqual(JSON.parse(text), {
      added: 1, texts: ["wasm 0 "], next: "9007199254740994", code: "FUNCTION_NOT_FOUND", timedOut: true,
    });
  } finally {
    await caller.dispose();
  }
}));
