//! What says that a note is this home's.

use std::fmt;

use zeroize::Zeroizing;

/// What the key of the notes is derived for.
const KEY_CONTEXT: &str = "auditotter 2026 owed looks key v1";

/// What says that a note is this home's.
pub(crate) struct OwedKey(Zeroizing<[u8; 32]>);

impl OwedKey {
    /// Follows from the hub's own.
    pub(crate) fn derive(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(KEY_CONTEXT, seed)))
    }

    /// These bytes, behind what says so of them.
    pub(super) fn seal(&self, text: &[u8]) -> Vec<u8> {
        let shown = self.over(text).to_hex();
        [shown.as_bytes(), b"\n", text].concat()
    }

    /// The bytes that stand behind what says so of them. Compared in constant time.
    pub(super) fn opens<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (shown, text) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        let shown = blake3::Hash::from_hex(shown).ok()?;
        (self.over(text) == shown).then_some(text)
    }

    fn over(&self, text: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, text)
    }
}

impl fmt::Debug for OwedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwedKey(..)")
    }
}
