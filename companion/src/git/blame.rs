//! Which commit each line of a file is from, and what these commits say of themselves.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use vocabulary::{GitObject, TRAILER, Timestamp, TraceId, named_traces};

use super::Repository;

/// How many commits are asked for at once: a command line has a length.
const AT_ONCE: usize = 400;

/// Most commits that are looked at of those that name a trace.
const MOST_NAMING: usize = 200;

/// A line of a file as it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blamed {
    /// Its number in the newest commit, from 1.
    pub(crate) number: usize,
    /// The commit that it is from.
    pub(crate) commit: GitObject,
    /// What the file was called there, from the repository's top folder.
    pub(crate) path: PathBuf,
    /// What it says, without its end.
    pub(crate) text: Vec<u8>,
}

/// A commit, in its own words.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// Which.
    pub(crate) id: GitObject,
    /// Who wrote it, by name and address.
    pub(crate) author: String,
    /// When it was written first.
    pub(crate) authored_at: Timestamp,
    /// When it was made as it is now.
    pub(crate) committed_at: Timestamp,
    /// The first line of its message.
    pub(crate) subject: String,
    /// The traces that its message names.
    pub(crate) traces: Vec<TraceId>,
}

impl Repository {
    /// What a file in this folder holds in the newest commit, which has at most so many bytes.
    pub(crate) fn committed(&self, name: &OsStr, most: u64) -> anyhow::Result<Vec<u8>> {
        let mut object = OsString::from("HEAD:./");
        object.push(name);
        let no_such = "the newest commit has no such file";
        let (id, size) = self.sized(&object).context(no_such)?;
        ensure!(
            size <= most,
            "{} is larger than any source in the newest commit ({size} bytes; at most {most} are looked at)",
            name.display()
        );
        self.blob(id).context(no_such)
    }

    /// Which commits lines of a file in this folder are from, as of the newest one. Of what is committed, not of what lies in the folder: for
    /// that, git would run the programs that the repository's settings name as filters.
    pub(crate) fn blame(&self, name: &OsStr, lines: Option<(usize, usize)>) -> anyhow::Result<Vec<Blamed>> {
        let range = lines.map(|(from, to)| format!("{from},{to}"));
        let mut arguments: Vec<&OsStr> = ["blame", "--porcelain", "--no-textconv"].map(OsStr::new).into();
        if let Some(range) = &range {
            arguments.extend([OsStr::new("-L"), OsStr::new(range)]);
        }
        arguments.extend([OsStr::new("HEAD"), OsStr::new("--"), name]);
        parse(&self.bytes(&arguments)?)
    }

    /// What these commits say of themselves.
    pub(crate) fn commits(&self, ids: &[GitObject]) -> anyhow::Result<BTreeMap<GitObject, Commit>> {
        let mut all = BTreeMap::new();
        for some in ids.chunks(AT_ONCE) {
            let names: Vec<String> = some.iter().map(ToString::to_string).collect();
            // As `committers` has it: not by the .mailmap, nor by git's own notion of a trailer.
            let format = "--format=%H%n%an%n%ae%n%at%n%ct%n%B";
            let mut arguments: Vec<&OsStr> = ["log", "--no-walk=unsorted", "-z", "--encoding=UTF-8", format]
                .map(OsStr::new)
                .into();
            arguments.extend(names.iter().map(OsStr::new));
            arguments.push(OsStr::new("--"));
            let listed = self.bytes(&arguments)?;
            for text in listed.split(|byte| *byte == 0).filter(|text| !text.is_empty()) {
                let commit = commit_of(&String::from_utf8_lossy(text))?;
                all.insert(commit.id, commit);
            }
        }
        Ok(all)
    }

    /// The commits, oldest first, whose messages name a trace, wherever in this repository they are.
    pub(crate) fn naming(&self, trace: TraceId) -> anyhow::Result<Vec<GitObject>> {
        let line = format!("--grep={TRAILER}: {trace}");
        let most = format!("--max-count={MOST_NAMING}");
        let arguments = [
            "log",
            "--all",
            "--fixed-strings",
            "--regexp-ignore-case",
            "--format=%H",
            &line,
            &most,
            "--",
        ];
        let listed = self.ask(&arguments)?;
        let mut commits = listed.lines().map(str::parse).collect::<Result<Vec<_>, _>>()?;
        commits.reverse();
        Ok(commits)
    }

    /// What a file holds in a commit, by its path from the top folder; nothing where it is not there, or has more bytes than that.
    pub(crate) fn held(&self, commit: GitObject, path: &str, most: u64) -> Option<Vec<u8>> {
        let (id, size) = self.sized(&OsString::from(format!("{commit}:{path}"))).ok()?;
        if size > most {
            return None;
        }
        self.blob(id).ok()
    }

    /// What git calls an object, and how many bytes it has. What has that name stays what it is, whatever a branch does meanwhile.
    fn sized(&self, object: &OsStr) -> anyhow::Result<(GitObject, u64)> {
        let arguments = ["rev-parse", "--verify", "--end-of-options"].map(OsStr::new);
        let id = self.bytes(&[&arguments[..], &[object]].concat())?;
        let id: GitObject = String::from_utf8_lossy(&id).trim().parse()?;
        let size = self.ask(&["cat-file", "-s", &id.to_string()])?;
        Ok((id, size.trim().parse()?))
    }

