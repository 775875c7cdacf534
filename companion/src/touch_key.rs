//! Signing with a security key of OpenSSH's: `ssh-keygen` asks for its PIN and the touch, on the human's terminal.
//!
//! What comes back is worth nothing by itself: it counts only over what was asked, by a touch key that its owner's key
//! enrolled, and only if the device says that it verified who touched it. The hub and every auditor check that again.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, bail};
use directories::BaseDirs;
use hub::companion::TouchKeyRow;
use identity::{NAMESPACE, TouchKey, TouchSignature, TouchSignatureError};

use crate::{shown::Shown, terminal};

/// The program that signs.
const PROGRAM: &str = "ssh-keygen";

/// What to know before touching: the device has no screen.
const ADVICE: &str =
    "Your security key shows nothing of this.\nGive its PIN, and touch it, only for what stands here.";

/// The most bytes of a public key's file, or of a signature, that are read.
const MOST_BYTES: u64 = 16 * 1024;

/// Variables by which the PIN would be asked for elsewhere than on the terminal.
const ELSEWHERE: [&str; 3] = ["SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY"];

/// Has a touch key sign a decision's text, once that was shown on the terminal. `file` is its private half, as
/// `ssh-keygen` made it, or else one in `~/.ssh` is looked for; `own` are those that are enrolled.
pub(crate) fn signature(
    shown: &Shown,
    text: &str,
    file: Option<&Path>,
    own: &[TouchKeyRow],
) -> anyhow::Result<TouchSignature> {
    let file = match file {
        Some(file) => {
            known(file, own)?;
            file.to_owned()
        }
        None => in_home(own)?,
    };
    terminal::show(&format!("{shown}\n{ADVICE}"))?;
    let signature = signed_with(&file, text)?;
    let by = signature.by()?;
    let Some(key) = own.iter().find(|key| key.public_key == by) else {
        bail!(not_enrolled(&by, &file));
    };
    match signature.verify(&key.public_key, text.as_bytes()) {
        Ok(()) => Ok(signature),
        Err(error @ (TouchSignatureError::NotPresent | TouchSignatureError::NotVerified)) => {
            bail!(
                "{} cannot decide: {error}. Make one with `{PROGRAM} -t ed25519-sk -O verify-required`, then: auditotter touch-key add FILE.pub",
                file.display()
            )
        }
        Err(error) => Err(error.into()),
    }
}

/// The public key in a file that `ssh-keygen` wrote.
pub(crate) fn read_public(path: &Path) -> anyhow::Result<TouchKey> {
    let file = || path.display();
    let read = || -> io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().with_context(|| format!("the public key {} cannot be read", file()))?;
    TouchKey::from_public_file(&text).with_context(|| format!("{} is of no use here", file()))
}

/// Refuses a key that is not enrolled before anybody touches it, where its public half lies beside it.
fn known(file: &Path, own: &[TouchKeyRow]) -> anyhow::Result<()> {
    if !file.exists() {
        bail!("there is no key {}", file.display());
    }
    let public = if is_public(file) {
        file.to_owned()
    } else {
        beside(file)
    };
    if !public.exists() {
        return Ok(());
    }
    let key = read_public(&public)?;
    if own.iter().any(|row| row.public_key == key) {
        Ok(())
    } else {
        bail!(not_enrolled(&key, file))
    }
}

fn not_enrolled(key: &TouchKey, file: &Path) -> String {
    format!(
        "{} ({}) is no touch key of yours; take it up with: auditotter touch-key add FILE.pub",
        file.display(),
        key.fingerprint()
    )
}

fn is_public(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "pub")
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".pub");
    name.into()
}

/// The one enrolled key whose public half lies in `~/.ssh`.
fn in_home(own: &[TouchKeyRow]) -> anyhow::Result<PathBuf> {
    let folder = BaseDirs::new()
        .context("this account has no home folder; name the key with --touch-key FILE")?
        .home_dir()
        .join(".ssh");
    let entries = fs::read_dir(&folder).with_context(|| {
        format!(
            "{} cannot be read; name the key with --touch-key FILE",
            folder.display()
        )
    })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_public(path))
        // Opening anything else may wait for ever.
        .filter(|path| path.is_file())
        .filter(|path| read_public(path).is_ok_and(|key| own.iter().any(|row| row.public_key == key)))
        .collect();
    found.sort();
    match found.as_slice() {
        // Where its private half is not beside it, ssh-agent may have it.
        [public] => {
            let private = public.with_extension("");
            Ok(if private.exists() { private } else { public.clone() })
        }
        [] => bail!(
            "none of your touch keys is in {}; name one with --touch-key FILE",
            folder.display()
        ),
        _ => bail!(
            "several of your touch keys are in {}; name one with --touch-key FILE",
            folder.display()
        ),
    }
}

fn signed_with(file: &Path, text: &str) -> anyhow::Result<TouchSignature> {
    let signing = run(file, text);
    let (status, ssh_signature) = match signing {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{PROGRAM} is not installed; it comes with OpenSSH, as openssh-client")
        }
        signing => signing.with_context(|| format!("{PROGRAM} could not be asked to sign"))?,
    };
    if !status.success() {
        bail!(
            "{PROGRAM} did not sign with {}, and said why above ({status})",
            file.display()
        );
    }
    Ok(TouchSignature { ssh_signature })
}

/// Its PIN, and the touch, are asked for on the terminal and nowhere else: not by a program that a variable names.
fn run(file: &Path, text: &str) -> io::Result<(ExitStatus, String)> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(file)
        .env("SSH_ASKPASS_REQUIRE", "never")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(terminal);
    for variable in ELSEWHERE {
        command.env_remove(variable);
    }
    // A key that lies in a file is opened here. One that only ssh-agent has, that agent asks for in its own way.
    if !is_public(file) {
        command.env_remove("SSH_AUTH_SOCK");
    }
    let mut child = command.spawn()?;
    let exchanged = exchange(&mut child, text);
    if exchanged.is_err() {
        // It waits for what will not come.
        let _ = child.kill();
    }
    let status = child.wait()?;
    match exchanged {
        // One that turned away without reading has said why.
        Err(error) if status.success() || error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        exchanged => Ok((status, exchanged.unwrap_or_default())),
    }
}

fn exchange(child: &mut Child, text: &str) -> io::Result<String> {
    let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
    // A decision is smaller than what a pipe takes at once; and it is closed behind it.
    let mut words = child.stdin.take().ok_or_else(closed)?;
    words.write_all(text.as_bytes())?;
    drop(words);
    let mut signature = String::new();
    let answer = child.stdout.take().ok_or_else(closed)?;
    answer.take(MOST_BYTES).read_to_string(&mut signature)?;
    Ok(signature)
}
