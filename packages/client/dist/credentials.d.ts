/** Supplies the bearer token: a fixed one, or a function that is asked again when a token is rejected. */
export type TokenSource = string | null | (() => string | null | undefined | Promise<string | null | undefined>);
/** Holds the token of a client, and asks for a new one at most once at a time. */
export declare class Credentials {
    #private;
    constructor(source: TokenSource);
    set(source: TokenSource): void;
    /** Returns the token, the one of the last answer if a function supplies it. */
    get(): Promise<string | null>;
    /** Asks for another token than `rejected`. Returns `undefined` if the source has no other one. */
    renew(rejected: string | null): Promise<string | null | undefined>;
}
