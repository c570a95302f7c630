import type { ErrorBody } from "./errors.js";
/** A mutation that waits to be sent. It is plain JSON. */
export interface QueuedWrite {
    /** Identifies the write: the shard applies it once. */
    id: string;
    /** Names the function. */
    path: string;
    /** Holds the arguments in their wire form; `decode` returns them. */
    args: unknown;
    /** Names the shard; the default shard if absent. */
    shard?: string | undefined;
    /** Identifies the client that made the write. */
    clientId: string;
    /** Names the user that made the write; absent if it was not known. */
    subject?: string | null | undefined;
    /** Orders the writes of a shard. */
    order: number;
    /** Holds how the write ended, for another tab that waits for it. */
    outcome?: {
        at: number;
        result?: unknown;
        commitCursor?: number;
        error?: ErrorBody & {
            code: string;
            status: number;
        };
    };
}
/** Keeps the writes of an outbox. */
export interface OutboxStorage {
    /** Names the writes for the lock that keeps two tabs from sending them at once; the deployment's name if absent. */
    readonly name?: string;
    /** Returns all writes, in any order. */
    list(): Promise<QueuedWrite[]>;
    /** Adds a write, or replaces the one with its id. */
    put(write: QueuedWrite): Promise<void>;
    /** Removes a write, if it is there. */
    delete(id: string): Promise<void>;
    /** Calls `heard` when another tab has changed the writes, with the id of a removed one. */
    watch?(heard: (removed?: string) => void): void;
}
/** Keeps writes in memory: they are lost with the process. */
export declare class MemoryStorage implements OutboxStorage {
    #private;
    list(): Promise<QueuedWrite[]>;
    put(write: QueuedWrite): Promise<void>;
    delete(id: string): Promise<void>;
}
/** Keeps writes in IndexedDB: they survive reloads, and the tabs of an origin share them. */
export declare class IndexedDbStorage implements OutboxStorage {
    #private;
    readonly name: string;
    constructor(name: string);
    list(): Promise<QueuedWrite[]>;
    watch(heard: (removed?: string) => void): void;
    put(write: QueuedWrite): Promise<void>;
    delete(id: string): Promise<void>;
}
