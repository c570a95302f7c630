import type { CallRest, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
import type { ClientOptions, ShardOptions } from "./options.js";
/** Names the deployment, as the options of a client do. */
export type Deployment = Pick<ClientOptions, "url" | "token" | "WebSocket">;
/** Configures a stream. */
export interface StreamOptions extends ShardOptions {
    /** Ends the stream; the reader gets its reason as an error. */
    signal?: AbortSignal;
}
/**
 * Reads a stream of a shard: `for await (const chunk of stream(deployment, api.messages.summary, {}, { shard }))`.
 *
 * The stream has a socket of its own; leaving the loop ends both. Throws a `LunoraError`: that of the function, or one with the
 * code `STREAM_INTERRUPTED` (the shard was restarted) or `STREAM_DISCONNECTED`. The chunks are not kept: to continue, open it anew.
 */
export declare function stream<R extends FunctionReference<"stream">>(from: Deployment, reference: R, ...rest: CallRest<R, StreamOptions>): AsyncGenerator<ResultOf<R>, void, undefined>;
export declare function stream<T = unknown>(from: Deployment, path: FunctionPath, args?: object, options?: StreamOptions): AsyncGenerator<T, void, undefined>;
