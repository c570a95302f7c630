//! `vector/*`: the vector indexes.

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::LunoraError,
    message::Response,
    platform::{VectorIndex, VectorIndexes, VectorMatch},
};

/// The routes for the vector indexes of an application.
pub(crate) struct Vectors<T>(pub(crate) T);

impl<T: VectorIndexes> Vectors<T> {
    async fn indexes(&self) -> Result<Response, LunoraError> {
        #[derive(Serialize)]
        struct Indexes {
            indexes: Vec<VectorIndex>,
        }

        Response::json(&Indexes { indexes: self.0.indexes().await? })
    }

    async fn query(&self, call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Query {
            name: String,
            text: String,
            #[serde(default)]
            top_k: Option<u32>,
        }

        #[derive(Serialize)]
        struct Matches {
            matches: Vec<VectorMatch>,
        }

        let Query { name, text, top_k } = call.body("Vector query").await?;
        if name.is_empty() || text.is_empty() || top_k == Some(0) {
            return Err(LunoraError::bad_request(
                "`name` and `text` must not be empty, and `topK` must be positive",
            ));
        }
        let matches = self.0.query(&name, &text, top_k).await?;
        Response::json(&Matches { matches })
    }
}

impl<T: VectorIndexes> AreaHandler for Vectors<T> {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            match call.op() {
                "vector/indexes" => self.indexes().await,
                "vector/query" => self.query(&mut call).await,
                _ => Err(unhandled(&call)),
            }
        })
    }
}
