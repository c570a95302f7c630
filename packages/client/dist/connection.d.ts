import type { Env } from "./env.js";
import { LunoraError } from "./errors.js";
/** What happens on a connection. */
export interface ConnectionEvents {
    opened(): void;
    heard(frame: Record<string, any>): void;
    /** Finds out why no socket opened; resolves to the error if retrying is of no use. */
    refused(): Promise<LunoraError | undefined>;
    /** Reports that the credential is rejected, and no other one is available. */
    blocked(error: LunoraError): void;
}
/** Keeps one socket of a shard open: reopens it when it breaks, and renews an expired token. */
export declare class Connection {
    #private;
    isOpen: boolean;
    /** Counts the attempts since the last one that worked. */
    attempts: number;
    constructor(env: Env, shard: string | undefined, events: ConnectionEvents);
    send(frame: object): void;
    /** Retries at once, or asks the open socket whether it still works. */
    hurry(): void;
    /** Opens a new socket at once, with the current token. */
    restart(): void;
    close(): void;
}
