//! The working tree, compared with the edits that were recorded.

use super::{AftermathError, Eye, Moment};
use crate::dispatch::Caller;

/// The working trees as they were seen last, by session.
#[derive(Debug, Default)]
pub(super) struct Trees {}

/// Compares the working tree of a session with what it was.
pub(super) fn look(_eye: &Eye, _caller: &Caller, _moment: &Moment) -> Result<(), AftermathError> {
    Ok(())
}
