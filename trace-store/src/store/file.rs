//! The ledger file: a header that says whose it is, then frames, only ever appended; erasing a body
//! overwrites it where it lies.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use vocabulary::WorkspaceId;

use super::{
    OpenError,
    error::{Broken, Position, ReadError, Why},
    frame::{BodyAt, Frame, FrameHead, HEAD_LEN, Input},
};

/// First bytes of a ledger file.
const MAGIC: [u8; 8] = *b"AOLEDGER";
/// The format this code reads and writes.
pub(super) const VERSION: u32 = 1;
/// Bytes of the file's header, in every version.
pub(super) const HEADER_LEN: u64 = 64;
const HEADER_CONTEXT: &str = "auditotter 2026 ledger header";
/// How much is read at once when going through the file.
const READ_AHEAD: usize = 256 << 10;
/// How much is read at once otherwise.
const READ_ONCE: usize = 8 << 10;

/// The open ledger file.
#[derive(Debug)]
pub(super) struct LedgerFile {
    file: File,
    path: PathBuf,
}

impl LedgerFile {
    /// Makes a new ledger file: complete under its name or not there at all.
    pub(super) fn create(dir: &Path, workspace: WorkspaceId) -> Result<(), OpenError> {
        let (path, fresh) = (Self::path(dir), dir.join("ledger.new"));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            // Prompts and outputs are nobody else's to read.
            .mode(0o600)
            .open(&fresh)
            .map_err(io(&fresh))?;
        file.write_all(&header(VERSION, workspace)).map_err(io(&fresh))?;
        file.sync_all().map_err(io(&fresh))?;
        fs::rename(&fresh, &path).map_err(io(&path))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
    }

    /// Opens the ledger file of a workspace.
    pub(super) fn open(dir: &Path, workspace: WorkspaceId) -> Result<Self, OpenError> {
        let path = Self::path(dir);
        let io = |source| OpenError::Io {
            path: path.clone(),
            source,
        };
        let file = File::options().read(true).write(true).open(&path).map_err(io)?;
        let mut found = [0; HEADER_LEN as usize];
        match file.read_exact_at(&mut found, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(OpenError::NotALedger { path });
            }
            read => read.map_err(io)?,
        }
        let mut input = Input(&found);
        let (magic, version, owner) = (input.array::<8>(), input.u32(), input.array::<16>());
        let (Ok(MAGIC), Ok(version), Ok(owner)) = (magic, version, owner) else {
            return Err(OpenError::NotALedger { path });
        };
        let owner = WorkspaceId::from_uuid(uuid::Uuid::from_bytes(owner));
        // The checksum comes first: a damaged version must not be taken for a newer one.
        if found != header(version, owner) {
            return Err(OpenError::NotALedger { path });
        }
        if version != VERSION {
            return Err(OpenError::Version {
                path,
                found: version,
                supported: VERSION,
            });
        }
        if owner != workspace {
            return Err(OpenError::Workspace {
                path,
                expected: workspace,
                found: owner,
            });
        }
        Ok(Self { file, path })
    }

    /// Where the ledger file of a store is.
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("ledger")
    }

    /// How long the file is.
    pub(super) fn len(&self) -> Result<u64, ReadError> {
        self.file
            .metadata()
            .map(|meta| meta.len())
            .map_err(|e| self.io(e))
    }

    /// Appends a frame at `end` and makes it durable.
    pub(super) fn append(&self, frame: &[u8], end: u64) -> Result<(), AppendFailure> {
        if let Err(source) = self.file.write_all_at(frame, end) {
            // Nothing of it may be left for the next frame to follow.
            return Err(match self.file.set_len(end) {
                Ok(()) => AppendFailure::Clean(source),
                Err(_) => AppendFailure::Unknown(source),
            });
        }
        self.file.sync_data().map_err(|source| {
            // After a failed sync the kernel may report success for pages it has dropped: what is on
            // disk is unknown until the file is opened and read again.
            let _ = self.file.set_len(end);
            AppendFailure::Unknown(source)
        })
    }

    /// Overwrites with zeros.
    pub(super) fn wipe(&self, at: u64, len: usize) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut done = 0;
        while done < len {
            let step = ZEROS.len().min(len - done);
            let zeros = ZEROS.get(..step).unwrap_or_default();
            self.file.write_all_at(zeros, at + done as u64)?;
            done += step;
        }
        Ok(())
    }

    /// Overwrites a body and its salt, durably.
    pub(super) fn wipe_durably(&self, body: BodyAt) -> Result<(), ReadError> {
        self.wipe(body.at, body.len)
            .and_then(|()| self.sync())
            .map_err(|e| self.io(e))
    }

    /// Makes what was overwritten durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Moves an unfinished commit out of the file, into one beside it.
    ///
    /// A commit that is shorter than its head says was never acknowledged. It is kept for whoever wonders.
    pub(super) fn set_aside(&self, end: u64, len: u64) -> Result<(), OpenError> {
        let aside = self.path.with_file_name(format!("unfinished-{end}"));
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        let unfinished = self
            .reader()
            .bytes(end, usize::try_from(len - end).unwrap_or(usize::MAX))?
            .to_vec();
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(&unfinished))
            .map_err(io(&aside))?;
        tracing::warn!(at = end, len = len - end, aside = %aside.display(), "set an unfinished commit aside");
        File::open(&aside)
            .and_then(|file| file.sync_all())
            .map_err(io(&aside))?;
        self.file.set_len(end).map_err(io(&self.path))?;
        self.file.sync_all().map_err(io(&self.path))
    }

    /// A reader with a buffer and a memory of the last frame.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            file: self,
            around: Buffer::default(),
            bodies: Buffer::default(),
            frame: None,
        }
    }

    fn io(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// How appending a frame failed.
#[derive(Debug)]
pub(super) enum AppendFailure {
    /// The file is as it was before.
    Clean(io::Error),
    /// What is on disk is unknown.
    Unknown(io::Error),
}

/// Reads the ledger file, best from front to back.
pub(super) struct Reader<'a> {
    file: &'a LedgerFile,
    /// Around what was read last, bodies of large frames apart.
    around: Buffer,
    /// Around the body that was read last, in frames too large to be read at once.
    bodies: Buffer,
    frame: Option<Frame>,
}

