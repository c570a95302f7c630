// src/errors.ts
var RETRYABLE = /* @__PURE__ */ new Set(["RATE_LIMITED", "TOO_MANY_REQUESTS", "SHARD_ERROR", "SHARD_UNAVAILABLE"]);
var LunoraError = class extends Error {
  name = "LunoraError";
  constructor(body, status = 0, isTransient = RETRYABLE.has(body.code)) {
    super(body.message ?? body.code);
    const { code, data, hint, docsUrl } = body;
    Object.assign(this, { code, data, hint, docsUrl, status, isTransient });
  }
};

// src/codec.ts
var TAG = "$lunora.wire$";
var MAX_DEPTH = 64;
var MAX_DIGITS = 1024;
var ARRAYS = "Int8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64".split(" ").map((name) => globalThis[`${name}Array`]);
var invalid = (kind, expected) => {
  throw new LunoraError({ code: "WIRE_INVALID", message: `invalid ${kind}: expected ${expected}` });
};
var checkDepth = (depth) => {
  if (depth > MAX_DEPTH) invalid("value", `at most ${MAX_DEPTH} levels`);
};
function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
var checkDigits = (digits) => typeof digits === "string" && digits.length <= MAX_DIGITS && /^-?\d+$/.test(digits) ? digits : invalid("bigint", `at most ${MAX_DIGITS} digits`);
var mapFields = (fields, each) => Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => value === void 0 ? [] : [[key, each(value)]]));
function encode(value, depth = 0) {
  checkDepth(depth);
  const inner = (it) => encode(it, depth + 1);
  switch (typeof value) {
    case "undefined":
      return [TAG, "undefined"];
    case "bigint":
      return [TAG, "bigint", checkDigits(`${value}`)];
    case "number":
      if (Number.isFinite(value)) return value;
      return [TAG, Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"];
    case "string":
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return invalid(typeof value, "a wire value");
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    const items = Array.from(value, inner);
    return value[0] === TAG ? [TAG, "arr", items] : items;
  }
  if (value instanceof Date) return [TAG, "date", inner(value.getTime())];
  if (value instanceof URL) return [TAG, "url", value.href];
  if (value instanceof Map) return [TAG, "map", Array.from(value, ([key, item]) => [inner(key), inner(item)])];
  if (value instanceof Set) return [TAG, "set", Array.from(value, inner)];
  if (value instanceof Uint8Array) return [TAG, "bytes", toBase64(value)];
  if (value instanceof ArrayBuffer) return [TAG, "bytes", toBase64(new Uint8Array(value)), "ArrayBuffer"];
  const array = ARRAYS.find((type) => value instanceof type);
  if (array) {
    const { buffer, byteOffset, byteLength } = value;
    return [TAG, "bytes", toBase64(new Uint8Array(buffer, byteOffset, byteLength)), array.name];
  }
  if (value instanceof Error) {
    const { name, message, cause, stack: _, ...fields } = value;
    return [TAG, "error", name, message, mapFields(fields, inner), ...cause === void 0 ? [] : [inner(cause)]];
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) invalid("class", "a wire value");
  return mapFields(value, inner);
}
var stableKey = (value) => JSON.stringify(encode(value), (_, json) => json && typeof json === "object" && !Array.isArray(json) ? Object.fromEntries(Object.entries(json).sort()) : json);

// src/react.ts
var LOADING = { value: void 0, error: void 0 };
function createHooks({ useSyncExternalStore, useMemo, useCallback }, client) {
  return {
    useQuery: (path, args = {}, { shard } = {}) => {
      const store = useMemo(() => {
        let state = LOADING;
        const subscribe = (changed) => {
          let subscription;
          const update = () => {
            state = { value: subscription?.value, error: subscription?.error };
            changed();
          };
          subscription = client.subscribe(path, args, { shard }, { onValue: update, onError: update });
          return () => subscription.close();
        };
        return { subscribe, get: () => state };
      }, [client, path, stableKey(args), shard]);
      return useSyncExternalStore(store.subscribe, store.get, () => LOADING);
    },
    useMutation: (path, options) => useCallback((args = {}, more) => client.mutation(path, args, { ...options, ...more }), [client, path, options])
  };
}
export {
  createHooks
};
