//! `auditotter install git`: a git hook that names an agent's session in its commits, beside the hooks of others, and out of it again.
//!
//! What is ours in a hook is a block between two lines, and the first of them says what was there before. So nothing has to be
//! kept elsewhere, and whoever changes that line can have an empty file or an empty folder stay or go, and nothing else.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use super::{
    Args, files,
    files::Found,
    plan::{Change, What},
    server_program::ServerProgram,
};
use crate::{git::Repository, home::Workspace, output};

/// The hooks through which every message goes: the first also where somebody says `--no-verify`, the second also after an editor.
const HOOKS: [&str; 2] = ["prepare-commit-msg", "commit-msg"];

/// The lines around what is ours, the first up to what was there before.
const BEGINS: &str = "# >>> auditotter install git; before it there was ";
const ENDS: &str = "# <<< auditotter install git";

/// The folder beside the hooks for those that no block fits into.
const KEPT: &str = "auditotter-kept";

/// Programs that read a hook as we write it.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

const HOOK: What = What::new("The git hook is in", "The git hook was already in");
const OUT: What = What::new("What was ours is out of", "");

/// What was there before a hook of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A hook of somebody's.
    Hook,
    /// A hook that is no shell's, and was put aside.
    Kept,
    /// No hook.
    NoHook,
    /// Not even a folder.
    NoFolder,
}

impl Before {
    const ALL: [Self; 4] = [Self::Hook, Self::Kept, Self::NoHook, Self::NoFolder];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "a hook",
            Self::Kept => "a hook that was put aside",
            Self::NoHook => "no hook",
            Self::NoFolder => "no folder",
        }
    }
}

/// All that will be done.
#[derive(Debug, Default)]
struct Plan {
    changes: Vec<Change>,
    /// Hooks to put aside first, or back afterwards: from where, to where.
    aside: Vec<(PathBuf, PathBuf)>,
    back: Vec<(PathBuf, PathBuf)>,
    /// Folders to remove where nothing is in them, innermost first.
    folders: Vec<PathBuf>,
    remarks: Vec<String>,
}

/// Carries out the command.
pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    ensure!(
        !args.project && !args.user,
        "git hooks are the repository's of this folder; leave out --project and --user"
    );
    let (folder, elsewhere) = Repository::at(Path::new(".")).hooks_folder()?;
    let mut plan = Plan::default();
    if args.uninstall {
        plan.take_out(&folder)?;
    } else {
        plan.put_in(&folder, &ServerProgram::find(workspace.home.path())?)?;
        if elsewhere {
            plan.remarks.push(shared(&folder));
        }
    }
    let nothing = !plan.changes.iter().any(Change::is_one);
    if args.dry_run {
        for (from, to) in plan.aside.iter().chain(&plan.back) {
            output::line(&format!("Would move {} to {}", from.display(), to.display()));
        }
        super::preview(plan.changes.iter().filter(|change| change.is_one()), &[]);
    } else {
        plan.carry_out()?;
        if nothing {
            output::line(if args.uninstall {
                "Nothing of ours was there."
            } else {
                "Nothing had to change."
            });
        }
    }
    for remark in &plan.remarks {
        output::line(remark);
    }
    if !args.uninstall && !args.dry_run {
        output::line(
            "Commits made in an agent's session name its trace from now on. See who wrote a line with: auditotter blame FILE:LINE",
        );
    }
    Ok(())
}

