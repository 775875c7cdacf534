//! A seed at rest: encrypted with age (<https://age-encryption.org/v1>) under a passphrase.

use std::{fmt, io::Read as _};

use age::{DecryptError, Decryptor, EncryptError, scrypt, secrecy::SecretString};
use zeroize::Zeroizing;

use crate::Seed;

/// The first line of what is encrypted; a later form of it would have another number.
const HEADER: &str = "auditotter-seed v1\n";

/// The first bytes of every age file.
const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Larger than any sealed seed by far; what is larger is something else.
const MAX_SEALED_BYTES: usize = 4 * 1024;

/// The most work that opening a file may ask for: 2^20 rounds, about a gigabyte and a few seconds. A file that
/// asks for more was not made here.
const MAX_LOG_N: u8 = 20;

const MIN_PASSPHRASE_CHARS: usize = 10;

/// What protects a seed at rest. Wiped when dropped, never shown.
pub struct Passphrase(SecretString);

/// A passphrase that is not accepted for a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the passphrase has {0} characters; use at least {MIN_PASSPHRASE_CHARS}, for whoever copies the key file can \
     try as many as their machines allow"
)]
pub struct PassphraseError(usize);

/// How much work each guess at a passphrase costs: 2^n rounds of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkFactor(u8);

/// A seed could not be encrypted.
#[derive(Debug, thiserror::Error)]
#[error("the key could not be encrypted")]
pub struct SealError(#[source] EncryptError);

/// Why a key file was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Not what `seal` makes.
    #[error("it is no key file")]
    NotAKeyFile,
    /// The passphrase is another. The salt is not protected apart from it: were that damaged, it would look the same.
    #[error("the passphrase is wrong; try again, and if it is surely right, restore the file from a backup")]
    WrongPassphrase,
    /// It was one once.
    #[error("it is damaged; restore it from a backup")]
    Damaged,
    /// It would take too long, on purpose.
    #[error(
        "it asks for 2^{log_n} rounds of work where at most 2^{MAX_LOG_N} are accepted; it was not made here"
    )]
    TooMuchWork {
        /// The rounds it asks for, as a power of two.
        log_n: u8,
    },
    /// Written by a later version.
    #[error("it holds another kind of key than this version knows; install the newer auditotter")]
    OtherVersion,
}

impl Passphrase {
    /// A passphrase for a new key.
    ///
    /// # Errors
    /// [`PassphraseError`] where it is too short to withstand guessing.
    pub fn new(mut typed: Zeroizing<String>) -> Result<Self, PassphraseError> {
        match typed.chars().count() {
            short @ 0..MIN_PASSPHRASE_CHARS => Err(PassphraseError(short)),
            _ => Ok(Self(SecretString::from(std::mem::take(&mut *typed)))),
        }
    }

    /// The passphrase of a key that exists, however long.
    #[must_use]
    pub fn existing(mut typed: Zeroizing<String>) -> Self {
        Self(SecretString::from(std::mem::take(&mut *typed)))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl WorkFactor {
    /// About a second on a machine of 2026: 2^18 rounds, 256 MiB.
    pub const FOR_PEOPLE: Self = Self(18);

    /// Next to no work: for keys that live as long as a test or a demonstration, never for a person's.
    #[must_use]
    pub const fn lowest() -> Self {
        Self(1)
    }
}

/// Encrypts a seed. The one impure function here, with [`open`]: age draws its salt and file key from the operating
/// system itself, and times a little scrypt of its own.
///
/// # Errors
/// [`SealError`], which only a failing system causes.
pub fn seal(seed: &Seed, passphrase: &Passphrase, work: WorkFactor) -> Result<Vec<u8>, SealError> {
    let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
    recipient.set_work_factor(work.0);
    let secret = Zeroizing::new(format!(
        "{HEADER}{}\n",
        *Zeroizing::new(hex::encode(seed.expose()))
    ));
    age::encrypt(&recipient, secret.as_bytes()).map_err(SealError)
}

/// Decrypts a seed.
///
/// # Errors
/// [`UnsealError`], which tells a wrong passphrase from a damaged file as far as the format allows.
pub fn open(sealed: &[u8], passphrase: &Passphrase) -> Result<Seed, UnsealError> {
    if !looks_sealed(sealed) {
        return Err(UnsealError::NotAKeyFile);
    }
    let mut identity = scrypt::Identity::new(passphrase.0.clone());
    identity.set_max_work_factor(MAX_LOG_N);
    // Room for all of it from the start: a vector that grows leaves copies behind that nobody wipes.
    let mut secret = Zeroizing::new(Vec::with_capacity(MAX_SEALED_BYTES));
    Decryptor::new_buffered(sealed)
        .and_then(|file| file.decrypt(std::iter::once(&identity as &dyn age::Identity)))
        .map_err(|error| match error {
            DecryptError::ExcessiveWork { required, .. } => UnsealError::TooMuchWork { log_n: required },
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                UnsealError::WrongPassphrase
            }
            DecryptError::NoMatchingKeys | DecryptError::UnknownFormat => UnsealError::NotAKeyFile,
            // A header that breaks off or does not fit, and whatever age learns to say later.
            _ => UnsealError::Damaged,
        })?
        .read_to_end(&mut secret)
        .map_err(|_| UnsealError::Damaged)?;
    let digits = secret
        .strip_prefix(HEADER.as_bytes())
        .ok_or(UnsealError::OtherVersion)?;
    let digits = digits.strip_suffix(b"\n").ok_or(UnsealError::Damaged)?;
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| UnsealError::Damaged)?;
    Ok(Seed::from_entropy(*bytes))
}

