import type { CallOptions } from "./http.js";

/** The kinds of functions that clients may call. */
export type FunctionKind = "query" | "mutation" | "action" | "stream";

declare const TYPES: unique symbol;

/** Names a function and knows its types. `lunora codegen client` writes one per function; at run time it is the path. */
export type FunctionReference<Kind extends FunctionKind = FunctionKind, Args = any, Result = any> = string & {
  readonly [TYPES]: { kind: Kind; args: Args; result: Result };
};

/** Names a function without its types, such as `messages:send`. A reference is none, so that its arguments are checked. */
export type FunctionPath = string & { readonly [TYPES]?: never };

/** The arguments of a function. */
export type ArgsOf<Reference extends FunctionReference> = Reference[typeof TYPES]["args"];

/** The result of a function. */
export type ResultOf<Reference extends FunctionReference> = Reference[typeof TYPES]["result"];

/** What follows the reference of a call: arguments that are all optional may be absent. */
export type CallRest<Reference extends FunctionReference, Options = CallOptions> =
  {} extends ArgsOf<Reference>
    ? [args?: ArgsOf<Reference>, options?: Options]
    : [args: ArgsOf<Reference>, options?: Options];
