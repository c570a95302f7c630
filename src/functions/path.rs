//! The paths of functions: `namespace:name`.

/// The reason for which a function path is invalid.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum FunctionPathError {
    /// The path does not have the form `namespace:name`.
    Form,
    /// The path begins with a prefix that is reserved for the framework.
    Reserved,
    /// Another function has the same path.
    Taken,
}

impl FunctionPathError {
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Form => {
                "the path of a function has the form `namespace:name`, such as \"messages:send\""
            }
            Self::Reserved => "paths of functions that begin with `__lunora` are taken",
            Self::Taken => "two functions of a shard have the same path",
        }
    }
}

/// Checks that a path consists of letters, digits, `_`, `-`, `.` and `/`, with one colon between
/// two names.
pub(crate) const fn check_path(path: &str) -> Result<(), FunctionPathError> {
    let bytes = path.as_bytes();
    let (mut at, mut colon) = (0, None);
    while at < bytes.len() {
        match bytes[at] {
            b':' if colon.is_none() => colon = Some(at),
            b'_' | b'-' | b'.' | b'/' => {}
            byte if byte.is_ascii_alphanumeric() => {}
            _ => return Err(FunctionPathError::Form),
        }
        at += 1;
    }
    match colon {
        Some(colon) if colon > 0 && colon + 1 < bytes.len() && bytes.len() <= 256 => {}
        _ => return Err(FunctionPathError::Form),
    }
    let reserved = b"__lunora";
    let mut at = 0;
    while at < reserved.len() && at < bytes.len() && bytes[at] == reserved[at] {
        at += 1;
    }
    if at == reserved.len() { Err(FunctionPathError::Reserved) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_namespace_and_a_name() {
        for path in ["messages:send", "admin/users:list", "a:b", "rooms_v2:get-all"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in ["", "send", ":send", "messages:", "a:b:c", "a b:c", "é:x", "a:\"x\""] {
            assert_eq!(check_path(path), Err(FunctionPathError::Form), "{path}");
        }
        assert_eq!(check_path("__lunora_admin__:x"), Err(FunctionPathError::Reserved));
    }
}