/// A stretch of the file in memory.
#[derive(Default)]
struct Buffer {
    at: u64,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    /// These bytes of the file.
    pub(super) fn bytes(&mut self, at: u64, len: usize) -> Result<&[u8], ReadError> {
        self.around.read(self.file, at, len)
    }

    /// A salt and the body after it.
    pub(super) fn body(&mut self, body: BodyAt) -> Result<&[u8], ReadError> {
        let buffer = if self.around.get(body.at, body.len).is_some() {
            &mut self.around
        } else {
            &mut self.bodies
        };
        buffer.read(self.file, body.at, body.len)
    }

    /// The frame that starts here, which must be whole.
    pub(super) fn frame(&mut self, offset: u64) -> Result<&Frame, ReadError> {
        let cached = self.frame.take().filter(|frame| frame.offset == offset);
        let frame = match cached {
            Some(frame) => frame,
            None => {
                let broken = || Broken::new(Position::at(offset), Why::Frame);
                let head: &[u8; HEAD_LEN] = self.bytes(offset, HEAD_LEN)?.try_into().map_err(|_| broken())?;
                let head = FrameHead::decode(head).map_err(|_| broken())?;
                if let Some(len) = usize::try_from(head.frame_len())
                    .ok()
                    .filter(|len| *len <= READ_AHEAD)
                {
                    self.bytes(offset, len)?;
                }
                let table = self.bytes(offset + HEAD_LEN as u64, head.table_len())?;
                Frame::decode(offset, head, table).map_err(|_| broken())?
            }
        };
        Ok(self.frame.insert(frame))
    }
}

impl Buffer {
    fn get(&self, at: u64, len: usize) -> Option<&[u8]> {
        let skip = usize::try_from(at.checked_sub(self.at)?).ok()?;
        self.bytes.get(skip..skip.checked_add(len)?)
    }

    fn read(&mut self, file: &LedgerFile, at: u64, len: usize) -> Result<&[u8], ReadError> {
        if self.get(at, len).is_none() {
            self.fill(file, at, len)?;
        }
        self.get(at, len)
            .ok_or_else(|| Broken::new(Position::at(at), Why::Cut).into())
    }

    fn fill(&mut self, file: &LedgerFile, at: u64, len: usize) -> Result<(), ReadError> {
        // Continuing where the last read ended means going through the file: then read ahead.
        let end = self.at + self.bytes.len() as u64;
        let ahead = if (self.at..=end).contains(&at) {
            READ_AHEAD
        } else {
            READ_ONCE
        };
        self.bytes.resize(len.max(ahead), 0);
        self.at = at;
        let mut filled = 0;
        while let Some(space) = self.bytes.get_mut(filled..).filter(|space| !space.is_empty()) {
            match file.file.read_at(space, at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.bytes.clear();
                    return Err(file.io(error));
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}

fn header(version: u32, workspace: WorkspaceId) -> [u8; HEADER_LEN as usize] {
    let mut covered = Vec::with_capacity(32);
    covered.extend_from_slice(&MAGIC);
    covered.extend_from_slice(&version.to_le_bytes());
    covered.extend_from_slice(&workspace.to_bytes());
    covered.resize(32, 0);
    let check = blake3::derive_key(HEADER_CONTEXT, &covered);
    let mut header = [0; HEADER_LEN as usize];
    header
        .iter_mut()
        .zip(covered.iter().chain(&check))
        .for_each(|(to, from)| *to = *from);
    header
}
