//! A file that an agent's side named: opened without waiting for anybody, and only where it may be a client's record of ours.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

/// How clients name such files.
const EXTENSION: &str = "jsonl";

/// The longest file that is read: each look reads all of it, to see that it is what it was.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// A file that may be a client's record.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    /// How long it was when it was opened.
    pub(super) length: u64,
}

/// Opens a file; `None` where there is none.
pub(super) fn open(path: &Path) -> io::Result<Option<Opened>> {
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if path.extension().is_none_or(|extension| extension != EXTENSION) {
        return refused("it is not named as a client's record is");
    }
    // Neither a link nor a pipe: what it leads to is another's choice, and nobody is waited for.
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return refused("it is no plain file");
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to somebody else");
    }
    if about.len() > MOST_BYTES {
        return refused("it is longer than any record that is read");
    }
    Ok(Some(Opened {
        file,
        length: about.len(),
    }))
}

/// How long a file is, where there is a plain one.
pub(super) fn length_of(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    }
}

impl Opened {
    /// The next bytes, at most so many; none at the end.
    pub(super) fn read(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.file).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_no_client_s_record_of_ours_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("own.jsonl"), "{}\n").unwrap();
        fs::write(at("id_ed25519"), "secret").unwrap();
        fs::create_dir(at("folder.jsonl")).unwrap();
        std::os::unix::fs::symlink(at("own.jsonl"), at("link.jsonl")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero.jsonl")).unwrap();
        let piped = Command::new("mkfifo").arg(at("pipe.jsonl")).status().unwrap();
        assert!(piped.success());
        let long = File::create(at("long.jsonl")).unwrap();
        long.set_len(MOST_BYTES + 1).unwrap();
        let mut opened = open(&at("own.jsonl")).unwrap().unwrap();
        assert_eq!((opened.length, opened.read(2).unwrap()), (3, b"{}".to_vec()));
        assert!(open(&at("nowhere.jsonl")).unwrap().is_none());
        for name in [
            "id_ed25519",
            "folder.jsonl",
            "link.jsonl",
            "zero.jsonl",
            "pipe.jsonl",
            "long.jsonl",
        ] {
            assert!(open(&at(name)).is_err(), "{name}");
        }
        assert!(open(Path::new("/dev/zero")).is_err());
    }
}
