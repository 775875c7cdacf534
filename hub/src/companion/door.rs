//! The hub's side of the companion's door.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use delegation::MAX_DELEGATION_TTL;
use protocol::{
    Refusal, RefusalCode, Via,
    frame::{self, FrameError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{net::UnixStream, sync::mpsc};
use trace_store::{BodyState, ChainId, CommitError, Draft, Ledger, ReadError, Refs, Store, Stored, export};
use vocabulary::{DelegationId, Timestamp, TraceId};

use super::request::{
    ChainSummary, CompanionRequest, DelegationRow, EntryRow, InspectVerdict, MemberRow, RevokeOutcome,
    Status, TraceRow, VerifiedChain,
};
use crate::{
    dispatch::unreadable,
    kind::EntryKind,
    record::{self, By, not_recorded},
    records::{DelegationGranted, DelegationRevoked},
    settings::HubKey,
    summary::summarize,
    workspace::{Lent, Workspace},
};

/// How long the companion may take to say what it wants.
const ASKING_DEADLINE: Duration = Duration::from_secs(10);

/// The most rows of one answer.
const MOST_ROWS: usize = 1_000;

/// The most entries of one answer.
const MOST_ENTRIES: usize = 64;

/// How much text of a body goes into a row; the whole is in an export.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// The longest reason that is recorded with a revocation, in bytes.
const MOST_WHY_BYTES: usize = 1_024;

/// How much of an export travels in one message, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// The first message of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The whole answer.
    Done(Value),
    /// No.
    Refused(Refusal),
    /// [`Chunk`]s follow.
    Bytes,
}

/// A part of a long answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Chunk {
    /// Some of it; exports are text.
    Text(String),
    /// That was all.
    End,
    /// It cannot be finished.
    Refused(Refusal),
}

/// Serves the companion.
#[derive(Debug, Clone)]
pub struct CompanionDoor {
    ledger: Ledger<Workspace>,
    hub_key: Arc<HubKey>,
}

impl CompanionDoor {
    /// A door to this ledger, whose checkpoints this key signs.
    #[must_use]
    pub fn new(ledger: Ledger<Workspace>, hub_key: HubKey) -> Self {
        Self {
            ledger,
            hub_key: Arc::new(hub_key),
        }
    }

