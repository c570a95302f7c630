//! Absolute URLs, as the WHATWG standard writes them.

use std::{fmt, str::FromStr};

/// An absolute URL, in the one form that the WHATWG URL standard gives it.
///
/// On workerd the runtime's own parser reads it: one of Rust would bring the tables of
/// internationalised names into every Worker.
///
/// ```
/// use lunora::wire::value::Url;
///
/// let url: Url = "HTTPS://example.com/a/../b".parse()?;
/// assert_eq!(url.as_str(), "https://example.com/b");
/// assert!("no url".parse::<Url>().is_err());
/// # Ok::<(), lunora::wire::value::UrlError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Url(String);

/// The error for a text that is not an absolute URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the text is not an absolute URL")]
pub struct UrlError;

impl Url {
    /// Returns the URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        normalized(text).map(Self).ok_or(UrlError)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(target_arch = "wasm32")]
fn normalized(text: &str) -> Option<String> {
    use wasm_bindgen::prelude::*;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = URL)]
        type JsUrl;

        #[wasm_bindgen(constructor, js_class = "URL", catch)]
        fn new(text: &str) -> Result<JsUrl, JsValue>;

        #[wasm_bindgen(method, getter, js_class = "URL")]
        fn href(this: &JsUrl) -> String;
    }

    JsUrl::new(text).ok().map(|url| url.href())
}

#[cfg(not(target_arch = "wasm32"))]
fn normalized(text: &str) -> Option<String> {
    url::Url::parse(text).ok().map(Into::into)
}
