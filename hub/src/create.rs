//! Creating a workspace: its home, its keys, and the first entries of its ledger.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use identity::SignedRegistration;
use protocol::home::Home;
use trace_store::{ChainId, CommitError, Ledger, LedgerError, OpenError, Refs};
use vocabulary::{MemberId, WorkspaceId};
use zeroize::Zeroizing;

use crate::{
    clock,
    kind::EntryKind,
    membership, private,
    record::{self, By},
    records::{MemberAdded, WorkspaceCreated},
    serve::store_config,
    settings::{HubKey, Settings, SettingsError},
    workspace::Workspace,
};

/// What a new workspace begins with.
#[derive(Debug)]
pub struct Founding {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// The first member, signed by the member's own key.
    pub registration: SignedRegistration,
    /// The first member's identifier.
    pub member: MemberId,
    /// The member's seed, encrypted under the member's passphrase.
    pub sealed_seed: Vec<u8>,
    /// Where its hub is to listen for browsers, if anywhere.
    pub listen: Option<SocketAddr>,
}

/// Why a workspace was not created. Whatever was made until then is gone again.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is one already.
    #[error("there is a workspace in {0} already; use it, or name another home with --home DIR")]
    Exists(PathBuf),
    /// There are parts of one.
    #[error(
        "{0} is there already, but no workspace.json beside it; restore that from a backup, or name another home with --home DIR"
    )]
    Leftover(PathBuf),
    /// The home cannot be used.
    #[error("{path} cannot be written: {source}; check that the folder is yours and the disk has room")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it cannot be written.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The ledger cannot be begun.
    #[error("the ledger cannot be begun: {0}")]
    Open(#[from] OpenError),
    /// Its first entries cannot be written.
    #[error("the ledger's first entries cannot be written: {0}")]
    Commit(#[from] CommitError),
    /// It was begun and could not be ended well.
    #[error("the ledger's first entries are not safe: {0}")]
    Close(#[from] LedgerError),
    /// Its first entries were refused.
    #[error("the ledger's first entries were refused: {0}")]
    Refused(String),
    /// The system has no randomness.
    #[error("the system gives no randomness: {0}")]
    Entropy(#[from] getrandom::Error),
}

/// Creates a workspace in a home that has none.
///
/// # Errors
/// [`CreateError`]; nothing of the attempt stays behind.
pub fn workspace(home: &Home, founding: Founding) -> Result<(), CreateError> {
    if home.workspace_file().exists() {
        return Err(CreateError::Exists(home.path().to_owned()));
    }
    // Parts of a workspace are somebody's keys and history; creating must not touch, let alone clean them up.
    if let Some(part) = [home.keys(), home.hub_key(), home.store()]
        .into_iter()
        .find(|part| part.exists())
    {
        return Err(CreateError::Leftover(part));
    }
    let failed = |path: PathBuf| move |source| CreateError::Io { path, source };
    let made_home = !home.path().exists();
    private_folder(home.path()).map_err(failed(home.path().to_owned()))?;
    let created = fill(home, founding);
    if created.is_err() {
        let _ = fs::remove_file(home.workspace_file());
        let _ = fs::remove_file(home.hub_key());
        let _ = fs::remove_dir_all(home.keys());
        let _ = fs::remove_dir_all(home.store());
        if made_home {
            let _ = fs::remove_dir_all(home.path());
        }
    }
    created
}

fn fill(home: &Home, founding: Founding) -> Result<(), CreateError> {
    let failed = |path: PathBuf| move |source| CreateError::Io { path, source };
    for folder in [home.keys(), home.delegations()] {
        private_folder(&folder).map_err(failed(folder))?;
    }
    let key_file = home.keys().join(format!("{}.age", founding.member));
    private::write(&key_file, &founding.sealed_seed).map_err(failed(key_file))?;
    let seed = Zeroizing::new(clock::random()?);
    let hub_key = HubKey::create(home, founding.workspace, &seed)?;

    let id = founding.workspace;
    let ledger = Ledger::open(&home.store(), store_config(id), move |store| {
        Workspace::fold(id, store)
    })?;
    let hub_key = hex::encode(hub_key.signer().verifier().public_key());
    let written = ledger.call(move |workspace, draft| {
        let by = By {
            on_behalf_of: Some(founding.member),
            ..By::default()
        };
        let chain = ChainId::Workspace(workspace.id);
        let created = WorkspaceCreated {
            workspace: id,
            hub_key,
        };
        record::append(
            draft,
            chain,
            EntryKind::WorkspaceCreated,
            by,
            Refs::new(),
            &created,
        )?;
        let added = MemberAdded {
            registration: founding.registration,
            root_key_id: membership::FOUNDER_KEY,
            granted: None,
        };
        record::append(draft, chain, EntryKind::MemberAdded, by, Refs::new(), &added)
    })?;
    written.map_err(|error| CreateError::Refused(error.to_string()))?;
    ledger.close()?;
    // Written last: its presence says that all the rest is there.
    Ok(Settings::new(founding.workspace, founding.listen).write(home)?)
}

/// Makes a folder its owner's alone, also where it was there before.
fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}
