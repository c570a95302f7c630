import { decode, encode, toBase64Url } from "./codec.js";
import type { Clock } from "./clock.js";
import type { Credentials } from "./credentials.js";
import { LunoraError, isAuthError, type ErrorBody } from "./errors.js";

/** Limits one call. */
export interface CallOptions {
  /** Names the shard; the default shard if absent. */
  shard?: string | undefined;
  /** Aborts the call; its promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Limits the time of the call in milliseconds; the `timeoutMs` of the client if absent. */
  timeoutMs?: number;
}

/** One call of a batch. */
export interface BatchCall {
  /** Names the function, such as `messages:send`. */
  path: string;
  /** Holds the arguments; `{}` if absent. */
  args?: object;
  /** Names the shard; the default shard if absent. */
  shard?: string | undefined;
  /** Identifies a mutation: a repeated one with the same id is applied once. */
  mutationId?: string;
}

/** The result of one call of a batch. */
export type BatchResult = { ok: true; value: unknown } | { ok: false; error: LunoraError };

/** The JSON of a successful answer, not decoded. */
export interface Answer {
  result?: unknown;
  commitCursor?: number;
}

/** What one request carries beside its function and arguments. */
export interface Request extends CallOptions {
  fanOut?: object;
  mutationId?: string;
  clientId?: string;
  baseSeq?: number | undefined;
  /** The user that the request expects to be sent as. */
  subject?: string | null | undefined;
  kind: "query" | "mutation" | "action";
}

function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get("retry-after");
  if (!text) return undefined;
  const ms = Number(text) * 1000 || Date.parse(text) - now;
  return ms > 0 ? ms : undefined;
}

/** Makes an error of the JSON of one. Data that cannot be decoded is dropped. */
export function toError(body: ErrorBody, status = 0, retryAfterMs?: number): LunoraError {
  let data: unknown;
  try {
    if ("data" in body) data = decode(body.data);
  } catch {
    // The code and the message count more.
  }
  if (retryAfterMs !== undefined && (data === undefined || (data && typeof data === "object"))) data = { retryAfterMs, ...data };
  return new LunoraError({ ...body, code: body.code ?? "INTERNAL", data }, status);
}

/** Returns the value of JSON text; `undefined` if the text is invalid. */
export function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const failure = (code: string, message: string, status = 0): LunoraError => new LunoraError({ code, message }, status, true);

/** The headers of a call, without `x-lunora-`. */
type Lunora = Record<string, string | number | undefined>;

/** Sends calls over HTTP. */
export class Http {
  readonly url: string;
  readonly clock: Clock;
  readonly #fetch: typeof globalThis.fetch | undefined;
  readonly #credentials: Credentials;
  readonly #timeoutMs: number;
  #bookmark: string | null = null;

  constructor(url: string, fetch: typeof globalThis.fetch | undefined, credentials: Credentials, clock: Clock, timeoutMs: number) {
    this.url = url;
    this.#fetch = fetch;
    this.#credentials = credentials;
    this.clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Calls one function, and returns its answer without decoding it. */
  call(path: string, args: unknown, request: Request): Promise<Answer> {
    const { shard: shardKey, fanOut, mutationId, clientId, baseSeq, subject } = request;
    const expected = subject === undefined ? undefined : toBase64Url(JSON.stringify({ subject }));
    const headers = { "mutation-id": mutationId, "client-id": clientId, "base-seq": baseSeq, "expect-subject": expected };
    return this.#post("/_lunora/rpc", { functionPath: path, args, shardKey, fanOut }, headers, request);
  }

  /** Sends several calls in one request. */
  async batch(calls: BatchCall[], clientId: string, options: CallOptions): Promise<BatchResult[]> {
    const body = {
      calls: calls.map(({ path, args = {}, shard, mutationId }, id) => ({
        id: `${id}`, functionPath: path, args: encode(args), shardKey: shard, mutationId, clientId: mutationId && clientId,
      })),
    };
    type Slot = { id: string | number; status: number; body?: Answer & { error?: ErrorBody } };
    const { results } = (await this.#post("/_lunora/rpc-batch", body, {}, { ...options, kind: "action" })) as { results?: Slot[] };
    return calls.map((_, id): BatchResult => {
      const slot = results?.find((it) => `${it.id}` === `${id}`);
      if (slot?.body && !slot.body.error) return { ok: true, value: decode(slot.body.result) };
      return { ok: false, error: toError(slot?.body?.error ?? { code: "SHARD_ERROR", message: "no answer" }, slot?.status) };
    });
  }

  /** Posts JSON. A rejected token is renewed once. */
  async #post(path: string, body: unknown, headers: Lunora, request: Request): Promise<Answer> {
    const text = JSON.stringify(body);
    return this.#limited(request, async (signal) => {
      const token = await this.#credentials.get();
      try {
        return await this.#send(path, text, headers, token, request, signal);
      } catch (error) {
        const renewed = isAuthError(error) ? await this.#credentials.renew(token) : undefined;
        if (renewed === undefined) throw error;
        return this.#send(path, text, headers, renewed, request, signal);
      }
    });
  }

  /** Runs work until it is done, aborted, or out of time. */
  async #limited<T>({ signal, timeoutMs = this.#timeoutMs }: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const control = new AbortController();
    const stop = (): void => control.abort(signal?.reason);
    const stopped = new Promise<never>((_, reject) => {
      control.signal.onabort = () => reject(control.signal.reason);
    });
    signal?.addEventListener("abort", stop);
    const timer = this.clock.setTimeout(() => control.abort(failure("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([work(control.signal), stopped]);
    } finally {
      signal?.removeEventListener("abort", stop);
      this.clock.clearTimeout(timer);
    }
  }

  async #send(
    path: string, body: string, headers: Lunora, token: string | null, { kind }: Request, signal: AbortSignal,
  ): Promise<Answer> {
    const all: Record<string, string> = { "content-type": "application/json" };
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) all[`x-lunora-${name}`] = `${value}`;
    if (token !== null) all["authorization"] = `Bearer ${token}`;
    if (kind !== "mutation" && this.#bookmark !== null) all["x-d1-bookmark"] = this.#bookmark;
    // A browser's `fetch` must not be called as a method.
    const fetch = this.#fetch ?? globalThis.fetch;
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.url + path, { method: "POST", headers: all, body, signal });
      text = await response.text();
    } catch (error) {
      throw signal.aborted ? signal.reason : failure("NETWORK_ERROR", `${error}`);
    }
    const answer = parse(text);
    const { ok, status, headers: received } = response;
    const error: unknown = answer?.error;
    if (!ok && error && typeof error === "object") throw toError(error, status, retryAfter(received, this.clock.now()));
    if (!ok || !answer || typeof answer !== "object") throw failure("INTERNAL", `no answer of lunora: status ${status}`, status);
    if (kind !== "query") this.#bookmark = received.get("x-d1-bookmark") ?? this.#bookmark;
    return answer;
  }
}
