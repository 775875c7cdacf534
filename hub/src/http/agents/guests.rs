//! Who was recognized, so that each request need not be looked at anew.
//!
//! What is remembered is that a credential is genuine, and when the ledger was asked last whether its delegation stands.
//! It is asked again for every call, and before anything else once something was taken back.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use delegation::{Bearer, Denial, VerifiedToken, WebRequestSubject};
use protocol::{Refusal, Via};
use rmcp::model::Implementation;
use tokio::sync::{OnceCell, Semaphore};
use vocabulary::{DelegationId, SessionId, TraceId};

use crate::{admission::Shown, agents::AgentDoor, clock, dispatch::Caller};

/// How many are remembered; beyond that, whoever came first is looked at anew.
const REMEMBERED: usize = 4_096;

/// How many decisions one session may wait for at a time.
const MOST_WAITING: usize = 16;

/// Names a credential without giving it away.
pub(super) type Name = [u8; 32];

/// An agent session whose credential was recognized.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) name: Name,
    token: Arc<VerifiedToken>,
    text: Arc<str>,
    via: Mutex<Via>,
    instance: String,
    entered: OnceCell<()>,
    waiting: Semaphore,
    /// How often something had been taken back when the ledger was asked.
    asked: AtomicU64,
}

impl Guest {
    fn new(name: Name, token: Arc<VerifiedToken>, text: &str, from: IpAddr, asked: u64) -> Self {
        let instance = format!("http {from}");
        Self {
            name,
            token,
            text: text.into(),
            via: Mutex::new(Via::from_client("unknown", "", &instance)),
            instance,
            entered: OnceCell::new(),
            waiting: Semaphore::new(MOST_WAITING),
            asked: AtomicU64::new(asked),
        }
    }

    /// Whether the token has ended: then another has to be shown.
    pub(super) fn is_over(&self) -> bool {
        self.token.expires_at() <= clock::now()
    }

    /// How long the token lasts yet.
    pub(super) fn remaining(&self) -> Duration {
        Duration::try_from(self.token.expires_at().since(clock::now())).unwrap_or_default()
    }

    /// Ends when the guest may do nothing any more.
    pub(super) async fn over(&self, door: &AgentDoor) {
        let mut takings = door.takings();
        if self.asked.load(Ordering::Acquire) != door.times_taken_back() {
            takings.mark_changed();
        }
        let taken_back = async {
            while takings.changed().await.is_ok() {
                if !door.still_stands(Arc::clone(&self.token)).await {
                    return;
                }
            }
        };
        tokio::select! {
            () = taken_back => {}
            () = tokio::time::sleep(self.remaining()) => {}
        }
    }

    pub(super) fn delegation(&self) -> DelegationId {
        self.token.grant().id
    }

    pub(super) fn session(&self) -> SessionId {
        self.token.session()
    }

    /// Records that it was turned away, although it is who it says.
    pub(super) async fn turn_away(&self, door: &AgentDoor, refusal: Refusal) {
        let via = lock(&self.via).clone();
        let (token, text) = (Arc::clone(&self.token), Arc::clone(&self.text));
        door.turn_away_known(refusal, token, text, via).await;
    }

    /// Checks that a request is by who holds the session's key.
    pub(super) fn check(&self, subject: &WebRequestSubject<'_>, proof: &str) -> Result<(), Denial> {
        self.token.check_web_request(subject, proof)
    }

    /// The client says what it is.
    pub(super) fn identify(&self, client: &Implementation) {
        *lock(&self.via) = Via::from_client(&client.name, &client.version, &self.instance);
    }

    /// The session's trace, where it is open.
    pub(super) fn trace(&self) -> Option<TraceId> {
        self.entered
            .initialized()
            .then(|| TraceId::from_uuid(self.token.session().uuid()))
    }

    /// Opens the session where it is not open yet: nothing is recorded of who only looks.
    pub(super) async fn enter(&self, door: &AgentDoor) -> Result<Caller, Refusal> {
        let via = lock(&self.via).clone();
        self.entered
            .get_or_try_init(|| door.enter(Arc::clone(&self.token), Arc::clone(&self.text), via.clone()))
            .await?;
        Ok(Caller {
            token: Arc::clone(&self.token),
            via,
            trace: TraceId::from_uuid(self.token.session().uuid()),
        })
    }