impl Plan {
    fn put_in(&mut self, folder: &Path, program: &ServerProgram) -> anyhow::Result<()> {
        for hook in HOOKS {
            let path = folder.join(hook);
            refuse_link(&path)?;
            let found = files::find(&path)?.into_program();
            let block = |before| block(before, hook, program);
            let after = match &found.bytes {
                None => {
                    let before = if found.missing_folders > 0 {
                        Before::NoFolder
                    } else {
                        Before::NoHook
                    };
                    [b"#!/bin/sh\n", block(before)?.as_bytes()].concat()
                }
                Some(bytes) => match Ours::within(bytes).with_context(|| left_alone(&path))? {
                    // Brought up to date in its place.
                    Some(ours) => [
                        &bytes[..ours.from],
                        block(ours.before)?.as_bytes(),
                        &bytes[ours.to..],
                    ]
                    .concat(),
                    None => {
                        let mode = fs::metadata(&path)
                            .with_context(|| left_alone(&path))?
                            .permissions();
                        ensure!(
                            mode.mode() & 0o111 != 0,
                            "{} is not executable, so git does not run it; remove it or make it executable, and run this again",
                            path.display()
                        );
                        match first_line_of_shell(bytes) {
                            Some(end) => {
                                let (first, rest) = bytes.split_at(end);
                                [first, block(Before::Hook)?.as_bytes(), rest].concat()
                            }
                            None => {
                                let kept = folder.join(KEPT).join(hook);
                                ensure!(
                                    fs::symlink_metadata(&kept).is_err(),
                                    "{} is in the way of keeping the hook that is there; move it elsewhere and run this again",
                                    kept.display()
                                );
                                self.aside.push((path.clone(), kept));
                                let block = block(Before::Kept)?;
                                format!("#!/bin/sh\n{block}{}", goes_on(hook)).into_bytes()
                            }
                        }
                    }
                },
            };
            self.changes.push(Change {
                what: HOOK,
                found,
                after: Some(after),
            });
        }
        Ok(())
    }

    fn take_out(&mut self, folder: &Path) -> anyhow::Result<()> {
        for hook in HOOKS {
            let path = folder.join(hook);
            let found = files::find(&path)?.into_program();
            let Some(bytes) = &found.bytes else { continue };
            let Some(ours) = Ours::within(bytes).with_context(|| left_alone(&path))? else {
                continue;
            };
            let left = [&bytes[..ours.from], &bytes[ours.to..]].concat();
            let bare = left == b"#!/bin/sh\n";
            let kept = folder.join(KEPT).join(hook);
            let after = match ours.before {
                Before::NoHook | Before::NoFolder if bare && !found.is_link() => {
                    if ours.before == Before::NoFolder {
                        self.folders.push(folder.to_owned());
                    }
                    None
                }
                Before::Kept if left == format!("#!/bin/sh\n{}", goes_on(hook)).as_bytes() => {
                    ensure!(
                        fs::symlink_metadata(&kept).is_ok_and(|meta| meta.is_file()),
                        "{} is not there any more, which {} was to be again; nothing was changed",
                        kept.display(),
                        path.display()
                    );
                    self.back.push((kept, path));
                    self.folders.insert(0, folder.join(KEPT));
                    None
                }
                _ => Some(left),
            };
            self.changes.push(Change {
                what: OUT,
                found,
                after,
            });
        }
        Ok(())
    }

    fn carry_out(&self) -> anyhow::Result<()> {
        let mut aside = Vec::new();
        if let Err(error) = self.change(&mut aside) {
            // As it was: somebody's hook is not lost to a full disk.
            return Err(put_back(&aside, error));
        }
        self.back.iter().try_for_each(|(from, to)| moved(from, to))?;
        for folder in &self.folders {
            // Not empty: somebody uses it.
            let _ = fs::remove_dir(folder);
        }
        for change in self.changes.iter().filter(|change| !change.is_one()) {
            if let Some(already) = change.what.already {
                output::line(&format!("{already} {}.", change.found.path.display()));
            }
        }
        Ok(())
    }

    /// Changes the hooks, and says which of them were put aside for it.
    fn change<'p>(&'p self, aside: &mut Vec<Aside<'p>>) -> anyhow::Result<()> {
        for (from, to) in &self.aside {
            // There is no hook for a moment, rather than one that runs itself.
            moved(from, to)?;
            aside.push(Aside {
                from,
                to,
                replaced: false,
            });
        }
        for change in self.changes.iter().filter(|change| change.is_one()) {
            if let Some(aside) = aside.iter_mut().find(|aside| *aside.from == change.found.path) {
                let place = files::find(&change.found.path).map(Found::into_program)?;
                place.replace(change.after.as_deref())?;
                aside.replaced = true;
            } else {
                change.found.replace(change.after.as_deref())?;
            }
            if let Some(said) = change.said() {
                output::line(&said);
            }
        }
        Ok(())
    }
}

