//! A disk for tests: a repository of Alice's with a few folders and links.

use std::path::{Path, PathBuf};

use super::{Found, Surroundings};

/// What lies where.
pub(crate) fn disk(path: &Path) -> Found {
    const FOLDERS: [&str; 7] = [
        "",
        "/src",
        "/src/deep",
        "/docs",
        "/.auditotter",
        "/.git",
        "/.claude",
    ];
    const LINKS: [(&str, &str); 9] = [
        ("/gate-link", ".auditotter"),
        ("/src/link", "../docs"),
        ("/src/dangling", "/home/alice/shop/secret/new"),
        ("/loop", "loop2"),
        ("/loop2", "loop"),
        ("/out", "/tmp/out"),
        ("/abs", "/home/alice/shop/docs"),
        ("/chain", "abs"),
        ("/docs/up", ".."),
    ];
    let Ok(inside) = path.strip_prefix("/home/alice/shop") else {
        return Found::Other;
    };
    let inside = match inside.to_str() {
        Some("") => String::new(),
        Some(inside) => format!("/{inside}"),
        None => return Found::Other,
    };
    if let Some((_, to)) = LINKS.iter().find(|(link, _)| *link == inside && inside != "/out") {
        return Found::Link(PathBuf::from(to));
    }
    if FOLDERS.contains(&inside.as_str()) {
        return Found::Folder;
    }
    Found::Other
}

pub(crate) fn around<'a>(look: &'a dyn Fn(&Path) -> Found) -> Surroundings<'a> {
    Surroundings {
        root: Path::new("/home/alice/shop"),
        cwd: Path::new("/home/alice/shop"),
        home: Some(Path::new("/home/alice")),
        own_home: Some(Path::new("/home/alice/.local/share/auditotter")),
        look,
    }
}
