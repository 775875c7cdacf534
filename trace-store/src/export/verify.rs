//! Verifying an export, with nothing but the file.

use std::io::{self, BufRead, Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use vocabulary::{Timestamp, TraceId, WorkspaceId};

use super::format::{
    AnyHeader, BodyLine, Earlier, EntryLine, FORMAT, Header, MAX_LINE_BYTES, MAX_PROOF, Trailer, VERSION,
    seal_text,
};
use crate::{
    BodyState, ChainId, Checkpoint, CheckpointError, CheckpointVerifier, Entry, EntryHash, Head, ParseError,
    Salt,
    entry::{self, Scanned},
    hash::from_hex,
    merkle::{self, ProofError},
};

/// An export that holds: what its checkpoint and its trace say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose ledger it is from.
    pub workspace: WorkspaceId,
    /// The trace.
    pub trace: TraceId,
    /// The hub's key, by which it is signed. Whether that is the right key, the file cannot say.
    pub hub_key: CheckpointVerifier,
    /// The ledger that all of it is in.
    pub checkpoint: Checkpoint,
    /// Earlier states of that ledger, smallest first: it begins with each of them.
    pub history: Vec<Checkpoint>,
    /// Where the trace stood.
    pub head: Head,
    /// When the trace's first entry was recorded.
    pub first_at: Timestamp,
    /// When the trace's last entry was recorded.
    pub last_at: Timestamp,
    /// How many entries of other chains there are.
    pub context: u64,
    /// How many bodies are there and open their commitments.
    pub bodies: u64,
    /// How many bodies were erased.
    pub erased_bodies: u64,
}

/// An entry of an export, verified as far as its own line goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// Its line, from 1.
    pub line: u64,
    /// Its global index in the ledger.
    pub index: u64,
    /// What it says.
    pub entry: Entry,
    /// Its hash.
    pub hash: EntryHash,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Its body.
    pub body: BodyState,
}

/// Why an export is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read to its end as what it should be; it says nothing about what happened.
    #[error("cannot be read as an export, line {line}: {why}")]
    Unreadable {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: BadLine,
    },
    /// It can be read, and what it says does not hold.
    #[error("does not hold, line {line}{}: {why}", place(chain, seq))]
    DoesNotHold {
        /// The line, from 1.
        line: u64,
        /// The chain of the entry on that line.
        chain: Option<ChainId>,
        /// Its position in that chain.
        seq: Option<u64>,
        /// What does not hold.
        why: Box<WhyNot>,
    },
}

fn place(chain: &Option<ChainId>, seq: &Option<u64>) -> String {
    match (chain, seq) {
        (Some(chain), Some(seq)) => format!(", entry {seq} of {chain}"),
        _ => String::new(),
    }
}

