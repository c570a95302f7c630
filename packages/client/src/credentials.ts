/** Supplies the bearer token: a fixed one, or a function that is asked again when a token is rejected. */
export type TokenSource = string | null | (() => string | null | undefined | Promise<string | null | undefined>);

/** Holds the token of a client, and asks for a new one at most once at a time. */
export class Credentials {
  #source: TokenSource;
  #asking: Promise<string | null> | undefined;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  set(source: TokenSource): void {
    this.#source = source;
    this.#asking = undefined;
  }

  /** Returns the token, the one of the last answer if a function supplies it. */
  async get(): Promise<string | null> {
    return this.#asking ?? this.#ask();
  }

  /** Asks for another token than `rejected`. Returns `undefined` if the source has no other one. */
  async renew(rejected: string | null): Promise<string | null | undefined> {
    const known = this.#asking;
    const current = await this.get();
    if (current !== rejected) return current;
    if (typeof this.#source !== "function") return undefined;
    // Another caller may have begun to ask meanwhile.
    const renewed = await (known && this.#asking !== known ? this.get() : this.#ask());
    return renewed === rejected ? undefined : renewed;
  }

  #ask(): Promise<string | null> {
    const source = this.#source;
    const asking = (async () => (typeof source === "function" ? await source() : source) ?? null)();
    this.#asking = asking;
    // A failure is not remembered.
    asking.catch(() => {
      if (this.#asking === asking) this.#asking = undefined;
    });
    return asking;
  }
}
