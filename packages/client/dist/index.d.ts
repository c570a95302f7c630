export { LunoraClient, type ClientOptions, type FanOut, type FanOutAnswer } from "./client.js";
export { LunoraError } from "./errors.js";
export { decode, encode, stableKey } from "./codec.js";
export type { Clock } from "./clock.js";
export type { TokenSource } from "./credentials.js";
export type { BatchCall, BatchResult, CallOptions } from "./http.js";