/// What is wrong with a line that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file ends before its trailer: part of it is missing.
    #[error("the file was cut short: it ends before its trailer")]
    Truncated,
    /// Something follows the trailer.
    #[error("something follows the trailer")]
    Trailing,
    /// The line is too long.
    #[error("the line is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The line is not the JSON that it should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The file is something else.
    #[error("this is no export of a trace")]
    Format,
    /// The file is of a newer version.
    #[error("the export has version {found}, and this program knows version {VERSION}; use a newer program")]
    Version {
        /// Its version.
        found: u64,
    },
    /// A text that should be base64 or hexadecimal is not.
    #[error("a malformed {0}")]
    Encoding(&'static str),
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// The checkpoint is not the hub's.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// The entry's bytes are not in the one form.
    #[error("{0}")]
    Entry(#[from] ParseError),
    /// Another entry is where this one should be.
    #[error("it is not the entry that comes next")]
    Order,
    /// The entry does not name the hash of the one before it.
    #[error("it names {found} as the entry before it, which is {expected}")]
    Link {
        /// The hash of the entry before.
        expected: EntryHash,
        /// The hash that is named.
        found: EntryHash,
    },
    /// Time runs backwards.
    #[error("it is from {found}, before the entry before it at {before}")]
    Time {
        /// When the entry before was recorded.
        before: Timestamp,
        /// When this one says it was.
        found: Timestamp,
    },
    /// The entry is not in the ledger that the checkpoint is over.
    #[error("it is not in the signed ledger: {0}")]
    Proof(#[from] ProofError),
    /// The entry is another workspace's.
    #[error("it is of another workspace")]
    Foreign,
    /// What is said of the ledger's past is not true of it.
    #[error("an earlier state of the ledger is not one of it: {0}")]
    History(ProofError),
    /// The body is not the one that the entry commits to.
    #[error("its body is not the one it commits to")]
    Body,
    /// The entry commits to a body of which nothing is said, or the reverse.
    #[error("it and its line disagree on whether it has a body")]
    BodyPresence,
    /// There are more or fewer entries than the header says.
    #[error("there are more or fewer entries than the header says")]
    Count,
    /// What stands before the trailer is not what was sealed.
    #[error("the lines before the trailer are not those that it was made for")]
    Seal,
    /// The trailer is not signed by the hub's key.
    #[error("the trailer is not signed by the hub: {0}")]
    SealSignature(CheckpointError),
}

/// Verifies an export. Needs as much memory as its longest line, whatever its length.
///
/// # Errors
/// [`VerifyError`] with the first line that cannot be read or does not hold.
pub fn verify(reader: impl BufRead) -> Result<Verified, VerifyError> {
    verify_each(reader, |_| {})
}

/// Verifies an export, and hands over each entry as it is reached. What was handed over counts only once the
/// whole file has been found to hold: removing entries from a trace's end shows in the trailer.
///
/// # Errors
/// [`VerifyError`] with the first line that cannot be read or does not hold.
pub fn verify_each(
    reader: impl BufRead,
    mut each: impl FnMut(VerifiedEntry),
) -> Result<Verified, VerifyError> {
    let mut lines = Lines::new(reader);
    let header = lines.header()?;
    let hub_key = from_hex(header.hub_key.as_bytes()).ok_or(BadLine::Encoding("hub_key"));
    let hub_key = hub_key.map_err(|why| lines.unreadable(why))?;
    let does_not_hold = |why: CheckpointError| VerifyError::DoesNotHold {
        line: 1,
        chain: None,
        seq: None,
        why: Box::new(why.into()),
    };
    let hub_key = CheckpointVerifier::from_public_key(header.workspace, &hub_key).map_err(does_not_hold)?;
    let checkpoint = hub_key.verify(&header.checkpoint).map_err(does_not_hold)?;
    let history = past(&header.history, &checkpoint).map_err(|why| VerifyError::DoesNotHold {
        line: 1,
        chain: None,
        seq: None,
        why: Box::new(why),
    })?;
    let chain = ChainId::Trace(header.trace);
    let mut walk = Walk {
        checkpoint: &checkpoint,
        chain,
        workspace: header.workspace,
        before: None,
        bodies: 0,
        erased_bodies: 0,
    };
    let (mut head, mut first_at, mut last_at) = (Head::EMPTY, Timestamp::EPOCH, Timestamp::EPOCH);
    for place in 0..header.counts.trace.saturating_add(header.counts.context) {
        let line = lines.entry()?;
        if place == header.counts.trace {
            // Context starts anew: its chains are others.
            walk.before = None;
        }
        let in_trace = place < header.counts.trace;
        let entry = walk.line(lines.number, line, in_trace)?;
        if in_trace {
            if head == Head::EMPTY {
                first_at = entry.entry.at;
            }
            last_at = entry.entry.at;
            head = Head {
                next_seq: entry.entry.seq + 1,
                hash: entry.hash,
            };
        }
        each(entry);
    }
    let (bodies, erased_bodies) = (walk.bodies, walk.erased_bodies);
    lines.trailer(&hub_key, header.trace)?;
    Ok(Verified {
        workspace: header.workspace,
        trace: header.trace,
        hub_key,
        checkpoint,
        history,
        head,
        first_at,
        last_at,
        context: header.counts.context,
        bodies,
        erased_bodies,
    })
}

/// The earlier states of a ledger, each proved to be its beginning.
fn past(history: &[Earlier], checkpoint: &Checkpoint) -> Result<Vec<Checkpoint>, WhyNot> {
    let mut past: Vec<Checkpoint> = Vec::with_capacity(history.len());
    for Earlier { size, root, proof } in history {
        if past.last().is_some_and(|before| before.size >= *size) {
            return Err(WhyNot::Order);
        }
        if proof.len() > MAX_PROOF {
            return Err(WhyNot::History(ProofError::Length(proof.len())));
        }
        merkle::verify_consistency(*size, root, checkpoint.size, &checkpoint.root, proof)
            .map_err(WhyNot::History)?;
        past.push(Checkpoint {
            origin: checkpoint.origin.clone(),
            size: *size,
            root: *root,
        });
    }
    Ok(past)
}

/// Goes from entry to entry.
struct Walk<'a> {
    checkpoint: &'a Checkpoint,
    chain: ChainId,
    workspace: WorkspaceId,
    /// Chain, position, hash, time and index of the entry on the line before.
    before: Option<(ChainId, u64, EntryHash, Timestamp, u64)>,
    bodies: u64,
    erased_bodies: u64,
}

impl Walk<'_> {
    fn line(&mut self, number: u64, line: EntryLine, in_trace: bool) -> Result<VerifiedEntry, VerifyError> {
        let scanned = Scanned::read(line.entry.as_bytes()).map_err(|why| VerifyError::DoesNotHold {
            line: number,
            chain: None,
            seq: None,
            why: Box::new(why.into()),
        })?;
        let (chain, seq) = (scanned.chain, scanned.seq);
        let does_not_hold = |why| VerifyError::DoesNotHold {
            line: number,
            chain: Some(chain),
            seq: Some(seq),
            why: Box::new(why),
        };
        if matches!(chain, ChainId::Workspace(other) if other != self.workspace) {
            return Err(does_not_hold(WhyNot::Foreign));
        }
        let hash = entry::hash(line.entry.as_bytes());
        self.order(&scanned, line.index, in_trace)
            .map_err(does_not_hold)?;
        if line.proof.len() > MAX_PROOF {
            return Err(does_not_hold(ProofError::Length(line.proof.len()).into()));
        }
        merkle::verify_inclusion(
            &hash,
            line.index,
            self.checkpoint.size,
            &line.proof,
            &self.checkpoint.root,
        )
        .map_err(|why| does_not_hold(why.into()))?;
        let body = match (scanned.body, line.body) {
            (None, None) => BodyState::None,
            (Some(_), Some(BodyLine::Erased(body))) if body.erased => {
                self.erased_bodies += 1;
                BodyState::Erased
            }
            (Some(claim), Some(BodyLine::Present(body))) => {
                let encoding = |what| VerifyError::Unreadable {
                    line: number,
                    why: BadLine::Encoding(what),
                };
                let salt = STANDARD
                    .decode(body.salt)
                    .ok()
                    .and_then(|salt| salt.try_into().ok());
                let salt = Salt::from_bytes(salt.ok_or_else(|| encoding("salt"))?);
                let bytes = STANDARD.decode(body.bytes).map_err(|_| encoding("body"))?;
                if bytes.len() as u64 != claim.size || !salt.opens(&claim.commitment, &bytes) {
                    return Err(does_not_hold(WhyNot::Body));
                }
                self.bodies += 1;
                BodyState::Present(bytes)
            }
            _ => return Err(does_not_hold(WhyNot::BodyPresence)),
        };
        let entry = scanned.to_entry().map_err(|why| does_not_hold(why.into()))?;
        self.before = Some((chain, seq, hash, entry.at, line.index));
        Ok(VerifiedEntry {
            line: number,
            index: line.index,
            entry,
            hash,
            bytes: line.entry.into_bytes(),
            body,
        })
    }

    /// A trace is whole from its first entry on; context is in order, linked where two entries follow each other.
    fn order(&self, scanned: &Scanned<'_>, index: u64, in_trace: bool) -> Result<(), WhyNot> {
        let this = (scanned.chain, scanned.seq);
        if in_trace != (scanned.chain == self.chain) {
            return Err(WhyNot::Order);
        }
        let Some((chain, seq, hash, at, before)) = self.before else {
            let starts = !in_trace || scanned.seq == 0;
            if !starts {
                return Err(WhyNot::Order);
            }
            return if scanned.seq == 0 {
                link(EntryHash::NONE, scanned.prev)
            } else {
                Ok(())
            };
        };
        if this <= (chain, seq) || (in_trace && scanned.seq != seq + 1) {
            return Err(WhyNot::Order);
        }
        if scanned.chain != chain {
            return if scanned.seq == 0 {
                link(EntryHash::NONE, scanned.prev)
            } else {
                Ok(())
            };
        }
        if scanned.seq == seq + 1 {
            link(hash, scanned.prev)?;
        }
        if scanned.at < at {
            return Err(WhyNot::Time {
                before: at,
                found: scanned.at,
            });
        }
        if index <= before {
            Err(WhyNot::Order)
        } else {
            Ok(())
        }
    }
}

