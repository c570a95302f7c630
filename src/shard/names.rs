//! The names of tables, indexes and fields.

/// Returns whether `field` can be looked up in an index: names with dots in between.
pub(crate) const fn is_field(field: &str) -> bool {
    let bytes = field.as_bytes();
    let (mut at, mut start) = (0, 0);
    while at <= bytes.len() {
        if at == bytes.len() || bytes[at] == b'.' {
            if at == start || !bytes[start].is_ascii_alphabetic() {
                return false;
            }
            start = at + 1;
        } else if !bytes[at].is_ascii_alphanumeric() && bytes[at] != b'_' {
            return false;
        }
        at += 1;
    }
    bytes.len() <= 128
}

pub(super) const fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 64 || !name[0].is_ascii_alphabetic() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !name[at].is_ascii_alphanumeric() && name[at] != b'_' {
            return false;
        }
        at += 1;
    }
    true
}

/// Returns whether `name` can be that of a table, or of an index in the form `table.index`.
pub(crate) const fn is_droppable(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut dot = 0;
    while dot < bytes.len() && bytes[dot] != b'.' {
        dot += 1;
    }
    let (table, index) = bytes.split_at(dot);
    is_name(table)
        && !begins_with(table, b"sqlite_")
        && !begins_with(table, b"lunora_")
        && (index.is_empty() || is_name(index.split_at(1).1))
}

pub(super) const fn begins_with(name: &[u8], prefix: &[u8]) -> bool {
    let mut at = 0;
    while at < prefix.len() {
        if at >= name.len() || !name[at].eq_ignore_ascii_case(&prefix[at]) {
            return false;
        }
        at += 1;
    }
    true
}

/// Names are compared as SQLite compares them.
pub(crate) const fn same_name(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins_with(one.as_bytes(), other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_names_with_dots_between() {
        for field in ["a", "author.name", "a1_b.c2"] {
            assert!(is_field(field), "{field}");
        }
        for field in ["", ".", "a.", ".a", "a..b", "1a", "_id", "a-b", "a\"b", "a b", "é"] {
            assert!(!is_field(field), "{field}");
        }
    }

    #[test]
    fn names_are_compared_as_sqlite_does() {
        assert!(same_name("Messages", "messages"));
        assert!(!same_name("message", "messages"));
    }
}
