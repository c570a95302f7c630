// Builds dist/ from src/, or compares the two with --check. The compilers are those of e2e/node_modules.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const tools = createRequire(new URL("../../../e2e/package.json", import.meta.url));
const esbuild = tools("esbuild");

/** The largest gzip size of the minified main entry, in bytes. */
export const MAX_BYTES = 8 * 1024;

const options = (entry) => ({
  absWorkingDir: PACKAGE,
  entryPoints: [`src/${entry}.ts`],
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  // An error is of one class, whichever entry throws it.
  external: entry === "index" ? [] : ["./index.js"],
});

/** Writes the bundles and the declarations to `outDir`. */
export function build(outDir) {
  for (const entry of ["index", "auth", "changes", "pages", "presence", "react", "streams", "svelte"]) {
    esbuild.buildSync({ ...options(entry), outfile: join(outDir, `${entry}.js`) });
  }
  execFileSync(process.execPath, [tools.resolve("typescript/bin/tsc"), "-p", PACKAGE, "--outDir", outDir], { stdio: "inherit" });
}

/** Returns the gzip size of the minified main entry, in bytes. */
export function size() {
  const { outputFiles } = esbuild.buildSync({ ...options("index"), minify: true, write: false });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** Returns the names of the files of dist/ that differ from what the sources build. */
export function stale() {
  const fresh = mkdtempSync(join(tmpdir(), "lunora-client-"));
  try {
    build(fresh);
    const dist = join(PACKAGE, "dist");
    const names = new Set([...readdirSync(fresh), ...readdirSync(dist)]);
    const read = (dir, name) => (readdirSync(dir).includes(name) ? readFileSync(join(dir, name), "utf8") : null);
    return [...names].filter((name) => read(fresh, name) !== read(dist, name));
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const differing = process.argv.includes("--check") ? stale() : [];
  if (!process.argv.includes("--check")) {
    rmSync(join(PACKAGE, "dist"), { recursive: true, force: true });
    build(join(PACKAGE, "dist"));
  }
  if (differing.length > 0) console.error(`dist is out of date: ${differing.join(", ")}; run \`node scripts/build.mjs\``);
  const bytes = size();
  console.log(`index.js: ${bytes} bytes minified and compressed, at most ${MAX_BYTES}`);
  process.exitCode = bytes > MAX_BYTES || differing.length > 0 ? 1 : 0;
}
