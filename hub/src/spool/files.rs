//! The files of a spool: which wait, what they hold, and where those go that cannot be taken in.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use protocol::{
    home::Home,
    spool::{MAX_SPOOL_BYTES, SpoolFile},
};

use crate::{clock, private};

/// The folder within the spool where what cannot be taken in is put aside for a human.
const REFUSED: &str = "refused";

/// How many names like a file's own are tried where it is put aside.
const MOST_LIKE_IT: u32 = 100;

/// What waits, in the order in which it happened: names begin with when.
pub(super) fn waiting(home: &Home) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(home.spool()) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.sort();
    Ok(files)
}

pub(super) fn read(path: &Path) -> Result<SpoolFile, String> {
    let bytes = private::read(path, MAX_SPOOL_BYTES).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("it is not there any more")?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Puts a file where a human finds it, under its own name or another that nothing there has. What cannot be put aside stays, and keeps
/// nothing else waiting.
pub(super) fn put_aside(path: &Path, own: &Path, why: &str) {
    match moved_aside(path, own) {
        Ok(aside) => {
            tracing::warn!(path = %own.display(), why, aside = %aside.display(), "a spooled record was refused");
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), why, %error, "a spooled record was refused, and cannot be put aside");
        }
    }
}

fn moved_aside(path: &Path, own: &Path) -> io::Result<PathBuf> {
    let (folder, name) = own
        .parent()
        .zip(own.file_name())
        .ok_or(io::ErrorKind::InvalidFilename)?;
    let refused = folder.join(REFUSED);
    DirBuilder::new().recursive(true).mode(0o700).create(&refused)?;
    let like_it = (0..MOST_LIKE_IT).map(|number| match number {
        0 => refused.join(name),
        more => refused.join(format!("{more}-{}", name.to_string_lossy())),
    });
    for aside in like_it {
        match private::rename(path, &aside) {
            Ok(()) => return Ok(aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // The name is too long to be made longer.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => break,
            Err(error) => return Err(error),
        }
    }
    // Somebody took them all.
    let unheard: [u8; 16] = clock::random().map_err(io::Error::other)?;
    let aside = refused.join(format!("{}.json", hex::encode(unheard)));
    private::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_goes_under_a_name_of_its_own_whatever_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let refused = at(REFUSED);
        let own = at("1.json");
        let long = at(&format!("{}.json", "0".repeat(250)));
        for own in [&own, &own, &long, &long] {
            fs::write(own, "x").unwrap();
            put_aside(own, own, "a test");
            assert!(!own.exists());
        }
        assert_eq!(fs::read_dir(&refused).unwrap().count(), 4);
        for number in 0..MOST_LIKE_IT {
            let _ = fs::write(refused.join(format!("{number}-1.json")), "taken");
        }
        fs::write(&own, "y").unwrap();
        let aside = moved_aside(&own, &own).unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), "y");
    }

    #[test]
    fn nobody_waits_for_a_pipe_in_the_spool() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("1.json");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(read(&pipe).is_err());
    }
}
