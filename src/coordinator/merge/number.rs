//! Numbers in answers, and their sum, maximum and minimum.

use std::cmp::Ordering;

use super::{Unmergeable, decimal::Decimal, tag};
use crate::wire::value::TAG;

/// A number: of JSON, or in a wire tag.
#[derive(Clone, Debug)]
pub(super) enum Number {
    /// `["$lunora.wire$","nan"]`, and the time of an invalid date.
    Nan,
    /// A number with an order.
    Ordered(Ordered, Kind),
}

/// A number with a position in the order of numbers.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Ordered {
    /// `["$lunora.wire$","-inf"]`.
    NegativeInfinity,
    /// A number with digits.
    Finite(Decimal),
    /// `["$lunora.wire$","inf"]`.
    Infinity,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Plain,
    BigInt,
    Date,
}

impl Number {
    /// Parses a number; `None` for any other value.
    pub(super) fn read(json: &str) -> Option<Self> {
        if let Some(decimal) = Decimal::parse(json) {
            return Some(Self::Ordered(Ordered::Finite(decimal), Kind::Plain));
        }
        let (tag, payload) = tag::read(json)?;
        match (&*tag, &*payload) {
            ("nan", []) => Some(Self::Nan),
            ("inf", []) => Some(Self::Ordered(Ordered::Infinity, Kind::Plain)),
            ("-inf", []) => Some(Self::Ordered(Ordered::NegativeInfinity, Kind::Plain)),
            ("bigint", [digits]) => {
                let digits: String = serde_json::from_str(digits.get()).ok()?;
                let is_integer = !digits.contains(['.', 'e', 'E']) && digits.len() <= 1024;
                let decimal = is_integer.then(|| Decimal::parse(&digits)).flatten()?;
                Some(Self::Ordered(Ordered::Finite(decimal), Kind::BigInt))
            }
            ("date", [time]) => match Decimal::parse(time.get()) {
                Some(decimal) => Some(Self::Ordered(Ordered::Finite(decimal), Kind::Date)),
                None => tag::read(time.get()).map(|_| Self::Nan),
            },
            _ => None,
        }
    }
}

/// A sum that does not depend on the order of its numbers.
///
/// Integers add up without rounding; so do fractions, and the sum is rounded once, at the end. The
/// empty sum is 0. A `bigint` among integers makes the sum a `bigint`; among fractions it counts as
/// a number.
#[derive(Debug, Default)]
pub(super) struct Sum {
    integers: i128,
    /// Fractions, and integers that are too large: floats that do not overlap, the smallest first.
    floats: Vec<f64>,
    /// NaN and infinities, summed as floats are.
    special: Option<f64>,
    is_bigint: bool,
}

impl Sum {
    /// Checks that the number can be part of a sum.
    pub(super) fn check(number: &Number) -> Result<(), Unmergeable> {
        match number {
            Number::Ordered(_, Kind::Date) => Err(Unmergeable("a date, which has no sum")),
            _ => Ok(()),
        }
    }

    pub(super) fn add(&mut self, number: &Number) {
        let Number::Ordered(ordered, kind) = number else {
            return self.add_special(f64::NAN);
        };
        self.is_bigint |= *kind == Kind::BigInt;
        match ordered {
            Ordered::Infinity => self.add_special(f64::INFINITY),
            Ordered::NegativeInfinity => self.add_special(f64::NEG_INFINITY),
            Ordered::Finite(decimal) => {
                let integer = decimal.to_integer();
                match integer.and_then(|integer| self.integers.checked_add(integer)) {
                    Some(sum) => self.integers = sum,
                    None => self.add_float(decimal.to_f64()),
                }
            }
        }
    }

