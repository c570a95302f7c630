//! The page of operators, `GET /_lunora/admin`.

use crate::message::Response;

const PAGE: &str = include_str!("operator_page.html");

/// Allows the page's own script and style by their hashes, calls of this origin, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'sha256-sj+PTf5rPTwovjZ2hkGzvtzUg2D8oLM6QX00tA5IRPU='; \
    style-src 'sha256-VVlw3cVvWNx2oZj6btzSOzjcBHdF4zp2XVu6iUwdPvk='; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Returns the page, which is the same for everybody.
pub(crate) fn response() -> Response {
    Response::html(PAGE)
        .with_header("content-security-policy", POLICY)
        .with_header("referrer-policy", "no-referrer")
        .with_header("x-frame-options", "DENY")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    /// Returns the only element of a name, without its tags.
    fn element(open: &str, close: &str) -> &'static str {
        assert_eq!(PAGE.matches(open).count(), 1, "{open}");
        PAGE.split_once(open).unwrap().1.split_once(close).unwrap().0
    }

    #[test]
    fn the_policy_has_the_hashes_of_the_page() {
        let script = element("<script type=\"module\">", "</script>");
        for (name, text) in [("script", script), ("style", element("<style>", "</style>"))] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(text));
            let source = format!("{name}-src 'sha256-{hash}'");
            assert!(POLICY.contains(&source), "the policy must have {source}");
        }
    }

    #[test]
    fn the_page_has_nothing_that_the_policy_or_a_row_could_break() {
        for refused in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("] {
            assert!(!PAGE.contains(refused), "{refused}");
        }
        let markup = PAGE.replace(element("<script type=\"module\">", "</script>"), "");
        for refused in [" style=", " on", "src=", "http:", "https:"] {
            let markup = markup.replace(element("<style>", "</style>"), "");
            let in_tag = |tag: &str| tag.split_once('>').unwrap_or_default().0.contains(refused);
            assert!(!markup.split('<').any(in_tag), "{refused}");
        }
    }
}
