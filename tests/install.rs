//! `auditotter install`: into configurations that hold what others put there, and out of them again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "install/clients.rs"]
mod clients;
#[path = "install/places.rs"]
mod places;
#[path = "install/refusals.rs"]
mod refusals;
#[path = "install/roundtrip.rs"]
mod roundtrip;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use testkit::{
    Home,
    program::{self, Ran},
};

/// `auditotter install` with these arguments, where no client is on the `PATH`.
fn install(home: &Home, arguments: &[&str]) -> Ran {
    install_in(home, &home.user(), arguments)
}

/// The same in a folder.
fn install_in(home: &Home, folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = home.auditotter(&["install"]);
    command
        .args(arguments)
        .env("PATH", program::folder())
        .current_dir(folder);
    program::run(command)
}

/// Everything below a folder: links as where they lead, files as what is in them.
fn all_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else if meta.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            all.insert(path, content);
        }
    }
    all
}

/// Writes a file, and the folders around it.
fn put(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
