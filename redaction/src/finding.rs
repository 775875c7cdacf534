//! What was found, and what is done where findings overlap.

use std::{cmp::Reverse, ops::Range};

/// A secret, and the number of the rule that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) span: Range<usize>,
    pub(crate) rule: usize,
    /// Yields to one that knows more, where both begin and end at the same places.
    pub(crate) generic: bool,
}

/// Joins what overlaps: all of it is replaced, in the name of what begins first, of those the longest, of those the one that
/// knows most. What stands in `markers` already is left out; a remainder without letters and digits hides nothing.
pub(crate) fn settle(mut findings: Vec<Finding>, markers: &[Range<usize>], text: &[u8]) -> Vec<Finding> {
    findings.sort_by_key(|found| {
        (
            found.span.start,
            Reverse(found.span.end),
            found.generic,
            found.rule,
        )
    });
    let mut joined: Vec<Finding> = Vec::with_capacity(findings.len());
    for found in findings {
        match joined.last_mut() {
            Some(last) if found.span.start < last.span.end => {
                last.span.end = last.span.end.max(found.span.end)
            }
            _ => joined.push(found),
        }
    }
    if markers.is_empty() {
        return joined;
    }
    joined
        .into_iter()
        .flat_map(|found| {
            without(&found.span, markers)
                .into_iter()
                .map(move |span| Finding {
                    span,
                    ..found.clone()
                })
        })
        .filter(|found| {
            text.get(found.span.clone())
                .is_some_and(|rest| rest.iter().any(u8::is_ascii_alphanumeric))
        })
        .collect()
}

fn without(span: &Range<usize>, markers: &[Range<usize>]) -> Vec<Range<usize>> {
    let first = markers.partition_point(|marker| marker.end <= span.start);
    let mut parts = Vec::new();
    let mut from = span.start;
    for marker in markers
        .iter()
        .skip(first)
        .take_while(|marker| marker.start < span.end)
    {
        if from < marker.start {
            parts.push(from..marker.start);
        }
        from = marker.end;
    }
    if from < span.end {
        parts.push(from..span.end);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(span: Range<usize>, rule: usize) -> Finding {
        Finding {
            span,
            rule,
            generic: rule == 9,
        }
    }

    #[test]
    fn what_overlaps_is_one_and_named_by_the_leftmost_and_longest() {
        let all = vec![
            found(5..20, 1),
            found(0..10, 2),
            found(0..10, 9),
            found(0..8, 3),
            found(20..22, 4),
        ];
        assert_eq!(settle(all, &[], b""), vec![found(0..20, 2), found(20..22, 4)]);
    }

    #[test]
    fn what_is_a_marker_already_is_left_alone() {
        let text = b"abcdefghijklmnopqrst..uv";
        let markers = [0..2, 5..8, 18..20, 30..40];
        assert_eq!(
            settle(vec![found(1..22, 1)], &markers, text),
            vec![found(2..5, 1), found(8..18, 1)]
        );
        assert_eq!(settle(vec![found(5..8, 1)], &markers, text), Vec::new());
    }
}
