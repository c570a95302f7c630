import { LunoraError } from "./errors.js";

/** The first element of an array that stands for a value which JSON cannot hold. */
const TAG = "$lunora.wire$";
const MAX_DEPTH = 64;
const MAX_DIGITS = 1024;

const ARRAYS = "Int8 Uint8Clamped Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64"
  .split(" ").map((name) => (globalThis as any)[`${name}Array`] as Int8ArrayConstructor);

const invalid = (kind: unknown, expected: string): never => {
  throw new LunoraError({ code: "WIRE_INVALID", message: `invalid ${kind}: expected ${expected}` });
};

const checkDepth = (depth: number): void => {
  if (depth > MAX_DEPTH) invalid("value", `at most ${MAX_DEPTH} levels`);
};

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Returns base64url of the UTF-8 of `text`, without padding. */
export const toBase64Url = (text: string): string =>
  toBase64(new TextEncoder().encode(text)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function fromBase64(text: unknown): Uint8Array {
  try {
    const bytes = Uint8Array.from(atob(text as string), (char) => char.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  } catch {
    // Reported below.
  }
  return invalid("bytes", "base64");
}

const checkDigits = (digits: unknown): string =>
  typeof digits === "string" && digits.length <= MAX_DIGITS && /^-?\d+$/.test(digits) ? digits : invalid("bigint", `at most ${MAX_DIGITS} digits`);

/** Maps the fields, `__proto__` included. */
const mapFields = (fields: object, each: (value: unknown) => unknown): object =>
  Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, each(value)]])));

/** Returns the JSON form of a value, with tags for what JSON cannot hold. */
export function encode(value: unknown, depth = 0): unknown {
  checkDepth(depth);
  const inner = (it: unknown): unknown => encode(it, depth + 1);
  switch (typeof value) {
    case "undefined": return [TAG, "undefined"];
    case "bigint": return [TAG, "bigint", checkDigits(`${value}`)];
    case "number":
      if (Number.isFinite(value)) return value;
      return [TAG, Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"];
    case "string": case "boolean": return value;
    case "object": break;
    default: return invalid(typeof value, "a wire value");
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
    const { buffer, byteOffset, byteLength } = value as Int8Array;
    return [TAG, "bytes", toBase64(new Uint8Array(buffer, byteOffset, byteLength)), array.name];
  }
  if (value instanceof Error) {
    const { name, message, cause, stack: _, ...fields } = value;
    return [TAG, "error", name, message, mapFields(fields, inner), ...(cause === undefined ? [] : [inner(cause)])];
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) invalid("class", "a wire value");
  return mapFields(value, inner);
}

/** Returns the value of a JSON form. */
export function decode(json: unknown, depth = 0): unknown {
  checkDepth(depth);
  const inner = (it: unknown): unknown => decode(it, depth + 1);
  if (typeof json !== "object" || json === null) return json;
  if (!Array.isArray(json)) return mapFields(json, inner);
  if (json[0] !== TAG) return json.map(inner);
  const [, tag, payload, extra] = json as unknown[];
  const list = (): unknown[] => (Array.isArray(payload) ? payload : invalid(tag, "an array"));
  switch (tag) {
    case "undefined": return undefined;
    case "nan": return NaN;
    case "inf": return Infinity;
    case "-inf": return -Infinity;
    case "bigint": return BigInt(checkDigits(payload));
    case "date": {
      const time = inner(payload);
      return typeof time === "number" ? new Date(time) : invalid(tag, "a number");
    }
    case "url":
      return URL.canParse(payload as string) ? new URL(payload as string) : invalid(tag, "an absolute URL");
    case "map":
      return new Map(list().map((entry) => {
        if (!Array.isArray(entry) || entry.length !== 2) return invalid(tag, "pairs");
        return [inner(entry[0]), inner(entry[1])];
      }));
    case "set": return new Set(list().map(inner));
    case "arr": return list().map(inner);
    case "bytes": {
      const bytes = fromBase64(payload);
      if (extra === "ArrayBuffer") return bytes.buffer;
      const array = ARRAYS.find(({ name }) => name === extra);
      if (!array) return bytes;
      if (bytes.length % array.BYTES_PER_ELEMENT !== 0) return invalid(tag, "whole elements");
      return new array(bytes.buffer as ArrayBuffer);
    }
    case "error": return decodeError(json, inner);
    default: return json.map(inner);
  }
}

function decodeError(json: unknown[], inner: (json: unknown) => unknown): Error {
  const [, , name, message, fields] = json;
  if (typeof name !== "string" || typeof message !== "string" || !fields || typeof fields !== "object" || Array.isArray(fields)) {
    return invalid("error", "its parts");
  }
  const error = new Error(message, json.length > 5 ? { cause: inner(json[5]) } : undefined);
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(mapFields({ ...fields, name }, inner)));
}

/** Returns one text for equal values, whatever the order of their fields. */
export const stableKey = (value: unknown): string =>
  JSON.stringify(encode(value), (_, json: unknown) =>
    json && typeof json === "object" && !Array.isArray(json) ? Object.fromEntries(Object.entries(json).sort()) : json);
