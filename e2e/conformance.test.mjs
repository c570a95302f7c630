// `lunora conformance` against the chat on workerd, and against a server that says yes to everything.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const ROOT = new URL("..", import.meta.url).pathname;
const CHAT = new URL("../examples/chat", import.meta.url).pathname;

/** The least number of cases. */
const CASES = 95;

const worker = workerOptions(CHAT);
const ADMIN_TOKEN = worker.bindings.LUNORA_ADMIN_TOKEN;
const QUERY = ["--query", "messages:list"];
const MUTATION = ["--mutation", "messages:send", "--mutation-args", '{"text":"conformance"}'];

let mf, url, token;
before(async () => {
  mf = new Miniflare({
    ...worker,
    // Paths reach the Worker as they are sent.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  });
  url = (await mf.unsafeGetDirectURL()).origin;
  const session = await fetch(`${url}/api/sign-in`, { method: "POST", body: '{"name":"ada"}' });
  ({ token } = await session.json());
});
after(() => mf.dispose());

/** Runs the command; its exit code, its output, and its report if it is JSON. */
function conformance(target, args, env = {}) {
  const { LUNORA_ADMIN_TOKEN, LUNORA_TOKEN, LUNORA_URL, ...rest } = process.env;
  const command = ["run", "--quiet", "--package", "lunora-cli", "--", "conformance", target, ...args];
  return new Promise((resolve) => {
    execFile("cargo", command, { cwd: ROOT, env: { ...rest, ...env }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const report = args.includes("--json") && stdout ? JSON.parse(stdout) : undefined;
      resolve({ code: error?.code ?? 0, stdout, stderr, report });
    });
  });
}

test("the chat keeps every rule", async () => {
  const args = [...QUERY, ...MUTATION, "--shard", "conformance", "--json"];
  const { code, report, stderr } = await conformance(url, args, { LUNORA_ADMIN_TOKEN: ADMIN_TOKEN, LUNORA_TOKEN: token });
  assert.deepEqual(report?.cases.filter(({ outcome }) => outcome !== "ok"), [], stderr);
  assert.equal(code, 0, stderr);
  assert.ok(report.passed >= CASES, `${report.passed} cases`);
});

test("without a mutation nothing is written, and what is missing is named", async () => {
  const rows = async () => {
    const headers = { authorization: `Bearer ${token}` };
    const body = JSON.stringify({ functionPath: "messages:list", shardKey: "untouched" });
    return (await (await fetch(`${url}/_lunora/rpc`, { method: "POST", headers, body })).json()).result;
  };
  const { code, report } = await conformance(url, [...QUERY, "--shard", "untouched", "--json"], { LUNORA_TOKEN: token });
  assert.equal(code, 0);
  const reasons = new Set(report.cases.filter(({ outcome }) => outcome === "skipped").map(({ reason }) => reason));
  assert.deepEqual([...reasons].map((reason) => reason.split(":")[0]).sort(), ["needs a mutation", "needs the admin token"]);
  assert.deepEqual(await rows(), []);
});

test("a server that answers everything alike fails, and no token is printed", async () => {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(JSON.stringify({ echo: request.headers })));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const target = `http://127.0.0.1:${server.address().port}`;
    const secrets = { LUNORA_ADMIN_TOKEN: "an-operators-secret", LUNORA_TOKEN: "a-users-secret" };
    const args = [...QUERY, ...MUTATION];
    const { code, report } = await conformance(target, [...args, "--json"], secrets);
    assert.equal(code, 3);
    assert.equal(report.skipped, 0);
    // Only the order of answers without rules, or that nothing is leaked, can hold.
    assert.ok(report.passed <= 5, JSON.stringify(report.cases.filter(({ outcome }) => outcome === "ok")));
    const text = await conformance(target, args, secrets);
    assert.equal(text.code, 3);
    for (const output of [JSON.stringify(report), text.stdout, text.stderr]) {
      for (const secret of Object.values(secrets)) assert.ok(!output.includes(secret));
    }
    assert.match(text.stdout, /FAILED {2}refuses a body that is not json\n {2}request {3}POST \/_lunora\/rpc/);
  } finally {
    server.close();
  }
});

test("an unreachable deployment and an unknown rule are no report", async () => {
  const unreachable = await conformance("http://127.0.0.1:9", ["--json"]);
  assert.deepEqual([unreachable.code, unreachable.stdout], [1, ""]);
  const unknown = await conformance(url, ["--filter", "no_such_rule"]);
  assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
});
