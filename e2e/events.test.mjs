// Queues and e-mails on workerd.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const FIXTURE = new URL("fixture", import.meta.url).pathname;

let mf, worker, log = "";
before(async () => {
  const handleRuntimeStdio = (...streams) => streams.forEach((stream) => stream.on("data", (text) => (log += text)));
  mf = new Miniflare({ ...workerOptions(FIXTURE), unsafeTriggerHandlers: true, handleRuntimeStdio });
  worker = await mf.getWorker("fixture");
});
after(() => mf.dispose());

/** Waits for a line of the log, which arrives by another way than the answer. */
async function logged(line) {
  for (const until = Date.now() + 5_000; !line.test(log) && Date.now() < until; ) await sleep(10);
  assert.match(log, line);
}

/** What a batch of these bodies comes to: the outcome, what was acknowledged, what is retried and when. */
async function deliver(queue, bodies) {
  const messages = bodies.map((body, at) => ({ id: String(at), timestamp: new Date(), attempts: 1, body }));
  const { outcome, ackAll, retryBatch, explicitAcks, retryMessages } = await worker.queue(queue, messages);
  assert.equal(ackAll, false);
  const retried = retryMessages.map(({ msgId, delaySeconds }) => (delaySeconds === undefined ? msgId : `${msgId} in ${delaySeconds}`));
  return { outcome, batch: retryBatch.retry, acked: explicitAcks, retried };
}

test("a queue decides on each message", async () => {
  const decided = await deliver("jobs", ["done", "again", "later", null, { "a": [1.5, "é"] }]);
  assert.deepEqual(decided, { outcome: "ok", batch: false, acked: ["0", "3", "4"], retried: ["1", "2 in 2"] });
});

test("a resolver's work goes on after the answer of a planned call", async () => {
  const body = JSON.stringify({ functionPath: "headers" });
  const headers = { authorization: "Bearer visits:ada", "content-type": "application/json" };
  const answer = await mf.dispatchFetch("http://fixture.test/_lunora/rpc", { method: "POST", headers, body });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
  await logged(/ada came/);
});

test("a failing queue retries what it did not acknowledge", async () => {
  const decided = await deliver("jobs", ["done", "x", "fails"]);
  assert.deepEqual(decided, { outcome: "ok", batch: false, acked: ["0"], retried: ["1", "2"] });
  await logged(/the handler of the queue `jobs` failed/);
});

test("a message that is not JSON is retried, and the others are handled", async () => {
  const decided = await deliver("jobs", ["x", 1n, new Uint8Array([1]), "done"]);
  assert.deepEqual(decided, { outcome: "ok", batch: false, acked: ["0", "3"], retried: ["1", "2"] });
  await logged(/the body of the message `1` of the queue `jobs` is not JSON/);
});

test("a batch without a handler is retried and says so", async () => {
  const decided = await deliver("unknown", ["x", "y"]);
  assert.deepEqual(decided, { outcome: "ok", batch: false, acked: [], retried: ["0", "1"] });
  await logged(/no handler for the queue `unknown`, whose batch is retried/);
});

test("a panic fails the batch, so that the platform retries all of it", async () => {
  const decided = await deliver("breaks", ["x", "y"]);
  assert.equal(decided.outcome, "exception");
  assert.deepEqual(decided.acked, [], "what the handler acknowledged before it died is not");
  assert.equal((await deliver("jobs", ["x"])).outcome, "ok", "the next batch has a new instance");
});

async function send(subject) {
  const raw = `From: ada@example.com\r\nTo: bot@example.com\r\nMessage-ID: <1@example.com>\r\nContent-Length: 0\r\nSubject: ${subject}\r\n\r\nhello é`;
  const path = "/cdn-cgi/handler/email?from=ada@example.com&to=bot@example.com";
  const answer = await mf.dispatchFetch(`http://fixture${path}`, { method: "POST", body: raw });
  return { status: answer.status, text: await answer.text() };
}

test("an e-mail is read, rejected and forwarded", async () => {
  const { status, text } = await send("hello");
  assert.equal(status, 400);
  assert.match(text, /ada@example\.com bot@example\.com Some\("hello"\) true/);
  assert.equal((await send("forward")).status, 200);
});

test("an e-mail whose handler fails is not accepted", async () => {
  assert.equal((await send("fails")).status, 500);
  await logged(/an e-mail was not handled: .*secret words of an e-mail/);
});
