//! The controlling terminal: the only place where a passphrase is read.
//!
//! Never from stdin, an argument, an environment variable or a file: each of those an agent can fill. A
//! terminal can be faked as well, but not the passphrase that is typed into it.

use std::io;

use anyhow::{Context as _, bail};
use identity::Passphrase;
use zeroize::Zeroizing;

/// Asks for the passphrase of a key that exists.
pub(crate) fn ask_passphrase(whose: &str) -> anyhow::Result<Passphrase> {
    let typed = prompt(&format!("Passphrase of {whose}: "))?;
    // Whether it is long enough was decided when the key was made; here only the key can tell.
    Ok(Passphrase::existing(typed))
}

/// Asks for a new passphrase, twice.
pub(crate) fn new_passphrase(whose: &str) -> anyhow::Result<Passphrase> {
    let first = prompt(&format!("New passphrase for the key of {whose}: "))?;
    let chosen = Passphrase::new(first.clone())?;
    let again = prompt("The same once more: ")?;
    if *first != *again {
        bail!("the two passphrases differ; nothing was created, run the command again");
    }
    Ok(chosen)
}

fn prompt(text: &str) -> anyhow::Result<Zeroizing<String>> {
    match rpassword::prompt_password(text) {
        Ok(typed) => Ok(Zeroizing::new(typed)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ) || error.raw_os_error() == Some(NO_TERMINAL) =>
        {
            bail!("there is no terminal to ask for the passphrase; run this yourself, in a terminal")
        }
        Err(error) => Err(error).context("the passphrase could not be read from the terminal"),
    }
}

/// `ENXIO`: what opening `/dev/tty` says to a process without a controlling terminal.
const NO_TERMINAL: i32 = 6;
