//! The form in which the values of SQLite cross between wasm and JavaScript.
//!
//! It is one text: heads, separated by commas, then a line feed, then the texts of all cells, one after the
//! other. The head of a cell is empty for `NULL`, a number as JavaScript prints it, or `t` or `b` with the
//! length of a text or of bytes, in UTF-16 units. Bytes are a text of Latin-1. So a text crosses as it is: a
//! document in JSON within JSON would be escaped and unescaped, quote by quote.

use crate::{
    platform::{SqlCell, SqlRows},
    wire::number,
};

/// Writes the parameters of a statement; nothing if there are none.
pub(super) fn write_params(params: &[SqlCell]) -> String {
    let (mut heads, mut texts) = (String::with_capacity(8 * params.len()), String::new());
    for (at, cell) in params.iter().enumerate() {
        if at > 0 {
            heads.push(',');
        }
        match cell {
            SqlCell::Null => {}
            SqlCell::Number(number) if number.is_nan() => {}
            SqlCell::Number(number) if number.is_infinite() => {
                heads.push_str(if *number > 0.0 { INFINITY } else { NEGATIVE_INFINITY });
            }
            SqlCell::Number(number) => heads.push_str(&number::to_javascript(*number)),
            SqlCell::Text(text) => {
                heads.extend(["t", &units(text.as_bytes()).to_string()]);
                texts.push_str(text);
            }
            SqlCell::Blob(bytes) => {
                heads.extend(["b", &bytes.len().to_string()]);
                texts.extend(bytes.iter().map(|byte| char::from(*byte)));
            }
        }
    }
    if params.is_empty() { heads } else { [&*heads, "\n", &*texts].concat() }
}

/// Reads the answer of a statement. Before the cells come the number of rows written, the number of columns,
/// and the columns' names.
///
/// Returns `None` for any other text.
pub(super) fn read_rows(found: &str) -> Option<SqlRows> {
    let (heads, mut texts) = found.split_once('\n')?;
    let mut heads = heads.split(',');
    let rows_written = heads.next()?.parse().ok()?;
    let width: usize = heads.next()?.parse().ok()?;
    let mut columns = Vec::new();
    for _ in 0..width {
        columns.push(take(&mut texts, heads.next()?.strip_prefix('t')?)?.to_owned());
    }
    let mut rows = Vec::new();
    while let Some(first) = heads.next() {
        let mut row = Vec::with_capacity(width);
        row.push(read_cell(first, &mut texts)?);
        for _ in 1..width {
            row.push(read_cell(heads.next()?, &mut texts)?);
        }
        rows.push(row);
    }
    texts.is_empty().then_some(SqlRows { columns, rows, rows_written })
}

const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

fn read_cell(head: &str, texts: &mut &str) -> Option<SqlCell> {
    Some(match head.as_bytes() {
        [] => SqlCell::Null,
        [b't', ..] => SqlCell::Text(take(texts, head.get(1..)?)?.to_owned()),
        [b'b', ..] => {
            SqlCell::Blob(take(texts, head.get(1..)?)?.chars().map(|c| c as u8).collect())
        }
        _ => SqlCell::Number(match head {
            INFINITY => f64::INFINITY,
            NEGATIVE_INFINITY => f64::NEG_INFINITY,
            _ => number::parse(head)?,
        }),
    })
}

/// Takes a text of `length` UTF-16 units from the front.
fn take<'a>(texts: &mut &'a str, length: &str) -> Option<&'a str> {
    let length = length.parse().ok()?;
    let bytes = texts.as_bytes();
    let end = if bytes.get(..length)?.is_ascii() { length } else { end_of(bytes, length)? };
    let (text, rest) = texts.split_at_checked(end)?;
    *texts = rest;
    Some(text)
}

/// Returns the number of bytes that hold the first `length` UTF-16 units.
fn end_of(utf8: &[u8], length: usize) -> Option<usize> {
    let (mut end, mut left) = (0, length);
    while left > 0 {
        // So many bytes hold at most as many units.
        let part = utf8.get(end..end + left)?;
        end += left;
        left = left.checked_sub(units(part))?;
    }
    let rest = utf8.get(end..)?.iter().take_while(|byte| **byte & 0xc0 == 0x80);
    Some(end + rest.count())
}

