/** Returns 128 random bits as text. `crypto.randomUUID` is missing on pages without TLS, except on localhost. */
export const randomId = (): string => crypto.getRandomValues(new Uint8Array(16)).join("-");
