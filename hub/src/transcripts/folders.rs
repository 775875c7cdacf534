//! Where a client worked, as its own record says, and whose rules for secrets hold for what it said: those of every repository in which
//! it worked so far, since what was read in one may be said again in any folder.

use std::{path::Path, sync::Arc};

use serde_json::Value;

use crate::{clearing::Counts, gating::Neighbourhood};

/// Of how many repositories the rules hold beside those of the last one.
const MOST_RULED: usize = 16;

/// How many folders are named that are not here.
const MOST_GONE: usize = 16;

/// The folders in which a client worked so far.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    last: Option<Arc<str>>,
    /// The roots that have rules, the first of them, and the last one where there was no room for it.
    ruled: Vec<String>,
    beyond: Option<String>,
    gone: Vec<String>,
}

impl Folders {
    /// It goes on in this one.
    pub(crate) fn go_on_in(&mut self, folder: Arc<str>, around: &Neighbourhood) {
        if self.last.as_ref() == Some(&folder) {
            return;
        }
        let new = !self.gone.iter().any(|gone| **gone == *folder);
        if new && self.gone.len() < MOST_GONE && !Path::new(&*folder).is_dir() {
            self.gone.push(folder.to_string());
        }
        self.beyond = around
            .root_with_rules(&folder)
            .filter(|root| !self.ruled.contains(root));
        if self.ruled.len() < MOST_RULED {
            self.ruled.extend(self.beyond.take());
        }
        self.last = Some(folder);
    }

    /// Clears of secrets what was said there, and says how many there were.
    pub(crate) fn clear(&self, value: &mut Value, around: &Neighbourhood) -> Counts {
        let mut counts = Counts::new();
        let mut roots = self.ruled.iter().chain(&self.beyond).peekable();
        if roots.peek().is_none() {
            return around.clear(value, None);
        }
        for root in roots {
            for (rule, count) in around.clear(value, Some(root)) {
                *counts.entry(rule).or_default() += count;
            }
        }
        counts
    }

    /// Those that are not here, the first of them: of what was said only there, the rules are not known.
    pub(crate) fn gone(&self) -> &[String] {
        &self.gone
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::json;

    use super::*;
    use crate::clearing::Clearing;

    fn around(top: &Path) -> Neighbourhood {
        Neighbourhood::of(top, Arc::new(Clearing::derive(&[7; 32])))
    }

    /// A repository that knows one word as a secret.
    fn knows(top: &Path, word: &str) -> PathBuf {
        let root = top.join(word);
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir(root.join(".auditotter")).unwrap();
        let rules = format!(
            "[[rule]]\nid = \"{word}\"\nregex = '{word}-[0-9]{{4}}-[0-9]{{4}}'\nkeywords = [\"{word}-\"]\n"
        );
        fs::write(root.join(".auditotter/redact.toml"), rules).unwrap();
        root
    }

    fn go(folders: &mut Folders, around: &Neighbourhood, folder: &Path) {
        folders.go_on_in(folder.to_str().unwrap().into(), around);
    }

    #[test]
    fn what_a_repository_knows_as_a_secret_stays_one_wherever_the_client_goes_on() {
        let top = tempfile::tempdir().unwrap();
        let (around, mut folders) = (around(top.path()), Folders::default());
        let (one, other) = (knows(top.path(), "otter"), knows(top.path(), "heron"));
        let counts = |folders: &Folders| {
            let mut said = json!(concat!(
                "otter-4711-4711 heron-4711-4711 AKIA",
                "QYLPMN5HHHFPZAM2"
            ));
            let counts = folders.clear(&mut said, &around);
            counts.into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(counts(&folders), "aws-access-token");
        go(&mut folders, &around, &one);
        assert_eq!(counts(&folders), "aws-access-token repository/otter");
        for folder in [Path::new("/tmp"), &other, Path::new("/nowhere")] {
            go(&mut folders, &around, folder);
        }
        assert_eq!(
            counts(&folders),
            "aws-access-token repository/heron repository/otter"
        );
    }

    #[test]
    fn the_last_folder_counts_however_many_came_before() {
        let top = tempfile::tempdir().unwrap();
        let (around, mut folders) = (around(top.path()), Folders::default());
        let words: Vec<String> = (0..=MOST_RULED as u8 + 1)
            .map(|number| format!("otter{}", char::from(b'a' + number)))
            .collect();
        for word in &words {
            go(&mut folders, &around, &knows(top.path(), word));
            let mut said = json!(format!("{word}-4711-4711"));
            assert_eq!(folders.clear(&mut said, &around).len(), 1, "{said}");
        }
        let mut said = json!(format!("{}-4711-4711", words[0]));
        assert_eq!(folders.clear(&mut said, &around).len(), 1, "{said}");
    }

    #[test]
    fn each_folder_that_is_not_here_is_named_once() {
        let top = tempfile::tempdir().unwrap();
        let (around, mut folders) = (around(top.path()), Folders::default());
        for name in ["gone", "", "gone", "gone/too"] {
            go(&mut folders, &around, &top.path().join(name));
        }
        let expected = ["gone", "gone/too"].map(|name| top.path().join(name).to_str().unwrap().to_owned());
        assert_eq!(folders.gone(), expected);
        for number in 0..100 {
            go(&mut folders, &around, &top.path().join(number.to_string()));
        }
        assert_eq!(folders.gone().len(), MOST_GONE);
    }
}
