//! Files of the home that only its owner reads.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, RenameFlags},
    io::Errno,
};

use crate::clock;

/// What a file is called beside its name until it is whole.
const UNFINISHED: &str = "part";

/// All of a file, if it has no more bytes than this; `None` where there is none. A link leads to what is another's choice, and a pipe
/// would be waited for: neither is read.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if !file.metadata()?.is_file() {
        return refused("it is no plain file");
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return refused("it is longer than such a file gets");
    }
    Ok(Some(bytes))
}

/// Writes a file; it appears whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, File::sync_all)
}

/// The same, and quicker: a machine that fails may forget it; a hub that is killed does not.
pub(crate) fn write_quickly(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, |_| Ok(()))
}

fn put(path: &Path, bytes: &[u8], settle: fn(&File) -> io::Result<()>) -> io::Result<()> {
    let (unfinished, mut file) = begin(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| settle(&file))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// A new file beside that one. What has its name was left by a hub that was killed, or put there by others; it is never opened: a pipe
/// would be waited for, and a link leads elsewhere.
fn begin(path: &Path) -> io::Result<(PathBuf, File)> {
    let new = |unfinished: PathBuf| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&unfinished).map(|file| (unfinished, file))
    };
    let unfinished = path.with_extension(UNFINISHED);
    let _ = fs::remove_file(&unfinished);
    match new(unfinished) {
        // A folder, or somebody who is quick: no name that anybody knows before.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let unheard: [u8; 8] = clock::random().map_err(io::Error::other)?;
            new(path.with_extension(format!("{}.{UNFINISHED}", hex::encode(unheard))))
        }
        begun => begun,
    }
}

/// Gives a file another name, unless something has that.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system has no word for that.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
            Err(error) => Err(error),
        },
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_whatever_lies_where_it_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (path, unfinished, elsewhere) = (at("a.json"), at("a.part"), at("diary"));
        fs::write(&elsewhere, "mine").unwrap();
        let pipe = || {
            let made = std::process::Command::new("mkfifo").arg(&unfinished).status();
            assert!(made.unwrap().success());
        };
        let plantings: [&dyn Fn(); 4] = [
            &|| {},
            &pipe,
            &|| symlink(&elsewhere, &unfinished).unwrap(),
            &|| fs::write(&unfinished, "half of it").unwrap(),
        ];
        for plant in plantings {
            plant();
            for write in [write, write_quickly] {
                write(&path, b"whole").unwrap();
                assert_eq!(read(&path, 5).unwrap().as_deref(), Some(&b"whole"[..]));
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
                assert_eq!(names(folder.path()), ["a.json", "diary"]);
                fs::remove_file(&path).unwrap();
            }
        }
        // What cannot be removed is in nobody's way either.
        fs::create_dir_all(unfinished.join("full")).unwrap();
        write(&path, b"whole").unwrap();
        assert_eq!(names(folder.path()), ["a.json", "a.part", "diary"]);
        assert_eq!(fs::read_to_string(elsewhere).unwrap(), "mine");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::create_dir_all(path.join("full")).unwrap();
        assert!(write(&path, b"whole").is_err());
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_name_is_taken_from_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "a").unwrap();
        fs::write(at("b"), "b").unwrap();
        symlink("nowhere", at("c")).unwrap();
        for taken in ["b", "c"] {
            let error = rename(&at("a"), &at(taken)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        rename(&at("a"), &at("d")).unwrap();
        assert_eq!(names(folder.path()), ["b", "c", "d"]);
        assert_eq!(fs::read_to_string(at("b")).unwrap(), "b");
    }
}