fn link(expected: EntryHash, found: EntryHash) -> Result<(), WhyNot> {
    if expected == found {
        Ok(())
    } else {
        Err(WhyNot::Link { expected, found })
    }
}

struct Lines<R> {
    reader: R,
    /// The line that was read last, from 1.
    number: u64,
    line: Vec<u8>,
    hasher: blake3::Hasher,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            line: Vec::new(),
            hasher: blake3::Hasher::new(),
        }
    }

    const fn unreadable(&self, why: BadLine) -> VerifyError {
        VerifyError::Unreadable {
            line: self.number,
            why,
        }
    }

    /// Reads the next line, which must end with a newline.
    fn next(&mut self) -> Result<&[u8], VerifyError> {
        self.number += 1;
        self.line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line);
        read.map_err(|error| self.unreadable(error.into()))?;
        if self.line.len() > MAX_LINE_BYTES {
            return Err(self.unreadable(BadLine::TooLong));
        }
        if self.line.last() != Some(&b'\n') {
            return Err(self.unreadable(BadLine::Truncated));
        }
        Ok(&self.line)
    }

    fn header(&mut self) -> Result<Header, VerifyError> {
        let line = self.next()?;
        let any: Result<AnyHeader, _> = serde_json::from_slice(line);
        match any {
            Ok(AnyHeader { format, .. }) if format != FORMAT => Err(self.unreadable(BadLine::Format)),
            Ok(AnyHeader { version, .. }) if version != VERSION => {
                Err(self.unreadable(BadLine::Version { found: version }))
            }
            Ok(_) => self.parse(),
            Err(_) => Err(self.unreadable(BadLine::Format)),
        }
    }

    fn entry(&mut self) -> Result<EntryLine, VerifyError> {
        self.next()?;
        if self.line.starts_with(b"{\"end\":") {
            return Err(VerifyError::DoesNotHold {
                line: self.number,
                chain: None,
                seq: None,
                why: Box::new(WhyNot::Count),
            });
        }
        self.parse()
    }

    /// What the line says; it counts towards the seal.
    fn parse<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, VerifyError> {
        self.hasher.update(&self.line);
        serde_json::from_slice(&self.line).map_err(|error| self.unreadable(error.into()))
    }

    fn trailer(mut self, hub_key: &CheckpointVerifier, trace: TraceId) -> Result<(), VerifyError> {
        let digest = self.hasher.finalize();
        let lines = self.number;
        self.next()?;
        let does_not_hold = |why| VerifyError::DoesNotHold {
            line: lines + 1,
            chain: None,
            seq: None,
            why: Box::new(why),
        };
        if self.line.starts_with(b"{\"index\":") {
            return Err(does_not_hold(WhyNot::Count));
        }
        let Trailer { end } = self.parse()?;
        if end.lines != lines || end.blake3.as_bytes() != digest.as_bytes() {
            return Err(does_not_hold(WhyNot::Seal));
        }
        let sealed = hub_key
            .verify_text(&end.note)
            .map_err(|why| does_not_hold(WhyNot::SealSignature(why)))?;
        if sealed != seal_text(trace, lines, &digest) {
            return Err(does_not_hold(WhyNot::Seal));
        }
        self.number += 1;
        let mut rest = [0];
        match self.reader.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.unreadable(BadLine::Trailing)),
            Err(error) => Err(self.unreadable(error.into())),
        }
    }
}
