// Clients that leave while an object hangs. Each round, many send a body and reset their connections: the
// requests to the object must end, and the memory of the instance must not grow from round to round.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { App, MIB } from "./bounds.mjs";

const CALLERS = 500;
const BODY = 64 * 1024;
const ROUNDS = 5;
/** What the instance may take more after the last round than after the first. */
const SLACK_MIB = 2;
/** As above, where the garbage collector has to find what is over: what two rounds take, of five. */
const COLLECTED_SLACK_MIB = 68;

// The objects of the drill, of which those named "hangs" never answer. Without the method for calls by
// RPC, they are as an older version of the class: the Worker sends requests.
const entry = (byRpc) => `
import worker, * as objects from "./shim.js";
export default worker;
const requests = { came: 0, ended: 0 };
export class Vault extends objects.Vault {
  async fetch(request) {
    if (request.url.endsWith("/requests")) return Response.json(requests);
    if (this.ctx.id.name !== "hangs") return super.fetch(request);
    request.signal.addEventListener("abort", () => requests.ended++);
    await request.arrayBuffer();
    requests.came++;
    await scheduler.wait(600_000);
  }
  ${byRpc ? `async __lunora_call(...args) {
    if (this.ctx.id.name !== "hangs") return super.__lunora_call(...args);
    requests.came++;
    await scheduler.wait(600_000);
  }` : "__lunora_call = undefined;"}
}
export class ShardRegistry extends objects.ShardRegistry {}
`;

const call = { functionPath: "notes:add", args: { count: 1, bytes: 0, label: "x".repeat(BODY) }, shardKey: "hangs" };
const post = (path, body) => {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nhost: aborts.test\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
};
const KINDS = {
  "a call": post("/_lunora/rpc", call),
  "a batch": post("/_lunora/rpc-batch", { calls: [{ id: "1", ...call }] }),
  "a live upgrade": `GET /_lunora/ws?shard=hangs HTTP/1.1\r\nhost: aborts.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-filler: ${"x".repeat(4096)}\r\n\r\n`,
  "an own route": post("/ask?shard=hangs", call),
};

/** Sends a request, waits until the object has it and 100 ms more, and resets the connection. */
async function leave({ port }, request, arrived) {
  const socket = connect({ host: "127.0.0.1", port });
  const answers = [];
  socket.on("error", () => {}).on("data", (data) => answers.push(data));
  socket.write(request);
  await arrived;
  await wait(100);
  socket.resetAndDestroy();
  assert.deepEqual(String(Buffer.concat(answers)), "");
}

async function until(read, expected, limitMs) {
  const end = Date.now() + limitMs;
  let last = await read();
  while (last !== expected && Date.now() < end) {
    await wait(50);
    last = await read();
  }
  assert.equal(last, expected);
}

/** Drives rounds of callers that leave; `afterwards` waits until what they left is over. */
async function drive(name, request, { byRpc = true, flags = [], variables, slack = COLLECTED_SLACK_MIB, afterwards, between = () => {} }) {
  const app = await App.start(variables, { entry: entry(byRpc), compatibilityFlags: flags });
  try {
    const url = await app.mf.ready;
    const requests = async (which) => JSON.parse((await app.object("VAULT", "asked", "/requests")).text)[which];
    const memory = [(await app.memory()).wasm];
    for (let round = 1; round <= ROUNDS; round++) {
      const arrived = until(() => requests("came"), round * CALLERS, 20_000);
      await Promise.all(Array.from({ length: CALLERS }, () => leave(url, request, arrived)));
      await afterwards(() => requests("ended"), round * CALLERS);
      memory.push((await app.memory()).wasm);
      await between(app);
    }
    console.log(`${name}: ${memory.map((mib) => mib.toFixed(1)).join(", ")} MiB`);
    await app.works();
    assert.ok(memory.at(-1) <= memory[1] + slack, `memory grew from ${memory[1]} to ${memory.at(-1)} MiB`);
  } finally {
    await app.mf.dispose();
  }
}

for (const [name, request] of Object.entries(KINDS)) {
  test(`${name} ends with its client`, { timeout: 120_000 }, () =>
    drive(name, request, {
      flags: ["enable_request_signal"],
      byRpc: false,
      slack: SLACK_MIB,
      // Far below `shard_timeout`.
      afterwards: (ended, expected) => until(ended, expected, 5_000),
    }));
  if (name === "a live upgrade") continue;
  // An object is not told that the caller of a method left.
  test(`${name} by RPC ends with its client`, { timeout: 120_000 }, () =>
    drive(`${name} by RPC`, request, {
      flags: ["enable_request_signal"],
      slack: SLACK_MIB,
      afterwards: () => wait(500),
    }));
}

// Without the flag the runtime tells nothing: the invocation goes on, and an object's `signal` is silent.
test("a call without the flag ends with its deadline", { timeout: 120_000 }, () =>
  drive("without the flag", KINDS["a call"], {
    variables: { DRILL_SHARD_TIMEOUT_MS: "5000" },
    afterwards: () => wait(5_500),
  }));

test("an invocation that the runtime drops frees its memory", { timeout: 120_000 }, () =>
  drive("dropped", post("/ask?shard=hangs&dropped", call), { afterwards: () => wait(500) }));

// What is found of a dead instance must not reach its successor, which counts from the start.
test("a crash between leaving clients frees nothing of the next instance", { timeout: 120_000 }, () =>
  drive("crashes", post("/ask?shard=hangs&dropped", call), {
    afterwards: () => wait(500),
    between: async (app) => assert.equal((await app.rpc("drill:crash", {}, "crashes")).status, 500),
  }));
