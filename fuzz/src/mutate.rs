//! Mutations of an input, drawn from a seeded generator.

use fastrand::Rng;

/// Larger inputs are cut: a parser meets its interesting states long before.
const MAX_LEN: usize = 16 * 1024;

/// Makes a new input of one from `pool`, with tokens of the target's grammar.
pub(crate) fn mutate(rng: &mut Rng, pool: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
    let mut input = pick(rng, pool).cloned().unwrap_or_default();
    // Mostly few changes, so that the rest of an input stays valid.
    for _ in 0..=rng.usize(0..4) * rng.usize(0..3) {
        step(rng, &mut input, pool, tokens);
    }
    input.truncate(MAX_LEN);
    input
}

fn step(rng: &mut Rng, input: &mut Vec<u8>, pool: &[Vec<u8>], tokens: &[&str]) {
    let at = rng.usize(0..=input.len());
    match rng.u8(0..12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.u8(0..8);
            }
        }
        1 => input.insert(at, rng.u8(..)),
        2 => {
            const EDGES: &[u8] = b"\0\n\r\t \"'\\%/;:,=[]{}()-+.*#?0179azAZ_\x7f\x80\xc3\xff";
            let byte = EDGES.get(rng.usize(0..EDGES.len())).copied().unwrap_or_default();
            if let Some(old) = input.get_mut(at) {
                *old = byte;
            }
        }
        3..=5 => {
            if let Some(token) = pick(rng, tokens) {
                let end = if rng.bool() { at } else { rng.usize(at..=input.len()).min(at + 8) };
                input.splice(at..end, token.bytes());
            }
        }
        6 => {
            let end = rng.usize(at..=input.len());
            input.drain(at..end.min(at + 16));
        }
        7 => input.truncate(at),
        8 => {
            if let Some(other) = pick(rng, pool) {
                let from = rng.usize(0..=other.len());
                let to = rng.usize(from..=other.len());
                input.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied());
            }
        }
        9 => repeat(rng, input, at),
        10 => nest(rng, input, at),
        _ => number(rng, input, at),
    }
}

/// Repeats a piece of the input.
fn repeat(rng: &mut Rng, input: &mut Vec<u8>, at: usize) {
    let end = rng.usize(at..=input.len()).min(at + 64);
    let piece = input.get(at..end).unwrap_or_default().to_vec();
    let times = if rng.u8(0..20) == 0 { rng.usize(0..200) } else { rng.usize(0..4) };
    input.splice(at..at, piece.repeat(times));
}

/// Puts a piece of the input into brackets, now and then into many.
fn nest(rng: &mut Rng, input: &mut Vec<u8>, at: usize) {
    const BRACKETS: [(&str, &str); 5] = [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("(", ")"),
        ("{", "}"),
        ("[\"$lunora.wire$\",\"set\",[", "]]"),
    ];
    let Some((open, close)) = pick(rng, &BRACKETS) else { return };
    let end = rng.usize(at..=input.len());
    let levels = match rng.u8(0..60) {
        0 => 3000,
        1..=6 => rng.usize(60..140),
        _ => rng.usize(1..4),
    };
    input.splice(end..end, close.repeat(levels).into_bytes());
    input.splice(at..at, open.repeat(levels).into_bytes());
}

/// Writes a number at a bound.
fn number(rng: &mut Rng, input: &mut Vec<u8>, at: usize) {
    const BOUNDS: [&str; 16] = [
        "0",
        "-0",
        "-1",
        "1",
        "255",
        "256",
        "1e400",
        "1e-400",
        "0.1",
        "4294967296",
        "9007199254740991",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
    ];
    let Some(bound) = pick(rng, &BOUNDS) else { return };
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let start = input.iter().skip(at).position(is_digit).map_or(at, |found| at + found);
    let end = start + input.iter().skip(start).take_while(|byte| is_digit(byte)).count();
    input.splice(start..end, bound.bytes());
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> Option<&'a T> {
    if list.is_empty() { None } else { list.get(rng.usize(0..list.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let pool = [b"{\"a\":[1,2]}".to_vec(), b"x".to_vec()];
        let inputs = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..200).map(|_| mutate(&mut rng, &pool, &["\"b\""])).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }
}
