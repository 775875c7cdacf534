//! Keeping what happened on disk while no hub can be reached.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
};

use protocol::{
    ClientEvent, Observation, Via,
    home::Home,
    spool::{Happened, SpoolFile, SpoolKey, Spooled},
};
use vocabulary::RequestId;

use crate::{clock, session::Session};

/// Keeps what was seen. The file appears whole or not at all, and its name sorts by when it happened, to the microsecond,
/// so that the hub takes records in order.
pub(crate) fn keep(
    home: &Home,
    session: &Session,
    id: RequestId,
    via: &Via,
    observation: &Observation,
) -> io::Result<()> {
    write(home, session, id, via, Happened::Observed(observation.clone()))
}

/// Keeps what a client's hook told, which nobody but the hub is to read.
pub(crate) fn keep_event(
    home: &Home,
    session: &Session,
    id: RequestId,
    via: &Via,
    told: &ClientEvent,
) -> io::Result<()> {
    let key = fs::read_to_string(home.spool_key())?;
    let key = SpoolKey::parse(&key).ok_or(io::ErrorKind::InvalidData)?;
    let what = Happened::Told {
        client: told.client,
        sealed: key.seal(told.event.get().as_bytes())?,
    };
    write(home, session, id, via, what)
}

/// Signs a record with the session's key and writes it.
fn write(home: &Home, session: &Session, id: RequestId, via: &Via, what: Happened) -> io::Result<()> {
    let spooled = Spooled {
        id,
        claimed_at: clock::now(),
        via: via.clone(),
        what,
    };
    let record = serde_json::to_string(&spooled)?;
    let proof = session
        .holder()
        .sign_request(session.id, id, blake3::hash(record.as_bytes()).as_bytes());
    let file = SpoolFile {
        token: session.token().as_str().to_owned(),
        record,
        proof: proof.to_string(),
    };
    let folder = home.spool();
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // An identifier's own time is coarser than what one client does in a row.
    let name = format!("{:020}-{id}", spooled.claimed_at.unix_micros());
    let unfinished = folder.join(format!("{name}.part"));
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    out.write_all(&serde_json::to_vec(&file)?)?;
    out.sync_data()?;
    fs::rename(&unfinished, folder.join(format!("{name}.json")))?;
    File::open(&folder)?.sync_all()
}
