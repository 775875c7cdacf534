//! Where a path lies: in the repository, outside of it, or where no agent writes.

use std::path::{Component, Path, PathBuf};

use vocabulary::{RepoPath, Span, shown};

mod protected;

pub(crate) use protected::{HOME, SYSTEM, fold, mentions};

/// What a call is judged by besides itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The repository's root: absolute, without links.
    pub root: &'a Path,
    /// The folder in which the call runs: absolute.
    pub cwd: &'a Path,
    /// The home of who runs it: absolute. Without one, `~` is not told.
    pub home: Option<&'a Path>,
    /// Audit Otter's own home: absolute. Nothing in it may be written by an agent.
    pub own_home: Option<&'a Path>,
    /// What lies at a path, without following a link there, as `lstat(2)` and `readlink(2)` say.
    pub look: &'a dyn Fn(&Path) -> Found,
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A folder.
    Folder,
    /// A symbolic link, and what it says.
    Link(PathBuf),
    /// Anything else, or nothing.
    Other,
}

/// How much of what lies at a path a command would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The file.
    File,
    /// The folder with everything in it.
    Tree,
    /// Some of what lies in the folder, but nothing hidden.
    Some,
    /// A file, or if there is a folder everything in it.
    Into,
}

/// Where a write would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the repository.
    Inside(RepoPath),
    /// Out of the repository, to where nothing is guarded.
    Outside(PathBuf),
    /// Where no agent writes, with the reason.
    Protected {
        /// Which path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// Into the repository, under a name that no work item can plan.
    Unnameable(String),
}

/// As many links as Linux follows before it says ELOOP.
const MAX_LINKS: usize = 40;

/// Says where a path lies, which is absolute or relative to the folder of the call.
///
/// Nothing, for a device that keeps nothing. `..` and links are followed one after the other, as the kernel does it. What is not there yet is taken by its name.
pub(crate) fn place(path: &Path, reach: Reach, around: &Surroundings<'_>) -> Vec<Place> {
    let (Some(named), Some(real)) = (
        follow(path, Last::Kept, around),
        follow(path, Last::Followed, around),
    ) else {
        return vec![Place::Unnameable(shown(&path.to_string_lossy(), 80))];
    };
    let reach = match reach {
        Reach::Into if (around.look)(&real) == Found::Folder => Reach::Tree,
        Reach::Into => Reach::File,
        other => other,
    };
    if protected::is_sink(&real) {
        return Vec::new();
    }
    let mut places = vec![locate(&named, reach, around)];
    if real != named {
        places.push(locate(&real, reach, around));
    }
    places
}

/// What becomes of a link at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Kept,
    Followed,
}

/// The path without `.`, `..` and links; `None` where links lead in circles.
fn follow(path: &Path, last: Last, around: &Surroundings<'_>) -> Option<PathBuf> {
    let mut todo: Vec<PathBuf> = Vec::new();
    let whole = around.cwd.join(path);
    stack(&whole, &mut todo);
    let mut links = 0;
    let mut done = PathBuf::new();
    while let Some(next) = todo.pop() {
        match next.components().next() {
            Some(Component::ParentDir) => {
                done.pop();
            }
            Some(Component::Normal(name)) => {
                done.push(name);
                if todo.is_empty() && last == Last::Kept {
                    break;
                }
                if let Found::Link(to) = (around.look)(&done) {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    done.pop();
                    stack(&to, &mut todo);
                }
            }
            Some(Component::RootDir | Component::Prefix(_)) => done = next,
            Some(Component::CurDir) | None => {}
        }
    }
    Some(done)
}

/// Puts a path's components on a stack, the first on top.
fn stack(path: &Path, todo: &mut Vec<PathBuf>) {
    todo.extend(
        path.components()
            .rev()
            .map(|component| PathBuf::from(component.as_os_str())),
    );
}

fn locate(path: &Path, reach: Reach, around: &Surroundings<'_>) -> Place {
    if let Some(what) = protected::what(path, reach, around) {
        let path = shown(&path.to_string_lossy(), 120);
        return Place::Protected { path, what };
    }
    let inside = path.strip_prefix(around.root).ok();
    // A whole folder with the repository in it.
    let span = match reach {
        Reach::File | Reach::Into => Span::File,
        Reach::Tree | Reach::Some => Span::Tree,
    };
    let inside =
        inside.or_else(|| (span == Span::Tree && around.root.starts_with(path)).then(|| Path::new("")));
    let Some(inside) = inside else {
        return Place::Outside(path.to_owned());
    };
    let unnameable = || Place::Unnameable(shown(&inside.to_string_lossy(), 80));
    let Some(text) = inside.to_str() else {
        return unnameable();
    };
    let text = match (text, span) {
        ("", _) => "**".to_owned(),
        (text, Span::Tree) => format!("{text}/"),
        (text, Span::File) => text.to_owned(),
    };
    text.parse().map_or_else(|_| unnameable(), Place::Inside)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
