// The least that JavaScript can do: the shards' bytes into the bucket, unread ("/copy"), or as the
// same lines that a backup has, without a digest and without a manifest ("/lines").
const PART = 8 * 1024 * 1024;

export default {
  async fetch(request, env) {
    const convert = new URL(request.url).pathname === "/lines" ? lines : bytes;
    const upload = await env.BUCKET.createMultipartUpload("copy.ndjson");
    const parts = [];
    let part = new Uint8Array(PART), filled = 0, total = 0;
    const flush = async () => {
      parts.push(await upload.uploadPart(parts.length + 1, part.subarray(0, filled)));
      filled = 0;
    };
    for (let shard = 0; shard < Number(env.SHARDS); shard++) {
      const stub = env.SHARD.get(env.SHARD.idFromName(`shard-${shard}`));
      for (let cursor = null, done = false; !done; ) {
        const body = JSON.stringify({ args: { batchSize: 5000, maxBytes: 4194304, cursor, tables: [] } });
        const response = await stub.fetch("https://shard.internal/rpc", { method: "POST", body });
        const page = await convert(response);
        ({ cursor, done } = page);
        for (let rest = page.bytes; rest.length > 0; ) {
          const fits = rest.subarray(0, PART - filled);
          part.set(fits, filled);
          filled += fits.length;
          total += fits.length;
          rest = rest.subarray(fits.length);
          if (filled === PART) await flush();
        }
      }
    }
    if (filled > 0) await flush();
    await upload.complete(parts);
    return Response.json({ bytes: total });
  },
};

const decoder = new TextDecoder(), encoder = new TextEncoder();

async function bytes(response) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const end = decoder.decode(bytes.subarray(-100));
  return { bytes, cursor: end.match(/"cursor":"(\d+)"/)?.[1] ?? null, done: end.includes('"isDone":true') };
}

async function lines(response) {
  const { result } = await response.json();
  const text = result.rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  return { bytes: encoder.encode(text), cursor: result.cursor, done: result.isDone };
}