    /// Answers one request.
    ///
    /// # Errors
    /// [`FrameError`] where the other side broke the protocol or went away.
    pub async fn serve(&self, mut stream: UnixStream) -> Result<(), FrameError> {
        let request = match tokio::time::timeout(ASKING_DEADLINE, frame::receive(&mut stream)).await {
            Ok(request) => request?,
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        if let Some(CompanionRequest::Export { trace }) = request {
            return self.export(&mut stream, trace).await;
        }
        let Some(request) = request else { return Ok(()) };
        let reply = match self.answer(request).await {
            Ok(value) => Reply::Done(value),
            Err(refusal) => Reply::Refused(refusal),
        };
        frame::send(&mut stream, &reply).await
    }

    async fn answer(&self, request: CompanionRequest) -> Result<Value, Refusal> {
        match request {
            CompanionRequest::Status => self.status().await,
            CompanionRequest::Grant { witness } => self.run(move |w, d| grant(w, d, witness)).await?,
            CompanionRequest::Revoke { delegation, why } => {
                self.run(move |w, d| revoke(w, d, delegation, why)).await?
            }
            CompanionRequest::Delegations => {
                self.run(|workspace, draft| {
                    let now = draft.now();
                    let rows = workspace
                        .delegations
                        .values()
                        .map(|lent| row(workspace, lent, now));
                    value(&rows.collect::<Vec<_>>())
                })
                .await?
            }
            CompanionRequest::Inspect { token } => self.run(move |w, d| inspect(w, d, &token)).await?,
            CompanionRequest::Traces { limit } => {
                let names = self.names().await?;
                self.read(move |store| {
                    let newest = newest_traces(store, limit.min(MOST_ROWS))?.into_iter();
                    newest
                        .filter_map(|trace| trace_row(store, trace, &names).transpose())
                        .collect::<Result<Vec<_>, _>>()
                })
                .await
            }
            CompanionRequest::Trace { trace } => {
                let names = self.names().await?;
                let row = self.read(move |store| trace_row(store, trace, &names)).await?;
                if row.is_null() {
                    Err(no_trace(trace))
                } else {
                    Ok(row)
                }
            }
            CompanionRequest::Entries { trace, from, limit } => {
                let names = self.names().await?;
                self.read(move |store| entry_rows(store, trace, from, limit, &names))
                    .await
            }
            CompanionRequest::Verify { trace } => self.verify(trace).await,
            CompanionRequest::Export { .. } => Err(Refusal::new(
                RefusalCode::Conflict,
                &"an export is answered with bytes",
            )),
        }
    }

    async fn status(&self) -> Result<Value, Refusal> {
        let hub_key = hex::encode(self.hub_key.signer().verifier().public_key());
        let entries = self.ledger.store().len();
        self.run(move |workspace, draft| {
            let members = workspace.members.values().map(|member| MemberRow {
                id: member.id,
                name: member.name.clone(),
                email: member.email.clone(),
                root_key_id: workspace.keyring.number_of(member.id).unwrap_or_default(),
            });
            value(&Status {
                workspace: workspace.id,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                now: draft.now(),
                entries,
                hub_key,
                members: members.collect(),
            })
        })
        .await?
    }

    async fn names(&self) -> Result<Names, Refusal> {
        self.run(|workspace, _| {
            Names(
                workspace
                    .members
                    .values()
                    .map(|member| (member.id, member.name.to_string()))
                    .collect(),
            )
        })
        .await
    }

    async fn verify(&self, trace: Option<TraceId>) -> Result<Value, Refusal> {
        let ledger = self.ledger.clone();
        let verifying = tokio::task::spawn_blocking(move || verify(ledger.store(), trace));
        let chains = verifying.await.map_err(|error| unreadable(&error))??;
        value(&chains)
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let done: Result<T, CommitError> = crate::serve::run(&self.ledger, job).await;
        done.map_err(|error| Refusal::new(RefusalCode::NotRecorded, &error))
    }

    /// Reads what is durable, off the thread that serves connections.
    async fn read<T: Serialize + Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<Value, Refusal> {
        let ledger = self.ledger.clone();
        let reading = tokio::task::spawn_blocking(move || read(ledger.store()));
        match reading.await {
            Ok(Ok(found)) => value(&found),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn export(&self, stream: &mut UnixStream, trace: TraceId) -> Result<(), FrameError> {
        let context = self
            .run(move |workspace, draft| context_of(workspace, draft.store(), trace))
            .await;
        let context = match context.and_then(|found| found) {
            Ok(context) => context,
            Err(refusal) => return frame::send(stream, &Reply::Refused(refusal)).await,
        };
        frame::send(stream, &Reply::Bytes).await?;
        let (chunks, mut made) = mpsc::channel(4);
        let (ledger, key) = (self.ledger.clone(), Arc::clone(&self.hub_key));
        tokio::task::spawn_blocking(move || {
            let mut out = Chunks {
                chunks: &chunks,
                text: Vec::new(),
            };
            let written = export::write(ledger.store(), trace, &context, key.signer(), &mut out);
            let last = match written
                .map_err(|error| unreadable(&error))
                .and_then(|_| out.flush().map_err(|error| unreadable(&error)))
            {
                Ok(()) => Chunk::End,
                Err(refusal) => Chunk::Refused(refusal),
            };
            let _ = chunks.blocking_send(last);
        });
        while let Some(chunk) = made.recv().await {
            frame::send(stream, &chunk).await?;
        }
        Ok(())
    }
}

fn grant(workspace: &mut Workspace, draft: &mut Draft<'_>, witness: String) -> Result<Value, Refusal> {
    let grant = workspace
        .prove_grant(&witness)
        .map_err(|denial| Refusal::from(&denial))?;
    let id = grant.id;
    if !workspace.delegations.contains_key(&id) {
        if grant.expires_at > draft.now().saturating_add(MAX_DELEGATION_TTL) {
            let message = format!(
                "{id} would last until {}, more than 30 days from now ({}); lend for less",
                grant.expires_at,
                draft.now()
            );
            return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
        }
        let by = By {
            on_behalf_of: Some(grant.on_behalf_of),
            delegation: Some(id),
            ..By::default()
        };
        let chain = ChainId::Workspace(workspace.id);
        let body = DelegationGranted { witness };
        let written = record::append(draft, chain, EntryKind::DelegationGranted, by, Refs::new(), &body)
            .map_err(|error| not_recorded(&error))?;
        workspace.granted(grant, written.at);
    }
    let lent = workspace.delegations.get(&id).ok_or_else(|| no_delegation(id))?;
    value(&row(workspace, lent, draft.now()))
}

fn revoke(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    id: DelegationId,
    why: Option<String>,
) -> Result<Value, Refusal> {
    let lent = workspace.delegations.get(&id).ok_or_else(|| no_delegation(id))?;
    if let Some((revoked_at, _)) = lent.revoked {
        return value(&RevokeOutcome { id, revoked_at });
    }
    if why.as_ref().is_some_and(|why| why.len() > MOST_WHY_BYTES) {
        return Err(Refusal::new(
            RefusalCode::MalformedArguments,
            &format!("the reason is over {MOST_WHY_BYTES} bytes"),
        ));
    }
    // Anybody at this machine may revoke, so nobody is named as having done it.
    let by = By {
        delegation: Some(id),
        ..By::default()
    };
    let chain = ChainId::Workspace(workspace.id);
    let body = DelegationRevoked {
        delegation: id,
        why: why.clone(),
    };
    let written = record::append(draft, chain, EntryKind::DelegationRevoked, by, Refs::new(), &body)
        .map_err(|error| not_recorded(&error))?;
    workspace.revoked(id, written.at, why);
    value(&RevokeOutcome {
        id,
        revoked_at: written.at,
    })
}

fn inspect(workspace: &mut Workspace, draft: &Draft<'_>, token: &str) -> Result<Value, Refusal> {
    let verdict = workspace
        .tokens
        .verify(token, &workspace.keyring)
        .and_then(|token| {
            token.holding(
                token.session(),
                token.holder(),
                draft.now(),
                &workspace.revocations,
            )
        });
    value(&match verdict {
        Ok(()) => InspectVerdict {
            accepted: true,
            why_not: None,
        },
        Err(denial) => InspectVerdict {
            accepted: false,
            why_not: Some(format!("{}: {denial}", denial.code().as_str())),
        },
    })
}

fn row(workspace: &Workspace, lent: &Lent, now: Timestamp) -> DelegationRow {
    let grant = &lent.grant;
    let state = match (&lent.revoked, grant.expires_at <= now) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "lent",
    };
    DelegationRow {
        id: grant.id,
        on_behalf_of: grant.on_behalf_of,
        lent_by: workspace.name_of(grant.on_behalf_of),
        agent: grant.agent.to_string(),
        verbs: grant.verbs.iter().map(ToString::to_string).collect(),
        repositories: grant.repositories.names(),
        paths: grant.paths.names(),
        risk_ceiling: grant.risk_ceiling,
        granted_at: lent.granted_at,
        expires_at: grant.expires_at,
        state: state.to_owned(),
        revoked_at: lent.revoked.as_ref().map(|(at, _)| *at),
        why: lent.revoked.as_ref().and_then(|(_, why)| why.clone()),
    }
}

/// Members' names, taken along to where rows are made.
#[derive(Debug)]
struct Names(std::collections::BTreeMap<vocabulary::MemberId, String>);

impl Names {
    fn of(&self, member: vocabulary::MemberId) -> String {
        self.0.get(&member).cloned().unwrap_or_else(|| member.to_string())
    }
}

fn trace_row(store: &Store, trace: TraceId, names: &Names) -> Result<Option<TraceRow>, ReadError> {
    let chain = ChainId::Trace(trace);
    let Some(head) = store.head(chain)? else {
        return Ok(None);
    };
    let (first, last) = (
        store.entries(chain, 0, 1)?,
        store.entries(chain, head.next_seq - 1, 1)?,
    );
    let (Some(first), Some(last)) = (first.first(), last.first()) else {
        return Ok(None);
    };
    Ok(Some(TraceRow {
        id: trace,
        on_behalf_of: first
            .on_behalf_of
            .map(|member| names.of(member))
            .unwrap_or_default(),
        via: first.via.as_ref().map(as_via),
        delegation: first.delegation,
        began_at: first.at,
        last_at: last.at,
        entries: head.next_seq,
        head: head.hash.to_string(),
    }))
}

fn entry_row(stored: &Stored, names: &Names) -> EntryRow {
    let entry = &stored.entry;
    let body = match &stored.body {
        BodyState::Present(bytes) => {
            let shown = &bytes[..bytes.len().min(MOST_BODY_BYTES)];
            let text = || Value::String(String::from_utf8_lossy(shown).into_owned());
            Some(serde_json::from_slice(shown).unwrap_or_else(|_| text()))
        }
        BodyState::Erased | BodyState::None => None,
    };
    EntryRow {
        seq: entry.seq,
        index: stored.index,
        at: entry.at,
        kind: entry.kind.to_string(),
        on_behalf_of: entry.on_behalf_of.map(|member| names.of(member)),
        via: entry.via.as_ref().map(as_via),
        summary: summarize(entry.kind.as_str(), &stored.body),
        body,
        erased: matches!(stored.body, BodyState::Erased),
        hash: stored.hash.to_string(),
    }
}

/// As many rows as fit into one message, read one by one, for bodies may be large; the next request goes on from the
/// last.
fn entry_rows(
    store: &Store,
    trace: TraceId,
    from: u64,
    limit: usize,
    names: &Names,
) -> Result<Vec<EntryRow>, ReadError> {
    let mut size = 0;
    let mut rows = Vec::new();
    for seq in (from..).take(limit.min(MOST_ENTRIES)) {
        let Some(stored) = store.entry(ChainId::Trace(trace), seq)? else {
            break;
        };
        let row = entry_row(&stored, names);
        size += row.body.as_ref().map_or(0, |body| body.to_string().len()) + 1_024;
        if size > frame::MAX_FRAME_BYTES / 2 && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    Ok(rows)
}

fn as_via(via: &trace_store::Via) -> Via {
    Via {
        agent: via.agent().to_owned(),
        version: via.version().unwrap_or_default().to_owned(),
        instance: via.instance().unwrap_or_default().to_owned(),
    }
}

fn verify(store: &Store, trace: Option<TraceId>) -> Result<Vec<VerifiedChain>, Refusal> {
    let of_chain = |chain: ChainId| {
        verified(
            chain.to_string(),
            store.verify_chain(chain).map(|report| ChainSummary {
                entries: report.entries,
                erased: report.erased_bodies,
                head: report.head.hash.to_string(),
            }),
        )
    };
    if let Some(trace) = trace {
        let chain = ChainId::Trace(trace);
        return match store.head(chain).map_err(|error| unreadable(&error))? {
            Some(_) => Ok(vec![of_chain(chain)]),
            None => Err(no_trace(trace)),
        };
    }
    let mut chains = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .chains(after, MOST_ROWS)
            .map_err(|error| unreadable(&error))?;
        let Some(last) = page.last() else { break };
        after = Some(last.chain);
        chains.extend(page.iter().map(|summary| of_chain(summary.chain)));
    }
    chains.push(verified(
        "ledger".to_owned(),
        store.verify_all().map(|report| ChainSummary {
            entries: report.entries,
            erased: report.erased_bodies,
            head: report.root.to_string(),
        }),
    ));
    Ok(chains)
}

fn verified(id: String, result: Result<ChainSummary, ReadError>) -> VerifiedChain {
    match result {
        Ok(checked) => VerifiedChain {
            id,
            holds: true,
            checked: Some(checked),
            broken: None,
        },
        Err(broken) => VerifiedChain {
            id,
            holds: false,
            checked: None,
            broken: Some(broken.to_string()),
        },
    }
}

/// The newest traces, newest first: their identifiers sort by time.
fn newest_traces(store: &Store, limit: usize) -> Result<Vec<TraceId>, ReadError> {
    let mut newest = std::collections::VecDeque::new();
    let mut after = None;
    loop {
        let page = store.chains(after, MOST_ROWS)?;
        let Some(last) = page.last() else { break };
        after = Some(last.chain);
        for summary in page {
            if let ChainId::Trace(trace) = summary.chain {
                newest.push_front(trace);
                newest.truncate(limit);
            }
        }
    }
    Ok(newest.into())
}

/// The workspace entries without which a trace cannot be understood: who the human is, what was lent, whether it
/// was taken back, and what was proposed in it.
fn context_of(workspace: &Workspace, store: &Store, trace: TraceId) -> Result<Vec<(ChainId, u64)>, Refusal> {
    let failed = |error: ReadError| unreadable(&error);
    let Some(first) = store.entry(ChainId::Trace(trace), 0).map_err(failed)? else {
        return Err(no_trace(trace));
    };
    let (delegation, chain) = (first.entry.delegation, ChainId::Workspace(workspace.id));
    let mut context = Vec::new();
    let mut next = 0;
    loop {
        let page = store.chain(chain, next, MOST_ROWS).map_err(failed)?;
        for stored in &page {
            let entry = &stored.entry;
            let concerns = match entry.kind.as_str().parse() {
                Ok(EntryKind::WorkspaceCreated) => true,
                Ok(EntryKind::MemberAdded) => entry.on_behalf_of == first.entry.on_behalf_of,
                Ok(EntryKind::DelegationGranted | EntryKind::DelegationRevoked) => {
                    entry.delegation == delegation
                }
                Ok(EntryKind::WorkItemProposed) => {
                    entry.refs.get("trace") == Some(trace.to_string().as_str())
                }
                _ => false,
            };
            if concerns {
                context.push((chain, entry.seq));
            }
        }
        match page.last() {
            Some(last) => next = last.entry.seq + 1,
            None => return Ok(context),
        }
    }
}

/// Collects an export's text into messages; blocks while the other side is slow.
struct Chunks<'a> {
    chunks: &'a mpsc::Sender<Chunk>,
    text: Vec<u8>,
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() >= CHUNK_BYTES && self.text.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8(std::mem::take(&mut self.text)).map_err(io::Error::other)?;
        // A single line can be larger than a message may be.
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut end = rest.len().min(frame::MAX_FRAME_BYTES / 8);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (part, later) = rest.split_at(end);
            self.chunks
                .blocking_send(Chunk::Text(part.to_owned()))
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            rest = later;
        }
        Ok(())
    }
}

fn no_trace(trace: TraceId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no trace {trace}; `auditotter trace list` shows which there are"),
    )
}

fn no_delegation(id: DelegationId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no delegation {id}; `auditotter delegations` shows which there are"),
    )
}

fn value<T: Serialize>(answer: &T) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| Refusal::new(RefusalCode::NotExpressible, &error))
}
