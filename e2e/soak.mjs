// Drives the example on workerd with calls and live connections that come and go, and prints the
// memory of the process: `cargo xtask soak`. It fails on an error, and on memory that goes on growing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { Miniflare } from "miniflare";
import { workerOptions, workerdProcesses } from "./worker.mjs";

const CHAT = new URL("../examples/chat", import.meta.url).pathname;
const [CALLS, CONNECTIONS] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 2_000)];
const SLICES = 10;
const AT_ONCE = 64;
const CHANNELS = 20;
// V8 collects when it likes: less than this is no growth.
const GROWTH = 1.25;

const quiet = { handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()) };
const mf = new Miniflare({ ...workerOptions(CHAT), ...quiet });
const origin = await mf.ready;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

async function post(path, body, headers) {
  try {
    return await postOnce(path, body, headers);
  } catch (error) {
    // workerd closes a connection that was idle for five seconds, and this one was chosen just then.
    if (error.code !== "ECONNRESET" || !error.reused) throw error;
    return postOnce(path, body, headers);
  }
}

function postOnce(path, body, headers = {}) {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const options = {
      agent, method: "POST", hostname: origin.hostname, port: origin.port, path,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers },
    };
    const call = request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString() }));
      response.on("error", reject);
    });
    call.on("error", (error) => reject(Object.assign(error, { reused: call.reusedSocket })));
    call.end(text);
  });
}

const { token } = JSON.parse((await post("/api/sign-in", { name: "soak" })).text);
const authorization = `Bearer ${token}`;

/** The resident memory of workerd in MiB. */
function memory() {
  const status = readFileSync(`/proc/${workerdProcesses()[0]}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
}

/** So many calls, a few at once: one in twenty writes. */
async function call(count) {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const at = next++;
      const shardKey = `channel-${at % CHANNELS}`;
      const body = at % 20 === 0
        ? { functionPath: "messages:send", args: { text: `message ${at}` }, shardKey }
        : { functionPath: "messages:list", args: {}, shardKey };
      const answer = await post("/_lunora/rpc", body, { authorization });
      assert.equal(answer.status, 200, answer.text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** So many live connections, each subscribed until it has a value. */
async function connect(count) {
  for (let done = 0; done < count; done += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - done) }, async (_, at) => {
      const url = `${origin.origin}/_lunora/ws?shard=channel-${at % CHANNELS}&token=${encodeURIComponent(token)}`;
      const response = await mf.dispatchFetch(url, { headers: { upgrade: "websocket", origin: origin.origin } });
      assert.equal(response.status, 101);
      const socket = response.webSocket;
      const value = new Promise((resolve, reject) => {
        socket.addEventListener("message", ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.type === "data") resolve();
          if (frame.type === "error") reject(new Error(data));
        });
        socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
      });
      socket.accept();
      socket.send(JSON.stringify({ type: "subscribe", id: "sub_1", query: { functionPath: "messages:list", args: {} } }));
      await value;
      socket.close(1000);
    }));
  }
}

const used = [];
const started = Date.now();
for (let slice = 1; slice <= SLICES; slice++) {
  await Promise.all([call(CALLS / SLICES), connect(CONNECTIONS / SLICES)]);
  used.push(memory());
  const [calls, seconds] = [(CALLS / SLICES) * slice, Math.round((Date.now() - started) / 1000)];
  console.log(`${calls} calls, ${(CONNECTIONS / SLICES) * slice} connections, ${seconds} s: ${used.at(-1).toFixed(0)} MiB`);
}
await mf.dispose();
agent.destroy();
const settled = Math.max(...used.slice(0, 4));
assert.ok(used.at(-1) <= settled * GROWTH, `memory grew from ${settled.toFixed(0)} to ${used.at(-1).toFixed(0)} MiB`);
console.log("No errors, and memory is flat.");