    /// The right to wait for a decision.
    pub(super) fn wait(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.waiting.try_acquire().ok()
    }
}

/// Everybody who was recognized.
pub(super) struct Guests {
    door: AgentDoor,
    known: Mutex<HashMap<Name, Arc<Guest>>>,
}

impl Guests {
    pub(super) fn new(door: AgentDoor) -> Self {
        Self {
            door,
            known: Mutex::default(),
        }
    }

    /// What a credential is called here.
    pub(super) fn name(credential: &str) -> Name {
        *blake3::hash(credential.as_bytes()).as_bytes()
    }

    /// What a token is called here whose key signs each request. It is none of a credential's names.
    pub(super) fn name_of_token(token: &str) -> Name {
        blake3::derive_key("auditotter 2026 guest by proof v1", token.as_bytes())
    }

    /// Remembers a session that was opened with a proof.
    pub(super) fn open(&self, text: &str, token: Arc<VerifiedToken>, via: Via) {
        let guest = Guest {
            name: Self::name_of_token(text),
            token,
            text: text.into(),
            instance: via.instance.clone(),
            via: Mutex::new(via),
            entered: OnceCell::new_with(Some(())),
            waiting: Semaphore::new(MOST_WAITING),
            asked: AtomicU64::new(self.door.times_taken_back()),
        };
        let guest = self.remember(guest);
        tracing::debug!(session = %guest.token.session(), "a session is open from elsewhere");
    }

    /// Who was recognized by this before, whose token has not ended, and since when nothing was taken back.
    pub(super) fn find(&self, name: &Name) -> Option<Arc<Guest>> {
        let asked = |guest: &Arc<Guest>| guest.asked.load(Ordering::Acquire);
        self.remembered(name)
            .filter(|guest| asked(guest) == self.door.times_taken_back())
    }

    /// Who was recognized by this before, and whose token has not ended. What was lent may have been taken back.
    pub(super) fn remembered(&self, name: &Name) -> Option<Arc<Guest>> {
        let guest = Arc::clone(lock(&self.known).get(name)?);
        (!guest.is_over()).then_some(guest)
    }

    /// Looks at a credential that nobody was recognized by yet.
    pub(super) async fn recognize(
        &self,
        name: Name,
        bearer: Bearer,
        from: IpAddr,
    ) -> Result<Arc<Guest>, Refusal> {
        let text = bearer.token.clone();
        let shown = Shown {
            bearer,
            from: format!("; shown over HTTP from {from}"),
        };
        // Before asking: what is taken back meanwhile has to be asked of again.
        let asked = self.door.times_taken_back();
        match self.door.recognize(shown).await {
            Ok(token) => Ok(self.remember(Guest::new(name, token, &text, from, asked))),
            Err(refusal) => {
                let gone = lock(&self.known).remove(&name);
                if let Some(gone) = gone {
                    self.door.let_go(gone.token.session());
                }
                Err(refusal)
            }
        }
    }

    fn remember(&self, guest: Guest) -> Arc<Guest> {
        let mut known = lock(&self.known);
        if known.len() >= REMEMBERED {
            let (kept, over) = std::mem::take(&mut *known)
                .into_iter()
                .partition(|(_, guest)| !guest.is_over());
            let over: HashMap<Name, Arc<Guest>> = over;
            *known = kept;
            let oldest = known
                .values()
                .min_by_key(|guest| guest.token.session())
                .map(|guest| guest.name);
            let displaced = if known.len() >= REMEMBERED { oldest } else { None };
            let displaced = displaced.and_then(|name| known.remove(&name));
            for gone in over.into_values().chain(displaced) {
                self.door.let_go(gone.token.session());
            }
        }
        // Two first requests at once are of one guest, and so are those before and after something was taken back.
        let asked = guest.asked.load(Ordering::Acquire);
        let guest = known.entry(guest.name).or_insert_with(|| Arc::new(guest));
        guest.asked.fetch_max(asked, Ordering::AcqRel);
        Arc::clone(guest)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
