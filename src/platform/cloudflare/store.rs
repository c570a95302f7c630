//! An R2 bucket as an object store.

use std::{cell::RefCell, collections::BTreeMap};

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use worker::{Bucket, Conditional, Data, HttpMetadata, Include, Object, UploadedPart};

use crate::{
    message::{Body, Response},
    platform::store::{
        ListOptions, MultipartUpload, ObjectInfo, ObjectMetadata, ObjectPage, ObjectStore,
        PutOptions, StoreError, StoreOperation, StoredObject, SuspendedPart, SuspendedUpload,
        rules,
    },
    sort,
};

/// The maximum number of keys that R2 deletes per call.
const MAX_DELETED: usize = 1000;

impl ObjectStore for Bucket {
    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Bytes,
        options: PutOptions,
    ) -> LocalBoxFuture<'a, Result<ObjectInfo, StoreError>> {
        Box::pin(async move {
            rules::check_new_object(key, &options.metadata)?;
            let PutOptions { metadata, only_if_absent, only_if_etag, sha256 } = options;
            let mut put = Bucket::put(self, key, Vec::from(bytes))
                .http_metadata(http_metadata(metadata.content_type))
                .custom_metadata(metadata.custom.into_iter().collect::<CustomMetadata>());
            if only_if_absent {
                put = put.only_if(Conditional {
                    etag_does_not_match: Some("*".to_owned()),
                    ..Conditional::default()
                });
            }
            let over_another = only_if_etag.is_some();
            if let Some(etag) = only_if_etag {
                put =
                    put.only_if(Conditional { etag_matches: Some(etag), ..Conditional::default() });
            }
            if let Some(sha256) = sha256 {
                put = put.sha256(sha256);
            }
            let written = put.execute().await.map_err(failed(StoreOperation::Put, key))?;
            match written {
                Some(object) => info(&object).map_err(failed(StoreOperation::Put, key)),
                None if over_another => Err(StoreError::Changed { key: key.to_owned() }),
                None => Err(StoreError::AlreadyExists { key: key.to_owned() }),
            }
        })
    }

    fn get<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        Box::pin(async move {
            rules::check_key(key)?;
            let found =
                Bucket::get(self, key).execute().await.map_err(failed(StoreOperation::Get, key))?;
            found
                .map(|object| Ok(StoredObject::new(info(&object)?, body(&object)?)))
                .transpose()
                .map_err(failed(StoreOperation::Get, key))
        })
    }

    fn get_from<'a>(
        &'a self,
        key: &'a str,
        offset: u64,
    ) -> LocalBoxFuture<'a, Result<Option<StoredObject>, StoreError>> {
        Box::pin(async move {
            // R2 refuses a range that begins at the end of the object.
            let Some(object) = ObjectStore::head(self, key).await? else { return Ok(None) };
            if offset >= object.size {
                return Ok(Some(StoredObject::new(object, Body::empty())));
            }
            let range = worker::Range::OffsetToEnd { offset };
            let found = Bucket::get(self, key).range(range).execute().await;
            found
                .map_err(failed(StoreOperation::Get, key))?
                .map(|object| Ok(StoredObject::new(info(&object)?, body(&object)?)))
                .transpose()
                .map_err(failed(StoreOperation::Get, key))
        })
    }

    fn head<'a>(
        &'a self,
        key: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<ObjectInfo>, StoreError>> {
        Box::pin(async move {
            rules::check_key(key)?;
            let found = Bucket::head(self, key).await.map_err(failed(StoreOperation::Head, key))?;
            found.map(|object| info(&object)).transpose().map_err(failed(StoreOperation::Head, key))
        })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            keys.iter().try_for_each(|key| rules::check_key(key))?;
            for keys in keys.chunks(MAX_DELETED) {
                let first = keys.first().map_or("", String::as_str);
                self.delete_multiple(keys.iter().map(String::as_str).collect())
                    .await
                    .map_err(failed(StoreOperation::Delete, first))?;
            }
            Ok(())
        })
    }

    fn list(&self, options: ListOptions) -> LocalBoxFuture<'_, Result<ObjectPage, StoreError>> {
        Box::pin(async move {
            let failed = failed(StoreOperation::List, &options.prefix);
            // Without `include` the metadata of listed objects is undefined, and reading it throws.
            let mut list = Bucket::list(self)
                .prefix(&options.prefix)
                .limit(options.limit.clamp(1, rules::MAX_PAGE).into())
                .include(vec![Include::HttpMetadata, Include::CustomMetadata]);
            if let Some(cursor) = options.cursor {
                list = list.cursor(cursor);
            }
            let page = match list.execute().await {
                Ok(page) => page,
                Err(error) => return Err(failed(error)),
            };
            let objects = page.objects().iter().map(info).collect::<Result<_, _>>();
            let cursor = if page.truncated() { page.cursor() } else { None };
            Ok(ObjectPage::new(objects.map_err(failed)?, cursor))
        })
    }

    fn create_multipart<'a>(
        &'a self,
        key: &'a str,
        metadata: ObjectMetadata,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        Box::pin(async move {
            rules::check_new_object(key, &metadata)?;
            let upload = self
                .create_multipart_upload(key)
                .http_metadata(http_metadata(metadata.content_type))
                .custom_metadata(metadata.custom.into_iter().collect::<CustomMetadata>())
                .execute()
                .await
                .map_err(failed(StoreOperation::CreateMultipart, key))?;
            Ok(Box::new(Upload {
                bucket: self.clone(),
                key: key.to_owned(),
                upload,
                parts: RefCell::default(),
            }) as Box<dyn MultipartUpload>)
        })
    }

    fn resume_multipart<'a>(
        &'a self,
        key: &'a str,
        suspended: SuspendedUpload,
    ) -> LocalBoxFuture<'a, Result<Box<dyn MultipartUpload>, StoreError>> {
        Box::pin(async move {
            let upload = self
                .resume_multipart_upload(key, suspended.id)
                .map_err(failed(StoreOperation::ResumeMultipart, key))?;
            let parts = suspended.parts.into_iter();
            let parts = parts
                .map(|SuspendedPart { number, etag, bytes }| (number, Part { etag, size: bytes }));
            Ok(Box::new(Upload {
                bucket: self.clone(),
                key: key.to_owned(),
                upload,
                parts: RefCell::new(sort::map(parts)),
            }) as Box<dyn MultipartUpload>)
        })
    }
}

