//! A repository of git's, in which people commit.

use std::{fs, path::PathBuf, process::Command};

use crate::{Home, program};

/// A repository with a first commit on `main`, and a branch `work` on which everything else is committed.
#[derive(Debug)]
pub struct Repository<'h> {
    home: &'h Home,
    /// Where it lies.
    pub folder: PathBuf,
}

impl Home {
    /// A new repository in this home.
    ///
    /// # Panics
    /// Where git cannot make one.
    #[must_use]
    pub fn repository(&self) -> Repository<'_> {
        let made = Repository {
            home: self,
            folder: self.file("repository"),
        };
        fs::create_dir(&made.folder).expect("a folder can be made");
        let _ = made.git(&["init", "--quiet", "--initial-branch=main"]);
        let _ = made.commit("carol@example.com", "README.md", "otters\n", "Begin");
        let _ = made.git(&["switch", "--quiet", "-c", "work"]);
        made
    }
}

impl Repository<'_> {
    /// Commits a file as whoever has this address; returns the commit.
    ///
    /// # Panics
    /// Where git refuses.
    pub fn commit(&self, email: &str, file: &str, text: &str, message: &str) -> String {
        self.commit_for(email, email, (file, text), message)
    }

    /// The same where somebody else wrote it.
    ///
    /// # Panics
    /// Where git refuses.
    pub fn commit_for(
        &self,
        author: &str,
        committer: &str,
        (file, text): (&str, &str),
        message: &str,
    ) -> String {
        fs::write(self.folder.join(file), text).expect("a file can be written");
        let _ = self.git(&["add", file]);
        let mut command = self.command(&["commit", "--quiet", "-m", message]);
        command
            .envs([("GIT_AUTHOR_NAME", "Author"), ("GIT_COMMITTER_NAME", "Committer")])
            .env("GIT_AUTHOR_EMAIL", author)
            .env("GIT_COMMITTER_EMAIL", committer);
        let _ = program::run(command).expect_success();
        self.name("HEAD")
    }

    /// The full name of what is called so.
    ///
    /// # Panics
    /// Where nothing is.
    #[must_use]
    pub fn name(&self, rev: &str) -> String {
        self.git(&["rev-parse", "--verify", rev]).trim().to_owned()
    }

    /// What git says.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn git(&self, arguments: &[&str]) -> String {
        program::run(self.command(arguments)).expect_success()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command("git");
        command.arg("-C").arg(&self.folder).args(arguments);
        command
    }
}
