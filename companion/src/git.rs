//! What git says of a change, asked so that a repository's own settings run nothing and answer nothing else: whoever set
//! it up may be the one whose change is judged.

mod asking;
mod blame;
mod worktrees;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use vocabulary::{GitObject, WorkItemId, misleads};
use work_items::{Change, RawChange};

pub(crate) use blame::{Blamed, Commit, folder_and_name, lines_of, without_return};

/// Where a change begins if nobody says: the first of these that there is. By their full names: a tag may be called
/// `origin/main`, and would be taken in its place (gitrevisions(7)).
const BASES: [&str; 5] = [
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
];

/// How a commit's message names somebody who made it too.
const CO_AUTHOR: &str = "co-authored-by:";

/// The most who are named one by one where addresses are spelt, and the longest such address in bytes: what a change takes.
const MOST_SPELT: usize = 99;
const MOST_SPELT_BYTES: usize = 254;

/// What stands for an address that is not there.
const NO_ADDRESS: &str = "(no address)";

/// How the addresses are taken of those who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// As they are, or not at all: who says yes has to see who made it.
    AsTheyAre,
    /// What is no address that reads as it is, is spelt out or cut: whoever makes rubbish keeps nobody from saying no to it.
    Spelt,
}

/// A repository, by a folder in it.
#[derive(Debug)]
pub(crate) struct Repository(PathBuf);

impl Repository {
    /// The repository that this folder is in.
    pub(crate) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Reads the change that ends with this commit.
    pub(crate) fn change(
        &self,
        id: WorkItemId,
        head: &str,
        base: Option<&str>,
        addresses: Addresses,
    ) -> anyhow::Result<Change> {
        let head = self.commit(head)?;
        let tree = self.object(&format!("{head}^{{tree}}"))?;
        let onto = match base {
            Some(base) => self.commit(base)?,
            None => {
                let mut known = BASES.iter().filter_map(|name| self.commit(name).ok());
                match known.find(|found| *found != head) {
                    Some(found) => found,
                    None => bail!("it is not clear on what {head} is to land; say so with --base"),
                }
            }
        };
        let base: GitObject = self
            .ask(&["merge-base", &head.to_string(), &onto.to_string()])
            .with_context(|| format!("{head} and {onto} have no commit in common"))?
            .trim()
            .parse()?;
        let range = format!("{base}..{head}");
        let commits = self.ask(&["rev-list", "--count", &range])?.trim().parse()?;
        Ok(Change::parse(RawChange {
            work_item: id,
            tree,
            head,
            base,
            commits,
            committers: self.committers(&range, addresses)?,
            changed_lines: self.changed_lines(base, head)?,
        })?)
    }

    /// Whether git says of a change what stands in a record; nothing, where it does not know its commits. An error is neither:
    /// git could not be asked.
    pub(crate) fn agrees(&self, recorded: &Change) -> anyhow::Result<Option<bool>> {
        let _repository = self.ask(&["rev-parse", "--git-dir"])?;
        let (head, base) = (recorded.head().to_string(), recorded.base().to_string());
        if self.commit(&head).is_err() || self.commit(&base).is_err() {
            return Ok(None);
        }
        let found = self.change(recorded.work_item(), &head, Some(&base), Addresses::Spelt)?;
        let parts = |change: &Change| (change.tree(), change.base(), change.commits());
        let lines = (found.changed_lines(), recorded.changed_lines());
        let same_lines = !matches!(lines, (Some(found), Some(recorded)) if found != recorded);
        Ok(Some(
            parts(&found) == parts(recorded) && found.committers() == recorded.committers() && same_lines,
        ))
    }

    /// Who made these commits: authors, committers, and whom they name as co-authors. Not as a .mailmap would have them (`%aE`):
    /// it is part of the change. Nor as git finds trailers: a repository's settings say what one is.
    fn committers(&self, range: &str, addresses: Addresses) -> anyhow::Result<Vec<String>> {
        let arguments = ["log", "-z", "--encoding=UTF-8", "--format=%ae%n%ce%n%B", range];
        let listed = match addresses {
            Addresses::AsTheyAre => self.ask(&arguments)?,
            Addresses::Spelt => self.ask_loosely(&arguments)?,
        };
        let mut all = Vec::new();
        for commit in listed.split('\0').filter(|commit| !commit.is_empty()) {
            let mut lines = commit.lines();
            for _ in 0..2 {
                match (lines.next().map(str::trim), addresses) {
                    (Some(address), _) if !address.is_empty() => all.push(address.to_owned()),
                    (_, Addresses::Spelt) => all.push(NO_ADDRESS.to_owned()),
                    (_, Addresses::AsTheyAre) => bail!(
                        "a commit of {range} does not say by whose address it was made; nobody can tell who is independent of it"
                    ),
                }
            }
            all.extend(co_authors(lines));
        }
        Ok(match addresses {
            Addresses::AsTheyAre => all,
            Addresses::Spelt => spelt(&all),
        })
    }

