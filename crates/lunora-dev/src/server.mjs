// Serves a built Worker for development. `main` takes its options as JSON, and on standard input one
// configuration (the content of wrangler.jsonc, as JSON) per line: each is served with the build that is
// on disk then. The end of the input stops the server.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/** Where the calls in an application's README go. */
const DOCUMENTED = "http://127.0.0.1:8787";

// Keys that say nothing about what runs here, or that are read below.
const KNOWN = new Set([
  "$schema", "name", "main", "build", "account_id", "workers_dev", "preview_urls", "routes", "route", "env",
  "observability", "logpush", "limits", "placement", "upload_source_maps", "triggers", "dev",
  "compatibility_date", "compatibility_flags", "vars", "durable_objects", "migrations", "exports",
  "r2_buckets", "kv_namespaces", "d1_databases", "queues", "ratelimits",
]);

/** The keys of a configuration that are not served here. */
export const unknownKeys = (config) => Object.keys(config).filter((key) => !KNOWN.has(key));

/** Miniflare's options for the Worker in `dir`, built by lunora-build. */
export function workerOptions(config, dir) {
  const objects = config.durable_objects?.bindings ?? [];
  const keyValue = new Set((config.migrations ?? []).flatMap((migration) => migration.new_classes ?? []));
  const named = (list, of) => Object.fromEntries((list ?? []).map(of));
  return {
    name: config.name,
    ...modulesOf(join(dir, "build")),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: { ...config.vars, ...devVars(dir) },
    durableObjects: named(objects, (it) => [
      it.name, { className: it.class_name, useSQLite: !keyValue.has(it.class_name) },
    ]),
    r2Buckets: named(config.r2_buckets, (it) => [it.binding, it.bucket_name ?? it.binding.toLowerCase()]),
    kvNamespaces: named(config.kv_namespaces, (it) => [it.binding, it.id ?? it.binding]),
    d1Databases: named(config.d1_databases, (it) => [it.binding, it.database_id ?? it.binding]),
    queueProducers: named(config.queues?.producers, (it) => [it.binding, { queueName: it.queue }]),
    ratelimits: named(config.ratelimits, (it) => [it.name, { simple: it.simple }]),
    // Or Miniflare asks the internet for `request.cf`.
    cf: false,
  };
}

/** The modules that lunora-build put into `build`. */
export function modulesOf(build) {
  const entry = join(build, "shim.js");
  if (!existsSync(entry)) throw new Error(`${entry} is missing; build the crate first`);
  const files = readdirSync(build, { recursive: true }).map((file) => join(build, file));
  const rest = files.filter((file) => file.endsWith(".js") && file !== entry);
  const wasm = files.filter((file) => file.endsWith(".wasm"));
  return {
    // The first one is the entry point.
    modules: [
      ...[entry, ...rest].map((path) => ({ type: "ESModule", path })),
      ...wasm.map((path) => ({ type: "CompiledWasm", path })),
    ],
    modulesRoot: build,
  };
}

/** Secrets for development, as wrangler reads them: KEY=VALUE lines. */
function devVars(dir) {
  const file = join(dir, ".dev.vars");
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, "utf8").matchAll(/^\s*([A-Za-z_]\w*)\s*=\s*(["']?)(.*?)\2\s*$/gm);
  return Object.fromEntries(Array.from(lines, ([, key, , value]) => [key, value]));
}

/** Miniflare's options for the Worker under development. The modules are in memory: a failed reload can return to them. */
export function devOptions(config, { dir, port, state }) {
  const options = workerOptions(config, dir);
  return {
    ...options,
    modules: options.modules.map((module) => ({ ...module, contents: readFileSync(module.path) })),
    host: "127.0.0.1",
    port: Number(port),
    defaultPersistRoot: resolve(state),
    // GET /cdn-cgi/handler/scheduled?cron=… runs a cron. Only this machine reaches it.
    unsafeTriggerHandlers: true,
  };
}

/** The first calls to paste: the first shell block of the application's README that has any. */
export function firstCalls(dir, origin) {
  const readme = join(dir, "README.md");
  const text = existsSync(readme) ? readFileSync(readme, "utf8") : "";
  const blocks = Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block]) => block);
  const block = blocks.find((block) => block.includes(DOCUMENTED)) ?? `curl -i ${DOCUMENTED}/\n`;
  return block.trimEnd().replaceAll(DOCUMENTED, origin).split("\n");
}

