//! Where the lines stand that an edit added.

use serde::Serialize;

/// Lines that stand together, counted from 1, the last one included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Range {
    pub(super) start_line: u64,
    pub(super) end_line: u64,
    /// `blake3:` and the plain BLAKE3 of the lines, each with a newline; not there where secrets in them were replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_hash: Option<String>,
}

/// The lines that a diff adds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) ranges: Vec<Range>,
    /// How many there are, those included whose place nobody told.
    pub(super) added: u64,
}

/// Reads a recorded diff: lines with ` `, `-` and `+` in front, under `@@` lines, which may name no place. A new file without any begins at its first line.
pub(super) fn ranges(diff: &str, created: bool, with_hashes: bool) -> Found {
    let mut found = Found {
        ranges: Vec::new(),
        added: 0,
    };
    let mut at = created.then_some(1_u64);
    let mut open: Option<(u64, u64, blake3::Hasher)> = None;
    let close = |open: &mut Option<(u64, u64, blake3::Hasher)>| {
        open.take().map(|(start_line, end_line, hasher)| Range {
            start_line,
            end_line,
            content_hash: with_hashes.then(|| format!("blake3:{}", hasher.finalize().to_hex())),
        })
    };
    for line in diff.strip_suffix('\n').unwrap_or(diff).split('\n') {
        if line.starts_with("@@") {
            found.ranges.extend(close(&mut open));
            at = beginning(line);
            continue;
        }
        match line.as_bytes().first() {
            Some(b'+') => {
                found.added += 1;
                let Some(number) = at else { continue };
                let (_, end, hasher) = open.get_or_insert_with(|| (number, number, blake3::Hasher::new()));
                *end = number;
                hasher.update(&line.as_bytes()[1..]).update(b"\n");
                at = number.checked_add(1);
            }
            Some(b'-' | b'\\') => found.ranges.extend(close(&mut open)),
            _ => {
                found.ranges.extend(close(&mut open));
                at = at.and_then(|number| number.checked_add(1));
            }
        }
    }
    found.ranges.extend(close(&mut open));
    found
}

/// Where the new side of a hunk begins: `@@ -old,n +new,n @@`.
fn beginning(line: &str) -> Option<u64> {
    let new = line.split(' ').find_map(|word| word.strip_prefix('+'))?;
    let number = new.split(',').next()?.parse().ok()?;
    (number >= 1).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(diff: &str, created: bool) -> (Vec<(u64, u64)>, u64) {
        let found = ranges(diff, created, false);
        let ranges = found
            .ranges
            .iter()
            .map(|range| (range.start_line, range.end_line));
        (ranges.collect(), found.added)
    }

    #[test]
    fn added_lines_stand_where_the_hunks_say() {
        let diff = "@@ -1,4 +1,5 @@\n a\n-b\n+B\n+c\n d\n+e\n\\ No newline at end of file\n@@ -10,1 +11,2 @@ fn x() {\n+x\n y\n";
        assert_eq!(places(diff, false), (vec![(2, 3), (5, 5), (11, 11)], 4));
    }

    #[test]
    fn what_names_no_place_has_none_unless_the_file_is_new() {
        assert_eq!(places("@@\n a\n+b\n", false), (vec![], 1));
        assert_eq!(places("@@ fn x()\n+b\n", true), (vec![], 1));
        assert_eq!(places("+a\n+b\n", true), (vec![(1, 2)], 2));
        assert_eq!(places("+a\n+b\n", false), (vec![], 2));
        assert_eq!(places("", true), (vec![], 0));
        assert_eq!(places("@@ -0,0 +0,2 @@\n+a\n", false), (vec![], 1));
        assert_eq!(
            places(&format!("@@ -1 +{} @@\n+a\n+b\n", u64::MAX), false),
            (vec![(u64::MAX, u64::MAX)], 2)
        );
    }

    #[test]
    fn a_range_s_hash_is_of_its_lines() {
        let found = ranges("@@ -0,0 +1,2 @@\n+a\n+b\n", true, true);
        let hash = format!("blake3:{}", blake3::hash(b"a\nb\n").to_hex());
        assert_eq!(found.ranges[0].content_hash.as_deref(), Some(hash.as_str()));
    }

    proptest! {
        #[test]
        fn ranges_are_in_order_whatever_a_diff_says(diff in "(@@ -[0-9]{1,3},?[0-9]? \\+[0-9]{1,20},?[0-9]* @@\n|[ +\\-\\\\]?[a-z@]{0,3}\n){0,30}", created: bool) {
            let found = ranges(&diff, created, false);
            for range in &found.ranges {
                prop_assert!(1 <= range.start_line && range.start_line <= range.end_line);
            }
            let lines: u64 = found.ranges.iter().map(|range| range.end_line - range.start_line + 1).sum();
            prop_assert!(lines <= found.added);
        }
    }
}
