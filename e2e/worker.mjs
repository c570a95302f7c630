// A built Worker's options for Miniflare. Its wrangler.jsonc is the one place that says which
// objects, buckets and variables it has: what works here works under wrangler.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, printParseErrorCode } from "jsonc-parser";

// Keys that say nothing about what runs here, or that are read below.
const KNOWN = new Set([
  "$schema", "name", "main", "build", "account_id", "workers_dev", "observability", "triggers", "dev",
  "compatibility_date", "compatibility_flags", "vars", "durable_objects", "migrations", "r2_buckets", "kv_namespaces",
  "d1_databases",
]);

/** The parsed wrangler.jsonc of a crate. */
export function readConfig(crateDir) {
  const file = join(crateDir, "wrangler.jsonc");
  const errors = [];
  const config = parse(readFileSync(file, "utf8"), errors, { allowTrailingComma: true });
  for (const { error, offset } of errors) throw new Error(`${file}, at byte ${offset}: ${printParseErrorCode(error)}`);
  for (const key of Object.keys(config)) {
    if (!KNOWN.has(key)) throw new Error(`${file}: "${key}" is not passed on to Miniflare; teach it to e2e/worker.mjs`);
  }
  return config;
}

/** Miniflare's options for the Worker in `crateDir`, built by lunora-build. */
export function workerOptions(crateDir) {
  const dir = resolve(crateDir);
  const config = readConfig(dir);
  const sqlite = new Set((config.migrations ?? []).flatMap((m) => m.new_sqlite_classes ?? []));
  const objects = config.durable_objects?.bindings ?? [];
  return {
    name: config.name,
    ...modulesOf(join(dir, "build")),
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: { ...config.vars, ...devVars(dir) },
    durableObjects: Object.fromEntries(
      objects.map((o) => [o.name, { className: o.class_name, useSQLite: sqlite.has(o.class_name) }]),
    ),
    r2Buckets: Object.fromEntries((config.r2_buckets ?? []).map((b) => [b.binding, b.bucket_name])),
    kvNamespaces: Object.fromEntries((config.kv_namespaces ?? []).map((n) => [n.binding, n.id ?? n.binding])),
    d1Databases: Object.fromEntries((config.d1_databases ?? []).map((d) => [d.binding, d.database_id ?? d.binding])),
    // Or Miniflare asks the internet for `request.cf`.
    cf: false,
  };
}

/** The ids of the workerd processes that Miniflare started from here. */
export function workerdProcesses() {
  const list = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)]).toString().split("\n");
  return list.filter((line) => line.includes("workerd")).map((line) => Number(line.trim().split(/\s+/)[0]));
}

/** The modules that lunora-build put into `build`. */
export function modulesOf(build) {
  const entry = join(build, "shim.js");
  if (!existsSync(entry)) throw new Error(`${entry} is missing; build the crate first: cargo xtask build`);
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
