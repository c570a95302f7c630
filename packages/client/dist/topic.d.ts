/** Holds a whisper of another socket of a topic. */
export interface Whisper<T = unknown> {
    /** Holds what was sent. */
    data: T;
    /** Names the user of that socket; `null` if anonymous. */
    from: string | null;
}
/** Exchanges whispers with the other sockets of a topic. They are neither stored nor acknowledged. */
export interface Topic {
    /** Names the topic. */
    readonly name: string;
    /** Joins the topic and hears its whispers; returns what leaves it. `joined` is called each time a socket has joined. */
    listen<T = unknown>(hear: (whisper: Whisper<T>) => void, joined?: () => void): () => void;
    /** Sends a value of at most 4,096 bytes to the others; it is lost while no socket of the shard is open. */
    send(data: unknown): void;
}
