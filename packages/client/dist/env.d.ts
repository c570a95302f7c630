import type { Changes } from "./changes.js";
import type { Clock } from "./clock.js";
import type { Credentials } from "./credentials.js";
import type { LunoraError } from "./errors.js";
import type { Http } from "./http.js";
/** The parts of `WebSocket` that the client uses. */
export interface SocketLike {
    readonly readyState: number;
    onopen: ((event: any) => void) | null;
    onmessage: ((event: any) => void) | null;
    onclose: ((event: any) => void) | null;
    onerror: ((event: any) => void) | null;
    send(text: string): void;
    close(code?: number, reason?: string): void;
}
/** Constructs a socket; the global `WebSocket` is one, and so is that of the package `ws`. */
export type SocketConstructor = new (url: string) => SocketLike;
/** What the parts of one client share. */
export interface Env {
    http: Http;
    clock: Clock;
    credentials: Credentials;
    changes: Changes | undefined;
    clientId(): string;
    WebSocket: SocketConstructor | undefined;
    isOnline(): boolean;
    /** Reports an error that belongs to no call and no subscription. */
    report(error: LunoraError): void;
    /** Notes that the state of a shard may have changed. */
    changed(): void;
    /** Notes the user of a socket. */
    identified(subject: string | null): void;
}
