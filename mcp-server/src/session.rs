//! Under which token this process asks: choosing the delegation, and keeping a session token alive under it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use delegation::{
    AgentName, AttenuateError, DelegationToken, Grant, HolderKey, MAX_SESSION_TTL, Narrowing, SessionToken,
};
use protocol::home::Home;
use time::Duration;
use vocabulary::{SessionId, Timestamp};

use crate::clock;

/// A session token is renewed when less than this is left of it.
const RENEW_BEFORE: Duration = Duration::minutes(5);

/// A delegation file is a token of a few kilobytes; whatever is larger is something else.
const MAX_DELEGATION_FILE_BYTES: u64 = 16 * 1024;

/// How the delegation of this process is found.
#[derive(Debug, Clone)]
pub struct Lender {
    home: Home,
    file: Option<PathBuf>,
    agent: Option<AgentName>,
}

/// Why there is nothing to act under.
#[derive(Debug, thiserror::Error)]
pub enum NoAuthority {
    /// Nothing was lent to this agent here.
    #[error(
        "nothing is lent to `{agent}` in {folder}; ask the human you work for to run: auditotter delegate --agent {agent}"
    )]
    NothingLent {
        /// The agent's name.
        agent: AgentName,
        /// Where delegations lie.
        folder: PathBuf,
    },
    /// A delegation file cannot be read.
    #[error(
        "the delegation {path} cannot be read: {source}; ask the human you work for to run: auditotter delegate"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A delegation file holds something else.
    #[error("{path} is no delegation: {problem}; ask the human you work for to run: auditotter delegate")]
    NotADelegation {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be narrowed for this session.
    #[error("no session token could be made: {0}")]
    Attenuate(#[from] AttenuateError),
    /// What the client's other processes need cannot be left for them.
    #[error(
        "a session cannot be kept in {folder}: {source}; check that the folder is yours and can be written"
    )]
    NotKept {
        /// Where.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No key could be made.
    #[error("the system gives no randomness: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl Lender {
    /// Looks in `home` for what was lent to `agent` (else to whatever the client calls itself), or at
    /// `file` only.
    #[must_use]
    pub const fn new(home: Home, file: Option<PathBuf>, agent: Option<AgentName>) -> Self {
        Self { home, file, agent }
    }

    /// The workspace's home.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// Whether this is what would be acted under by whoever asked for it so.
    pub(crate) fn accepts(&self, grant: &Grant) -> bool {
        let named = self.file.as_deref().map(read);
        let is_named = named.is_none_or(|named| named.is_ok_and(|token| token.grant().id == grant.id));
        is_named && self.agent.as_ref().is_none_or(|agent| *agent == grant.agent)
    }

    /// The delegation to act under now: the newest that has not ended, else the newest that has, so that
    /// the hub can record the attempt and say when it ended.
    ///
    /// # Errors
    /// [`NoAuthority`] with what to ask the human for.
    pub fn choose(&self, client: &str, now: Timestamp) -> Result<DelegationToken, NoAuthority> {
        if let Some(file) = &self.file {
            return read(file);
        }
        let agent = self.agent.clone().unwrap_or_else(|| agent_called(client));
        let folder = self.home.delegations();
        let mut lent: Vec<DelegationToken> = files_in(&folder)
            .filter_map(|path| read(&path).ok())
            .filter(|token| token.grant().agent == agent)
            .collect();
        lent.sort_by_key(|token| {
            let Grant { id, expires_at, .. } = token.grant();
            (*expires_at > now, *id)
        });
        lent.pop().ok_or(NoAuthority::NothingLent { agent, folder })
    }
}

/// The name under which people lend to a client, from what it calls itself.
fn agent_called(client: &str) -> AgentName {
    let known = match client {
        "codex-mcp-client" => "codex",
        other => other,
    };
    let simple: String = known
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    simple
        .trim_start_matches(['.', '_', '-'])
        .parse()
        .unwrap_or_else(|_| AgentName::unnamed())
}