    pub(super) fn to_json(&self) -> String {
        if let Some(special) = self.special {
            return float_to_json(special);
        }
        if self.floats.is_empty() {
            return if self.is_bigint {
                format!(r#"["{TAG}","bigint","{}"]"#, self.integers)
            } else {
                self.integers.to_string()
            };
        }
        let mut all = Self { floats: self.floats.clone(), ..Self::default() };
        #[allow(clippy::cast_precision_loss, reason = "the rest is added next")]
        let high = self.integers as f64;
        all.add_float(high);
        // A float of integers is an integer; beyond its range there is no rest worth adding.
        #[allow(clippy::cast_possible_truncation, reason = "it saturates")]
        let rest = self.integers.saturating_sub(high as i128);
        #[allow(clippy::cast_precision_loss, reason = "the rest is smaller than 2^75")]
        all.add_float(rest as f64);
        float_to_json(all.special.unwrap_or_else(|| all.floats_to_f64()))
    }

    fn add_special(&mut self, value: f64) {
        self.special = Some(self.special.unwrap_or(0.0) + value);
    }

    /// Adds a float by Shewchuk's exact addition: the rounding error of each addition is kept as a
    /// float of its own.
    fn add_float(&mut self, value: f64) {
        if !value.is_finite() {
            return self.add_special(value);
        }
        let mut sum = value;
        let mut kept = Vec::with_capacity(self.floats.len() + 1);
        for &part in &self.floats {
            let (large, small) = if sum.abs() < part.abs() { (part, sum) } else { (sum, part) };
            sum = large + small;
            let lost = small - (sum - large);
            if lost != 0.0 {
                kept.push(lost);
            }
        }
        if sum.is_finite() {
            kept.push(sum);
            self.floats = kept;
        } else {
            self.add_special(sum);
        }
    }

    /// Returns the exact sum, rounded once.
    fn floats_to_f64(&self) -> f64 {
        let mut parts = self.floats.iter().rev().copied();
        let mut sum = parts.next().unwrap_or(0.0);
        while let Some(part) = parts.next() {
            let before = sum;
            sum = before + part;
            let lost = part - (sum - before);
            if lost == 0.0 {
                continue;
            }
            // A tie is rounded by the parts below it.
            let below = parts.next().unwrap_or(0.0);
            if (lost < 0.0 && below < 0.0) || (lost > 0.0 && below > 0.0) {
                let up = lost * 2.0;
                let rounded = sum + up;
                #[allow(clippy::float_cmp, reason = "exactness is the question")]
                if up == rounded - sum {
                    sum = rounded;
                }
            }
            break;
        }
        sum
    }
}

fn float_to_json(value: f64) -> String {
    if value.is_nan() {
        format!(r#"["{TAG}","nan"]"#)
    } else if value.is_infinite() {
        let sign = if value > 0.0 { "" } else { "-" };
        format!(r#"["{TAG}","{sign}inf"]"#)
    } else {
        // Zero has no sign on the wire.
        let text = format!("{:e}", value + 0.0);
        Decimal::parse(&text).map_or(text, |decimal| decimal.to_string())
    }
}

/// The maximum or the minimum, as its original text; NaN if one of the numbers is.
///
/// Of equal numbers (`1`, `1.0`, a `bigint` 1) the one at the first position is kept.
#[derive(Debug)]
pub(super) struct Extreme<Place> {
    /// The comparison result of a number that replaces the best so far.
    better: Ordering,
    best: Option<(Ordered, Place, String)>,
    is_nan: bool,
}

impl<Place: Ord> Extreme<Place> {
    pub(super) fn largest() -> Self {
        Self::new(Ordering::Greater)
    }

    pub(super) fn smallest() -> Self {
        Self::new(Ordering::Less)
    }

    fn new(better: Ordering) -> Self {
        Self { better, best: None, is_nan: false }
    }

    pub(super) fn add(&mut self, number: Number, place: Place, text: &str) {
        let Number::Ordered(ordered, _) = number else {
            self.is_nan = true;
            return;
        };
        let replaces = self.best.as_ref().is_none_or(|(best, first, _)| {
            let order = ordered.cmp(best);
            order == self.better || order.is_eq() && place < *first
        });
        if replaces {
            self.best = Some((ordered, place, text.to_owned()));
        }
    }

    /// Returns the text of the extreme; `null` if there was no number.
    pub(super) fn into_json(self) -> String {
        match self.best {
            _ if self.is_nan => float_to_json(f64::NAN),
            Some((_, _, text)) => text,
            None => "null".to_owned(),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.best.as_ref().map_or(0, |(_, _, text)| text.len())
    }
}
