//! Which lines are asked for, and where they stand in what is committed.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::{git::lines_of, plain};

/// A file larger than this is no source.
pub(super) const LARGEST: u64 = 64 << 20;

/// Nor is one with more lines.
const MOST_LINES: usize = 1_000_000;

/// How long what lies here is compared with what is committed, before whatever is left counts as changed.
const COMPARING: Duration = Duration::from_secs(5);

/// A file, and the lines of it that are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    lines: Option<(usize, usize)>,
}

impl Place {
    /// Reads `FILE`, `FILE:LINE` or `FILE:FROM-TO`. A file whose whole name this is comes first.
    pub(super) fn parse(text: &OsStr) -> anyhow::Result<Self> {
        let whole = |file: &OsStr| Self {
            file: file.into(),
            lines: None,
        };
        if fs::symlink_metadata(text).is_ok() {
            return Ok(whole(text));
        }
        let bytes = text.as_bytes();
        let Some(colon) = bytes.iter().rposition(|byte| *byte == b':') else {
            return Ok(whole(text));
        };
        let Some((from, to)) = range(&bytes[colon + 1..]) else {
            return Ok(whole(text));
        };
        ensure!(
            1 <= from && from <= to,
            "lines are counted from 1, and a range goes forward"
        );
        Ok(Self {
            file: OsString::from(OsStr::from_bytes(&bytes[..colon])).into(),
            lines: Some((from, to)),
        })
    }
}

fn range(text: &[u8]) -> Option<(usize, usize)> {
    let text = str::from_utf8(text).ok()?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    match text.split_once('-') {
        Some((from, to)) => Some((number(from)?, number(to)?)),
        None => number(text).map(|line| (line, line)),
    }
}

/// The lines that are asked for, as they lie here: each with its number there, and in what is committed if it is.
#[derive(Debug)]
pub(super) struct Lines(Vec<(usize, Option<usize>)>);

impl Lines {
    /// Compares what lies here with what is committed. Where nothing lies here, what is committed is asked for.
    pub(super) fn of(place: &Place, committed: &[u8]) -> anyhow::Result<Self> {
        let here = here(&place.file)?;
        for held in here.iter().map(Vec::as_slice).chain([committed]) {
            let lines = held.iter().filter(|byte| **byte == b'\n').count();
            ensure!(
                lines <= MOST_LINES,
                "{} has more lines than any source ({lines}; at most {MOST_LINES} are looked at)",
                place.file.display()
            );
        }
        let all = match here {
            Some(here) => mapped(&lines_of(committed), &lines_of(&here)),
            None => (1..=lines_of(committed).len())
                .map(|line| (line, Some(line)))
                .collect(),
        };
        let Some((from, to)) = place.lines else {
            return Ok(Self(all));
        };
        if from > all.len() {
            bail!("{} has {} lines", place.file.display(), all.len());
        }
        Ok(Self(all[from - 1..to.min(all.len())].to_vec()))
    }

    /// From where to where they stand in what is committed.
    pub(super) fn committed(&self) -> Option<(usize, usize)> {
        let numbers = || self.0.iter().filter_map(|(_, committed)| *committed);
        Some((numbers().min()?, numbers().max()?))
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (usize, Option<usize>)> {
        self.0.iter().copied()
    }
}

/// What lies here, if it is a file; what is behind a link is not this file's.
fn here(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let unreadable = || format!("{} cannot be read", file.display());
    let opened = match plain::open_itself(file) {
        Ok(opened) => opened,
        Err(error) if fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file()) => {
            return Err(error).with_context(unreadable);
        }
        Err(_) => return Ok(None),
    };
    let mut bytes = Vec::new();
    let read = opened.take(LARGEST + 1).read_to_end(&mut bytes);
    ensure!(
        read.with_context(unreadable)? as u64 <= LARGEST,
        "{} is larger than any source (at most {LARGEST} bytes are looked at)",
        file.display()
    );
    Ok(Some(bytes))
}

fn mapped(committed: &[&[u8]], here: &[&[u8]]) -> Vec<(usize, Option<usize>)> {
    let mut lines: Vec<(usize, Option<usize>)> = (1..=here.len()).map(|line| (line, None)).collect();
    let until = Some(Instant::now() + COMPARING);
    for op in capture_diff_slices_deadline(Algorithm::Myers, committed, here, until) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for offset in 0..len {
                lines[new_index + offset].1 = Some(old_index + offset + 1);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_perhaps_lines_of_it() {
        let place = |text: &str| {
            let place = Place::parse(OsStr::new(text)).unwrap();
            (place.file.to_str().unwrap().to_owned(), place.lines)
        };
        assert_eq!(
            place("src/none.rs:12"),
            ("src/none.rs".to_owned(), Some((12, 12)))
        );
        assert_eq!(place("a:b.rs:3-7"), ("a:b.rs".to_owned(), Some((3, 7))));
        for whole in [
            "a.rs",
            "a:b",
            "a:1-",
            "a:-1",
            "a:+1",
            "a:1-2-3",
            "a:99999999999999999999999",
        ] {
            assert_eq!(place(whole), (whole.to_owned(), None));
        }
        for wrong in ["a:0", "a:7-3"] {
            assert!(Place::parse(OsStr::new(wrong)).is_err(), "{wrong}");
        }
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a:3");
        fs::write(&odd, "").unwrap();
        assert_eq!(
            Place::parse(odd.as_os_str()).unwrap().lines,
            None,
            "a file of that name is there"
        );
    }

    #[test]
    fn what_is_no_file_here_is_as_if_nothing_were() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "a\n").unwrap();
        assert_eq!(here(&at("file")).unwrap().as_deref(), Some(&b"a\n"[..]));
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status();
        assert!(made.unwrap().success());
        for name in ["link", "pipe", ".", "nothing"] {
            assert_eq!(here(&at(name)).unwrap(), None, "{name}");
        }
        let large = fs::File::create(at("large")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        assert!(here(&at("large")).is_err());
    }

    #[test]
    fn lines_that_moved_are_found_where_they_are_committed_and_new_ones_nowhere() {
        let (committed, here): ([&[u8]; 3], [&[u8]; 4]) =
            ([b"a", b"b", b"c"], [b"new", b"a", b"changed", b"c"]);
        assert_eq!(
            mapped(&committed, &here),
            [(1, None), (2, Some(1)), (3, None), (4, Some(3))]
        );
    }
}
