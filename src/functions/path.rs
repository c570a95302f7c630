//! The paths of functions: `namespace:name`.

/// Why a text is no path of a function.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum FunctionPathError {
    /// It has not the form `namespace:name`.
    Form,
    /// It begins with a prefix that the framework keeps to itself.
    Reserved,
    /// Another function has it.
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

/// Checks one path of a shard beside all of them; [`shard!`](crate::shard!) calls it.
///
/// # Errors
/// When it is none, or another one is the same.
#[cfg(feature = "shard")]
pub const fn check_path_among(path: &str, all: &[&str]) -> Result<(), FunctionPathError> {
    if let Err(error) = check_path(path) {
        return Err(error);
    }
    let (mut times, mut at) = (0, 0);
    while at < all.len() {
        if same(path.as_bytes(), all[at].as_bytes()) {
            times += 1;
        }
        at += 1;
    }
    if times > 1 { Err(FunctionPathError::Taken) } else { Ok(()) }
}

/// Letters, digits, `_`, `-`, `.` and `/`, with one colon between two names.
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

#[cfg(feature = "shard")]
const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
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

    #[cfg(feature = "shard")]
    #[test]
    fn a_path_is_taken_once() {
        let all = ["a:b", "a:c", "a:b"];
        assert_eq!(check_path_among("a:c", &all), Ok(()));
        assert_eq!(check_path_among("a:b", &all), Err(FunctionPathError::Taken));
        assert_eq!(check_path_among("a", &all), Err(FunctionPathError::Form));
    }
}
