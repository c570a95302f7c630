// Vectorize, for which the crate `worker` has no binding.

/** `{"dimensions","metric","vectorsCount"}`, as far as the index tells. */
export async function vectorizeDescribe(index) {
  const { config, dimensions, vectorCount, vectorsCount } = await index.describe();
  return JSON.stringify({
    dimensions: dimensions ?? config?.dimensions,
    metric: config?.metric,
    vectorsCount: vectorCount ?? vectorsCount,
  });
}

// Vectorize returns whole metadata for at most this many hits, and only indexed metadata beyond.
const WITH_ALL_METADATA = 20;

/** `[{"id","score","metadata"}]`, the likest first. */
export async function vectorizeQuery(index, vector, topK) {
  const returnMetadata = topK <= WITH_ALL_METADATA ? "all" : "indexed";
  const { matches } = await index.query(Array.from(vector), { topK, returnMetadata });
  return JSON.stringify(matches.map(({ id, score, metadata }) => ({ id, score, metadata })));
}
