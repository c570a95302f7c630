// Each example and each application of `lunora new`, under wrangler itself.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { freePort, readConfig } from "./worker.mjs";

const WRANGLER = new URL("node_modules/.bin/wrangler", import.meta.url).pathname;
// No terminal, no metrics, nothing from the internet.
const env = {
  ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false",
  LUNORA_ADMIN_TOKEN: "", AUTH_SECRET: "",
};

const workers = [
  ...["chat", "axum", "generated", "plain", "ssr"].map((name) => `../examples/${name}`),
  ...["plain", "pages", "axum"].map((kind) => `../target/template/new-${kind}`),
].map((path) => new URL(path, import.meta.url).pathname);

let scratch;
before(async () => { scratch = await mkdtemp(join(tmpdir(), "lunora-wrangler-")); });
after(() => rm(scratch, { recursive: true, force: true }));

for (const dir of workers) {
  describe(dir.split("/").slice(-1)[0], () => {
    let config, folder;
    before(async () => {
      folder = await mkdtemp(join(scratch, "worker-"));
      // What is built already is not built again.
      const { build, $schema, ...rest } = readConfig(dir);
      assert.ok(build.command.length > 0);
      const vars = { ...rest.vars, AUTH_SECRET: "local-development-only-not-a-secret", LUNORA_ADMIN_TOKEN: "local-development-only-not-an-operator" };
      config = join(folder, "wrangler.json");
      await writeFile(config, JSON.stringify({ ...rest, vars, main: join(dir, rest.main) }));
    });

    test("`wrangler deploy --dry-run` bundles it with every binding", async () => {
      const args = ["deploy", "--dry-run", "--config", config, "--outdir", join(folder, "out")];
      const { stdout, stderr } = await promisify(execFile)(WRANGLER, args, { env, cwd: folder, timeout: 60_000 });
      assert.match(stdout, /--dry-run: exiting now\./);
      assert.equal(/\[WARNING\]|\[ERROR\]/.test(stdout + stderr), false, stdout + stderr);
      for (const { name, class_name } of readConfig(dir).durable_objects.bindings) {
        assert.ok(stdout.includes(`env.${name} (${class_name})`), stdout);
      }
    });

    test("`wrangler dev` serves it", async () => {
      const port = await freePort();
      const args = ["dev", "--local", "--config", config, "--ip", "127.0.0.1", "--port", String(port)];
      const child = spawn(WRANGLER, [...args, "--persist-to", join(folder, "state")], { env, cwd: folder, detached: true });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
      try {
        for (const deadline = Date.now() + 60_000; !output.includes("Ready on"); ) {
          assert.ok(Date.now() < deadline && child.exitCode === null, output);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const status = await fetch(`http://127.0.0.1:${port}/_lunora/status`);
        assert.equal(status.status, 200, output);
      } finally {
        process.kill(-child.pid, "SIGTERM");
        await ended;
      }
    });
  });
}
