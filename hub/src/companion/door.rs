//! The hub's side of the companion's door.

use std::{io, sync::Arc, time::Duration};

use identity::CredentialId;
use protocol::{
    Refusal, RefusalCode,
    frame::{self, FrameError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::UnixStream;
use trace_store::{Draft, Ledger, ReadError, Store};
use vocabulary::TraceId;

use super::{
    answer::Status,
    blame::{self, AskedLines},
    deciding, export, importing, landing, lending,
    request::CompanionRequest,
    traces::{self, Names},
};
use crate::{
    decisions, dispatch::unreadable, expiry, gating::Neighbourhood, http::Site, news::News,
    record::not_recorded, settings::HubKey, telling::Outlines, workspace::Workspace,
};

/// How long the companion may take to say what it wants.
const ASKING_DEADLINE: Duration = Duration::from_secs(10);

/// The first message of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The whole answer.
    Done(Value),
    /// No.
    Refused(Refusal),
    /// [`export::Chunk`]s follow.
    Bytes,
}

/// Serves the companion.
#[derive(Debug, Clone)]
pub struct CompanionDoor {
    ledger: Ledger<Workspace>,
    hub_key: Arc<HubKey>,
    site: Option<Site>,
    news: News,
    around: Arc<Neighbourhood>,
    /// One at a time: two of the same file would make two traces.
    importing: Arc<tokio::sync::Mutex<()>>,
}

impl CompanionDoor {
    /// A door to this ledger, whose checkpoints this key signs, of a hub with these names; `news` tells who waits.
    #[must_use]
    pub(crate) fn new(
        ledger: Ledger<Workspace>,
        hub_key: HubKey,
        site: Option<Site>,
        news: News,
        around: Arc<Neighbourhood>,
    ) -> Self {
        Self {
            around,
            importing: Arc::default(),
            ledger,
            hub_key: Arc::new(hub_key),
            site,
            news,
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
            let sent = export::send(&mut stream, self.ledger.clone(), Arc::clone(&self.hub_key), trace);
            return sent.await;
        }
        let Some(request) = request else { return Ok(()) };
        if let CompanionRequest::Import { .. } = request {
            let Ok(_alone) = self.importing.try_lock() else {
                let busy = Refusal::new(
                    RefusalCode::Conflict,
                    &"another import is under way; try again when it is done",
                );
                return frame::send(&mut stream, &Reply::Refused(busy)).await;
            };
            let (ledger, around) = (self.ledger.clone(), Arc::clone(&self.around));
            return importing::take(&mut stream, ledger, around, request).await;
        }
        let reply = match self.answer(request).await {
            Ok(value) => Reply::Done(value),
            Err(refusal) => Reply::Refused(refusal),
        };
        match frame::send(&mut stream, &reply).await {
            Err(too_large @ FrameError::TooLarge(_)) => {
                let refusal =
                    Refusal::new(RefusalCode::NotExpressible, &format!("{too_large}, with --limit"));
                frame::send(&mut stream, &Reply::Refused(refusal)).await
            }
            sent => sent,
        }
    }

    async fn answer(&self, request: CompanionRequest) -> Result<Value, Refusal> {
        if of_work_items(&request) {
            let noted = self.run(expiry::take_note).await?;
            noted.map_err(|error| not_recorded(&error))?;
        }
        match request {
            CompanionRequest::Status => self.status().await,
            CompanionRequest::Grant { witness } => {
                self.run(move |w, d| lending::grant(w, d, witness)).await?
            }
            CompanionRequest::Revoke { delegation, why } => {
                self.run(move |w, d| lending::revoke(w, d, delegation, why, None))
                    .await?
            }
            CompanionRequest::Delegations => {
                self.run(|workspace, draft| value(&lending::rows(workspace, draft.now())))
                    .await?
            }
            CompanionRequest::Inbox { limit } => {
                self.run(move |workspace, _| value(&deciding::inbox(workspace, limit)))
                    .await?
            }
            CompanionRequest::WorkItem { id } => self.run(move |w, _| deciding::work_item(w, id)).await?,
            CompanionRequest::Pose { id } => self.run(move |w, d| deciding::pose(w, d, id)).await?,
            CompanionRequest::Decide { signed } => {
                let decided = self
                    .run(move |w, d| (deciding::decide(w, d, &signed), d.changes_something()))
                    .await?;
                if let (Ok(_), true) = &decided {
                    // By now it is durable; who waits for it may look.
                    self.news.decided();
                }
                decided.0
            }
            CompanionRequest::PoseChange { change } => {
                self.run(move |w, d| landing::pose(w, d, &change)).await?
            }
            CompanionRequest::ProposeChange { change } => {
                self.run(move |w, d| landing::propose(w, d, change)).await?
            }
            CompanionRequest::DecideChange { change, signed } => {
                let decided = self
                    .run(move |w, d| (landing::decide(w, d, change, &signed), d.changes_something()))
                    .await?;
                if let (Ok(_), true) = &decided {
                    self.news.decided();
                }
                decided.0
            }
            CompanionRequest::ToLand => self.run(|w, _| value(&landing::to_land(w))).await?,
            CompanionRequest::Exceptions => self.run(|w, d| value(&landing::exceptions(w, d.now()))).await?,
            CompanionRequest::PoseNewcomer { registration } => {
                self.run(move |w, d| deciding::pose_newcomer(w, d, &registration))
                    .await?
            }
            CompanionRequest::LetIn { registration, signed } => {
                self.run(move |w, d| deciding::let_in(w, d, registration, &signed))
                    .await?
            }
            CompanionRequest::PoseDeparture { member } => {
                self.run(move |w, d| deciding::pose_departure(w, d, member))
                    .await?
            }
            CompanionRequest::LetGo { signed } => {
                self.run(move |w, d| deciding::let_go(w, d, &signed)).await?
            }
            CompanionRequest::PoseErasure { trace, seq } => {
                self.run(move |w, d| deciding::pose_erasure(w, d, trace, seq))
                    .await?
            }
            CompanionRequest::Erase { signed } => {
                let erased = self.run(move |w, d| decisions::erase(w, d, &signed)).await??;
                let (trace, seq) = erased;
                // By now it is gone; nothing may be left of it.
                self.run(move |w, _| w.outlines.forget(trace)).await?;
                let names = self.names().await?;
                self.read(move |store| traces::entries(store, trace, seq, 1, &names))
                    .await
            }
            CompanionRequest::Passkeys => self.run(|w, _| value(&deciding::passkeys(w))).await?,
            CompanionRequest::Enrol { signed } => {
                self.run(move |w, d| deciding::enrol(w, d, &signed)).await?
            }
            CompanionRequest::RemovePasskey { credential } => {
                let id = CredentialId::Passkey(credential);
                self.run(move |w, d| deciding::remove_credential(w, d, &id))
                    .await?
            }
            CompanionRequest::TouchKeys => self.run(|w, _| value(&deciding::touch_keys(w))).await?,
            CompanionRequest::RemoveTouchKey { fingerprint } => {
                let id = CredentialId::TouchKey(fingerprint);
                self.run(move |w, d| deciding::remove_credential(w, d, &id))
                    .await?
            }
            CompanionRequest::Inspect { token } => {
                self.run(move |w, d| lending::inspect(w, d, &token)).await?
            }
            CompanionRequest::Traces { limit } => {
                let names = self.names().await?;
                self.read(move |store| traces::newest(store, limit, &names)).await
            }
            CompanionRequest::Trace { trace } => {
                let names = self.names().await?;
                let row = self.read(move |store| traces::row(store, trace, &names)).await?;
                if row.is_null() {
                    Err(traces::no_trace(trace))
                } else {
                    Ok(row)
                }
            }
            CompanionRequest::Entries { trace, from, limit } => {
                let names = self.names().await?;
                self.read(move |store| traces::entries(store, trace, from, limit, &names))
                    .await
            }
            CompanionRequest::EntriesOf {
                trace,
                of,
                from,
                limit,
            } => {
                let (names, outlines) = (self.names().await?, self.outlines().await?);
                self.read(move |store| {
                    let outline = outlines.of(store, trace)?;
                    let places = traces::places(&outline, &of);
                    traces::picked(store, trace, places.range(from..).copied().take(limit), &names)
                })
                .await
            }
            CompanionRequest::Outline { trace } => {
                let outlines = self.outlines().await?;
                self.read(move |store| {
                    outlines
                        .of(store, trace)
                        .map(|outline| traces::outline_row(&outline))
                })
                .await
            }
            CompanionRequest::Seek { trace, at } => {
                self.read(move |store| traces::since(store, trace, at)).await
            }
            CompanionRequest::Blame { asked } => self.blame(asked).await,
            CompanionRequest::Verify { trace } => self.verify(trace).await,
            CompanionRequest::Export { .. } | CompanionRequest::Import { .. } => {
                Err(Refusal::new(RefusalCode::Conflict, &"a file travels in pieces"))
            }
        }
    }

    async fn status(&self) -> Result<Value, Refusal> {
        let hub_key = hex::encode(self.hub_key.signer().verifier().public_key());
        let entries = self.ledger.store().len();
        let inbox = self.site.as_ref().map(Site::url);
        self.run(move |workspace, draft| {
            let members = workspace.members.all();
            let members = members.map(|member| deciding::member_row(workspace, member));
            value(&Status {
                workspace: workspace.id,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                now: draft.now(),
                entries,
                hub_key,
                inbox,
                members: members.collect(),
            })
        })
        .await?
    }

    async fn names(&self) -> Result<Names, Refusal> {
        self.run(|workspace, _| Names::known(workspace)).await
    }

    async fn outlines(&self) -> Result<Outlines, Refusal> {
        self.run(|workspace, _| workspace.outlines.clone()).await
    }

    async fn blame(&self, asked: Vec<AskedLines>) -> Result<Value, Refusal> {
        if asked.len() > blame::MOST_QUESTIONS {
            let why = format!("at most {} questions are answered at once", blame::MOST_QUESTIONS);
            return Err(Refusal::new(RefusalCode::NotExpressible, &why));
        }
        let names = self.names().await?;
        let paths: Vec<String> = asked.iter().map(|asked| asked.path.clone()).collect();
        let ledger = self.ledger.clone();
        let looking = tokio::task::spawn_blocking(move || blame::look(ledger.store(), &asked, &names));
        let mut found = match looking.await {
            Ok(found) => found.map_err(|error| unreadable(&error))?,
            Err(error) => return Err(unreadable(&error)),
        };
        let found = self.run(move |workspace, _| {
            blame::name_work(workspace, &mut found, &paths);
            found
        });
        value(&found.await?)
    }

    async fn verify(&self, trace: Option<TraceId>) -> Result<Value, Refusal> {
        let ledger = self.ledger.clone();
        let verifying = tokio::task::spawn_blocking(move || traces::verify(ledger.store(), trace));
        let chains = verifying.await.map_err(|error| unreadable(&error))??;
        value(&chains)
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.news
            .run(&self.ledger, job)
            .await
            .map_err(|error| Refusal::new(RefusalCode::NotRecorded, &error))
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
}

/// Whether it matters for the answer what ended undecided.
const fn of_work_items(request: &CompanionRequest) -> bool {
    matches!(
        request,
        CompanionRequest::Inbox { .. }
            | CompanionRequest::WorkItem { .. }
            | CompanionRequest::Pose { .. }
            | CompanionRequest::Decide { .. }
            | CompanionRequest::PoseChange { .. }
            | CompanionRequest::ProposeChange { .. }
            | CompanionRequest::DecideChange { .. }
    )
}

pub(super) fn value<T: Serialize>(answer: &T) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| Refusal::new(RefusalCode::NotExpressible, &error))
}
