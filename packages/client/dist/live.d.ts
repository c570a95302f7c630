import { LunoraError } from "./errors.js";
import type { Layer } from "./layers.js";
/** Hears of a live query. */
export interface Listener<T = unknown> {
    /** Receives the value, and each new one. */
    onValue(value: T): void;
    /** Receives the error of a run that failed. A later run may succeed, and then `onValue` is called. */
    onError?(error: LunoraError): void;
}
/** The value of one query, shared by its subscribers: what the shard sent, below the layers of unanswered writes. */
export declare class LiveQuery {
    #private;
    /** Holds what subscribers see; `undefined` before the first value. */
    value: unknown;
    error: LunoraError | undefined;
    readonly listeners: Set<Listener<any>>;
    readonly id: string;
    readonly key: string;
    readonly path: string;
    readonly args: unknown;
    /** Tells whether the shard answered on the current socket. */
    isCurrent: boolean;
    cursor: number | undefined;
    constructor(id: string, key: string, path: string, args: unknown, layers: Layer[]);
    /** Returns the frame that subscribes, from the held position if there is one. */
    subscribe(): object;
    /** Drops the position and the base: another user may see another value. */
    forget(): void;
    acknowledged(): void;
    /** Takes a `data`, `resume` or `settled` frame. */
    receive(type: string, frame: {
        data?: unknown;
        cursor?: number;
        epoch?: string;
    }): void;
    fail(error: LunoraError): void;
    /** Tells whether the value may have a write already whose answer is on its way. */
    get isHeld(): boolean;
    /** Computes what subscribers see, and tells them if it changed. `advances` shows a value that was held back, too. */
    show(advances?: boolean): void;
}
