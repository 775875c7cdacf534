//! Who is a member: one rule, for the hub's state and for whoever verifies an export.

use delegation::Keyring;
use identity::Member;
use trace_store::Entry;
use vocabulary::WorkspaceId;

use crate::records::MemberAdded;

/// Where in a workspace's chain its founder stands: right after the entry that creates it.
const FOUNDER_SEQ: u64 = 1;

/// The number by which tokens name the founder's key.
pub(crate) const FOUNDER_KEY: u32 = 0;

/// Takes up the member that an entry adds, and the key under which the member lends.
///
/// Whoever can write the store can add a registration that a key of their own signs. So only the founder, whom the
/// workspace began with, needs nobody else's word.
///
/// # Errors
/// Why nobody was added.
pub(crate) fn add(
    keyring: &mut Keyring,
    workspace: WorkspaceId,
    entry: &Entry,
    added: &MemberAdded,
) -> Result<Member, String> {
    if entry.seq != FOUNDER_SEQ || added.root_key_id != FOUNDER_KEY {
        return Err("it adds a member beside the founder, whom nobody let in".to_owned());
    }
    let member = added
        .registration
        .verify(workspace)
        .map_err(|error| error.to_string())?;
    keyring
        .insert(FOUNDER_KEY, member.id, member.delegation_key.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(member)
}
