//! The files of others: read whole, replaced whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// A file larger than this is no configuration.
const LARGEST: u64 = 64 << 20;

/// A file as it was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it was looked for.
    pub(super) path: PathBuf,
    /// Where it lies: links are followed, not replaced.
    real: PathBuf,
    /// What is in it; `None` where there is none.
    pub(super) bytes: Option<Vec<u8>>,
    mode: u32,
    /// The mode of a new one, before the umask.
    new_mode: u32,
    /// How many of the folders around it are missing.
    pub(super) missing_folders: usize,
}

/// Reads a file, or finds that there is none.
///
/// # Errors
/// Where it is no regular file of this user's, or a link that leads nowhere or to somebody else's.
pub(super) fn find(path: &Path) -> anyhow::Result<Found> {
    let shown = path.display();
    let own = rustix::process::geteuid().as_raw();
    let real = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let missing_folders = path
                .ancestors()
                .skip(1)
                .take_while(|folder| !folder.exists())
                .count();
            return Ok(Found {
                path: path.to_owned(),
                real: path.to_owned(),
                bytes: None,
                mode: 0,
                new_mode: 0o666,
                missing_folders,
            });
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be looked at")),
        Ok(meta) if meta.is_symlink() => {
            anyhow::ensure!(
                meta.uid() == own,
                "{shown} is a link that belongs to another user; it was left alone"
            );
            path.canonicalize()
                .with_context(|| format!("{shown} is a link that leads nowhere; it was left alone"))?
        }
        Ok(_) => path.to_owned(),
    };
    let meta = fs::metadata(&real).with_context(|| format!("{shown} cannot be looked at"))?;
    if !meta.is_file() {
        bail!("{shown} is no file; it was left alone");
    }
    if meta.uid() != own {
        bail!("{shown} belongs to another user; it was left alone");
    }
    if meta.len() > LARGEST {
        bail!("{shown} is larger than any configuration; it was left alone");
    }
    let bytes = fs::read(&real).with_context(|| format!("{shown} cannot be read"))?;
    Ok(Found {
        path: path.to_owned(),
        real,
        bytes: Some(bytes),
        mode: meta.mode() & 0o7777,
        new_mode: 0o666,
        missing_folders: 0,
    })
}

impl Found {
    /// The same, to be run where it is new.
    pub(super) fn into_program(mut self) -> Self {
        self.new_mode = 0o777;
        self
    }

    /// Whether it lies elsewhere.
    pub(super) fn is_link(&self) -> bool {
        self.path != self.real
    }

    /// What is in it, as text.
    ///
    /// # Errors
    /// Where it is no UTF-8.
    pub(super) fn text(&self) -> anyhow::Result<Option<&str>> {
        let text = self.bytes.as_deref().map(std::str::from_utf8).transpose();
        text.with_context(|| format!("{} is no UTF-8; it was left alone", self.path.display()))
    }

    /// Puts this in its place, or removes it.
    ///
    /// # Errors
    /// Where it is not any more what was read, or cannot be written.
    pub(super) fn replace(&self, with: Option<&[u8]>) -> anyhow::Result<()> {
        let shown = self.path.display();
        let Some(bytes) = with else {
            self.unchanged()?;
            return fs::remove_file(&self.path).with_context(|| format!("{shown} cannot be removed"));
        };
        let folder = self
            .real
            .parent()
            .with_context(|| format!("{shown} lies in no folder"))?;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".auditotter-");
        // What the umask leaves, as for any new file; an existing one keeps its own.
        let open = Permissions::from_mode(self.new_mode);
        let mut file = builder
            .permissions(open)
            .tempfile_in(folder)
            .with_context(|| format!("nothing can be written in {}", folder.display()))?;
        let written = (|| {
            if self.bytes.is_some() {
                file.as_file()
                    .set_permissions(Permissions::from_mode(self.mode))?;
            }
            file.write_all(bytes)?;
            file.as_file().sync_all()
        })();
        written.with_context(|| format!("{shown} cannot be written"))?;
        self.unchanged()?;
        let put = if self.bytes.is_some() {
            file.persist(&self.real)
        } else {
            file.persist_noclobber(&self.real)
        };
        put.map_err(|refused| refused.error)
            .with_context(|| format!("{shown} cannot be written"))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .with_context(|| format!("{} cannot be written", folder.display()))
    }

    /// That nobody else wrote it since it was read.
    fn unchanged(&self) -> anyhow::Result<()> {
        let now = find(&self.path)?;
        if (&now.real, &now.bytes) != (&self.real, &self.bytes) {
            bail!(
                "{} was changed by somebody else just now; run this again",
                self.path.display()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
