//! How many texts an expression describes.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How much an expression leaves open, in bits: it describes at most two to that power of texts.
pub(super) fn left_open(hir: &Hir) -> f64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => 0.0,
        HirKind::Class(class) => {
            let members: u32 = match class {
                Class::Unicode(class) => class
                    .iter()
                    .map(|range| u32::from(range.end()) - u32::from(range.start()) + 1)
                    .sum(),
                Class::Bytes(class) => class
                    .iter()
                    .map(|range| u32::from(range.end()) - u32::from(range.start()) + 1)
                    .sum(),
            };
            f64::from(members.max(1)).log2()
        }
        HirKind::Capture(capture) => left_open(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(left_open).sum(),
        // No more than the sum of all.
        HirKind::Alternation(branches) => sum_of(branches.iter().map(left_open)),
        HirKind::Repetition(repetition) => {
            let Some(most) = repetition.max else {
                return f64::INFINITY;
            };
            let one = left_open(&repetition.sub);
            let lengths = f64::from(most.saturating_sub(repetition.min).saturating_add(1));
            one.mul_add(f64::from(most), lengths.log2())
        }
    }
}

/// The bits of a sum of powers of two.
fn sum_of(bits: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = bits.clone().fold(0.0, f64::max);
    if most.is_infinite() {
        return most;
    }
    most + bits.map(|bits| (bits - most).exp2()).sum::<f64>().log2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pattern::parse;

    #[test]
    fn what_is_left_open_is_counted() {
        let bits = |pattern| left_open(&parse(pattern).unwrap());
        assert_eq!(bits("abc"), 0.0);
        assert_eq!(bits("[a-d]{3}"), 6.0);
        assert_eq!(bits("(?:a|bc|[0-9a-f]{2}|[a-d])"), (2.0_f64 + 256.0 + 4.0).log2());
        assert_eq!(bits("[a-d]?"), 3.0);
        assert!(bits(".*").is_infinite());
        assert!(bits("a+").is_infinite());
        assert!(bits("ghp_[A-Za-z0-9]{36}") > 200.0);
    }
}
