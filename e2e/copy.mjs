// A copy of the chat for tests that change its sources.
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const at = (path) => new URL(path, import.meta.url).pathname;

/** Copies the chat into a workspace of its own, in `root`, beside the library of the repository; returns its folder. */
export function copyOfChat(root) {
  const crate = join(root, "examples/chat");
  const isSource = (path) => !/\/(?:build|\.state|\.build-[^/]*)$/.test(path);
  cpSync(at("../examples/chat"), crate, { recursive: true, filter: isSource });
  const sections = readFileSync(at("../Cargo.toml"), "utf8").split(/^(?=\[)/m);
  const shared = sections.filter((section) => /^\[(?:workspace\.|profile\.)/.test(section)).join("");
  writeFileSync(join(root, "Cargo.toml"), `[workspace]\nresolver = "3"\nmembers = ["examples/chat"]\n\n${shared}`);
  cpSync(at("../Cargo.lock"), join(root, "Cargo.lock"));
  const manifest = join(crate, "Cargo.toml");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replaceAll(/path = "\.\.\/\.\.\/?/g, `path = "${at("../")}`));
  symlinkSync(at("../packages"), join(root, "packages"));
  symlinkSync(at("node_modules"), join(root, "node_modules"));
  return crate;
}
