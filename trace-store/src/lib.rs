//! Canonical entries in hash chains, one Merkle ledger over them, and the store that keeps both.
