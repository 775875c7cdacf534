//! How often a hub began to take a file in and did not come back, which the file's own name says: what kills a hub would kill each
//! that comes after it, at its start.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// How often a file is tried: a hub may be killed for other reasons.
const MOST: u32 = 2;

/// What stands in a name before how often it was tried.
const MARK: &str = ".tried-";

/// What is to be done about a file that waits.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is tried once more, under this name, which says so durably; that is its own.
    Begun { path: PathBuf, own: PathBuf },
    /// So many hubs did not come back from it.
    Fatal { own: PathBuf },
}

impl Attempt {
    /// Begins, where a file was not tried too often.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let (own, tried) = tried(path);
        if tried >= MOST {
            return Ok(Self::Fatal { own });
        }
        let marked = marked(&own, tried + 1);
        fs::rename(path, &marked)?;
        if let Some(folder) = marked.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self::Begun { path: marked, own })
    }
}

/// What a file is called by itself, and how often it was tried.
fn tried(path: &Path) -> (PathBuf, u32) {
    let name = path.file_name().and_then(|name| name.to_str());
    let parts = name.and_then(|name| name.strip_suffix(".json")?.rsplit_once(MARK));
    let read = parts.and_then(|(own, tried)| Some((format!("{own}.json"), tried.parse().ok()?)));
    read.map_or_else(
        || (path.to_owned(), 0),
        |(own, tried)| (path.with_file_name(own), tried),
    )
}

fn marked(own: &Path, tried: u32) -> PathBuf {
    own.with_extension(format!("{}{tried}.json", &MARK[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_how_often_it_was_tried_and_keeps_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("01-req_1.json"), "x").unwrap();
        let mut path = at("01-req_1.json");
        for name in ["01-req_1.tried-1.json", "01-req_1.tried-2.json"] {
            let Attempt::Begun { path: begun, own } = Attempt::begin(&path).unwrap() else {
                panic!("{name}")
            };
            assert_eq!((&begun, own), (&at(name), at("01-req_1.json")));
            assert_eq!(fs::read_to_string(&begun).unwrap(), "x");
            assert!(!path.exists());
            path = begun;
        }
        let Attempt::Fatal { own } = Attempt::begin(&path).unwrap() else {
            panic!("it was tried twice")
        };
        assert_eq!(own, at("01-req_1.json"));
        assert!(path.exists(), "nothing is lost");
        // Whatever its name says.
        for odd in ["02.tried-.json", "03.tried-x.json", "04.tried-99999999999.json"] {
            assert_eq!(tried(&at(odd)), (at(odd), 0));
        }
    }
}
