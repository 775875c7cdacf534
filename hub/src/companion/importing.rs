//! A past session, taken in from its client's own record: piece by piece, in batches each of which is durable whole.
//!
//! Nobody proved anything of it, and it is done for nobody: the trace's entries name no human and no delegation, and its first one says
//! that it was imported. Broken off, it goes on where it stopped; only `import.ended` says that it is whole.

use std::{
    io::{self, Read},
    slice::Chunks,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use capture::transcript::Transcript;
use protocol::{
    Refusal, RefusalCode, Via,
    frame::{self, FrameError},
};
use tokio::net::UnixStream;
use trace_store::{ChainId, Ledger, ReadError, Refs, Store};
use vocabulary::{Client, TraceId};

use super::{
    answer::{ImportPiece, ImportRow, ImportState},
    door::{Reply, value},
    request::CompanionRequest,
};
use crate::{
    clock,
    dispatch::unreadable,
    gating::Neighbourhood,
    kind::EntryKind,
    record::{self, By, RecordError, not_recorded},
    records::{ImportEnded, SessionImported, TranscriptRead},
    transcripts::{
        folders::Folders,
        intake::{CHUNK, Intake, Prepared, Purpose},
        past::Past,
        reading::Reading,
    },
    workspace::Workspace,
};

/// The longest file that is taken in.
pub const MOST_IMPORTED_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How long the next piece is waited for.
const PIECE_DEADLINE: Duration = Duration::from_secs(60);

/// How many chains are looked at at once.
const PAGE: usize = 1_000;

/// How much of a file is read to learn whose it is.
const MOST_SNIFFED_BYTES: u64 = 64 * 1024 * 1024;

/// The longest name of a session, and of a file, that is kept.
const MOST_NAME_BYTES: usize = 128;

/// Whose record a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// Which client's.
    pub client: Client,
    /// What that calls the session.
    pub session: String,
    /// What it calls the agent, where that was started by another.
    pub agent: Option<String>,
}

/// Whose record a file is, and of which session, as its first lines say; of this client, where that is known.
///
/// # Errors
/// Where it cannot be read.
pub fn whose(file: impl Read, client: Option<Client>) -> io::Result<Option<Whose>> {
    let mut file = file.take(MOST_SNIFFED_BYTES);
    let (mut begin, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    let mut found = client.map(|client| Transcript::of(client, None));
    let mut whose = client;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(None);
        }
        if found.is_none() {
            begin.extend_from_slice(&chunk[..read]);
            let whole = begin.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
            whose = begin[..whole]
                .split(|byte| *byte == b'\n')
                .find_map(Transcript::client_of);
            if let Some(client) = whose {
                let transcript = found.insert(Transcript::of(client, None));
                transcript.feed(&begin, &mut |_| {});
            }
        } else if let Some(transcript) = &mut found {
            transcript.feed(&chunk[..read], &mut |_| {});
        }
        let read = whose.zip(found.as_ref());
        if let Some((client, transcript, session)) =
            read.and_then(|(client, read)| Some((client, read, read.session()?)))
        {
            return Ok(Some(Whose {
                client,
                session: session.to_owned(),
                agent: transcript.agent().map(str::to_owned),
            }));
        }
    }
}

