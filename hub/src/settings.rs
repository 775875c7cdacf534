//! What a home says of its workspace without the store: its identity, and the key that signs checkpoints.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use protocol::{home::Home, spool::SpoolSecret};
use serde::{Deserialize, Serialize};
use trace_store::CheckpointSigner;
use vocabulary::WorkspaceId;
use zeroize::Zeroizing;

use crate::{
    aftermath::OwedKey,
    clearing::Clearing,
    http::{Listen, PublicUrl},
    inbox::LinkKey,
    private,
};

/// The version of `workspace.json` that this build writes.
const VERSION: u32 = 1;

/// Where the inbox will be found when nothing else was said.
const DEFAULT_INBOX: &str = "http://localhost:7687";

/// `workspace.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Version of this file.
    pub version: u32,
    /// Which workspace lives here.
    pub workspace: WorkspaceId,
    /// The address under which people reach the inbox, without a trailing slash.
    pub inbox: String,
    /// Where the hub listens for browsers and for agents elsewhere, as `127.0.0.1:7687`; nowhere where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Why a home's settings or hub key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No workspace here.
    #[error("there is no workspace in {0}; create one with: auditotter init --name NAME --email EMAIL")]
    NoWorkspace(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{path} is damaged: {problem}; restore it from a backup of the home")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of a later version.
    #[error(
        "{path} is of version {found}, this auditotter knows version {VERSION}; install the newer auditotter"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Settings {
    /// Settings of a new workspace.
    #[must_use]
    pub fn new(workspace: WorkspaceId, listen: Option<SocketAddr>) -> Self {
        Self {
            version: VERSION,
            workspace,
            inbox: listen.map_or_else(
                || DEFAULT_INBOX.to_owned(),
                |address| format!("http://localhost:{}", address.port()),
            ),
            listen,
        }
    }

    /// Where the hub is to listen, if anywhere.
    ///
    /// # Errors
    /// [`SettingsError::Damaged`] where the inbox has no address that a hub can have.
    pub fn listening(&self, home: &Home) -> Result<Option<Listen>, SettingsError> {
        let Some(address) = self.listen else {
            return Ok(None);
        };
        let url: PublicUrl = self.inbox.parse().map_err(|error| SettingsError::Damaged {
            path: home.workspace_file(),
            problem: format!("`inbox` is no address: {error}"),
        })?;
        Ok(Some(Listen {
            address,
            // The name by which it is known on its own machine is not one that others know.
            public_url: (!url.is_own_machine()).then_some(url),
            tls: None,
        }))
    }

    /// Reads a home's settings.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(home: &Home) -> Result<Self, SettingsError> {
        let path = home.workspace_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SettingsError::NoWorkspace(home.path().to_owned()));
            }
            Err(source) => return Err(SettingsError::Io { path, source }),
        };
        let damaged = |error: serde_json::Error| SettingsError::Damaged {
            path: path.clone(),
            problem: error.to_string(),
        };
        let raw: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        if let Some(found) = raw.get("version").and_then(serde_json::Value::as_u64)
            && found > u64::from(VERSION)
        {
            return Err(SettingsError::Newer {
                path,
                found: u32::try_from(found).unwrap_or(u32::MAX),
            });
        }
        serde_json::from_value(raw).map_err(damaged)
    }

    /// Writes them, whole or not at all.
    ///
    /// # Errors
    /// [`SettingsError::Io`].
    pub fn write(&self, home: &Home) -> Result<(), SettingsError> {
        let path = home.workspace_file();
        let text = serde_json::to_vec_pretty(self).map_err(|error| SettingsError::Damaged {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        private::write(&path, &text).map_err(|source| SettingsError::Io { path, source })
    }
}

/// The hub's own key. It signs checkpoints, and the links of the inbox are made of it: it stands for "this hub said so",
/// never for a human.
#[derive(Debug)]
pub struct HubKey {
    signer: CheckpointSigner,
    links: LinkKey,
    clearing: Arc<Clearing>,
    spool: Arc<SpoolSecret>,
    owed: Arc<OwedKey>,
}

impl HubKey {
    /// A key from 32 random bytes, written to the home.
    ///
    /// # Errors
    /// [`SettingsError::Io`].
    pub fn create(
        home: &Home,
        workspace: WorkspaceId,
        seed: &Zeroizing<[u8; 32]>,
    ) -> Result<Self, SettingsError> {
        let path = home.hub_key();
        let text = Zeroizing::new(hex::encode(seed.as_slice()));
        private::write(&path, text.as_bytes()).map_err(|source| SettingsError::Io { path, source })?;
        Ok(Self::from_seed(workspace, seed))
    }

    /// Reads a home's key.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(home: &Home, workspace: WorkspaceId) -> Result<Self, SettingsError> {
        let path = home.hub_key();
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(|source| SettingsError::Io {
            path: path.clone(),
            source,
        })?);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut_slice()).map_err(|_| SettingsError::Damaged {
            path,
            problem: "it does not hold 64 hexadecimal digits".to_owned(),
        })?;
        Ok(Self::from_seed(workspace, &seed))
    }

    /// What signs.
    #[must_use]
    pub const fn signer(&self) -> &CheckpointSigner {
        &self.signer
    }

    /// What makes the inbox's links.
    pub(crate) const fn links(&self) -> &LinkKey {
        &self.links
    }

    /// What clears of secrets what is written.
    pub(crate) const fn clearing(&self) -> &Arc<Clearing> {
        &self.clearing
    }

    /// What opens sealed events.
    pub(crate) const fn spool(&self) -> &Arc<SpoolSecret> {
        &self.spool
    }

    /// What stands behind the notes of what is owed to sessions.
    pub(crate) const fn owed(&self) -> &Arc<OwedKey> {
        &self.owed
    }

    fn from_seed(workspace: WorkspaceId, seed: &Zeroizing<[u8; 32]>) -> Self {
        Self {
            signer: CheckpointSigner::from_seed(workspace, seed),
            links: LinkKey::derive(seed),
            clearing: Arc::new(Clearing::derive(seed)),
            spool: Arc::new(SpoolSecret::derive(seed)),
            owed: Arc::new(OwedKey::derive(seed)),
        }
    }
}
