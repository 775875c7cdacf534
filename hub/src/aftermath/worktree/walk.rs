//! What lies in a working tree, read without following a link: neither what a file is nor where it lies is believed of anybody.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
    time::Instant,
};

use blake3::Hash;
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, open, openat, readlinkat, statat},
    io::Errno,
};
use vocabulary::Timestamp;

use super::{
    git::{Format, Oid},
    snapshot::{Holds, Limits, Mark, Seen},
};
use crate::records::Unwatched;

/// What is read whole: of such a file the lines are compared as well.
const MOST_WHOLE: u64 = 4 << 20;

/// How fine the clock of a file system is at its coarsest: FAT's. What changed so lately is read again the next time.
const GRAIN_MICROS: u64 = 2_000_000;

/// A working tree that is looked at.
#[derive(Debug)]
pub(super) struct Walk<'l> {
    root: OwnedFd,
    /// The folder that was opened last, for its files come one after the other.
    folder: Option<(Box<[u8]>, Option<OwnedFd>)>,
    format: Format,
    limits: &'l Limits,
    until: Instant,
    read: u64,
}

/// What was found at a path, and, where it was read whole just now, what it holds.
pub(super) type Found = (Seen, Option<Vec<u8>>);

impl<'l> Walk<'l> {
    /// Of the tree with this root.
    pub(super) fn begin(root: &Path, format: Format, limits: &'l Limits) -> Result<Self, Unwatched> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self {
            root: open(root, flags, Mode::empty()).map_err(|_| Unwatched::Unreadable)?,
            folder: None,
            format,
            limits,
            until: Instant::now() + limits.patience,
            read: 0,
        })
    }

    /// What lies at a path below the root; nothing, where nothing does, or something that is no file of the tree.
    pub(super) fn look(&mut self, path: &[u8], known: Option<&Seen>) -> Result<Option<Found>, Unwatched> {
        if Instant::now() > self.until {
            return Err(Unwatched::TooLong);
        }
        let (folder, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        if !is_plain(name) {
            return Ok(None);
        }
        self.enter(folder)?;
        let Some((_, Some(folder))) = &self.folder else {
            return Ok(None);
        };
        let about = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => about,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return Ok(None),
            Err(_) => return Ok(Some((Seen::strange(None), None))),
        };
        let mark = mark(&about);
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Directory => return Ok(None),
            FileType::RegularFile | FileType::Symlink => {}
            _ => return Ok(Some((Seen::strange(Some(mark)), None))),
        }
        if let Some(known) = known.filter(|known| known.settled && known.mark.as_ref() == Some(&mark)) {
            return Ok(Some((known.clone(), None)));
        }
        let began = crate::clock::now();
        let settled = mark.changed.unix_micros().saturating_add(GRAIN_MICROS) < began.unix_micros();
        let held = if FileType::from_raw_mode(about.st_mode).is_symlink() {
            readlinkat(folder, name, Vec::new()).ok().map(|text| {
                (
                    Holds::Link(blake3::hash(text.as_bytes())),
                    Some(text.into_bytes()),
                )
            })
        } else {
            file(folder, name, &about).and_then(|file| self.hold(file, mark.size).ok())
        };
        let Some((holds, whole)) = held else {
            return Ok(Some((Seen::strange(Some(mark)), None)));
        };
        self.read = self.read.saturating_add(mark.size);
        if self.read > self.limits.bytes {
            return Err(Unwatched::TooLong);
        }
        let seen = Seen {
            text: whole.as_deref().and_then(as_told),
            oid: whole.as_deref().map(|whole| Oid::of(self.format, whole)),
            mark: Some(mark),
            holds,
            settled,
        };
        Ok(Some((seen, whole)))
    }

    /// Opens a folder below the root, one name after the other and no link.
    fn enter(&mut self, path: &[u8]) -> Result<(), Unwatched> {
        if self.folder.as_ref().is_some_and(|(known, _)| **known == *path) {
            return Ok(());
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = self.root.try_clone().map_err(|_| Unwatched::Unreadable)?;
        let mut reached = true;
        for name in path.split(|byte| *byte == b'/').filter(|_| !path.is_empty()) {
            match openat(&at, name, flags, Mode::empty()) {
                Ok(next) if is_plain(name) => at = next,
                _ => {
                    reached = false;
                    break;
                }
            }
        }
        self.folder = Some((path.into(), reached.then_some(at)));
        Ok(())
    }

    /// What a file holds; whole where it is short.
    fn hold(&self, mut file: File, size: u64) -> io::Result<(Holds, Option<Vec<u8>>)> {
        if size > self.limits.file {
            return Ok((Holds::Large, None));
        }
        if size <= MOST_WHOLE {
            let mut whole = Vec::new();
            Read::by_ref(&mut file)
                .take(MOST_WHOLE + 1)
                .read_to_end(&mut whole)?;
            if whole.len() as u64 <= MOST_WHOLE {
                return Ok((Holds::File(blake3::hash(&whole)), Some(whole)));
            }
            // It grew meanwhile; it will be read again.
            return Ok((Holds::Large, None));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file.take(self.limits.file))?;
        Ok((Holds::File(hasher.finalize()), None))
    }
}

/// A name that leads nowhere else. An index can hold any text; git's own folder is no part of the tree.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.eq_ignore_ascii_case(b".git")
}

/// Opens a file that still is what was seen there. A pipe is not waited for.
fn file(folder: &OwnedFd, name: &[u8], seen: &Stat) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(folder, name, flags, Mode::empty()).ok()?);
    let about = rustix::fs::fstat(&file).ok()?;
    let same = FileType::from_raw_mode(about.st_mode).is_file()
        && (about.st_dev, about.st_ino) == (seen.st_dev, seen.st_ino);
    same.then_some(file)
}

#[expect(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the fields have other types on other systems, and none is negative that counts"
)]
fn mark(about: &Stat) -> Mark {
    let micros = |seconds: i64, nanos: u64| {
        let micros = u64::try_from(seconds)
            .unwrap_or(0)
            .saturating_mul(1_000_000)
            .saturating_add(nanos / 1_000);
        Timestamp::from_unix_micros(micros).unwrap_or(Timestamp::EPOCH)
    };
    Mark {
        device: about.st_dev as u64,
        inode: about.st_ino as u64,
        size: about.st_size as u64,
        executable: about.st_mode & 0o111 != 0,
        modified: (about.st_mtime as i64, about.st_mtime_nsec as u64),
        changed_at: (about.st_ctime as i64, about.st_ctime_nsec as u64),
        changed: micros(about.st_ctime as i64, about.st_ctime_nsec as u64),
    }
}

/// The digest of a text as clients tell it who read it without its mark and with the line ends of Unix, where that is another.
fn as_told(whole: &[u8]) -> Option<Hash> {
    let text = whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(whole);
    if text.len() == whole.len() && !text.contains(&b'\r') {
        return None;
    }
    let mut lines = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            lines.push(*byte);
        }
    }
    Some(blake3::hash(&lines))
}