/// Takes a file in, as it is handed over.
pub(super) async fn take(
    stream: &mut UnixStream,
    ledger: Ledger<Workspace>,
    around: Arc<Neighbourhood>,
    asked: CompanionRequest,
) -> Result<(), FrameError> {
    let begun = tokio::task::spawn_blocking(move || Import::begin(ledger, around, asked)).await;
    let mut import = match begun {
        Ok(Ok(import)) => import,
        Ok(Err(refusal)) => return frame::send(stream, &Reply::Refused(refusal)).await,
        Err(error) => return frame::send(stream, &Reply::Refused(unreadable(&error))).await,
    };
    answer(stream, &Ok(import.row())).await?;
    while import.state == ImportState::GoesOn {
        let piece = match tokio::time::timeout(PIECE_DEADLINE, frame::receive(stream)).await {
            Ok(Ok(Some(piece))) => piece,
            // Whoever handed it over went away: what was taken in stands, and is not said to be whole.
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        let went_on = tokio::task::spawn_blocking(move || {
            let taken = import.go_on(piece);
            (import, taken)
        });
        let taken = match went_on.await {
            Ok((still, taken)) => {
                import = still;
                taken.map(|()| import.row())
            }
            Err(error) => return frame::send(stream, &Reply::Refused(unreadable(&error))).await,
        };
        answer(stream, &taken).await?;
        if taken.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn answer(stream: &mut UnixStream, row: &Result<ImportRow, Refusal>) -> Result<(), FrameError> {
    let reply = match row.as_ref().map_err(Clone::clone).and_then(value) {
        Ok(row) => Reply::Done(row),
        Err(refusal) => Reply::Refused(refusal),
    };
    frame::send(stream, &reply).await
}

/// A file that is taken in.
struct Import {
    ledger: Ledger<Workspace>,
    around: Arc<Neighbourhood>,
    imported: SessionImported,
    trace: TraceId,
    /// Whether the trace has begun.
    begun: bool,
    past: Past,
    reading: Reading,
    /// Everything that was handed over.
    all: blake3::Hasher,
    /// What was read of it before.
    before: Option<TranscriptRead>,
    folders: Folders,
    state: ImportState,
}

impl Import {
    fn begin(
        ledger: Ledger<Workspace>,
        around: Arc<Neighbourhood>,
        asked: CompanionRequest,
    ) -> Result<Self, Refusal> {
        let CompanionRequest::Import {
            client,
            session,
            agent,
            file,
            bytes,
            digest,
        } = asked
        else {
            return Err(refused("this is no import"));
        };
        let fits = |name: &str| (1..=MOST_NAME_BYTES).contains(&name.len());
        if !fits(&session) || !agent.as_deref().is_none_or(fits) {
            return Err(refused("the name of a session or an agent has 1 to 128 bytes"));
        }
        if bytes > MOST_IMPORTED_BYTES {
            return Err(refused("the file is longer than any that is taken in"));
        }
        let digest =
            blake3::Hash::from_hex(&digest).map_err(|_| refused("the digest is no BLAKE3 in hex"))?;
        let found =
            find(ledger.store(), client, &session, agent.as_deref()).map_err(|error| unreadable(&error))?;
        let trace = match found {
            Some(trace) => trace,
            None => clock::new_id().map_err(|error| unreadable(&error))?,
        };
        let mut past = Past::of_import(trace);
        past.catch_up(ledger.store())
            .map_err(|error| unreadable(&error))?;
        let mut name = serde_json::Value::String(file);
        around.clear(&mut name, None);
        let name = name.as_str().unwrap_or_default();
        let file = name[..name.floor_char_boundary(MOST_NAME_BYTES)].to_owned();
        let digest = digest.to_hex().to_string();
        let already = past.imported.as_ref().is_some_and(|ended| ended.digest == digest);
        Ok(Self {
            before: past.newest_read().cloned(),
            reading: Reading::of(client, Some(session.clone())),
            imported: SessionImported {
                client,
                session,
                agent,
                file,
                bytes,
                digest,
            },
            begun: found.is_some(),
            state: if already {
                ImportState::Already
            } else {
                ImportState::GoesOn
            },
            all: blake3::Hasher::new(),
            folders: Folders::default(),
            ledger,
            around,
            trace,
            past,
        })
    }

    fn row(&self) -> ImportRow {
        ImportRow {
            trace: self.begun.then_some(self.trace),
            state: self.state,
            bytes: self.reading.bytes(),
            gone: self.folders.gone().to_vec(),
        }
    }

    fn go_on(&mut self, piece: ImportPiece) -> Result<(), Refusal> {
        match piece {
            ImportPiece::Bytes(text) => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|error| refused(&error.to_string()))?;
                if self.all.count() + bytes.len() as u64 > self.imported.bytes {
                    return Err(changed_meanwhile());
                }
                self.read(&bytes)
            }
            ImportPiece::End => self.end(),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let known = self.before.as_ref().map_or(0, |before| before.bytes);
        let left = usize::try_from(known.saturating_sub(self.all.count())).unwrap_or(usize::MAX);
        let (before, new) = bytes.split_at(bytes.len().min(left));
        self.reading.feed(before, &mut |line| {
            if let Some(folder) = line.folder {
                self.folders.go_on_in(folder, &self.around);
            }
        });
        self.all.update(bytes);
        if new.is_empty() && self.all.count() < known {
            return Ok(());
        }
        if let Some(before) = self.before.take()
            && (self.reading.bytes() != before.bytes || self.reading.digest() != before.digest)
        {
            return Err(self.is_another(&before));
        }
        let mut chunks = new.chunks(CHUNK);
        while chunks.len() > 0 {
            self.take_in(&mut chunks)?;
        }
        Ok(())
    }

    /// Reads on, and writes what that comes to: about as much as one batch has room for.
    fn take_in(&mut self, chunks: &mut Chunks<'_, u8>) -> Result<(), Refusal> {
        let mut failed = None;
        let purpose = Purpose::Import(&mut self.folders);
        let mut intake = Intake::new(&mut self.past, &self.around, None, purpose);
        for chunk in chunks.by_ref() {
            self.reading.feed(chunk, &mut |line| {
                if let Err(error) = intake.take(line) {
                    failed.get_or_insert(error);
                }
            });
            if intake.is_full() {
                break;
            }
        }
        let entries = match failed {
            Some(error) => Err(error),
            None => intake.close(&self.imported.file, &self.reading, false),
        };
        self.write(entries.map_err(|error| not_recorded(&error))?)
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let digest = self.all.finalize().to_hex().to_string();
        if self.all.count() != self.imported.bytes || digest != self.imported.digest {
            return Err(changed_meanwhile());
        }
        if let Some(before) = &self.before {
            return Err(self.is_another(before));
        }
        if !self.begun {
            let client = self.imported.client;
            return Err(refused(&format!(
                "no line of it is one of a session of {client}'s; nothing was taken in"
            )));
        }
        let ended = ImportEnded {
            bytes: self.imported.bytes,
            digest,
        };
        let body = serde_json::to_value(&ended).map_err(|error| not_recorded(&error.into()))?;
        self.write(vec![Prepared {
            kind: EntryKind::ImportEnded,
            refs: Refs::new(),
            body,
        }])?;
        self.state = ImportState::Done;
        Ok(())
    }

    fn is_another(&self, before: &TranscriptRead) -> Refusal {
        let (trace, bytes) = (self.trace, before.bytes);
        refused(&format!(
            "{trace} has {bytes} bytes of this session, and the file does not begin with them: it was changed since; nothing was taken in"
        ))
    }

    /// Writes a batch, whole or not at all; the first one begins the trace.
    fn write(&mut self, mut entries: Vec<Prepared>) -> Result<(), Refusal> {
        if entries.is_empty() {
            return Ok(());
        }
        if !self.begun {
            let first = self.first().map_err(|error| not_recorded(&error))?;
            entries.insert(0, first);
        }
        let (trace, client, session) = (self.trace, self.imported.client, self.imported.session.clone());
        let written = self.ledger.call(move |_, draft| {
            let via = Via {
                agent: client.as_str().to_owned(),
                version: String::new(),
                instance: session,
            };
            let by = By {
                via: Some(&via),
                ..By::default()
            };
            let mut write = || {
                entries.iter().try_for_each(|entry| {
                    let chain = ChainId::Trace(trace);
                    record::append(draft, chain, entry.kind, by, entry.refs.clone(), &entry.body).map(drop)
                })
            };
            let written: Result<(), RecordError> = write();
            if written.is_err() {
                draft.abort();
            }
            written
        });
        match written {
            Ok(Ok(())) => {
                self.begun = true;
                self.past
                    .catch_up(self.ledger.store())
                    .map_err(|error| unreadable(&error))
            }
            Ok(Err(error)) => Err(not_recorded(&error)),
            Err(error) => Err(Refusal::new(RefusalCode::NotRecorded, &error)),
        }
    }

    fn first(&self) -> Result<Prepared, RecordError> {
        let mut refs = Refs::new()
            .with("client", self.imported.client)?
            .with("session", &self.imported.session)?;
        if let Some(agent) = &self.imported.agent {
            refs.insert("agent", agent.clone())?;
        }
        Ok(Prepared {
            kind: EntryKind::SessionImported,
            refs,
            body: serde_json::to_value(&self.imported)?,
        })
    }
}

/// The trace into which a session was imported.
fn find(
    store: &Store,
    client: Client,
    session: &str,
    agent: Option<&str>,
) -> Result<Option<TraceId>, ReadError> {
    let mut after = None;
    loop {
        let page = store.chains(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = Some(last.chain);
        for summary in &page {
            let ChainId::Trace(trace) = summary.chain else {
                continue;
            };
            let first = store.entries(summary.chain, 0, 1)?;
            let is_it = first.first().is_some_and(|entry| {
                entry.kind.as_str() == EntryKind::SessionImported.as_str()
                    && entry.refs.get("client") == Some(client.as_str())
                    && entry.refs.get("session") == Some(session)
                    && entry.refs.get("agent") == agent
            });
            if is_it {
                return Ok(Some(trace));
            }
        }
    }
}

fn refused(why: &str) -> Refusal {
    Refusal::new(RefusalCode::NotExpressible, &why)
}

fn changed_meanwhile() -> Refusal {
    Refusal::new(
        RefusalCode::Conflict,
        &"the file changed while it was read; what was taken in is not said to be whole: run the command again",
    )
}
