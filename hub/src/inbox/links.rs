//! The links that lead a human to what was proposed.
//!
//! A link holds 128 bits that only this hub can make, a keyed hash of the work item's identifier, and that identifier. So it needs no
//! store of its own, nothing is searched for it, and it outlives the hub's process. It shows where to look and is worth nothing else.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq as _;
use time::Duration;
use vocabulary::WorkItemId;
use zeroize::Zeroizing;

/// How long a link leads straight to the decision.
pub(super) const LINK_TTL: Duration = Duration::minutes(15);

/// The digits of the keyed hash.
const SEAL_DIGITS: usize = 32;

const CONTEXT: &str = "auditotter 2026 inbox link v1";

/// What makes links. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LinkKey(Arc<Zeroizing<[u8; 32]>>);

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

impl LinkKey {
    /// The key that belongs to the hub's own.
    pub(crate) fn derive(hub_seed: &[u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(blake3::derive_key(CONTEXT, hub_seed))))
    }

    /// The nonce of the one link to this work item.
    pub(crate) fn nonce(&self, id: WorkItemId) -> String {
        let hash = blake3::keyed_hash(&self.0, &id.to_bytes());
        let text = id.to_string();
        let (_, bare) = text.split_once('_').unwrap_or_default();
        format!("{}{bare}", hex::encode(&hash.as_bytes()[..SEAL_DIGITS / 2]))
    }

    /// The work item to which a link with this nonce leads.
    pub(super) fn item(&self, nonce: &str) -> Option<WorkItemId> {
        let (_, bare) = nonce.split_at_checked(SEAL_DIGITS)?;
        let id = format!("wi_{bare}").parse().ok()?;
        bool::from(self.nonce(id).as_bytes().ct_eq(nonce.as_bytes())).then_some(id)
    }

    /// The link to a work item, in the inbox at this address.
    pub(crate) fn url(&self, inbox: &str, id: WorkItemId) -> String {
        format!("{inbox}/d/{}", self.nonce(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_same_after_a_restart_and_nobody_elses() {
        let id = WorkItemId::new(1, [1; 10]);
        let link = LinkKey::derive(&[7; 32]).url("http://localhost:1", id);
        assert_eq!(link, LinkKey::derive(&[7; 32]).url("http://localhost:1", id));
        let nonce = link.strip_prefix("http://localhost:1/d/").unwrap();
        let own = LinkKey::derive(&[7; 32]);
        assert_eq!(own.item(nonce), Some(id));
        for other in [&nonce[1..], &format!("0{}", &nonce[1..]), &nonce[..32], "", "é"] {
            assert!(own.item(other).is_none() || other == nonce, "{other}");
        }
        assert_ne!(nonce, LinkKey::derive(&[8; 32]).nonce(id));
        assert_ne!(
            nonce,
            LinkKey::derive(&[7; 32]).nonce(WorkItemId::new(1, [2; 10]))
        );
        assert_eq!(format!("{:?}", LinkKey::derive(&[7; 32])), "LinkKey(..)");
    }
}
