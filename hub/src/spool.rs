//! Taking in what was spooled while no hub could be reached: in order, once, and only what proves itself.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::{
    home::Home,
    spool::{MAX_SPOOL_BYTES, SpoolFile, Spooled},
};
use trace_store::{Draft, Ledger};
use vocabulary::TraceId;

use crate::{
    dispatch::{Caller, Scribe},
    session::Session,
    workspace::Workspace,
};

/// The folder within the spool where what cannot be taken in is put aside for a human.
const REFUSED: &str = "refused";

/// Takes in everything that lies in a home's spool. A file is removed once its entry is durable; what does
/// not prove itself is put aside and named in the log, never dropped.
///
/// # Errors
/// Where the spool cannot be read at all.
pub(crate) fn take_in(home: &Home, ledger: &Ledger<Workspace>) -> io::Result<()> {
    let folder = home.spool();
    let mut files: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // Names begin with when it happened.
    files.sort();
    for path in files {
        match read(&path) {
            Ok(file) => match ledger.call(move |workspace, draft| accept(workspace, draft, &file)) {
                Ok(Ok(())) => fs::remove_file(&path)?,
                Ok(Err(why)) => put_aside(&path, &why)?,
                // Not durable: the file stays for the next start.
                Err(error) => return Err(io::Error::other(error)),
            },
            Err(why) => put_aside(&path, &why)?,
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<SpoolFile, String> {
    let size = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !size.is_file() || size.len() > MAX_SPOOL_BYTES {
        return Err(format!("it is no file of at most {MAX_SPOOL_BYTES} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn put_aside(path: &Path, why: &str) -> io::Result<()> {
    tracing::warn!(path = %path.display(), why, "a spooled record was refused and put aside");
    let Some((folder, name)) = path.parent().zip(path.file_name()) else {
        return Ok(());
    };
    let aside = folder.join(REFUSED);
    fs::create_dir_all(&aside)?;
    fs::rename(path, aside.join(name))
}

/// The same proofs as for a live request, but for time: the token has to have been good when the record says
/// that it happened, and the entry says that this time is a claim.
fn accept(workspace: &mut Workspace, draft: &mut Draft<'_>, file: &SpoolFile) -> Result<(), String> {
    let token = workspace
        .tokens
        .verify(&file.token, &workspace.keyring)
        .map_err(|denial| denial.to_string())?;
    let spooled: Spooled = serde_json::from_str(&file.record).map_err(|error| error.to_string())?;
    token
        .check_request(
            spooled.id,
            blake3::hash(file.record.as_bytes()).as_bytes(),
            &file.proof,
        )
        .map_err(|denial| denial.to_string())?;
    spooled.via.check().map_err(|error| error.to_string())?;
    if spooled.claimed_at > token.expires_at() {
        return Err("its token had ended when it happened".to_owned());
    }
    let trace = TraceId::from_uuid(token.session().uuid());
    let session = Session::recall(draft.store(), trace)
        .map_err(|error| error.to_string())?
        .ok_or("its session never reached a hub")?;
    if session.holder != *token.holder() || session.delegation != token.grant().id {
        return Err("it is signed by another holder than its session's".to_owned());
    }
    if session.answered(spooled.id).is_some() {
        return Ok(());
    }
    let caller = Caller {
        token: Arc::clone(&token),
        via: spooled.via,
        trace,
    };
    let mut scribe = Scribe {
        draft,
        caller: &caller,
        request: spooled.id,
    };
    let observed = scribe.observe(&spooled.observation, Some(spooled.claimed_at));
    // The state of the session, if it is in use, no longer matches its trace; it is recalled when needed.
    workspace.sessions.remove(&token.session());
    observed.map(drop).map_err(|error| error.to_string())
}
