import type { Clock } from "./clock.js";
import type { Topic } from "./topic.js";
/** One client of a topic that announced itself. */
export interface Member<T = unknown> {
    /** Identifies the announcement; a client that announces itself again has another one. */
    id: string;
    /** Names the user; `null` if anonymous. */
    user: string | null;
    /** Holds what the member announced. */
    state: T;
}
/** The announced presence of this client. */
export interface Presence<T> {
    /** Announces another state. */
    update(state: T): void;
    /** Leaves: the others see it at once. */
    close(): void;
}
/** Announces `state` in a topic of its own, and hears who else is there. A member that falls silent is dropped after 25 seconds. */
export declare function joinPresence<T>(topic: Pick<Topic, "listen" | "send">, state: T, onMembers: (members: Member<T>[]) => void, clock?: Pick<Clock, "now" | "setTimeout" | "clearTimeout">): Presence<T>;
