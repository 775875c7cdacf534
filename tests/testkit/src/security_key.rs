//! A security key made of software (`tests/security_key/device.c`), for the real `ssh-keygen`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    Home,
    clients::skipped,
    program::{self, Ran},
};

/// The variable by which OpenSSH finds a device's library.
const PROVIDER: &str = "SSH_SK_PROVIDER";

/// A security key that is plugged in, and whoever asks touches.
#[derive(Debug)]
pub struct SecurityKey {
    folder: TempDir,
}

impl SecurityKey {
    /// Its owner's PIN.
    pub const PIN: &str = "271828";

    /// Builds one; `None` where `ssh-keygen`, a C compiler or the headers of libcrypto are missing.
    ///
    /// # Panics
    /// Where one is missing and `CI` is set, or the device does not compile.
    #[must_use]
    pub fn plug_in() -> Option<Self> {
        let runs = |program: &str, argument: &str| {
            let mut probe = Command::new(program);
            probe.arg(argument).stdin(Stdio::null()).output().is_ok()
        };
        let headers = || {
            let mut probe = Command::new("cc");
            probe.args(["-E", "-include", "openssl/evp.h", "-x", "c", "/dev/null"]);
            probe.output().is_ok_and(|probed| probed.status.success())
        };
        if !runs("ssh-keygen", "-?") || !runs("cc", "--version") || !headers() {
            skipped(
                "no security key signed; install the packages openssh-client, gcc, libc6-dev and libssl-dev",
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../security_key/device.c");
        let mut compile = Command::new("cc");
        compile
            .args(["-Wall", "-Wextra", "-O1", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("device.so"))
            .arg(source)
            .arg("-lcrypto");
        let _ = program::run(compile).expect_success();
        let key = Self { folder };
        let answers = format!("#!/bin/sh\necho {}\n", Self::PIN);
        fs::write(key.pin_program(), answers).expect("a file can be written");
        fs::set_permissions(key.pin_program(), fs::Permissions::from_mode(0o700)).expect("it is ours");
        Some(key)
    }

    /// A command at whose computer it is plugged in.
    #[must_use]
    pub fn beside(&self, mut command: Command) -> Command {
        command.env(PROVIDER, self.folder.path().join("device.so"));
        command
    }

    /// Has `ssh-keygen` make a key on it, in this home's `~/.ssh`; returns its private half's file.
    ///
    /// # Panics
    /// Where it is not made.
    #[must_use]
    pub fn make(&self, home: &Home, name: &str, arguments: &[&str]) -> PathBuf {
        let folder = home.user().join(".ssh");
        fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join(name);
        let mut command = self.beside(home.command("ssh-keygen"));
        command
            .args(["-q", "-N", "", "-C", "alice", "-f"])
            .arg(&file)
            .args(arguments);
        let _ = program::run(command).expect_success();
        file
    }

    /// Has `ssh-keygen` sign a text, with the PIN given and the device touched; the armoured signature.
    ///
    /// # Panics
    /// Where it does not sign.
    #[must_use]
    pub fn sign(&self, home: &Home, file: &Path, arguments: &[&str], text: &str) -> String {
        let words = self.folder.path().join("words");
        fs::write(&words, text).expect("a file can be written");
        let mut command = self.beside(home.command("ssh-keygen"));
        command
            .env("SSH_ASKPASS", self.pin_program())
            .env("SSH_ASKPASS_REQUIRE", "force")
            .args(["-Y", "sign", "-f"])
            .arg(file)
            .args(arguments)
            .arg(&words);
        let _ = program::run(command).expect_success();
        let signature = self.folder.path().join("words.sig");
        let armoured = fs::read_to_string(&signature).expect("ssh-keygen writes a signature");
        fs::remove_file(signature).expect("it is ours");
        armoured
    }

    /// Has `ssh-keygen` judge a signature by this line of a public key.
    #[must_use]
    pub fn verify(&self, home: &Home, line: &str, namespace: &str, (armoured, text): (&str, &str)) -> Ran {
        let file = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            fs::write(&path, text).expect("a file can be written");
            path
        };
        let allowed = file("allowed", &format!("alice {line}\n"));
        let signature = file("signature", armoured);
        let mut command = home.command("sh");
        command
            .args([
                "-c",
                "ssh-keygen -Y verify -f \"$1\" -I alice -n \"$2\" -s \"$3\" < \"$4\"",
                "sh",
            ])
            .arg(allowed)
            .arg(namespace)
            .arg(signature)
            .arg(file("text", text));
        program::run(command)
    }

    fn pin_program(&self) -> PathBuf {
        self.folder.path().join("pin")
    }
}
