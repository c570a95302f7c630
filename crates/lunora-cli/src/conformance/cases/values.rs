//! The value codec.

use lunora::wire::value::Value as WireValue;
use serde_json::{Value, json};

use crate::conformance::{
    case::{Case, Checked, Need::Query},
    engine::Run,
};

const SECTION: &str = "Values";

const TAG: &str = "$lunora.wire$";

/// The argument that a query does not have; a query passes over it.
const EXTRA: &str = "conformance";

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "answers_with_a_valid_wire_value",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            let answer = run.rpc(&run.target.query(), &[])?;
            let result = answer.status(200)?.field("result")?;
            let decoded = WireValue::from_wire(result.to_string());
            decoded.map(drop).map_err(|error| answer.mismatch(format!("a wire value ({error})")))
        },
    },
    Case {
        rule: "accepts_tagged_values_in_arguments",
        section: SECTION,
        needs: &[Query],
        check: |run| {
            for value in [
                json!([TAG, "bigint", "9007199254740993"]),
                json!([TAG, "date", 0]),
                json!([TAG, "date", [TAG, "nan"]]),
                json!([TAG, "bytes", "AAEC"]),
                json!([TAG, "map", [["a", 1]]]),
                json!([TAG, "set", [1, 2]]),
                json!([TAG, "arr", [TAG, "x"]]),
            ] {
                accepted(run, value)?;
            }
            Ok(())
        },
    },
    Case {
        rule: "takes_an_unknown_tag_for_an_ordinary_array",
        section: SECTION,
        needs: &[Query],
        check: |run| accepted(run, json!([TAG, "conformance", 1])),
    },
    Case {
        rule: "refuses_a_big_integer_without_digits",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "bigint", "1.5"])),
    },
    Case {
        rule: "refuses_a_big_integer_of_more_than_1024_characters",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "bigint", "1".repeat(1025)])),
    },
    Case {
        rule: "refuses_a_date_without_milliseconds",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "date", "today"])),
    },
    Case {
        rule: "refuses_bytes_that_are_not_base64",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "bytes", "A"])),
    },
    Case {
        rule: "refuses_a_map_whose_entry_is_not_a_pair",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "map", [["a", 1, 2]]])),
    },
    Case {
        rule: "refuses_a_set_that_is_not_an_array",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "set", 1])),
    },
    Case {
        rule: "refuses_a_url_that_is_not_absolute",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, json!([TAG, "url", "/relative"])),
    },
    Case {
        rule: "refuses_a_tagged_value_more_than_64_deep",
        section: SECTION,
        needs: &[Query],
        check: |run| refused(run, (0..80).fold(json!([TAG, "nan"]), |inner, _| json!([inner]))),
    },
];

/// Expects the query to be answered with this argument more.
fn accepted(run: &Run<'_>, value: Value) -> Checked {
    let answer = run.rpc(&run.target.query().with(EXTRA, value), &[])?;
    answer.status(200)?.field("result").map(drop)
}

/// Expects the query to be refused with this argument more.
fn refused(run: &Run<'_>, value: Value) -> Checked {
    run.rpc(&run.target.query().with(EXTRA, value), &[])?.refused_as(&[400])
}
