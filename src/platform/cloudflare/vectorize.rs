//! Bindings of Cloudflare Vectorize.

use std::fmt;

use futures::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::{
    Env,
    js_sys::{Promise, Reflect},
    wasm_bindgen_futures::JsFuture,
};

use super::error::JsFailure;
use crate::{
    errors::{Code, LunoraError},
    platform::{VectorIndex, VectorIndexes, VectorMatch},
};

#[wasm_bindgen(module = "/src/platform/cloudflare/vectorize.js")]
extern "C" {
    #[wasm_bindgen(js_name = vectorizeDescribe)]
    fn describe(index: &JsValue) -> Promise;

    #[wasm_bindgen(js_name = vectorizeQuery)]
    fn query(index: &JsValue, vector: &[f32], top_k: u32) -> Promise;
}

type EmbedFn = dyn Fn(String) -> LocalBoxFuture<'static, Result<Vec<f32>, LunoraError>>;

/// The vector indexes of Cloudflare Vectorize that a Worker is bound to.
///
/// Vectorize does not know the model that made its vectors, and a search by text needs it: `embed`
/// turns a text into a vector. Without it an index is described but cannot be searched.
///
/// ```no_run
/// use lunora::{Env, LunoraError, operate::{VectorIndex, VectorizeIndexes}, prelude::*};
///
/// fn app(env: &Env) -> Result<Lunora, LunoraError> {
///     let docs = VectorIndex { name: "docs".into(), table: "pages".into(), ..Default::default() };
///     let indexes = VectorizeIndexes::new()
///         .index(docs, env, "DOCS")?
///         .embed(async |text| embedding_of(&text).await);
///     Ok(Lunora::builder().shard_do(env.durable_object("SHARD")?).vectors(indexes).build())
/// }
///
/// /// Of Workers AI, or of wherever the vectors came from.
/// # #[allow(clippy::unused_async)]
/// async fn embedding_of(text: &str) -> Result<Vec<f32>, LunoraError> {
/// #   let _ = text;
///     // …
/// #   Ok(vec![])
/// }
/// ```
#[derive(Default)]
pub struct VectorizeIndexes {
    indexes: Vec<(VectorIndex, JsValue)>,
    embed: Option<Box<EmbedFn>>,
}

impl VectorizeIndexes {
    /// The default of Vectorize.
    const DEFAULT_TOP_K: u32 = 5;

    /// Returns an empty set of indexes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the index that is bound to `binding`. Dimensions, metric and count that `described`
    /// omits are read from the index.
    ///
    /// # Errors
    /// 500 `MISCONFIGURED` when no index of that name is bound.
    pub fn index(
        mut self,
        described: VectorIndex,
        env: &Env,
        binding: &str,
    ) -> Result<Self, LunoraError> {
        let is_index = |found: &JsValue| {
            Reflect::get(found, &"query".into()).is_ok_and(|query| query.is_function())
        };
        let found = Reflect::get(env, &binding.into()).ok().filter(is_index).ok_or_else(|| {
            LunoraError::new(Code::Misconfigured, "a vector index is not bound").with_source(
                format!("there is no index `{binding}`: add it to `vectorize` in wrangler.jsonc"),
            )
        })?;
        self.indexes.push((described, found));
        Ok(self)
    }

    /// Sets the model for searches: the one that made the vectors.
    #[must_use]
    pub fn embed<F>(mut self, embed: F) -> Self
    where
        F: AsyncFn(String) -> Result<Vec<f32>, LunoraError> + Clone + 'static,
    {
        self.embed = Some(Box::new(move |text| {
            let embed = embed.clone();
            Box::pin(async move { embed(text).await })
        }));
        self
    }
}

impl VectorIndexes for VectorizeIndexes {
    fn indexes(&self) -> LocalBoxFuture<'_, Result<Vec<VectorIndex>, LunoraError>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            dimensions: Option<u32>,
            metric: Option<String>,
            vectors_count: Option<u64>,
        }

        Box::pin(async move {
            let mut all = Vec::with_capacity(self.indexes.len());
            for (described, index) in &self.indexes {
                let told: Told = read(describe(index)).await?;
                let mut index = described.clone();
                index.dimensions = index.dimensions.or(told.dimensions);
                index.metric = index.metric.or(told.metric);
                index.vectors_count = index.vectors_count.or(told.vectors_count);
                all.push(index);
            }
            Ok(all)
        })
    }

    fn query<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
        top_k: Option<u32>,
    ) -> LocalBoxFuture<'a, Result<Vec<VectorMatch>, LunoraError>> {
        #[derive(Deserialize)]
        struct Told {
            id: String,
            score: f64,
            metadata: Option<Value>,
        }

        Box::pin(async move {
            let found = self.indexes.iter().find(|(index, _)| index.name == name);
            let (_, index) = found.ok_or_else(|| {
                LunoraError::new(Code::NotFound, format!("there is no vector index {name:?}"))
            })?;
            let embed = self.embed.as_ref().ok_or_else(|| {
                LunoraError::new(Code::VectorQueryUnsupported, "vector indexes do not accept text")
            })?;
            let vector = embed(text.to_owned()).await?;
            let top_k = top_k.unwrap_or(Self::DEFAULT_TOP_K);
            let matches: Vec<Told> = read(query(index, &vector, top_k)).await?;
            let matches = matches.into_iter().map(|Told { id, score, metadata }| VectorMatch {
                id,
                score,
                metadata,
            });
            Ok(matches.collect())
        })
    }
}

async fn read<T: for<'de> Deserialize<'de>>(promise: Promise) -> Result<T, LunoraError> {
    let told = JsFuture::from(promise)
        .await
        .map_err(|thrown| LunoraError::internal(JsFailure::from(thrown)))?;
    serde_json::from_str(&told.as_string().unwrap_or_default()).map_err(LunoraError::internal)
}

impl fmt::Debug for VectorizeIndexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.indexes.iter().map(|(index, _)| &index.name).collect();
        f.debug_struct("VectorizeIndexes").field("indexes", &names).finish_non_exhaustive()
    }
}