/** The line that runs a cron. */
export const cronCall = (cron, origin) =>
  `curl -s '${origin}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}'`;

/** Whether the Worker configures backups. Without, its admin plane answers no command about them. */
function hasBackups(dir) {
  const src = join(dir, "src");
  const sources = readdirSync(src, { recursive: true }).filter((file) => file.endsWith(".rs"));
  return sources.some((file) => /^(?!\s*\/\/).*\.backup\(/m.test(readFileSync(join(src, file), "utf8")));
}

/** The address of the operators' page, if the Worker serves one. */
async function operatorPage(origin) {
  const page = `${origin}/_lunora/admin`;
  const response = await fetch(page, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200 ? page : undefined;
}

/** What a developer can do with the server at `origin`. */
async function help(config, { dir, state, tool }, origin) {
  const indented = (lines) => lines.map((line) => `  ${line}`).join("\n");
  const parts = [`Page:   ${origin}/`, `State:  ${resolve(state)}`];
  const page = await operatorPage(origin);
  if (page) parts.splice(1, 0, `Admin:  ${page}`);
  parts.push("", "Call a function:", indented(firstCalls(dir, origin)));
  const crons = config.triggers?.crons ?? [];
  if (crons.length > 0) parts.push("", "Run a cron:", indented(crons.map((cron) => cronCall(cron, origin))));
  const token = devVars(dir).LUNORA_ADMIN_TOKEN ?? config.vars?.LUNORA_ADMIN_TOKEN;
  if (token && hasBackups(dir)) {
    const operator = `LUNORA_ADMIN_TOKEN=${token} ${tool} --url ${origin}`;
    parts.push("", "Take a backup, and list what there is:");
    parts.push(indented([`${operator} backup create`, `${operator} backup list`]));
  }
  return [...parts, "", "Ctrl-C stops."].join("\n");
}

/** Seconds since `start`, to be read. */
const since = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/** Serves each configuration that comes in, until the input ends. */
export async function main(json) {
  const options = JSON.parse(json);
  const { Miniflare } = createRequire(join(options.runtime, "runtime.cjs"))("miniflare");
  let mf, good, origin;

  async function start(next) {
    const begin = performance.now();
    mf = new Miniflare(next);
    ({ origin } = await mf.ready);
    good = next;
    return `Serving ${origin} after ${since(begin)}.`;
  }
  async function replace(next) {
    const begin = performance.now();
    try {
      await mf.setOptions(next);
      good = next;
      return `Serving the new build after ${since(begin)}: ${origin}/`;
    } catch (error) {
      await mf.setOptions(good);
      throw error;
    }
  }
  async function serve(line) {
    const config = JSON.parse(line);
    const ignored = unknownKeys(config);
    if (ignored.length > 0) console.warn(`warning: not served here: ${ignored.join(", ")}; \`npx wrangler dev\` serves them`);
    const next = devOptions(config, options);
    if (mf) return console.log(await replace(next));
    console.log(await start(next));
    console.log(`\n${await help(config, options, origin)}\n`);
  }
  async function stop() {
    await mf?.dispose();
    process.exit(0);
  }
  function failed(error) {
    if (!good) {
      console.error(`error: could not start the server: ${error.message}`);
      process.exit(1);
    }
    console.error(`error: could not serve the new build: ${error.message}`);
    console.log("The last good build is still being served.");
  }

  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let last = Promise.resolve();
  const input = createInterface({ input: process.stdin });
  input.on("line", (line) => { last = last.then(() => serve(line)).catch(failed); });
  input.once("close", stop);
}
