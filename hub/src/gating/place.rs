//! Where a client works: the repository's root, its rules, and which repository of a forge it is a clone of. Read as plain files:
//! no program of anybody's is started to look.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use gate::Found;
use rustix::fs::OFlags;
use vocabulary::Repository;

/// The repository's rules for the gate.
const POLICY: &str = ".auditotter/policy.toml";

/// More than any policy or configuration has.
const MOST_BYTES: u64 = 256 * 1024;

/// The root that a folder or file belongs to, without links: the nearest folder above it with rules, else with a repository of
/// git's, else the folder itself. So no repository without rules within another shields what it holds from the other's.
pub(super) fn root_of(cwd: &Path) -> PathBuf {
    let real = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    let with = |name: &'static str| {
        let mut folders = real.ancestors();
        folders.find(|folder| fs::symlink_metadata(folder.join(name)).is_ok())
    };
    let root = with(POLICY).or_else(|| with(".git"));
    // Below a file no rules can lie, and none that cannot be read.
    let folder = real.parent().filter(|_| real.is_file()).unwrap_or(&real);
    root.unwrap_or(folder).to_owned()
}

/// The repository's rules; what is there and cannot be read is no reason to do without.
pub(super) fn policy_of(root: &Path) -> Option<Vec<u8>> {
    let path = root.join(POLICY);
    // A link leads to where others write, or nowhere.
    if matches!(look(&path), Found::Link(_)) {
        return Some(vec![0xff]);
    }
    match read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        // No text, so no rules that can be used: they are enforced.
        Err(_) => Some(vec![0xff]),
    }
}

/// What lies at a path.
pub(super) fn look(path: &Path) -> Found {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Found::Folder,
        Ok(found) if found.is_symlink() => fs::read_link(path).map_or(Found::Other, Found::Link),
        _ => Found::Other,
    }
}

/// Where git keeps a repository's own settings.
pub(crate) fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    Some(match look(&git) {
        Found::Folder => git,
        // A worktree or a submodule says where.
        _ => {
            let text = String::from_utf8(read(&git).ok()?).ok()?;
            let own = root.join(text.strip_prefix("gitdir:")?.trim());
            match read(&own.join("commondir")) {
                Ok(common) => own.join(String::from_utf8(common).ok()?.trim()),
                Err(_) => own,
            }
        }
    })
}

/// Of which repository this is a clone, as git's own configuration says.
pub(super) fn repository_of(root: &Path) -> Option<Repository> {
    let folder = git_folder(root)?;
    origin_in(&String::from_utf8(read(&folder.join("config")).ok()?).ok()?)
}

/// The repository that `remote "origin"` names.
fn origin_in(config: &str) -> Option<Repository> {
    let mut lines = config.lines().map(str::trim);
    lines.find(|line| *line == "[remote \"origin\"]")?;
    let url = lines
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("url")?.trim_start().strip_prefix('='))?;
    let path = url.trim().trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    format!("{owner}/{name}").parse().ok()
}

/// A file's bytes. What is no plain file is not waited for: a pipe would have everybody wait.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_says_of_what() {
        let named = |url: &str| {
            origin_in(&format!(
                "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n[branch \"main\"]\n"
            ))
        };
        let shop: Repository = "acme/shop".parse().unwrap();
        for url in [
            "https://github.com/acme/shop.git",
            "https://github.com/acme/shop",
            "https://github.com/acme/shop/",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com:22/acme/shop.git",
        ] {
            assert_eq!(named(url), Some(shop.clone()), "{url}");
        }
        assert_eq!(named("shop"), None);
        assert_eq!(
            origin_in("[remote \"upstream\"]\n\turl = https://github.com/acme/shop\n"),
            None
        );
        assert_eq!(
            origin_in("[remote \"origin\"]\n[x]\n\turl = https://github.com/acme/shop\n"),
            None
        );
    }

    #[test]
    fn rules_that_cannot_be_read_are_there_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(policy_of(folder.path()), None);
        fs::create_dir_all(folder.path().join(POLICY)).unwrap();
        assert!(policy_of(folder.path()).is_some_and(|bytes| String::from_utf8(bytes).is_err()));
    }

    #[test]
    fn a_repository_begins_where_git_or_its_rules_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let deep = root.join("a/b");
        assert_eq!(root_of(&deep), deep, "it is not there");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(root_of(&deep), deep, "it is in no repository");
        fs::write(deep.join("file"), "").unwrap();
        assert_eq!(root_of(&deep.join("file")), deep);
        assert_eq!(policy_of(&root_of(&deep.join("file"))), None);
        fs::write(root.join("a/.git"), "gitdir: elsewhere").unwrap();
        assert_eq!(root_of(&deep), root.join("a"));
        fs::remove_file(root.join("a/.git")).unwrap();
        fs::create_dir(root.join(".auditotter")).unwrap();
        fs::write(root.join(POLICY), "mode = \"observe\"").unwrap();
        assert_eq!(root_of(&deep), root);
        fs::write(deep.join(".git"), "gitdir: elsewhere").unwrap();
        assert_eq!(root_of(&deep), root, "a repository without rules shields nothing");
        fs::remove_file(root.join(POLICY)).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join(POLICY)).unwrap();
        assert_eq!(policy_of(&root), Some(vec![0xff]), "a link is no rules");
    }

    #[test]
    fn nobody_waits_for_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(read(&pipe).is_err());
    }
}