    /// Lines added and removed; unknown where git takes a part for binary, as a repository's attributes can make it.
    fn changed_lines(&self, base: GitObject, head: GitObject) -> anyhow::Result<Option<u32>> {
        let arguments = [
            "diff-tree",
            "-r",
            "--numstat",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
        ];
        // The names of files may be any bytes; they are not looked at.
        let listed = self.ask_loosely(&[&arguments[..], &[&base.to_string(), &head.to_string()]].concat())?;
        let counts = listed.lines().flat_map(|line| line.split('\t').take(2));
        let all: Option<u64> = counts.map(|count| count.parse::<u64>().ok()).sum();
        Ok(all.and_then(|all| u32::try_from(all).ok()))
    }

    fn commit(&self, name: &str) -> anyhow::Result<GitObject> {
        self.object(&format!("{name}^{{commit}}"))
            .with_context(|| format!("`{name}` is no commit of the repository in {}", self.0.display()))
    }

    fn object(&self, name: &str) -> anyhow::Result<GitObject> {
        let (found, told) = self.tell(&["rev-parse", "--verify", "--end-of-options", name])?;
        if told.contains("is ambiguous") {
            bail!(
                "`{name}` names more than one thing here; write its full name, as refs/heads/... or refs/tags/..."
            );
        }
        Ok(found.trim().parse()?)
    }
}

/// Addresses as they can be recorded whatever they are: each once, in order, and not more than a change takes.
fn spelt(addresses: &[String]) -> Vec<String> {
    let mut all: Vec<String> = addresses.iter().map(|address| spell(address)).collect();
    all.sort();
    all.dedup();
    if all.len() > MOST_SPELT + 1 {
        let more = format!("(and {} more)", all.len() - MOST_SPELT);
        all.truncate(MOST_SPELT);
        all.push(more);
    }
    all
}

fn spell(address: &str) -> String {
    let mut spelt = String::new();
    for c in address.trim().chars() {
        if misleads(c) {
            spelt.push_str(&format!("\\u{{{:04x}}}", u32::from(c)));
        } else {
            spelt.push(c.to_ascii_lowercase());
        }
    }
    if spelt.is_empty() {
        return NO_ADDRESS.to_owned();
    }
    if spelt.len() > MOST_SPELT_BYTES {
        spelt.truncate(spelt.floor_char_boundary(MOST_SPELT_BYTES - "…".len()));
        spelt.push('…');
    }
    spelt
}

/// Whom the lines of a message name as co-authors, wherever in it they stand: every address in brackets, and what looks like
/// one where there are no brackets. A line that begins with a space goes on with the one before.
fn co_authors<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut naming = false;
    for line in lines {
        let folded = line.starts_with([' ', '\t']) && naming;
        let compact: String = line.trim().chars().filter(|c| !c.is_whitespace()).collect();
        naming = folded || compact.to_ascii_lowercase().starts_with(CO_AUTHOR);
        if !naming {
            continue;
        }
        let bracketed = line.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
        let before = found.len();
        found.extend(bracketed.map(|(address, _)| address.trim().to_owned()));
        if found.len() == before {
            let words = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')'));
            found.extend(words.filter(|word| word.contains('@')).map(str::to_owned));
        }
    }
    found.retain(|address| !address.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_whom_a_message_names_is_found_however_it_is_written() {
        let message = "Fix it\n\nCo-Authored-By: Bob <bob@example.com>, Dora <dora@example.com>\nco-authored-by : carol@example.com (Carol)\n\
                       Co-authored-by: Eve\n  <eve@example.com>\nSigned-off-by: Alice <alice@example.com>\n <not@example.com>\n";
        let named = co_authors(message.lines());
        assert_eq!(
            named,
            [
                "bob@example.com",
                "dora@example.com",
                "carol@example.com",
                "eve@example.com"
            ]
        );
        assert!(co_authors("Say who co-authored-by: nobody means".lines()).is_empty());
        assert!(co_authors("Co-authored-by: <>".lines()).is_empty());
    }

    #[test]
    fn whatever_addresses_are_they_can_be_recorded_and_what_reads_as_it_is_stays() {
        let many = (0..200).map(|number| format!("{number}@example.com"));
        let rubbish = [
            "",
            "bo\u{200b}b@example.com",
            "\u{202e}moc.elpmaxe@ecila",
            &"é".repeat(400),
            "Bob@Example.com",
        ];
        let all = spelt(&rubbish.map(str::to_owned));
        assert_eq!(all[0], NO_ADDRESS);
        assert!(all.contains(&"bob@example.com".to_owned()), "{all:?}");
        assert!(all.contains(&"bo\\u{200b}b@example.com".to_owned()), "{all:?}");
        for addresses in [all, spelt(&many.collect::<Vec<_>>())] {
            let raw = RawChange {
                work_item: WorkItemId::new(1, [1; 10]),
                tree: "7e".repeat(20).parse().unwrap(),
                head: "c0".repeat(20).parse().unwrap(),
                base: "ba".repeat(20).parse().unwrap(),
                commits: 1,
                committers: addresses.clone(),
                changed_lines: None,
            };
            let kept: BTreeSet<_> = Change::parse(raw).unwrap().committers().iter().cloned().collect();
            assert_eq!(kept, addresses.into_iter().collect());
        }
    }
}
