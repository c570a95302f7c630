/** Returns 128 random bits as text. `crypto.randomUUID` is missing on pages without TLS, except on localhost. */
export declare const randomId: () => string;