    fn blob(&self, id: GitObject) -> anyhow::Result<Vec<u8>> {
        self.bytes(&["cat-file", "blob", &id.to_string()].map(OsStr::new))
    }
}

fn commit_of(text: &str) -> anyhow::Result<Commit> {
    let mut parts = text.splitn(6, '\n');
    let mut next = || {
        parts
            .next()
            .context("git said less of a commit than it was asked for")
    };
    let (id, name, email) = (next()?.parse()?, next()?, next()?);
    let (authored, committed, message) = (next()?, next()?, next()?);
    Ok(Commit {
        id,
        author: format!("{name} <{email}>"),
        authored_at: moment(authored),
        committed_at: moment(committed),
        subject: message.lines().next().unwrap_or_default().trim_end().to_owned(),
        traces: named_traces(message),
    })
}

/// A commit may claim any time; one that nobody can write down is the earliest there is.
fn moment(seconds: &str) -> Timestamp {
    let micros = seconds
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000_000));
    micros
        .and_then(|micros| Timestamp::from_unix_micros(micros).ok())
        .unwrap_or(Timestamp::EPOCH)
}

/// Reads git's own porcelain (git-blame(1)): a line with the commit and numbers, others with what is said of it when it is named
/// first, and a tab in front of the line itself.
fn parse(told: &[u8]) -> anyhow::Result<Vec<Blamed>> {
    let mut lines = Vec::new();
    let mut paths: BTreeMap<GitObject, PathBuf> = BTreeMap::new();
    let mut open: Option<(GitObject, usize)> = None;
    for line in told.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match (open, line.strip_prefix(b"\t")) {
            (Some((commit, number)), Some(text)) => {
                lines.push(Blamed {
                    number,
                    commit,
                    path: paths
                        .get(&commit)
                        .cloned()
                        .context("git did not name the file of a line")?,
                    text: text.to_owned(),
                });
                open = None;
            }
            (Some((commit, _)), None) => {
                if let Some(name) = line.strip_prefix(b"filename ") {
                    paths.insert(commit, PathBuf::from(OsString::from_vec(unquoted(name))));
                }
            }
            (None, Some(_)) => bail!("git showed a line of no commit"),
            (None, None) => {
                let head = str::from_utf8(line).context("git named a commit in no text")?;
                let mut words = head.split(' ');
                let commit = words.next().unwrap_or_default().parse()?;
                let number = words.nth(1).and_then(|word| word.parse().ok());
                open = Some((commit, number.context("git gave a line no number")?));
            }
        }
    }
    Ok(lines)
}

/// A name as git quotes it where it has odd characters in it (git-config(1), core.quotePath): as in C.
fn unquoted(name: &[u8]) -> Vec<u8> {
    let Some(inner) = name.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return name.to_owned();
    };
    let mut bytes = inner.iter().copied().peekable();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'a') => plain.push(7),
            Some(b'b') => plain.push(8),
            Some(b't') => plain.push(b'\t'),
            Some(b'n') => plain.push(b'\n'),
            Some(b'v') => plain.push(11),
            Some(b'f') => plain.push(12),
            Some(b'r') => plain.push(b'\r'),
            Some(digit @ b'0'..=b'3') => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(|byte| matches!(byte, b'0'..=b'7')) {
                        value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                    }
                }
                plain.push(value);
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

/// A file's lines, without their ends; DOS's ends are none of what they say.
pub(crate) fn lines_of(bytes: &[u8]) -> Vec<&[u8]> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == b'\n').map(without_return).collect()
}

/// A line without the half of DOS's line end that git leaves on it.
pub(crate) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A file by its folder and its name there.
pub(crate) fn folder_and_name(file: &Path) -> anyhow::Result<(&Path, &OsStr)> {
    let name = file
        .file_name()
        .with_context(|| format!("{} names no file", file.display()))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or_else(|| Path::new(".")), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn lines_that_look_like_what_git_says_of_a_commit_are_lines() {
        let told = format!(
            "{ONE} 1 1 2\nauthor A\nsummary {TWO} 1 1 1\nfilename a.rs\n\tfilename b.rs\n{ONE} 2 2\n\t{TWO} 3 3 1\n\
             {TWO} 7 3 1\nauthor B\nprevious {ONE} \"x\\ty\"\nfilename \"a\\303\\251\\t\\\"b\\\"\"\n\t\n"
        );
        let lines = parse(told.as_bytes()).unwrap();
        let told: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.number,
                    line.commit.to_string(),
                    line.path.to_str().unwrap(),
                    line.text.as_slice(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (1, ONE.to_owned(), "a.rs", &b"filename b.rs"[..]),
                (2, ONE.to_owned(), "a.rs", format!("{TWO} 3 3 1").as_bytes()),
                (3, TWO.to_owned(), "aé\t\"b\"", b""),
            ]
        );
        assert!(parse(b"nothing of git's\n").is_err());
        assert!(parse(b"\ta line\n").is_err());
    }

    #[test]
    fn lines_are_those_that_git_counts() {
        assert_eq!(lines_of(b""), Vec::<&[u8]>::new());
        assert_eq!(lines_of(b"\n"), [b""]);
        assert_eq!(lines_of(b"a\r\nb"), [b"a", b"b"]);
        assert_eq!(lines_of(b"a\n\n"), [&b"a"[..], b""]);
    }
}
