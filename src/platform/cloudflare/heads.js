// Heads of requests and responses: each crosses as one text.

/** `name:value` lines of every header. */
export function pack(headers) {
  let lines = "";
  headers.forEach((value, name) => {
    lines += `\n${name}:${value}`;
  });
  return lines;
}

// Most answers of a Worker have the same headers, and so have most calls to shards: copying a `Headers`
// is one call into the runtime, filling one is a call for each.
const known = new Map();
const MOST_KNOWN = 256;
const LONGEST_KNOWN = 4096;

/**
 * The headers of packed lines, those after an empty line apart: they differ from call to call. What is
 * returned may be shared: its receiver copies it.
 */
export function unpack(lines) {
  const end = lines.indexOf("\n\n");
  if (end !== -1) return append(new Headers(unpack(lines.slice(0, end))), lines.slice(end + 2));
  let headers = known.get(lines);
  if (headers !== undefined) return headers;
  headers = append(new Headers(), lines);
  remember(known, lines, headers);
  return headers;
}

function append(headers, lines) {
  if (lines === "") return headers;
  for (const line of lines.split("\n")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

/** Keeps a value that can be made again. */
export function remember(map, key, value) {
  if (key.length > LONGEST_KNOWN) return;
  if (map.size >= MOST_KNOWN) map.clear();
  map.set(key, value);
}

/** Wasm memory moves and is written to; what leaves it is a copy. */
export const own = (body) => (body instanceof Uint8Array ? body.slice() : body);

/** `<method>\n<url>\n<name:value>...`. The body is not asked for: a stream would be made for that. */
export function requestHead(request) {
  return `${request.method}\n${request.url}${pack(request.headers)}`;
}

/** `<status>\n<name:value>...` */
export function responseHead(response) {
  return `${response.status}${pack(response.headers)}`;
}

/** A response with the body of another. */
export function remakeResponse(status, headers, response) {
  return new Response(response.body, { status, headers: unpack(headers) });
}

/** An encoded body is sent as it is; otherwise the platform encodes it as `content-encoding` says. */
export function makeResponse(status, headers, body, encoded) {
  const encodeBody = encoded ? "manual" : "automatic";
  return new Response(own(body), { status, headers: unpack(headers), encodeBody });
}
