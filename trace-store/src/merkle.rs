//! The Merkle tree over all entries in global order: RFC 6962 section 2.1 hashing with SHA-256, a leaf's
//! data being the 32 bytes of an entry's hash.

mod proof;

use sha2::{Digest, Sha256};

pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub(crate) use proof::{consistency, inclusion, subtree};

use crate::{EntryHash, TreeHash};

/// The hash of the leaf for an entry.
#[must_use]
pub fn leaf(entry: &EntryHash) -> TreeHash {
    TreeHash::from_bytes(
        Sha256::new_with_prefix([0])
            .chain_update(entry.as_bytes())
            .finalize()
            .into(),
    )
}

/// The hash of the node above two others.
#[must_use]
pub fn node(left: &TreeHash, right: &TreeHash) -> TreeHash {
    TreeHash::from_bytes(
        Sha256::new_with_prefix([1])
            .chain_update(left.as_bytes())
            .chain_update(right.as_bytes())
            .finalize()
            .into(),
    )
}

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> TreeHash {
    TreeHash::from_bytes(Sha256::new().finalize().into())
}

/// A growing tree, kept as the roots of its perfect subtrees: one for each bit set in its size, largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Peaks {
    /// The tree of this size with these perfect subtrees, if there is one for each bit of the size.
    pub(crate) fn from_parts(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        (u64::from(size.count_ones()) == peaks.len() as u64).then_some(Self { size, peaks })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, largest first.
    pub(crate) fn as_slice(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Adds a leaf on the right.
    pub fn push(&mut self, entry: &EntryHash) {
        self.push_perfect(0, leaf(entry));
    }

    /// Adds a perfect subtree of `2^level` leaves on the right of a tree whose size is a multiple of that.
    pub(crate) fn push_perfect(&mut self, level: u32, root: TreeHash) {
        let mut top = root;
        // Each trailing one bit is a subtree as high as what is being added.
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                top = node(&left, &top);
            }
        }
        self.peaks.push(top);
        self.size += 1 << level;
    }

    /// The root of the tree as it stands.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut from_right = self.peaks.iter().rev();
        let Some(&last) = from_right.next() else {
            return empty_root();
        };
        from_right.fold(last, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests;
