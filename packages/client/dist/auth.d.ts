/** A user, as the deployment knows them. */
export interface User {
    id: string;
    email: string;
    emailVerified: boolean;
    name: string;
    createdAt: string;
    updatedAt: string;
}
/** A session. Nothing in it is a credential. */
export interface Session {
    id: string;
    userId: string;
    createdAt: string;
    updatedAt: string;
    expiresAt: string;
    userAgent: string | null;
}
/** Where to sign in. */
export interface AuthOptions {
    /** The origin of the deployment. */
    url: string;
    /** Sends the requests; the global `fetch` if absent. */
    fetch?: typeof globalThis.fetch;
    /** Returns the token of an earlier `signIn`, where there is no cookie: in an application that is not a page. */
    token?: () => string | null | undefined;
}
/** Signs in by a code that is sent by e-mail. In a browser the session is a cookie, which no script reads. */
export interface Auth {
    /** Sends a code to an address. */
    sendCode(email: string): Promise<void>;
    /** Signs in with the code. The token is for programs without cookies: the `token` of `LunoraClient`. */
    signIn(email: string, code: string): Promise<{
        token: string;
        user: User;
    }>;
    /** Returns the session and its user; `null` without one. A session older than a day is renewed. */
    getSession(): Promise<{
        session: Session;
        user: User;
    } | null>;
    /** Ends the session. Close the client as well: its socket keeps the identity it was opened with. */
    signOut(): Promise<void>;
}
/** Makes what signs in at a deployment with the feature `sessions`. Each method rejects with a `LunoraError`. */
export declare function createAuth({ url, fetch, token }: AuthOptions): Auth;