/// A hook that was put aside.
#[derive(Debug)]
struct Aside<'p> {
    from: &'p Path,
    to: &'p Path,
    /// Whether ours is in its place.
    replaced: bool,
}

fn moved(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().context("a hook lies in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::rename(from, to))
        .with_context(|| format!("{} cannot be moved to {}", from.display(), to.display()))
}

/// Puts all hooks back that were put aside, each whatever becomes of the others.
fn put_back(aside: &[Aside<'_>], mut error: anyhow::Error) -> anyhow::Error {
    for Aside { from, to, replaced } in aside {
        // Somebody else may have put a hook there meanwhile, and that one is theirs.
        let free = *replaced || fs::symlink_metadata(from).is_err();
        if !free || fs::rename(to, from).is_err() {
            error = error.context(format!(
                "{} could not be put back and lies in {}; move it back yourself",
                from.display(),
                to.display()
            ));
        } else if *replaced {
            output::line(&format!(
                "Put the hook that was there back in {}.",
                from.display()
            ));
        }
    }
    // Not empty: somebody uses it.
    if let Some(kept) = aside.first().and_then(|aside| aside.to.parent()) {
        let _ = fs::remove_dir(kept);
    }
    error
}

/// What to know of hooks that lie where the settings say.
fn shared(folder: &Path) -> String {
    format!(
        "git is told to look for hooks in {} (core.hooksPath): whoever shares that folder shares these hooks, which name places of this machine.",
        folder.display()
    )
}

/// The part of a hook that is ours.
#[derive(Debug, PartialEq, Eq)]
struct Ours {
    from: usize,
    to: usize,
    before: Before,
}

impl Ours {
    /// Where it is.
    ///
    /// # Errors
    /// Where it begins and does not end, or does twice: then nobody can say what is whose.
    fn within(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let mut found: Option<Self> = None;
        let mut begun: Option<(usize, Before)> = None;
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let begins = text.strip_prefix(BEGINS.as_bytes());
            match (begins, begun) {
                (Some(_), Some(_)) => bail!("what is ours begins twice in it"),
                (Some(rest), None) => {
                    let before = Before::ALL
                        .into_iter()
                        .find(|before| rest == before.as_str().as_bytes());
                    begun = Some((
                        at,
                        before.context("what is ours says of no known kind what was there before")?,
                    ));
                }
                (None, Some((from, before))) if text == ENDS.as_bytes() => {
                    ensure!(found.is_none(), "what is ours stands in it twice");
                    let to = at + line.len();
                    found = Some(Self { from, to, before });
                    begun = None;
                }
                _ => {}
            }
            at += line.len();
        }
        ensure!(begun.is_none(), "what is ours begins in it and does not end");
        Ok(found)
    }
}

fn left_alone(path: &Path) -> String {
    format!("{} was left alone", path.display())
}

/// Refuses a hook that lies elsewhere: what is written there may be a file of the repository's, or another one's hook too.
fn refuse_link(path: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => {
            let lies = fs::read_link(path).unwrap_or_default();
            bail!(
                "{} is a link to {}; it was left alone. Put a file in its place that runs it, and run this again",
                path.display(),
                lies.display()
            )
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be looked at", path.display()))
        }
        _ => Ok(()),
    }
}

