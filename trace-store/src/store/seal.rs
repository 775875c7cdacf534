//! Moving full windows from memory into the index.

use std::sync::PoisonError;

use super::{Store, error::ReadError, index::Index};

impl Store {
    /// Writes every full window of the tail to the index, then forgets it here. Readers find an entry in
    /// one place or the other throughout.
    pub(crate) fn seal_full_windows(&self) -> Result<(), ReadError> {
        loop {
            let Some(sealed) = self.tail().full_window() else {
                return Ok(());
            };
            self.with_index(|index| index.seal(&sealed))?;
            self.tail_mut().forget(&sealed);
        }
    }

    /// Opens the index again: after an error sled refuses everything until then.
    pub(crate) fn reopen_index(&self) -> Result<(), ReadError> {
        let mut index = self.0.index.write().unwrap_or_else(PoisonError::into_inner);
        // Its lock must be free before it can be taken again.
        *index = None;
        *index = Some(Index::open(&self.0.dir, self.0.workspace)?);
        Ok(())
    }
}
