// Serves a built Worker for a test in another language: `node serve.mjs <crate dir> [port]` prints
// `READY <url>` and stops when its standard input closes. Requests reach the Worker as they are sent:
// the URL is the runtime's own socket, not that of Miniflare's front Worker, which would add headers.
import { Miniflare } from "miniflare";
import { workerOptions } from "./worker.mjs";

const [crateDir, port = "0"] = process.argv.slice(2);
if (!crateDir) {
  console.error("Usage: node serve.mjs <crate dir> [port]");
  process.exit(2);
}

const mf = new Miniflare({
  ...workerOptions(crateDir),
  unsafeDirectSockets: [{ host: "127.0.0.1", port: Number(port) }],
  // Standard output is for the one line; the Worker's log goes to standard error.
  handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.pipe(process.stderr)),
});
const url = await mf.unsafeGetDirectURL();
console.log(`READY ${url.origin}`);

process.stdin.resume();
process.stdin.once("end", async () => {
  await mf.dispose();
  process.exit(0);
});
