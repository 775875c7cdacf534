//! Writing an export.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use vocabulary::TraceId;

use super::format::{
    BodyLine, Counts, Earlier, End, EntryLine, ErasedBody, FORMAT, Header, PresentBody, Trailer, VERSION,
    seal_text,
};
use crate::{BodyState, ChainId, CheckpointSigner, EntryHash, ReadError, Store, store::Stored};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Entries of the trace.
    pub entries: u64,
    /// Entries of other chains.
    pub context: u64,
    /// The size of the ledger that the checkpoint is over.
    pub ledger_size: u64,
}

/// Why an export is not complete. What was written before must not be used.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such trace, or it has no entries.
    #[error("there is no trace {0}")]
    NoTrace(TraceId),
    /// A context entry does not exist.
    #[error("there is no entry {seq} in {chain}")]
    NoEntry {
        /// The chain.
        chain: ChainId,
        /// The position in it.
        seq: u64,
    },
    /// The ledger cannot be read or does not verify.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The export could not be written.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
}

/// How many entries are read at once.
const PAGE: usize = 16;

/// Writes a trace, and the entries of other chains that it is to be understood with, under one checkpoint. `history`
/// names earlier sizes of the ledger for whose roots something in there vouches.
///
/// # Errors
/// [`ExportError`] when something to be exported is not there, cannot be read, or cannot be written.
pub fn write(
    store: &Store,
    trace: TraceId,
    context: &[(ChainId, u64)],
    history: &[u64],
    signer: &CheckpointSigner,
    out: &mut impl Write,
) -> Result<Written, ExportError> {
    let chain = ChainId::Trace(trace);
    let entries = match store.head(chain)? {
        Some(head) => head.next_seq,
        None => return Err(ExportError::NoTrace(trace)),
    };
    let mut context: Vec<(ChainId, u64)> = context.iter().copied().filter(|(c, _)| *c != chain).collect();
    context.sort_unstable();
    context.dedup();
    for &(chain, seq) in &context {
        if store.head(chain)?.is_none_or(|head| seq >= head.next_seq) {
            return Err(ExportError::NoEntry { chain, seq });
        }
    }
    // Everything to be exported is durable by now, and so within this size.
    let size = store.len();
    let counts = Counts {
        trace: entries,
        context: context.len() as u64,
    };
    let mut lines = Lines {
        out,
        hasher: blake3::Hasher::new(),
        count: 0,
    };
    lines.write(&Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        workspace: store.workspace(),
        trace,
        hub_key: hex::encode(signer.verifier().public_key()),
        checkpoint: signer.sign(size, store.root(size)?),
        counts,
        history: earlier(store, history, size)?,
    })?;
    let mut seq = 0;
    while seq < entries {
        let left = usize::try_from(entries - seq).unwrap_or(PAGE);
        let page = store.chain(chain, seq, left.min(PAGE))?;
        if page.is_empty() {
            return Err(ExportError::NoEntry { chain, seq });
        }
        seq += page.len() as u64;
        for stored in page {
            lines.write(&line(store, stored, size)?)?;
        }
    }
    for (chain, seq) in context {
        let stored = store
            .entry(chain, seq)?
            .ok_or(ExportError::NoEntry { chain, seq })?;
        lines.write(&line(store, stored, size)?)?;
    }
    lines.seal(trace, signer)?;
    Ok(Written {
        entries: counts.trace,
        context: counts.context,
        ledger_size: size,
    })
}

fn earlier(store: &Store, history: &[u64], size: u64) -> Result<Vec<Earlier>, ExportError> {
    let mut sizes = history.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let states = sizes.into_iter().map(|earlier| {
        Ok(Earlier {
            size: earlier,
            root: store.root(earlier)?,
            proof: store.consistency_proof(earlier, size)?,
        })
    });
    states.collect()
}

fn line(store: &Store, stored: Stored, size: u64) -> Result<EntryLine, ExportError> {
    let body = match (stored.body, stored.salt) {
        (BodyState::Present(bytes), Some(salt)) => Some(BodyLine::Present(PresentBody {
            salt: STANDARD.encode(salt.as_bytes()),
            bytes: STANDARD.encode(bytes),
        })),
        (BodyState::None, _) => None,
        (BodyState::Erased | BodyState::Present(_), _) => Some(BodyLine::Erased(ErasedBody { erased: true })),
    };
    Ok(EntryLine {
        index: stored.index,
        // Canonical bytes are UTF-8.
        entry: String::from_utf8(stored.bytes).map_err(|error| io::Error::other(error.utf8_error()))?,
        body,
        proof: store.inclusion_proof(stored.index, size)?,
    })
}

struct Lines<'a, W> {
    out: &'a mut W,
    hasher: blake3::Hasher,
    count: u64,
}

impl<W: Write> Lines<'_, W> {
    fn write(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        self.count += 1;
        self.out.write_all(&text)
    }

    fn seal(mut self, trace: TraceId, signer: &CheckpointSigner) -> io::Result<()> {
        let digest = self.hasher.finalize();
        let end = End {
            lines: self.count,
            blake3: EntryHash::from_bytes(*digest.as_bytes()),
            note: signer.sign_text(&seal_text(trace, self.count, &digest)),
        };
        self.write(&Trailer { end })?;
        self.out.flush()
    }
}
