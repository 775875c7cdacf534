//! Keeping what happened on disk while no hub can be reached.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
};

use protocol::{
    Observation, Via,
    home::Home,
    spool::{SpoolFile, Spooled},
};
use vocabulary::RequestId;

use crate::{clock, session::Session};

/// Writes an observation to the home's spool, signed by the session's key. The file appears whole or not at
/// all, and its name sorts by when it happened, to the microsecond, so that the hub takes records in order.
pub(crate) fn keep(
    home: &Home,
    session: &Session,
    id: RequestId,
    via: &Via,
    observation: &Observation,
) -> io::Result<()> {
    let spooled = Spooled {
        id,
        claimed_at: clock::now(),
        via: via.clone(),
        observation: observation.clone(),
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
