//! What changed in a file, line by line.

use super::text::{Text, cut};

/// So many lines of a difference are shown at once.
const SHOWN: usize = 60;

/// So many more are kept at hand.
const MOST_HIDDEN: usize = 400;

/// What a line of a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is as it was.
    Same,
    /// It says where the next lines are.
    Place,
}

impl Mark {
    /// Its name, as a style sheet has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Same => "same",
            Self::Place => "at",
        }
    }
}

/// A line of a difference, with the sign in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// What it is.
    pub mark: Mark,
    /// What it says.
    pub text: Text,
}

/// What changed in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// How many lines are new.
    pub added: usize,
    /// How many are gone.
    pub removed: usize,
    /// How it begins.
    pub shown: Vec<DiffLine>,
    /// What is folded away.
    pub hidden: Vec<DiffLine>,
    /// How many more lines are not even kept at hand.
    pub left_out: usize,
}

impl Diff {
    /// Reads a difference as `diff -u` and our own capture write it.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut diff = Self::default();
        let mut placed = false;
        for line in text.lines() {
            let mark = mark(line, placed);
            placed |= line.starts_with("@@");
            diff.added += usize::from(mark == Mark::Added);
            diff.removed += usize::from(mark == Mark::Removed);
            let line = || DiffLine {
                mark,
                text: Text::of(&cut(line)),
            };
            if diff.shown.len() < SHOWN {
                diff.shown.push(line());
            } else if diff.hidden.len() < MOST_HIDDEN {
                diff.hidden.push(line());
            } else {
                diff.left_out += 1;
            }
        }
        diff
    }

    /// How many lines are folded away.
    #[must_use]
    pub fn folded(&self) -> usize {
        self.hidden.len() + self.left_out
    }
}

fn mark(line: &str, placed: bool) -> Mark {
    let names_a_file = ["--- ", "+++ ", "diff ", "index "];
    match line.as_bytes().first() {
        // Only before the first place: a line that is gone may begin with dashes.
        _ if !placed && names_a_file.iter().any(|start| line.starts_with(start)) => Mark::Place,
        Some(b'+') => Mark::Added,
        Some(b'-') => Mark::Removed,
        Some(b'@' | b'\\') => Mark::Place,
        _ => Mark::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_their_signs_say() {
        let diff = Diff::of(
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- gone\n+new\u{1b}[2J\n\\ No newline at end of file\n",
        );
        let marks: Vec<Mark> = diff.shown.iter().map(|line| line.mark).collect();
        let expected = [
            Mark::Place,
            Mark::Place,
            Mark::Place,
            Mark::Same,
            Mark::Removed,
            Mark::Added,
            Mark::Place,
        ];
        assert_eq!(marks, expected);
        assert_eq!((diff.added, diff.removed, diff.folded()), (1, 1, 0));
        assert_eq!(diff.shown[5].text.plain(), "+new\\u001b[2J");
        let long = Diff::of(&"+a\n".repeat(1_000));
        assert_eq!((long.added, long.folded(), long.left_out), (1_000, 940, 540));
    }
}