struct Upload {
    bucket: Bucket,
    key: String,
    upload: worker::MultipartUpload,
    parts: RefCell<BTreeMap<u16, Part>>,
}

struct Part {
    etag: String,
    size: usize,
}

impl MultipartUpload for Upload {
    fn upload_part(&self, number: u16, bytes: Bytes) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            rules::check_part_number(&self.key, number)?;
            let size = bytes.len();
            let part = self
                .upload
                .upload_part(number, Data::Bytes(bytes.into()))
                .await
                .map_err(failed(StoreOperation::UploadPart, &self.key))?;
            let etag = part.etag();
            self.parts.borrow_mut().insert(number, Part { etag, size });
            Ok(())
        })
    }

    fn complete(self: Box<Self>) -> LocalBoxFuture<'static, Result<ObjectInfo, StoreError>> {
        Box::pin(async move {
            let Self { bucket, key, upload, parts } = *self;
            let parts = parts.into_inner();
            let sizes = parts.iter().map(|(number, part)| (*number, part.size));
            let outcome = match rules::check_parts(&key, &sort::map(sizes)) {
                Err(broken) => Err((broken, Ok(upload))),
                Ok(()) => {
                    let id = upload.upload_id().await;
                    let parts = parts
                        .into_iter()
                        .map(|(number, part)| UploadedPart::new(number, part.etag));
                    upload.complete(parts).await.map_err(|error| {
                        let error = failed(StoreOperation::Complete, &key)(error);
                        (error, bucket.resume_multipart_upload(&key, id))
                    })
                }
            };
            match outcome {
                Ok(object) => info(&object).map_err(failed(StoreOperation::Complete, &key)),
                Err((error, upload)) => {
                    // The first failure is reported; R2 removes the rest.
                    if let Ok(upload) = upload {
                        let _ = upload.abort().await;
                    }
                    Err(error)
                }
            }
        })
    }

    fn suspend(self: Box<Self>) -> LocalBoxFuture<'static, Result<SuspendedUpload, StoreError>> {
        Box::pin(async move {
            let id = self.upload.upload_id().await;
            let parts = self.parts.into_inner().into_iter();
            let parts = parts.map(|(number, Part { etag, size })| SuspendedPart {
                number,
                etag,
                bytes: size,
            });
            Ok(SuspendedUpload { id, parts: parts.collect() })
        })
    }

    fn abort(self: Box<Self>) -> LocalBoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async move {
            let aborted = self.upload.abort().await;
            aborted.map_err(failed(StoreOperation::Abort, &self.key))
        })
    }
}

type CustomMetadata = std::collections::HashMap<String, String>;

fn http_metadata(content_type: Option<String>) -> HttpMetadata {
    HttpMetadata { content_type, ..HttpMetadata::default() }
}

fn info(object: &Object) -> worker::Result<ObjectInfo> {
    let sha256 = object.checksum().sha256;
    Ok(ObjectInfo {
        key: object.key(),
        size: object.size(),
        etag: object.etag(),
        uploaded_ms: object.uploaded().as_millis(),
        sha256: sha256.and_then(|bytes| bytes.try_into().ok()),
        metadata: ObjectMetadata {
            content_type: object.http_metadata().content_type,
            custom: sort::map(object.custom_metadata()?),
        },
    })
}

/// Returns the bytes as JavaScript's own stream, which a response can carry without a copy.
fn body(object: &Object) -> worker::Result<Body> {
    let Some(body) = object.body() else {
        return Ok(Body::empty());
    };
    let carrier = worker::Response::from_body(body.response_body()?)?;
    Ok(Response::from(carrier).into_parts().1)
}

/// Converts an error of R2, which ends its messages with a code in brackets.
fn failed(operation: StoreOperation, key: &str) -> impl Fn(worker::Error) -> StoreError {
    let key = key.to_owned();
    move |error| {
        let key = key.clone();
        let message = error.to_string();
        match message.rsplit_once('(').map(|(_, code)| code) {
            Some("10012)") => StoreError::MetadataTooLarge { key },
            Some("10024)") => StoreError::UploadGone { key },
            Some("10037)") => StoreError::ChecksumMismatch { key },
            _ => StoreError::failed(operation, key, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_r2_means_by_the_code_at_the_end_of_its_message() {
        let failed = |message: &str| {
            let error = worker::Error::JsError(message.to_owned());
            failed(StoreOperation::Put, "k")(error)
        };
        assert!(matches!(
            failed("put: The SHA-256 checksum you specified did not match. (10037)"),
            StoreError::ChecksumMismatch { key } if key == "k"
        ));
        assert!(matches!(
            failed("uploadPart: The specified multipart upload does not exist. (10024)"),
            StoreError::UploadGone { .. }
        ));
        for other in ["put: We encountered an internal error. (10001)", "gone", ""] {
            assert!(matches!(failed(other), StoreError::Failed { .. }), "{other}");
        }
    }
}
