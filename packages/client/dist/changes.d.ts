/** Takes changes of single rows. */
export interface Changes {
    /** Names what is announced to a shard. */
    readonly caps: readonly string[];
    /** Turns a frame of a live query into one that has the whole value, or into an empty one if more changes follow. */
    take(frame: Record<string, any>, query: object): Record<string, any>;
}
/**
 * Takes changes of single rows instead of whole values. Pass it as the option `changes`.
 *
 * The shard sends them for lists of documents and for pages, where they are shorter than the value.
 */
export declare const changes: Changes;
