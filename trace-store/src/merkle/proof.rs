//! Inclusion and consistency proofs: made as RFC 6962 section 2.1 defines them, verified as RFC 9162
//! sections 2.1.3.2 and 2.1.4.2 describe.

use super::{empty_root, leaf, node};
use crate::{EntryHash, TreeHash};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The position is not within the tree, or the older tree is larger than the newer.
    #[error("{inner} is not within a tree of {size} entries")]
    Range {
        /// The position, or the older size.
        inner: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof has too many or too few hashes for its place.
    #[error("the proof has {0} hashes, which is not what its place in the tree needs")]
    Length(usize),
    /// The hashes lead to another root.
    #[error("the proof leads to the root {found} and not to {expected}")]
    Root {
        /// The root that was to be reached.
        expected: TreeHash,
        /// The root that was reached.
        found: TreeHash,
    },
}

/// Verifies that an entry is the one at `index` of the tree with this size and root.
///
/// # Errors
/// [`ProofError`] when it is not, or the proof does not show it.
pub fn verify_inclusion(
    entry: &EntryHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: &TreeHash,
) -> Result<(), ProofError> {
    verify_leaf(leaf(entry), index, size, proof, root)
}

pub(super) fn verify_leaf(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: &TreeHash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range { inner: index, size });
    }
    let (mut this, mut last) = (index, size - 1);
    let mut reached = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if this & 1 == 1 || this == last {
            reached = node(sibling, &reached);
            while this & 1 == 0 && this != 0 {
                (this, last) = (this >> 1, last >> 1);
            }
        } else {
            reached = node(&reached, sibling);
        }
        (this, last) = (this >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    expect(root, reached)
}

/// Verifies that the tree of `new_size` begins with all entries of the tree of `old_size`.
///
/// # Errors
/// [`ProofError`] when it does not, or the proof does not show it.
pub fn verify_consistency(
    old_size: u64,
    old_root: &TreeHash,
    new_size: u64,
    new_root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Range {
            inner: old_size,
            size: new_size,
        });
    }
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(ProofError::Length(proof.len()));
        }
        let expected = if old_size == 0 { empty_root() } else { *new_root };
        return expect(old_root, expected);
    }
    // A perfect older tree is itself the first node of the path.
    let (first, rest) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofError::Length(0))?;
        (*first, rest)
    };
    let (mut this, mut last) = (old_size - 1, new_size - 1);
    while this & 1 == 1 {
        (this, last) = (this >> 1, last >> 1);
    }
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if this & 1 == 1 || this == last {
            old = node(sibling, &old);
            new = node(sibling, &new);
            while this & 1 == 0 && this != 0 {
                (this, last) = (this >> 1, last >> 1);
            }
        } else {
            new = node(&new, sibling);
        }
        (this, last) = (this >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    expect(old_root, old)?;
    expect(new_root, new)
}

fn expect(expected: &TreeHash, found: TreeHash) -> Result<(), ProofError> {
    if *expected == found {
        Ok(())
    } else {
        Err(ProofError::Root {
            expected: *expected,
            found,
        })
    }
}

/// Gives the root of the perfect subtree with `2^level` leaves that starts at leaf `index * 2^level`.
pub(crate) type Nodes<'a, E> = dyn FnMut(u32, u64) -> Result<TreeHash, E> + 'a;

/// MTH(D[start:end]) of RFC 6962; `start` must be a multiple of the largest power of two within.
pub(crate) fn subtree<E>(start: u64, end: u64, nodes: &mut Nodes<'_, E>) -> Result<TreeHash, E> {
    let size = end.saturating_sub(start);
    if size == 0 {
        return Ok(empty_root());
    }
    if size.is_power_of_two() {
        return nodes(size.trailing_zeros(), start / size);
    }
    let split = start + largest_power_below(size);
    Ok(node(&subtree(start, split, nodes)?, &subtree(split, end, nodes)?))
}

/// PATH(index, D[0:size]) of RFC 6962, leaf's sibling first.
pub(crate) fn inclusion<E>(index: u64, size: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<TreeHash>, E> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let split = start + largest_power_below(end - start);
        if index < split {
            path.push(subtree(split, end, nodes)?);
            end = split;
        } else {
            path.push(subtree(start, split, nodes)?);
            start = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// PROOF(old, D[0:new]) of RFC 6962; empty for an empty or equal older tree.
pub(crate) fn consistency<E>(old: u64, new: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<TreeHash>, E> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new);
    // SUBPROOF: while the older tree ends inside this one, go down to where it ends.
    while old < end {
        let split = start + largest_power_below(end - start);
        if old <= split {
            path.push(subtree(split, end, nodes)?);
            end = split;
        } else {
            path.push(subtree(start, split, nodes)?);
            start = split;
        }
    }
    if start > 0 {
        path.push(subtree(start, end, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two smaller than `size`, which is at least 2.
const fn largest_power_below(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}
