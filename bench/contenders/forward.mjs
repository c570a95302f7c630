// What a hand-written Worker does to get a call to its shard, and nothing else.

const JSON_HEADERS = { "content-type": "application/json" };
const post = (body, headers = JSON_HEADERS) => ({ method: "POST", headers, body });

export async function rpc(request, env) {
  const body = await request.text();
  const envelope = JSON.parse(body);
  if (envelope.fanOut) return fanOut(envelope, env);
  return env.SHARD.getByName(envelope.shardKey).fetch("https://shard.internal/rpc", post(body));
}

/** 16 shards at a time, as many as lunora asks. */
export async function fanOut({ args, fanOut, functionPath }, env, headers) {
  const shards = Number(fanOut.table.slice("of-".length));
  const body = JSON.stringify({ args, functionPath });
  const data = [];
  let next = 0;
  const work = async () => {
    while (next < shards) {
      const place = next++;
      const response = await env.SHARD.getByName(`shard-${place}`).fetch("https://shard.internal/rpc", post(body, headers));
      data[place] = await response.json();
    }
  };
  await Promise.all(Array.from({ length: Math.min(16, shards) }, work));
  return Response.json({ data: data.flat(), errors: [], failed: 0, ok: shards });
}

export async function batch(request, env) {
  const { calls } = await request.json();
  return ofShards(calls, env);
}

/** One request to each shard, the answers in the order of the calls. */
export async function ofShards(calls, env, headers) {
  const groups = new Map();
  calls.forEach((call, place) => {
    const group = groups.get(call.shardKey);
    if (group) group.push(place);
    else groups.set(call.shardKey, [place]);
  });
  const results = [];
  await Promise.all(Array.from(groups, async ([key, places]) => {
    const body = JSON.stringify({ calls: places.map((place) => calls[place]) });
    const response = await env.SHARD.getByName(key).fetch("https://shard.internal/rpc-batch", post(body, headers));
    (await response.json()).results.forEach((result, i) => (results[places[i]] = result));
  }));
  return Response.json({ results });
}

export function socket(request, env) {
  const key = new URL(request.url).searchParams.get("shard");
  return env.SHARD.getByName(key).fetch(request);
}
