//! Checkpoints: the ledger's size and root, signed as a C2SP `tlog-checkpoint`
//! (<https://c2sp.org/tlog-checkpoint>) within a signed note (<https://c2sp.org/signed-note>).

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use vocabulary::WorkspaceId;

use crate::TreeHash;

/// The signature type of plain Ed25519 over the note's text.
const ED25519: u8 = 0x01;
/// Longest accepted note, in bytes: room for sixteen post-quantum cosignatures.
const MAX_NOTE_BYTES: usize = 128 << 10;

/// What a checkpoint says: this ledger had this many entries, and this root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// `auditotter/ws_...`.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The Merkle root over them.
    pub root: TreeHash,
}

/// Why a note is no checkpoint of this ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Longer than any checkpoint with sixteen cosignatures.
    #[error("the checkpoint is longer than {MAX_NOTE_BYTES} bytes")]
    TooLong,
    /// Not a text, a blank line and signature lines.
    #[error("the checkpoint is not a signed note: {0}")]
    Note(&'static str),
    /// The text is not origin, size and root.
    #[error("the checkpoint's text is not origin, size and root: {0}")]
    Text(&'static str),
    /// It is a checkpoint of another log.
    #[error("the checkpoint is of another ledger")]
    Origin,
    /// No signature of the expected key is on it.
    #[error("the checkpoint carries no signature by the hub's key")]
    Unsigned,
    /// A signature that names the expected key is not by it.
    #[error("the checkpoint's signature does not verify")]
    Signature,
}

impl Checkpoint {
    /// The name under which a workspace's ledger signs.
    #[must_use]
    pub fn origin(workspace: WorkspaceId) -> String {
        format!("auditotter/{workspace}")
    }

    /// The note's text.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.as_bytes())
        )
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = |what| {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(CheckpointError::Text(what))
        };
        let (origin, size, root) = (line("no origin")?, line("no size")?, line("no root")?);
        let size_value: u64 = size.parse().map_err(|_| CheckpointError::Text("no size"))?;
        if size_value.to_string() != size {
            return Err(CheckpointError::Text("a size in another form"));
        }
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(TreeHash::from_bytes)
            .ok_or(CheckpointError::Text("no root"))?;
        // Further lines are extensions, which the specification allows and asks to ignore.
        Ok(Self {
            origin: origin.to_owned(),
            size: size_value,
            root,
        })
    }
}

/// The hub's key, which signs checkpoints. Wiped from memory when dropped.
pub struct CheckpointSigner {
    key: SigningKey,
    verifier: CheckpointVerifier,
}

/// The public half of the hub's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier {
    origin: String,
    key: VerifyingKey,
}

impl CheckpointSigner {
    /// The key of a workspace's hub from its seed. The caller wipes its own copy.
    #[must_use]
    pub fn from_seed(workspace: WorkspaceId, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = CheckpointVerifier {
            origin: Checkpoint::origin(workspace),
            key: key.verifying_key(),
        };
        Self { key, verifier }
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &CheckpointVerifier {
        &self.verifier
    }

    /// Signs that the ledger has this size and root.
    #[must_use]
    pub fn sign(&self, size: u64, root: TreeHash) -> String {
        let text = Checkpoint {
            origin: self.verifier.origin.clone(),
            size,
            root,
        }
        .text();
        self.sign_text(&text)
    }

    /// Signs another text, whose first line must not be an origin.
    pub(crate) fn sign_text(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes());
        let mut line = self.verifier.key_id().to_vec();
        line.extend_from_slice(&signature.to_bytes());
        format!(
            "{text}\n\u{2014} {} {}\n",
            self.verifier.origin,
            STANDARD.encode(line)
        )
    }
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CheckpointSigner").field(&self.verifier).finish()
    }
}

impl CheckpointVerifier {
    /// The key of a workspace's hub.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`] when the bytes are no Ed25519 public key.
    pub fn from_public_key(workspace: WorkspaceId, key: &[u8; 32]) -> Result<Self, CheckpointError> {
        Self::named(Checkpoint::origin(workspace), key)
    }

    fn named(origin: String, key: &[u8; 32]) -> Result<Self, CheckpointError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| CheckpointError::Signature)?;
        Ok(Self { origin, key })
    }

    /// The public key's 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The key as transparency-log tools take it: `name+id+key`.
    #[must_use]
    pub fn vkey(&self) -> String {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(self.key.as_bytes());
        format!(
            "{}+{}+{}",
            self.origin,
            hex::encode(self.key_id()),
            STANDARD.encode(typed)
        )
    }

    /// Reads a signed note, and what it says once this key's signature on it holds.
    ///
    /// # Errors
    /// [`CheckpointError`] for a note that is malformed, of another ledger, unsigned or forged.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = Checkpoint::parse(self.verify_text(note)?)?;
        if checkpoint.origin == self.origin {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin)
        }
    }

    /// The text of a note that this key signed.
    pub(crate) fn verify_text<'a>(&self, note: &'a str) -> Result<&'a str, CheckpointError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(CheckpointError::TooLong);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(CheckpointError::Note("a control character"));
        }
        let split = note.rfind("\n\n").ok_or(CheckpointError::Note("no blank line"))?;
        let (text, signatures) = note.split_at(split + 1);
        let signatures = signatures
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(CheckpointError::Note("no signature line"))?;
        let mut signed = false;
        for line in signatures.split('\n') {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .ok_or(CheckpointError::Note("a malformed signature line"))?;
            let signature = STANDARD
                .decode(signature)
                .map_err(|_| CheckpointError::Note("a malformed signature line"))?;
            let (id, signature) = signature
                .split_first_chunk::<4>()
                .ok_or(CheckpointError::Note("a malformed signature line"))?;
            // Signatures by other keys are other people's business (witnesses, a rotated key).
            if name != self.origin || *id != self.key_id() {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| CheckpointError::Signature)?;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| CheckpointError::Signature)?;
            signed = true;
        }
        if signed {
            Ok(text)
        } else {
            Err(CheckpointError::Unsigned)
        }
    }

    /// SHA-256(name || 0x0A || 0x01 || key), first four bytes.
    fn key_id(&self) -> [u8; 4] {
        let digest = Sha256::new_with_prefix(self.origin.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }
}

#[cfg(test)]
mod tests;
