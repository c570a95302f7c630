import { type Clock } from "./clock.js";
import { LunoraError } from "./errors.js";
import { type Answer } from "./http.js";
import type { OutboxStorage, QueuedWrite } from "./storage.js";
/** What happened to a write of the outbox. */
export type WriteEvent = {
    type: "queued";
    write: QueuedWrite;
} | {
    type: "sent";
    write: QueuedWrite;
    value: unknown;
} | {
    type: "refused";
    write: QueuedWrite;
    error: LunoraError;
}
/** A write was discarded, or another tab has changed the writes. */
 | {
    type: "changed";
};
/** The part of the Web Locks API that keeps two tabs from sending at once. */
export interface Locks {
    request<T>(name: string, work: () => Promise<T>): Promise<T>;
}
/** What an outbox needs of its client. */
export interface OutboxHost {
    clock: Clock;
    storage: OutboxStorage;
    locks: Locks | undefined;
    /** Names the locks of this deployment. */
    name: string;
    send(write: QueuedWrite): Promise<Answer>;
    /** Returns the code of the reason why a write must not be sent now. */
    check(write: QueuedWrite): Promise<"IDENTITY_MISMATCH" | "UNAUTHORIZED" | undefined>;
    tell(event: WriteEvent): void;
}
/** Sends queued writes, once and in their order per shard, until each is answered. */
export declare class Outbox {
    #private;
    constructor(host: OutboxHost);
    /** Keeps a write and sends it. Resolves with its answer, and rejects if it is refused. */
    add(write: Omit<QueuedWrite, "order">, sending: () => void): Promise<Answer>;
    /** Sends what waits, without the rest of any delay. */
    flush(): Promise<void>;
    /** Waits for the writes of a shard that are being sent. */
    settled(shard: string | undefined): Promise<void>;
    /** Returns what waits to be sent, in its order. */
    pending(): Promise<QueuedWrite[]>;
    /** Removes a write that waits. */
    discard(id: string): Promise<void>;
    /** Refuses the writes of this page whose user is not known: another user may be signed in now. */
    disown(): void;
    close(): void;
}
