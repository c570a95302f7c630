import type { SocketConstructor, SocketLike } from "./env.js";
import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import { LunoraError, decode, encode } from "./index.js";
import type { ClientOptions, ShardOptions } from "./options.js";

const PING_EVERY_MS = 30_000;
const ID = "stream_1";

/** Names the deployment, as the options of a client do. */
export type Deployment = Pick<ClientOptions, "url" | "token" | "WebSocket">;

/** Configures a stream. */
export interface StreamOptions extends ShardOptions {
  /** Ends the stream; the reader gets its reason as an error. */
  signal?: AbortSignal;
}

type Frame = { type: string; [key: string]: any };

/**
 * Reads a stream of a shard: `for await (const chunk of stream(deployment, api.messages.summary, {}, { shard }))`.
 *
 * The stream has a socket of its own; leaving the loop ends both. Throws a `LunoraError`: that of the function, or one with the
 * code `STREAM_INTERRUPTED` (the shard was restarted) or `STREAM_DISCONNECTED`. The chunks are not kept: to continue, open it anew.
 */
export function stream<R extends FunctionReference<"stream">>(
  from: Deployment, reference: R, ...rest: CallRest<R, StreamOptions>
): AsyncGenerator<ResultOf<R>, void, undefined>;
export function stream<T = unknown>(
  from: Deployment, path: FunctionPath, args?: object, options?: StreamOptions,
): AsyncGenerator<T, void, undefined>;
export async function* stream(
  from: Deployment, path: string, args: object = {}, { shard, signal }: StreamOptions = {},
): AsyncGenerator<unknown, void, undefined> {
  signal?.throwIfAborted();
  const query = { functionPath: path, args: encode(args) };
  const socket = await open(from, shard);
  const frames: Frame[] = [];
  let wake = (): void => {};
  const push = (frame: Frame): void => {
    frames.push(frame);
    wake();
  };
  const abort = (): void => push({ type: "aborted" });
  signal?.addEventListener("abort", abort);
  const ping = setInterval(() => socket.readyState === 1 && socket.send("lunora-ping"), PING_EVERY_MS);
  socket.onopen = () => socket.send(JSON.stringify({ type: "stream", id: ID, query }));
  socket.onmessage = ({ data }) => data !== "lunora-pong" && push(JSON.parse(data));
  // Its close follows.
  socket.onerror = () => {};
  socket.onclose = () => push({ type: "error", code: "STREAM_DISCONNECTED", message: "the connection of the stream was lost" });
  try {
    for (;;) {
      const frame = frames.shift();
      if (!frame) await new Promise<void>((resolve) => (wake = resolve));
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

async function open({ url, token = null, WebSocket }: Deployment, shard: string | undefined): Promise<SocketLike> {
  const Socket = WebSocket ?? (globalThis.WebSocket as SocketConstructor | undefined);
  if (!Socket) throw new LunoraError({ code: "WEBSOCKET_UNAVAILABLE", message: "pass the option `WebSocket`" });
  const credential = typeof token === "function" ? await token() : token;
  const named = new URLSearchParams({ ...(shard !== undefined && { shard }), ...(credential && { token: credential }) });
  return new Socket(`${url.replace(/\/+$/, "").replace(/^http/, "ws")}/_lunora/ws?${named}`);
}
