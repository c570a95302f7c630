import { type ConnectionEvents } from "./connection.js";
import type { Env } from "./env.js";
import { LunoraError } from "./errors.js";
import type { Layer, OptimisticCache } from "./layers.js";
import { type Listener } from "./live.js";
import type { Subscription } from "./options.js";
import type { Whisper } from "./topic.js";
/** Hears a topic. */
export interface Hearer {
    hear(whisper: Whisper<any>): void;
    joined: (() => void) | undefined;
}
/** The live queries, topics and optimistic layers of one shard, over one socket. */
export declare class Shard implements ConnectionEvents {
    #private;
    constructor(env: Env, name: string | undefined);
    /** Returns the state of the socket; `undefined` if nothing uses it. */
    get state(): "live" | "connecting" | "offline" | undefined;
    /** Returns the position of the newest live value. */
    get baseSeq(): number | undefined;
    subscribe(path: string, args: object, given: Listener<any>): Subscription<any>;
    /** Joins a topic; returns what leaves it. */
    join(topic: string, hearer: Hearer): () => void;
    whisper(topic: string, data: unknown): void;
    /** Shows what a write will do. */
    layer(describe: (cache: OptimisticCache) => void): Layer;
    /** Ends a layer: at once if the write was refused, else with the live value that has the write. */
    settle(layer: Layer, commitCursor?: number, isRefused?: boolean): void;
    hurry(): void;
    /** Reconnects as another user. */
    restart(): void;
    close(): void;
    opened(): void;
    heard(frame: Record<string, any>): void;
    /** Calls a query over HTTP, which says why the socket is refused and renews a rejected token. */
    refused(): Promise<LunoraError | undefined>;
    blocked(error: LunoraError): void;
}