/// Counts the UTF-16 units of the characters that begin in this part of a text: two for a character of four
/// bytes, and one for any other.
pub(super) fn units(utf8: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let (eights, rest) = utf8.as_chunks::<8>();
    let of_rest = |byte: &u8| usize::from(byte & 0xc0 != 0x80) + usize::from(*byte >= 0xf0);
    let of_eight = |eight: &[u8; 8]| {
        let bits = u64::from_ne_bytes(*eight);
        let continuing = bits >> 7 & !(bits >> 6) & LOW;
        let long = bits >> 7 & bits >> 6 & bits >> 5 & bits >> 4 & LOW;
        8 + long.count_ones() as usize - continuing.count_ones() as usize
    };
    eights.iter().map(of_eight).sum::<usize>() + rest.iter().map(of_rest).sum::<usize>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// What `execSql` in `shard.js` does.
    fn written_by_javascript(SqlRows { columns, rows, rows_written }: &SqlRows) -> String {
        let mut heads = vec![rows_written.to_string(), columns.len().to_string()];
        let mut texts = String::new();
        let names = columns.iter().cloned().map(SqlCell::Text);
        for cell in names.chain(rows.iter().flatten().cloned()) {
            heads.push(match cell {
                SqlCell::Null => String::new(),
                SqlCell::Number(f64::INFINITY) => "Infinity".to_owned(),
                SqlCell::Number(f64::NEG_INFINITY) => "-Infinity".to_owned(),
                SqlCell::Number(number) => ryu_js::Buffer::new().format(number).to_owned(),
                SqlCell::Text(text) => {
                    texts.push_str(&text);
                    format!("t{}", text.encode_utf16().count())
                }
                SqlCell::Blob(bytes) => {
                    texts.extend(bytes.iter().map(|byte| char::from(*byte)));
                    format!("b{}", bytes.len())
                }
            });
        }
        format!("{}\n{texts}", heads.join(","))
    }

    /// What `bound` in `shard.js` does.
    fn read_by_javascript(params: &str) -> Vec<SqlCell> {
        let (heads, texts) = params.split_once('\n').unwrap();
        let texts: Vec<u16> = texts.encode_utf16().collect();
        let mut at = 0;
        let mut text = |length: &str| {
            let start = at;
            at += length.parse::<usize>().unwrap();
            String::from_utf16(&texts[start..at]).unwrap()
        };
        let cell = |head: &str| match head.chars().next() {
            None => SqlCell::Null,
            Some('t') => SqlCell::Text(text(&head[1..])),
            Some('b') => {
                SqlCell::Blob(text(&head[1..]).chars().map(|c| u8::try_from(c).unwrap()).collect())
            }
            Some(_) => SqlCell::Number(head.parse().unwrap()),
        };
        heads.split(',').map(cell).collect()
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[\\PC\"\\\\\u{0}\u{1f}\n,tb0-9]{0,40}",
            "[a-z{}\":,]{0,200}",
            "[äüß漢💬a]{0,60}",
        ]
    }

    fn any_cell() -> impl Strategy<Value = SqlCell> {
        let number = prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<i32>().prop_map(f64::from),
            prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), Just(5e-324)],
        ];
        prop_oneof![
            Just(SqlCell::Null),
            // SQLite has no NaN, and JavaScript prints no sign of zero.
            number
                .prop_filter("no NaN", |number| !number.is_nan())
                .prop_map(|number| SqlCell::Number(number + 0.0)),
            any_text().prop_map(SqlCell::Text),
            vec(any::<u8>(), 0..40).prop_map(SqlCell::Blob),
        ]
    }

    fn any_rows() -> impl Strategy<Value = SqlRows> {
        (1..6_usize).prop_flat_map(|width| {
            (vec(any_text(), width), vec(vec(any_cell(), width), 0..6), any::<u32>()).prop_map(
                |(columns, rows, rows_written)| SqlRows {
                    columns,
                    rows,
                    rows_written: rows_written.into(),
                },
            )
        })
    }

    proptest! {
        #[test]
        fn rows_of_every_value_arrive_as_they_are(rows in any_rows()) {
            prop_assert_eq!(read_rows(&written_by_javascript(&rows)), Some(rows));
        }

        #[test]
        fn parameters_of_every_value_arrive_as_they_are(params in vec(any_cell(), 1..8)) {
            prop_assert_eq!(read_by_javascript(&write_params(&params)), params);
        }

        #[test]
        fn never_panics_on_any_text(text in any::<String>(), heads in "[0-3tb,]{0,12}", rest in "[aü💬]{0,6}") {
            let _ = read_rows(&text);
            let _ = read_rows(&format!("0,{heads}\n{rest}"));
        }
    }

    #[test]
    fn a_statement_without_columns_has_its_number_of_rows_written() {
        assert_eq!(read_rows("3,0\n"), Some(SqlRows { rows_written: 3, ..SqlRows::default() }));
        assert_eq!(write_params(&[]), "");
        assert_eq!(write_params(&[SqlCell::Null]), "\n");
        assert_eq!(write_params(&[SqlCell::Number(f64::NAN), SqlCell::Number(-0.0)]), ",-0\n");
    }

    #[test]
    fn a_text_of_another_length_than_its_head_says_is_refused() {
        for found in [
            "",
            "0",
            "0,1\n",
            "0,1,t1\nab",
            "0,1,t2\na",
            "0,1,t1,t1\na💬",
            "0,1,t1,x\na",
            "0,2,t0,t0,1\n",
        ] {
            assert_eq!(read_rows(found), None, "{found:?}");
        }
    }
}
