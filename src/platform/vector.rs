//! Vector indexes, as operators inspect them.

use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::errors::LunoraError;

/// The vector indexes of a deployment.
///
/// [`VectorizeIndexes`](crate::operate::VectorizeIndexes) has those of Cloudflare Vectorize.
pub trait VectorIndexes: 'static {
    /// Returns every index.
    fn indexes(&self) -> LocalBoxFuture<'_, Result<Vec<VectorIndex>, LunoraError>>;

    /// Returns the vectors most similar to a text, the most similar first.
    ///
    /// # Errors
    /// 404 `NOT_FOUND` for an index that does not exist, 400 `VECTOR_QUERY_UNSUPPORTED` for one
    /// that cannot be searched by text.
    fn query<'a>(
        &'a self,
        index: &'a str,
        text: &'a str,
        top_k: Option<u32>,
    ) -> LocalBoxFuture<'a, Result<Vec<VectorMatch>, LunoraError>>;
}

/// An index as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorIndex {
    /// The name.
    pub name: String,
    /// The table whose rows it indexes.
    pub table: String,
    /// The field from which its vectors are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The length of its vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// The metric that compares them: `cosine`, `dot-product` or `euclidean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The number of its vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors_count: Option<u64>,
}

/// One hit of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VectorMatch {
    /// The row.
    pub id: String,
    /// The similarity.
    pub score: f64,
    /// The metadata of the vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}