fn files_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "token"))
}

fn read(path: &Path) -> Result<DelegationToken, NoAuthority> {
    let unreadable = |source| NoAuthority::Unreadable {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    let not_one = |problem: String| NoAuthority::NotADelegation {
        path: path.to_owned(),
        problem,
    };
    if size > MAX_DELEGATION_FILE_BYTES {
        return Err(not_one(format!("it has {size} bytes")));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    DelegationToken::parse_unverified(text.trim()).map_err(|error| not_one(error.to_string()))
}

/// A session's key, shared with what signs its requests.
pub(crate) type Key = Arc<HolderKey>;

/// One agent session: its identity, its key, and the token that is good right now.
pub struct Session {
    /// Names the session, and with the same number its trace.
    pub id: SessionId,
    holder: Key,
    delegation: DelegationToken,
    token: SessionToken,
    token_ends: Timestamp,
}

impl Session {
    /// Begins a session under a delegation, with a key that never leaves this process.
    ///
    /// # Errors
    /// [`NoAuthority`] where no token can be made.
    pub fn begin(delegation: DelegationToken, now: Timestamp) -> Result<Self, NoAuthority> {
        let id = clock::new_id()?;
        let holder = Arc::new(HolderKey::from_entropy(clock::random()?));
        let (token, token_ends) = narrow(&delegation, id, &holder, now)?;
        Ok(Self {
            id,
            holder,
            delegation,
            token,
            token_ends,
        })
    }

    /// Takes up a session that was begun elsewhere.
    pub(crate) fn taken_up(
        id: SessionId,
        holder: HolderKey,
        delegation: DelegationToken,
        token: SessionToken,
        token_ends: Timestamp,
    ) -> Self {
        Self {
            id,
            holder: Arc::new(holder),
            delegation,
            token,
            token_ends,
        }
    }

    pub(crate) const fn delegation(&self) -> &DelegationToken {
        &self.delegation
    }

    pub(crate) const fn token_ends(&self) -> Timestamp {
        self.token_ends
    }

    /// Begins a session now, under what was lent to whom the lender names.
    ///
    /// # Errors
    /// [`NoAuthority`] where nothing was lent, or no token can be made.
    pub fn open_now(lender: &Lender) -> Result<Self, NoAuthority> {
        let now = clock::now();
        Self::begin(lender.choose("", now)?, now)
    }

    /// What the session acts under.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        self.delegation.grant()
    }

    /// The session's key.
    #[must_use]
    pub fn holder(&self) -> &HolderKey {
        &self.holder
    }

    pub(crate) fn key(&self) -> Key {
        Arc::clone(&self.holder)
    }

    /// The token that is good now.
    #[must_use]
    pub const fn token(&self) -> &SessionToken {
        &self.token
    }

    /// Makes the next token when this one is about to end; says whether it did.
    ///
    /// # Errors
    /// [`NoAuthority`] where no token can be made.
    pub fn renew(&mut self, now: Timestamp) -> Result<bool, NoAuthority> {
        // A token cannot outlive its delegation; near that end, renewing would gain nothing.
        let lasts = self.token_ends.since(now) > RENEW_BEFORE || self.token_ends >= self.grant().expires_at;
        if lasts {
            return Ok(false);
        }
        (self.token, self.token_ends) = narrow(&self.delegation, self.id, &self.holder, now)?;
        Ok(true)
    }
}

fn narrow(
    delegation: &DelegationToken,
    session: SessionId,
    holder: &HolderKey,
    now: Timestamp,
) -> Result<(SessionToken, Timestamp), NoAuthority> {
    let grant = delegation.grant();
    let expires_at = now.saturating_add(MAX_SESSION_TTL).min(grant.expires_at);
    let verbs = grant.verbs.clone();
    let token = delegation.attenuate(
        &Narrowing {
            session,
            holder: holder.public(),
            verbs,
            expires_at,
        },
        clock::random()?,
    )?;
    Ok((token, expires_at))
}
