use proptest::prelude::*;

use super::{proof::verify_leaf, *};

fn leaf_of(data: &[u8]) -> TreeHash {
    TreeHash::from_bytes(Sha256::new_with_prefix([0]).chain_update(data).finalize().into())
}

fn hashes(texts: &[&str]) -> Vec<TreeHash> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// MTH of RFC 6962 section 2.1, as it is written there.
fn naive(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node(&naive(left), &naive(right))
        }
    }
}

fn made<T>(leaves: &[TreeHash], proof: impl FnOnce(&mut proof::Nodes<'_, ()>) -> Result<T, ()>) -> T {
    let mut nodes = |level: u32, index: u64| {
        let (start, end) = (index << level, (index + 1) << level);
        Ok(naive(&leaves[start as usize..end as usize]))
    };
    proof(&mut nodes).unwrap()
}

/// The leaves and roots of the Certificate Transparency reference implementation's `merkle_tree_test`.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn ct_leaves() -> Vec<TreeHash> {
    LEAVES
        .iter()
        .map(|data| leaf_of(&hex::decode(data).unwrap()))
        .collect()
}

#[test]
fn roots_are_those_of_the_certificate_transparency_vectors() {
    let mut peaks = Peaks::default();
    assert_eq!(
        peaks.root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (leaf, root) in ct_leaves().into_iter().zip(ROOTS) {
        peaks.push_perfect(0, leaf);
        assert_eq!(peaks.root().to_string(), root);
    }
}

#[test]
fn proofs_are_those_of_the_certificate_transparency_vectors() {
    let leaves = ct_leaves();
    let first_of_eight = hashes(&[
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    assert_eq!(made(&leaves, |nodes| inclusion(0, 8, nodes)), first_of_eight);
    assert_eq!(made(&leaves, |nodes| consistency(1, 8, nodes)), first_of_eight);
    let six_to_eight = hashes(&[
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
    assert_eq!(made(&leaves, |nodes| consistency(6, 8, nodes)), six_to_eight);
    let (old, new) = (ROOTS[5].parse().unwrap(), ROOTS[7].parse().unwrap());
    assert_eq!(verify_consistency(6, &old, 8, &new, &six_to_eight), Ok(()));
}

fn tree() -> impl Strategy<Value = Vec<EntryHash>> {
    proptest::collection::vec(any::<[u8; 32]>().prop_map(EntryHash::from_bytes), 1..70)
}

proptest! {
    #[test]
    fn a_growing_tree_has_the_roots_of_the_naive_recursion(entries in tree()) {
        let leaves: Vec<_> = entries.iter().map(leaf).collect();
        let mut peaks = Peaks::default();
        for (size, entry) in (1..).zip(&entries) {
            peaks.push(entry);
            prop_assert_eq!(peaks.root(), naive(&leaves[..size]));
        }
    }

    #[test]
    fn an_inclusion_proof_proves_its_entry_and_no_other(entries in tree(), at: prop::sample::Index, flip in 0_usize..256) {
        let leaves: Vec<_> = entries.iter().map(leaf).collect();
        let (index, size) = (at.index(entries.len()), entries.len() as u64);
        let root = naive(&leaves);
        let proof = made(&leaves, |nodes| inclusion(index as u64, size, nodes));
        prop_assert_eq!(verify_inclusion(&entries[index], index as u64, size, &proof, &root), Ok(()));
        let mut other = *entries[index].as_bytes();
        other[flip / 8] ^= 1 << (flip % 8);
        prop_assert!(verify_inclusion(&EntryHash::from_bytes(other), index as u64, size, &proof, &root).is_err());
        for wrong in (0..=size).filter(|&wrong| wrong != index as u64) {
            prop_assert!(verify_leaf(leaves[index], wrong, size, &proof, &root).is_err());
        }
        for (place, _) in proof.iter().enumerate() {
            let mut shorter = proof.clone();
            shorter.remove(place);
            prop_assert!(verify_inclusion(&entries[index], index as u64, size, &shorter, &root).is_err());
        }
    }

    #[test]
    fn a_consistency_proof_proves_its_two_trees_and_no_others(entries in tree(), at: prop::sample::Index, flip in 0_usize..256) {
        let leaves: Vec<_> = entries.iter().map(leaf).collect();
        let (old, new) = (at.index(entries.len()) + 1, entries.len());
        let (old_root, new_root) = (naive(&leaves[..old]), naive(&leaves));
        let proof = made(&leaves, |nodes| consistency(old as u64, new as u64, nodes));
        prop_assert_eq!(verify_consistency(old as u64, &old_root, new as u64, &new_root, &proof), Ok(()));
        let mut other = *old_root.as_bytes();
        other[flip / 8] ^= 1 << (flip % 8);
        let other = TreeHash::from_bytes(other);
        prop_assert!(verify_consistency(old as u64, &other, new as u64, &new_root, &proof).is_err());
        prop_assert!(verify_consistency(old as u64, &old_root, new as u64, &other, &proof).is_err());
    }
}
