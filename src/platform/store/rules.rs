//! The rules of the weakest store; every store refuses the rest with the same errors.

use std::collections::BTreeMap;

use super::{ObjectMetadata, StoreError};

pub(crate) const MAX_KEY_BYTES: usize = 1024;
/// R2 takes 8192; its local simulator, on which applications are developed, takes this.
pub(crate) const MAX_METADATA_BYTES: usize = 2048;
pub(crate) const MAX_PAGE: u16 = 1000;
pub(crate) const MAX_PARTS: u16 = 10_000;
pub(crate) const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// Refuses a key that a store would refuse.
pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(()),
        bytes => Err(StoreError::InvalidKey { bytes }),
    }
}

/// Refuses a key or metadata that a store would refuse.
pub(crate) fn check_new_object(key: &str, metadata: &ObjectMetadata) -> Result<(), StoreError> {
    check_key(key)?;
    let custom = metadata.custom.iter();
    let bytes: usize = custom.map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_METADATA_BYTES {
        return Err(StoreError::MetadataTooLarge { key: key.to_owned() });
    }
    Ok(())
}

/// Refuses the number of a part.
pub(crate) fn check_part_number(key: &str, number: u16) -> Result<(), StoreError> {
    if (1..=MAX_PARTS).contains(&number) {
        Ok(())
    } else {
        Err(invalid(key, number, "parts are numbered from 1 to 10000"))
    }
}

/// Refuses parts that cannot form an object. `sizes` are bytes by part number.
pub(crate) fn check_parts(key: &str, sizes: &BTreeMap<u16, usize>) -> Result<(), StoreError> {
    let Some((&last, &last_size)) = sizes.last_key_value() else {
        return Err(invalid(key, 0, "an upload has at least one part"));
    };
    let mut common = None;
    for (&number, &size) in sizes.range(..last) {
        if size < MIN_PART_BYTES {
            return Err(invalid(key, number, "only the last may be below 5 MiB"));
        }
        if size != *common.get_or_insert(size) {
            return Err(invalid(key, number, "only the last may differ in size"));
        }
    }
    if common.is_some_and(|common| last_size > common) {
        return Err(invalid(key, last, "the last may not be the largest"));
    }
    Ok(())
}

pub(crate) fn invalid(key: &str, number: u16, rule: &'static str) -> StoreError {
    StoreError::InvalidPart { key: key.to_owned(), number, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_keys_up_to_the_last_byte() {
        assert!(check_key(&"k".repeat(1024)).is_ok());
        for bytes in [0, 1025] {
            let refused = check_key(&"k".repeat(bytes));
            assert!(matches!(refused, Err(StoreError::InvalidKey { bytes: b }) if b == bytes));
        }
    }

    #[test]
    fn takes_equal_parts_and_a_shorter_last_one() {
        const MIN: usize = MIN_PART_BYTES;
        let cases: [(&[usize], Option<u16>); 8] = [
            (&[1], None),
            (&[0], None),
            (&[MIN, 1], None),
            (&[MIN + 7, MIN + 7, MIN + 7], None),
            (&[], Some(0)),
            (&[MIN - 1, 1], Some(1)),
            (&[MIN, MIN + 1, 5], Some(2)),
            (&[MIN, MIN, MIN + 1], Some(3)),
        ];
        for (sizes, refused) in cases {
            let sizes = (1..).zip(sizes.iter().copied()).collect();
            let number = match check_parts("k", &sizes) {
                Err(StoreError::InvalidPart { number, .. }) => Some(number),
                _ => None,
            };
            assert_eq!(number, refused, "{sizes:?}");
        }
    }
}
