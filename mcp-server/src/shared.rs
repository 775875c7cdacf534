//! A session that several processes act in: the client's hooks, each a process of its own, and its MCP server. Who comes first begins
//! it and leaves it in the home, readable by its owner only, as the delegations beside it are, one of which it holds. What may be done in it is no more than
//! that lends.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use delegation::{DelegationToken, HolderKey, SessionToken};
use protocol::home::Home;
use serde::{Deserialize, Serialize};
use vocabulary::{Client, SessionId, Timestamp};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    clock,
    session::{Lender, NoAuthority, Session},
};

/// Names files by what clients call their sessions, which is not always fit for a file's name.
const NAME_CONTEXT: &str = "auditotter 2026 name of a client's session v1";

/// For how long a client's session that pauses is kept.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The largest file that is taken for a session.
const MOST_BYTES: u64 = 32 * 1024;

/// What a client calls its session, as the home names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedName(String);

/// What lies in the home of such a session.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Kept {
    session: String,
    key: String,
    delegation: String,
    token: String,
    #[zeroize(skip)]
    token_ends: Timestamp,
}

impl SharedName {
    /// The name of a client's session.
    #[must_use]
    pub(crate) fn of(client: Client, session: &str) -> Self {
        Self::named(&[client.as_str(), session])
    }

    /// The name under which the use of a tool is announced.
    fn of_call(call: &str) -> Self {
        Self::named(&["call", call])
    }

    fn named(parts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(NAME_CONTEXT);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finalize().to_hex().to_string())
    }

    fn file(&self, home: &Home) -> PathBuf {
        home.sessions().join(format!("{}.json", self.0))
    }
}

/// The session of that name, where there is one.
///
/// # Errors
/// Where what lies there cannot be read, or is none.
pub(crate) fn find(home: &Home, name: &SharedName) -> io::Result<Option<Session>> {
    let path = name.file(home);
    let size = match fs::symlink_metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if size > MOST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = match fs::read(&path) {
        Ok(text) => text,
        // Another process ended it in this moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let kept = serde_json::from_slice(&text).map_err(io::Error::from);
    text.zeroize();
    taken_up(&kept?)
        .map(Some)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn taken_up(kept: &Kept) -> Option<Session> {
    let id: SessionId = kept.session.parse().ok()?;
    let mut secret = [0; 32];
    hex::decode_to_slice(&kept.key, &mut secret).ok()?;
    let key = HolderKey::from_entropy(secret);
    secret.zeroize();
    let delegation = DelegationToken::parse_unverified(&kept.delegation).ok()?;
    let token = SessionToken::parse_unverified(&kept.token).ok()?;
    Some(Session::taken_up(id, key, delegation, token, kept.token_ends))
}

/// Whether something may take the place of what lies there.
#[derive(Debug, Clone, Copy)]
enum Placing {
    IfFree,
    InPlace,
}

/// The session of that name, or a new one under what is lent now. Its token is good for a while yet.
///
/// # Errors
/// [`NoAuthority`] where nothing is lent, or nothing can be kept.
pub(crate) fn find_or_begin(
    lender: &Lender,
    client: Client,
    name: &SharedName,
) -> Result<Session, NoAuthority> {
    let home = lender.home();
    let now = clock::now();
    let placing = match find(home, name) {
        Ok(Some(mut session)) => {
            if session.renew(now)? {
                // Where that fails, the next one makes another token.
                let _ = keep(home, name, &session, Placing::InPlace);
            }
            return Ok(session);
        }
        Ok(None) => Placing::IfFree,
        // What cannot be read is nobody's session; left there, each event would begin one of its own.
        Err(_) => Placing::InPlace,
    };
    let session = Session::begin(lender.choose(client.as_str(), now)?, now)?;
    sweep(home);
    match keep(home, name, &session, placing) {
        Ok(()) => Ok(session),
        // Two began at once: the first one's counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match find(home, name) {
            Ok(Some(first)) => Ok(first),
            _ => Ok(session),
        },
        Err(source) => Err(NoAuthority::NotKept {
            folder: home.sessions(),
            source,
        }),
    }
}

/// Puts a session where the client's other processes find it, whole or not at all.
fn keep(home: &Home, name: &SharedName, session: &Session, how: Placing) -> io::Result<()> {
    let kept = Kept {
        session: session.id.to_string(),
        key: hex::encode(session.holder().secret().as_slice()),
        delegation: session.delegation().expose().to_owned(),
        token: session.token().as_str().to_owned(),
        token_ends: session.token_ends(),
    };
    let mut text = serde_json::to_vec(&kept)?;
    let placed = place(home, &name.file(home), &text, how);
    text.zeroize();
    placed
}

/// Says in which session a tool is about to be used, for the process that will be asked for it.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn announce(home: &Home, call: &str, name: &SharedName) -> io::Result<()> {
    let file = SharedName::of_call(call).file(home);
    match place(home, &file, name.0.as_bytes(), Placing::IfFree) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// In which session the use of a tool was announced, if it was. It is answered once.
#[must_use]
pub(crate) fn announced(home: &Home, call: &str) -> Option<SharedName> {
    let file = SharedName::of_call(call).file(home);
    let text = fs::read_to_string(&file).ok()?;
    let _ = fs::remove_file(&file);
    let is_name = text.len() == blake3::OUT_LEN * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then_some(SharedName(text))
}

/// Removes what nobody has used for so long that nothing in it is good any more.
fn sweep(home: &Home) {
    let files = fs::read_dir(home.sessions())
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    for file in files {
        let untouched = file.metadata().and_then(|about| about.modified());
        if untouched.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > UNUSED)) {
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Lets go of a session: whoever comes next begins another. Of this one only: somebody may have begun the next already.
///
/// # Errors
/// Where it cannot be removed.
pub(crate) fn end(home: &Home, name: &SharedName, ended: SessionId) -> io::Result<()> {
    match find(home, name) {
        Ok(Some(session)) if session.id != ended => Ok(()),
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => match fs::remove_file(name.file(home)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

fn place(home: &Home, file: &Path, text: &[u8], how: Placing) -> io::Result<()> {
    let folder = home.sessions();
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let own: vocabulary::RequestId = clock::new_id().map_err(io::Error::other)?;
    let unfinished = folder.join(format!("{own}.part"));
    let written = (|| {
        let mut out: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        out.write_all(text)?;
        match how {
            Placing::IfFree => fs::hard_link(&unfinished, file),
            Placing::InPlace => fs::rename(&unfinished, file),
        }
    })();
    let _ = fs::remove_file(&unfinished);
    written
}
