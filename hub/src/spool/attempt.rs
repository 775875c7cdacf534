//! How often a hub began to take a file in and did not come back, which the file's own name says: what kills a hub would kill each
//! that comes after it, at its start.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use crate::private;

/// How often a file is tried: a hub may be killed for other reasons.
const MOST: u32 = 2;

/// And how often it is tried to say that it was not taken in.
const MOST_SAID: u32 = 2;

/// What stands in a name before how often it was tried.
const MARK: &str = ".tried-";

/// What is to be done about a file that waits.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Under which name it lies now: that says durably that it is tried once more.
    pub(super) path: PathBuf,
    /// Its own name.
    pub(super) own: PathBuf,
    pub(super) what: What,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// To take it in.
    TakeIn,
    /// To say that it was not taken in, for so many hubs did not come back from that.
    Say,
    /// Nothing any more: they did not come back from that either.
    Nothing,
}

impl Attempt {
    /// Begins what a file was not tried too often for.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let (own, tried) = tried(path).ok_or(io::ErrorKind::InvalidFilename)?;
        let what = match tried {
            ..MOST => What::TakeIn,
            tried if tried < MOST + MOST_SAID => What::Say,
            _ => What::Nothing,
        };
        if what == What::Nothing {
            let path = path.to_owned();
            return Ok(Self { path, own, what });
        }
        let path_now = marked(&own, tried + 1);
        // Nobody's file takes the place of another.
        private::rename(path, &path_now)?;
        if let Some(folder) = path_now.parent() {
            File::open(folder)?.sync_all()?;
        }
        let path = path_now;
        Ok(Self { path, own, what })
    }
}

/// What a file is called by itself, and how often it was tried. Nobody of ours gives a name that is no text.
fn tried(path: &Path) -> Option<(PathBuf, u32)> {
    let name = path.file_name()?.to_str()?;
    let parts = name.strip_suffix(".json").and_then(|name| name.rsplit_once(MARK));
    let read = parts.and_then(|(own, tried)| Some((format!("{own}.json"), tried.parse().ok()?)));
    Some(read.map_or_else(
        || (path.to_owned(), 0),
        |(own, tried)| (path.with_file_name(own), tried),
    ))
}

fn marked(own: &Path, tried: u32) -> PathBuf {
    own.with_extension(format!("{}{tried}.json", &MARK[1..]))
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn a_file_says_how_often_it_was_tried_and_keeps_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("01-req_1.json"), "x").unwrap();
        let mut path = at("01-req_1.json");
        for (name, what) in [
            ("01-req_1.tried-1.json", What::TakeIn),
            ("01-req_1.tried-2.json", What::TakeIn),
            ("01-req_1.tried-3.json", What::Say),
            ("01-req_1.tried-4.json", What::Say),
            ("01-req_1.tried-4.json", What::Nothing),
        ] {
            let begun = Attempt::begin(&path).unwrap();
            assert_eq!((&begun.path, begun.what), (&at(name), what));
            assert_eq!(begun.own, at("01-req_1.json"));
            assert_eq!(fs::read_to_string(&begun.path).unwrap(), "x", "nothing is lost");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            path = begun.path;
        }
        // Whatever its name says.
        for odd in ["02.tried-.json", "03.tried-x.json", "04.tried-99999999999.json"] {
            assert_eq!(tried(&at(odd)), Some((at(odd), 0)));
        }
        assert_eq!(tried(&folder.path().join(OsStr::from_bytes(b"\xff.json"))), None);
    }

    #[test]
    fn a_file_takes_no_other_s_place() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("01.json"), "planted").unwrap();
        fs::write(at("01.tried-1.json"), "genuine").unwrap();
        let error = Attempt::begin(&at("01.json")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let begun = Attempt::begin(&at("01.tried-1.json")).unwrap();
        assert_eq!(fs::read_to_string(begun.path).unwrap(), "genuine");
    }
}