/// Whether these bytes have the outside of a key file; only the passphrase can tell more.
#[must_use]
pub fn looks_sealed(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_SEALED_BYTES && bytes.starts_with(AGE_MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::existing(Zeroizing::new(text.to_owned()))
    }

    fn sealed() -> Vec<u8> {
        seal(
            &Seed::from_entropy([5; 32]),
            &passphrase("correct horse"),
            WorkFactor::lowest(),
        )
        .unwrap()
    }

    #[test]
    fn the_right_passphrase_opens_and_a_wrong_one_is_told_apart() {
        let sealed = sealed();
        assert_eq!(
            open(&sealed, &passphrase("correct horse")).unwrap().expose(),
            &[5; 32]
        );
        assert_eq!(
            open(&sealed, &passphrase("wrong horse")).unwrap_err(),
            UnsealError::WrongPassphrase
        );
    }

    #[test]
    fn a_changed_bit_anywhere_is_refused() {
        let sealed = sealed();
        for bit in 0..8 * sealed.len() {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                open(&damaged, &passphrase("correct horse")).is_err(),
                "bit {} of byte {}",
                bit % 8,
                bit / 8
            );
        }
    }

    #[test]
    fn a_file_cut_short_or_run_on_is_refused() {
        let mut sealed = sealed();
        for cut in 0..sealed.len() {
            assert!(
                open(&sealed[..cut], &passphrase("correct horse")).is_err(),
                "cut at {cut}"
            );
        }
        sealed.push(b'x');
        assert_eq!(
            open(&sealed, &passphrase("correct horse")).unwrap_err(),
            UnsealError::Damaged
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_apart() {
        let sealed = sealed();
        let opened = |bytes: &[u8]| open(bytes, &passphrase("correct horse")).unwrap_err();
        assert_eq!(opened(b""), UnsealError::NotAKeyFile);
        assert_eq!(
            opened(b"-----BEGIN OPENSSH PRIVATE KEY-----"),
            UnsealError::NotAKeyFile
        );
        assert_eq!(
            opened(&[&sealed[..], &[0; MAX_SEALED_BYTES]].concat()),
            UnsealError::NotAKeyFile
        );
        assert_eq!(opened(AGE_MAGIC), UnsealError::Damaged);
        let mut flipped = sealed;
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(opened(&flipped), UnsealError::Damaged);
        for (within, expected) in [
            ("auditotter-seed v2\nsomething else", UnsealError::OtherVersion),
            ("auditotter-seed v1\nabcd\n", UnsealError::Damaged),
            ("auditotter-seed v1\n", UnsealError::Damaged),
        ] {
            let mut recipient = scrypt::Recipient::new(SecretString::from("correct horse"));
            recipient.set_work_factor(1);
            let other = age::encrypt(&recipient, within.as_bytes()).unwrap();
            assert_eq!(opened(&other), expected, "{within}");
        }
    }

    /// Sealed by the first version: what was sealed once must open for good.
    #[test]
    fn a_key_file_of_the_first_version_opens() {
        let sealed = include_bytes!("sealed/first-version.age");
        let seed = open(sealed, &passphrase("correct horse")).unwrap();
        assert_eq!(seed.expose(), &[5; 32]);
    }

    #[test]
    fn a_file_that_asks_for_more_work_than_is_accepted_is_refused_at_once() {
        let sealed = sealed();
        let body = sealed.windows(4).position(|window| window == b"\n---").unwrap();
        let (head, rest) = sealed.split_at(body);
        let head = String::from_utf8(head.to_vec()).unwrap();
        let stanza = head.lines().find(|line| line.starts_with("-> scrypt")).unwrap();
        // The least that is too much is below what age accepts by itself on most machines.
        for log_n in [MAX_LOG_N + 1, 40, 63] {
            let greedy = format!("{} {log_n}", stanza.rsplit_once(' ').unwrap().0);
            let forged = [head.replace(stanza, &greedy).as_bytes(), rest].concat();
            assert_eq!(
                open(&forged, &passphrase("correct horse")).unwrap_err(),
                UnsealError::TooMuchWork { log_n }
            );
        }
    }

    #[test]
    fn a_short_passphrase_is_refused_for_a_new_key() {
        assert_eq!(
            Passphrase::new(Zeroizing::new("123456789".to_owned())).unwrap_err(),
            PassphraseError(9)
        );
        let ten = Passphrase::new(Zeroizing::new("1234567890".to_owned())).unwrap();
        let sealed = seal(&Seed::from_entropy([6; 32]), &ten, WorkFactor::lowest()).unwrap();
        assert_eq!(
            open(&sealed, &passphrase("1234567890")).unwrap().expose(),
            &[6; 32]
        );
        assert_eq!(format!("{:?}", passphrase("secret")), "Passphrase(..)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_seed_returns_under_every_passphrase(entropy: [u8; 32], typed in "\\PC{0,40}") {
            let sealed = seal(&Seed::from_entropy(entropy), &passphrase(&typed), WorkFactor::lowest()).unwrap();
            prop_assert!(looks_sealed(&sealed));
            let seed = open(&sealed, &passphrase(&typed)).unwrap();
            prop_assert_eq!(seed.expose(), &entropy);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(bytes: Vec<u8>) {
            prop_assert!(open(&bytes, &passphrase("x")).is_err());
            prop_assert!(open(&[AGE_MAGIC, &bytes].concat(), &passphrase("x")).is_err());
        }
    }
}