/// What is ours in a hook. It says nothing, and whatever becomes of it, the hook goes on.
fn block(before: Before, hook: &str, program: &ServerProgram) -> anyhow::Result<String> {
    let words = [program.absolute()?, "trailer".to_owned()].into_iter();
    let words = words.chain(program.arguments()).chain([hook.to_owned()]);
    let quoted: Vec<String> = words
        .map(|word| shlex::try_quote(&word).map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .context("the place of auditotter-mcp cannot stand in a shell's script")?;
    let runs = quoted.join(" ");
    Ok(format!(
        "{BEGINS}{}\n# Names the session in which an agent commits. Anywhere else it does nothing, and it never stops a commit.\n\
         {runs} -- \"$@\" </dev/null >/dev/null 2>&1 || :\n{ENDS}\n",
        before.as_str()
    ))
}

/// How a hook of ours goes on with the one that was put aside.
fn goes_on(hook: &str) -> String {
    format!("exec \"${{0%/*}}/{KEPT}/{hook}\" \"$@\"\n")
}

/// Where the first line of a shell's script ends; nothing where it is another program's. Git gives a script without such a line to sh.
fn first_line_of_shell(bytes: &[u8]) -> Option<usize> {
    if bytes.contains(&0) {
        return None;
    }
    let Some(rest) = bytes.strip_prefix(b"#!") else {
        return Some(0);
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let named = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut program = named(words.next()?);
    if program == "env" {
        program = named(words.find(|word| !word.starts_with('-') && !word.contains('='))?);
    }
    let end = 2 + line.len() + 1;
    // A first line without an end, or with one of DOS's, is nothing to write under.
    let whole = bytes.len() >= end && !line.ends_with(b"\r");
    (whole && SHELLS.contains(&program.as_str())).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_stands_under_the_first_line_of_every_shell_and_of_no_other_program() {
        for (script, end) in [
            ("#!/bin/sh\necho\n", 10),
            ("#!/usr/bin/env bash\n", 20),
            ("#! /usr/bin/env -S zsh -e\n", 26),
            ("#!/bin/dash -e\n", 15),
            ("echo no first line\n", 0),
            ("", 0),
        ] {
            assert_eq!(first_line_of_shell(script.as_bytes()), Some(end), "{script}");
        }
        for script in [
            "#!/usr/bin/python3\n",
            "#!/usr/bin/env ruby\n",
            "#!/usr/bin/env\n",
            "#!\n",
            "#!/bin/sh",
            "#!/bin/sh\r\n",
            "#!/usr/bin/fish\n",
            "\u{7f}ELF\0",
        ] {
            assert_eq!(first_line_of_shell(script.as_bytes()), None, "{script:?}");
        }
    }

    #[test]
    fn what_is_ours_is_found_once_or_not_at_all() {
        let program = ServerProgram::named("/opt/it's here/auditotter-mcp", Some("/home/a b"));
        for before in Before::ALL {
            let block = block(before, "commit-msg", &program).unwrap();
            assert!(block.contains("'/home/a b' commit-msg -- \"$@\""), "{block}");
            let script = format!("#!/bin/sh\n{block}echo\n");
            let ours = Ours::within(script.as_bytes()).unwrap().unwrap();
            assert_eq!(
                (&script[ours.from..ours.to], ours.before),
                (block.as_str(), before)
            );
            for broken in [
                format!("{script}{block}"),
                format!("{script}{BEGINS}a hook\n"),
                format!("{BEGINS}a hook\n{block}"),
                format!("{BEGINS}the moon\n{ENDS}\n"),
            ] {
                assert!(Ours::within(broken.as_bytes()).is_err(), "{broken}");
            }
        }
        assert_eq!(Ours::within(b"#!/bin/sh\n\xff\n").unwrap(), None);
    }

    #[test]
    fn every_hook_that_was_put_aside_is_put_back_where_something_fails() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second, other) = (
            folder.path().join("first"),
            folder.path().join("second"),
            folder.path().join("other"),
        );
        for path in [&first, &second, &other] {
            fs::write(path, "#!/usr/bin/python3\n").unwrap();
        }
        let kept = folder.path().join(KEPT);
        let change = |path: &Path| Change {
            what: HOOK,
            found: files::find(path).unwrap().into_program(),
            after: Some(b"#!/bin/sh\n".to_vec()),
        };
        let mut plan = Plan {
            aside: vec![
                (first.clone(), kept.join("first")),
                (second.clone(), kept.join("second")),
            ],
            changes: vec![change(&first), change(&other), change(&second)],
            ..Plan::default()
        };
        let as_it_was = || {
            for path in [&first, &second] {
                assert_eq!(fs::read_to_string(path).unwrap(), "#!/usr/bin/python3\n");
            }
            assert!(!kept.exists());
        };
        // Somebody writes it while the plan is made: the first is replaced already, the second is not.
        fs::write(&other, "somebody else's").unwrap();
        plan.carry_out().unwrap_err();
        as_it_was();
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody else's");
        // One of them cannot be put aside.
        plan.aside
            .push((folder.path().join("nothing"), kept.join("nothing")));
        plan.carry_out().unwrap_err();
        as_it_was();
    }
}
