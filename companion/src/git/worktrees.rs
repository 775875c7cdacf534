//! The worktrees of a repository, as far as they say so themselves.
//!
//! Git believes a file in the repository that says where a worktree lies. Whoever can write there could so have any folder count as one of
//! the repository's, and edits in it for edits here.

use std::{
    ffi::OsStr,
    fs,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::Repository;
use crate::plain;

/// A file that says where something lies is no longer than this.
const LONGEST: u64 = 64 << 10;

impl Repository {
    /// The top folder of every worktree of this repository that says itself that it is one.
    pub(crate) fn worktrees(&self) -> anyhow::Result<Vec<PathBuf>> {
        let common = self.common_folder()?;
        let common = common
            .canonicalize()
            .with_context(|| format!("the repository's folder {} cannot be found", common.display()))?;
        let listed = self.bytes(&["worktree", "list", "--porcelain", "-z"].map(OsStr::new))?;
        let folders = listed
            .split(|byte| *byte == 0)
            .filter_map(|line| line.strip_prefix(b"worktree "));
        let folders = folders.map(|folder| PathBuf::from(OsStr::from_bytes(folder)));
        // Of a submodule, git lists the folder of its repository.
        let here = self.top_folder().ok();
        let mut all: Vec<PathBuf> = here.into_iter().chain(folders).collect();
        all.retain(|folder| belongs(folder, &common));
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

/// Whether a folder is a worktree of the repository whose own folder this is (gitrepository-layout(5)): it holds that folder, or what it leads to
/// is within that folder and leads back.
fn belongs(worktree: &Path, common: &Path) -> bool {
    let git = worktree.join(".git");
    match fs::symlink_metadata(&git) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return git.canonicalize().is_ok_and(|real| real == common),
        Err(_) => return false,
    }
    let (Some(to), Ok(real)) = (place_in(&git, b"gitdir: "), git.canonicalize()) else {
        return false;
    };
    // The first one of a repository whose folder lies elsewhere, as a submodule's.
    to == common
        || (to.parent() == Some(&common.join("worktrees"))
            && place_in(&to.join("gitdir"), b"").is_some_and(|back| back == real))
}

/// Where the place really lies that a file names, from where the file lies.
fn place_in(file: &Path, begin: &[u8]) -> Option<PathBuf> {
    let mut said = Vec::new();
    let opened = plain::open(file).ok()?;
    opened.take(LONGEST).read_to_end(&mut said).ok()?;
    let said = said.strip_prefix(begin)?.trim_ascii_end();
    file.parent()?.join(OsStr::from_bytes(said)).canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A repository, and a folder beside it that may be a worktree of it.
    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let all = tempfile::tempdir().unwrap();
        let top = all.path().canonicalize().unwrap();
        let (common, beside) = (top.join("shop/.git"), top.join("beside"));
        for folder in [
            &common.join("worktrees/fix"),
            &common.join("worktrees/old"),
            &beside,
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        (all, common, beside)
    }

    #[test]
    fn the_first_worktree_holds_the_repository_or_leads_to_it() {
        let (_all, common, beside) = folders();
        assert!(belongs(common.parent().unwrap(), &common));
        assert!(!belongs(&beside, &common), "it holds nothing");
        fs::create_dir(beside.join(".git")).unwrap();
        assert!(!belongs(&beside, &common), "it holds another one");
        fs::remove_dir(beside.join(".git")).unwrap();
        fs::write(beside.join(".git"), format!("gitdir: {}\n", common.display())).unwrap();
        assert!(belongs(&beside, &common));
        std::os::unix::fs::symlink(&beside, common.join("../link")).unwrap();
        assert!(belongs(&common.join("../link"), &common));
    }

    #[test]
    fn another_one_leads_to_its_own_folder_in_the_repository_and_that_leads_back() {
        let (_all, common, beside) = folders();
        let (fix, old) = (common.join("worktrees/fix"), common.join("worktrees/old"));
        let leads = |to: &str| fs::write(beside.join(".git"), format!("gitdir: {to}\n")).unwrap();
        let back = |from: &Path, to: &str| fs::write(from.join("gitdir"), format!("{to}\n")).unwrap();
        let (to_fix, to_beside) = (
            fix.display().to_string(),
            beside.join(".git").display().to_string(),
        );
        leads(&to_fix);
        assert!(!belongs(&beside, &common), "nothing leads back");
        back(&old, &to_beside);
        assert!(!belongs(&beside, &common), "another one's leads back");
        back(&fix, &common.display().to_string());
        assert!(!belongs(&beside, &common), "it leads elsewhere");
        back(&fix, &to_beside);
        assert!(belongs(&beside, &common));
        // As git writes it with worktree.useRelativePaths.
        leads("../shop/.git/worktrees/fix");
        back(&fix, "../../../../beside/.git");
        assert!(belongs(&beside, &common));
        fs::write(beside.join(".git"), &to_fix).unwrap();
        assert!(!belongs(&beside, &common), "it does not say what it leads to");
        // What is no file says nothing, and nobody waits for it.
        fs::remove_file(fix.join("gitdir")).unwrap();
        let made = Command::new("mkfifo").arg(fix.join("gitdir")).status();
        assert!(made.unwrap().success());
        leads(&to_fix);
        assert!(!belongs(&beside, &common), "a pipe leads nowhere");
        // What lies outside of the repository says nothing of what belongs to it.
        let forged = beside.join("worktrees/fix");
        fs::create_dir_all(&forged).unwrap();
        back(&forged, &to_beside);
        leads(&forged.display().to_string());
        assert!(!belongs(&beside, &common));
    }
}
