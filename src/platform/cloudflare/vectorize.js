// What the crate `worker` has no binding for: Vectorize.

/** `{"dimensions","metric","vectorsCount"}`, as far as the index tells. */
export async function vectorizeDescribe(index) {
  const { config, dimensions, vectorCount, vectorsCount } = await index.describe();
  return JSON.stringify({
    dimensions: dimensions ?? config?.dimensions,
    metric: config?.metric,
    vectorsCount: vectorCount ?? vectorsCount,
  });
}

// Vectorize gives whole metadata for so many hits only, and beyond what is indexed of it.
const WITH_ALL_METADATA = 20;

/** `[{"id","score","metadata"}]`, the likest first. */
export async function vectorizeQuery(index, vector, topK) {
  const returnMetadata = topK <= WITH_ALL_METADATA ? "all" : "indexed";
  const { matches } = await index.query(Array.from(vector), { topK, returnMetadata });
  return JSON.stringify(matches.map(({ id, score, metadata }) => ({ id, score, metadata })));
}
