//! Being the hub: taking the home, opening its store and its doors, and ending well.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use protocol::home::Home;
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
    sync::{Notify, oneshot, watch},
};
use trace_store::{Closed, CommitError, Config, Draft, Ledger, OpenError};
use vocabulary::WorkspaceId;

use crate::{
    aftermath::Aftermath,
    agents::AgentDoor,
    clock,
    companion::CompanionDoor,
    dispatch::Surroundings,
    expiry,
    gating::Neighbourhood,
    http::{self, Listen, ListenError, Listener, Serving},
    inbox::{AskingKey, Inbox},
    lock::{Held, LockError},
    mark::{self, MarkError},
    news::News,
    private,
    settings::{HubKey, Settings, SettingsError},
    spool,
    workspace::{FoldError, Workspace},
};

/// How long a hub that nobody watches stays without a connection.
pub const IDLE: Duration = Duration::from_secs(30 * 60);

/// How long connections may take to finish when the hub ends.
const GRACE: Duration = Duration::from_secs(5);

/// After a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether somebody watches this hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A human started it and will end it.
    Foreground,
    /// A client started it; it leaves when it has been idle for so long.
    Detached {
        /// How long.
        idle: Duration,
    },
}

/// Why there is no hub.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The home's settings or key cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Somebody else is the hub, or the lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store cannot be opened, or does not verify.
    #[error("the store {path} is refused: {source}; `auditotter doctor` says what can be done")]
    Store {
        /// Which store.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The store is an older one than there was.
    #[error(transparent)]
    Older(#[from] MarkError),
    /// A socket cannot be opened.
    #[error("{path} cannot be listened on: {source}")]
    Listen {
        /// Which socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody can be served over HTTP.
    #[error(transparent)]
    Http(#[from] ListenError),
    /// The system refuses what a server needs.
    #[error("the hub cannot run: {0}")]
    System(#[from] io::Error),
}

impl ServeError {
    /// Whether there is a hub already, or one that has not let go of the store yet.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Lock(LockError::Taken { .. })
                | Self::Store {
                    source: OpenError::Locked { .. },
                    ..
                }
        )
    }
}

/// How this program opens a workspace's store: with the machine's clock and randomness.
#[must_use]
pub(crate) fn store_config(workspace: WorkspaceId) -> Config {
    Config {
        workspace,
        clock: Box::new(clock::now),
        entropy: Box::new(clock::fill),
    }
}

/// Whether a hub is to be found over HTTP.
#[derive(Debug, Clone)]
pub enum Listening {
    /// Where the home's settings say, if they do and nobody else is there: a hub without its inbox is better than none.
    AsSet,
    /// Here, or not at all.
    At(Listen),
}

/// Runs the hub of a home until a signal ends it, or idleness where nobody watches. `ready` is called once
/// all doors are open, with the inbox's address where there is one.
///
/// # Errors
/// [`ServeError`] with what a person can do about it.
pub async fn serve(
    home: Home,
    presence: Presence,
    listening: Listening,
    ready: impl FnOnce(Option<&str>),
) -> Result<(), ServeError> {
    let settings = Settings::read(&home)?;
    let _held = Held::take(&home)?;
    let hub_key = HubKey::read(&home, settings.workspace)?;
    let id = settings.workspace;
    let store = home.store();
    let news = News::default();
    let telling = news.clone();
    let fold = move |store: &_| Ok::<_, FoldError>(Workspace::fold(id, store)?.telling(&telling));
    let ledger = Ledger::open(&store, store_config(id), fold)
        .map_err(|source| ServeError::Store { path: store, source })?;
    mark::check(&home, ledger.store())?;
    mark::record_refused(&home, &ledger)?;
    let neighbourhood = Arc::new(Neighbourhood::of(home.path(), Arc::clone(hub_key.clearing())));
    private::write(&home.spool_key(), hub_key.spool().public_text().as_bytes())?;
    let (owed, around) = (Arc::clone(hub_key.owed()), Arc::clone(&neighbourhood));
    let aftermath = Aftermath::new(ledger.clone(), around, home.owed(), owed);
    // What is to be looked at of that is noted, and found with what the hub before this one owed.
    let (_, taken_in) = spool::take_in(&home, &ledger, &neighbourhood, hub_key.spool(), &aftermath);
    if let Err(error) = taken_in {
        tracing::error!(%error, "not all of the spool was taken in; the rest stays for the next start");
    }

    let noted = ledger.call(expiry::take_note).map_err(io::Error::other)?;
    if let Err(error) = noted {
        tracing::error!(%error, "what ended undecided was not recorded; it is tried again when somebody looks");
    }

    // Compiling rules takes longer than any call; the first one should not wait for it.
    tokio::task::spawn_blocking(work_items::RiskPolicy::built_in);
    let clearing = Arc::clone(hub_key.clearing());
    tokio::task::spawn_blocking(move || clearing.built_in());

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let agents = listen(&home, home.agent_socket())?;
    let people = listen(&home, home.companion_socket())?;
    let listener = listen_as(listening, &settings, &home).await?;
    let site = listener.as_ref().map(|listener| listener.site().clone());
    let inbox = site.as_ref().map(http::Site::url);

    let links = hub_key.links().clone();
    let agent_door = AgentDoor::new(
        home.clone(),
        ledger.clone(),
        id,
        Surroundings {
            inbox: inbox.as_deref().unwrap_or(&settings.inbox).into(),
            links: links.clone(),
            neighbourhood: Arc::clone(&neighbourhood),
            spool: Arc::clone(hub_key.spool()),
        },
        news.clone(),
        aftermath,
    );
    let companion_door = CompanionDoor::new(ledger.clone(), hub_key, site, news.clone(), neighbourhood);
    let closing = watch::Sender::new(false);
    let web = match listener {
        None => None,
        Some(listener) => {
            let agents = http::Agents::new(listener.site().clone(), agent_door.clone(), closing.subscribe())?;
            let inbox = Inbox {
                ledger: ledger.clone(),
                workspace: id,
                site: listener.site().clone(),
                links,
                asking: AskingKey::from_entropy(clock::random().map_err(io::Error::other)?),
                news: news.clone(),
                closing: closing.subscribe(),
            };
            let doors = http::doors(&agents, inbox);
            Some((listener.serve(doors)?, agents))
        }
    };
    let marking = tokio::spawn(mark::follow(
        home.clone(),
        ledger.clone(),
        news.clone(),
        closing.subscribe(),
    ));
    let (watching, until) = (agent_door.clone(), closing.subscribe());
    let watching = tokio::spawn(async move { watching.watch(until).await });
    ready(inbox.as_deref());
    let guests = Guests::default();
    let own = rustix::process::geteuid().as_raw();
    loop {
        tokio::select! {
            arrived = agents.accept() => if let Some(stream) = admitted(arrived, own).await {
                let (door, guest, closing) = (agent_door.clone(), guests.enter(), closing.subscribe());
                tokio::spawn(async move {
                    if let Err(error) = door.serve(stream, closing).await {
                        tracing::debug!(%error, "an agent connection ended badly");
                    }
                    drop(guest);
                });
            },
            arrived = people.accept() => if let Some(stream) = admitted(arrived, own).await {
                let (door, guest) = (companion_door.clone(), guests.enter());
                tokio::spawn(async move {
                    if let Err(error) = door.serve(stream).await {
                        tracing::debug!(%error, "a companion connection ended badly");
                    }
                    drop(guest);
                });
            },
            () = guests.idle(presence, web.as_ref().map(|(serving, _)| serving)) => break,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    // Nobody finds the doors from here on; who asks again starts the next hub, which waits for our lock.
    let _ = fs::remove_file(home.agent_socket());
    let _ = fs::remove_file(home.companion_socket());
    drop((agents, people));
    closing.send_replace(true);
    let ending = async {
        if let Some((web, agents)) = web {
            agents.finish(GRACE).await;
            web.end(GRACE).await;
        }
    };
    let _ = tokio::join!(tokio::time::timeout(GRACE, guests.gone()), ending);
    agent_door.finish(GRACE).await;
    let _ = tokio::join!(marking, watching);
    if let Err(error) = mark::set(&home, ledger.store()) {
        tracing::error!(%error, "the mark beside the store did not move");
    }
    ledger.close().map_err(io::Error::other)?;
    Ok(())
}

async fn listen_as(
    listening: Listening,
    settings: &Settings,
    home: &Home,
) -> Result<Option<Listener>, ServeError> {
    match listening {
        Listening::At(listen) => Ok(Some(Listener::bind(&listen).await?)),
        Listening::AsSet => match settings.listening(home)? {
            None => Ok(None),
            Some(listen) => match Listener::bind(&listen).await {
                Ok(listener) => Ok(Some(listener)),
                Err(error) => {
                    tracing::error!(%error, "the inbox is not open; agents and the terminal are served without it");
                    Ok(None)
                }
            },
        },
    }
}

/// Runs a job on the ledger's writer thread and waits for its durability without blocking this one.
pub(crate) async fn run<T: Send + 'static>(
    ledger: &Ledger<Workspace>,
    job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
) -> Result<T, CommitError> {
    let (done, committed) = oneshot::channel();
    ledger
        .submit(job, move |result| {
            let _ = done.send(result);
        })
        .map_err(|Closed| CommitError::Closed)?;
    committed.await.unwrap_or(Err(CommitError::Closed))
}

fn listen(home: &Home, socket: PathBuf) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Listen {
        path: socket.clone(),
        source,
    };
    // We hold the home's lock: a socket that lies there belongs to nobody any more.
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let address = home.reachable(&socket).map_err(failed)?;
    let listener = UnixListener::bind(address.path()).map_err(failed)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Only processes of the same user come in, whatever the socket's mode says.
async fn admitted(
    arrived: io::Result<(UnixStream, tokio::net::unix::SocketAddr)>,
    own: u32,
) -> Option<UnixStream> {
    match arrived {
        Ok((stream, _)) => match stream.peer_cred() {
            Ok(peer) if peer.uid() == own => Some(stream),
            Ok(peer) => {
                tracing::warn!(uid = peer.uid(), "another user's process was turned away");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "a process that cannot be identified was turned away");
                None
            }
        },
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            // As when there are too many open files: trying again at once would only burn the processor.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// How many connections there are, and since when there are none.
#[derive(Debug, Clone, Default)]
struct Guests(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicUsize,
    changed: Notify,
}

struct Guest(Arc<Inner>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

impl Guests {
    fn enter(&self) -> Guest {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        Guest(Arc::clone(&self.0))
    }

    /// Ends when nobody has been here for the whole idle time; never in the foreground. Each arrival and
    /// departure restarts it, for the accepting loop polls it anew.
    async fn idle(&self, presence: Presence, web: Option<&Serving>) {
        let Presence::Detached { idle } = presence else {
            return std::future::pending().await;
        };
        loop {
            self.gone().await;
            let changed = self.0.changed.notified();
            if self.0.count.load(Ordering::Acquire) == 0
                && tokio::time::timeout(idle, changed).await.is_err()
                && !web.is_some_and(Serving::is_busy)
            {
                return;
            }
        }
    }

    async fn gone(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.count.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }
}
