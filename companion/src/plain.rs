//! Files that lie where somebody else may put something in their place: a pipe is not waited for, and what is no plain file is not read.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// Opens a file, or the one that a link leads to.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    with(path, OFlags::NONBLOCK)
}

/// Opens a file, and no link.
pub(crate) fn open_itself(path: &Path) -> io::Result<File> {
    with(path, OFlags::NONBLOCK | OFlags::NOFOLLOW)
}

fn with(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
    }
    Ok(file)
}
