export { LunoraClient } from "./client.js";
export { LunoraError } from "./errors.js";
export { IndexedDbStorage, MemoryStorage, type OutboxStorage, type QueuedWrite } from "./storage.js";
export { decode, encode } from "./codec.js";
export type { Clock } from "./clock.js";
export type { TokenSource } from "./credentials.js";
export type { SocketConstructor, SocketLike } from "./env.js";
export type { ArgsOf, FunctionPath, FunctionReference, ResultOf } from "./functions.js";
export type { BatchCall, BatchResult, CallOptions } from "./http.js";
export type { OptimisticCache } from "./layers.js";
export type { Listener } from "./live.js";
export type {
  ClientOptions, ClientState, FanOut, FanOutAnswer, MutationOptions, ShardOptions, Subscription,
} from "./options.js";
export type { Topic, Whisper } from "./topic.js";
export type { Locks, WriteEvent } from "./outbox.js";
