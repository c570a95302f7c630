// src/streams.ts
import { LunoraError, decode, encode } from "./index.js";
var PING_EVERY_MS = 3e4;
var ID = "stream_1";
async function* stream(from, path, args = {}, { shard, signal } = {}) {
  signal?.throwIfAborted();
  const query = { functionPath: path, args: encode(args) };
  const socket = await open(from, shard);
  const frames = [];
  let wake = () => {
  };
  const push = (frame) => {
    frames.push(frame);
    wake();
  };
  const abort = () => push({ type: "aborted" });
  signal?.addEventListener("abort", abort);
  const ping = setInterval(() => socket.readyState === 1 && socket.send("lunora-ping"), PING_EVERY_MS);
  socket.onopen = () => socket.send(JSON.stringify({ type: "stream", id: ID, query }));
  socket.onmessage = ({ data }) => data !== "lunora-pong" && push(JSON.parse(data));
  socket.onerror = () => {
  };
  socket.onclose = () => push({ type: "error", code: "STREAM_DISCONNECTED", message: "the connection of the stream was lost" });
  try {
    for (; ; ) {
      const frame = frames.shift();
      if (!frame) await new Promise((resolve) => wake = resolve);
      else if (frame.type === "chunk") yield decode(frame["data"]);
      else if (frame.type === "complete") return;
      else if (frame.type === "aborted") throw signal?.reason;
      else if (frame.type === "error") throw new LunoraError({ code: "INTERNAL", ...frame, ...frame["error"] });
    }
  } finally {
    clearInterval(ping);
    signal?.removeEventListener("abort", abort);
    socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
async function open({ url, token = null, WebSocket }, shard) {
  const Socket = WebSocket ?? globalThis.WebSocket;
  if (!Socket) throw new LunoraError({ code: "WEBSOCKET_UNAVAILABLE", message: "pass the option `WebSocket`" });
  const credential = typeof token === "function" ? await token() : token;
  const named = new URLSearchParams({ ...shard !== void 0 && { shard }, ...credential && { token: credential } });
  return new Socket(`${url.replace(/\/+$/, "").replace(/^http/, "ws")}/_lunora/ws?${named}`);
}
export {
  stream
};
