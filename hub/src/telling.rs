//! A session as a person would tell it: what was asked, what was done about it, and what came of each step.
//!
//! Pure: entries go in, as [`EntryRow`]s, and turns come out, which hold steps, which hold entries. No entry is left out and none
//! is said to be what it is not; what is folded is only put under a line that says the worst of it. The inbox's page and the
//! replay show the same telling, each in its own way. Everything that others wrote is a [`Text`], which knows what in it
//! would mislead whoever reads it.

mod diff;
mod entry;
mod gap;
mod moment;
mod outline;
mod outlines;
mod said;
mod steps;
mod text;
mod tools;

pub use diff::{Diff, DiffLine, Mark};
pub use entry::{Part, Told, Tone};
pub use moment::{MomentError, clock, moment};
pub use outline::{Outline, Touched};
pub(crate) use outlines::Outlines;
pub use steps::{Loose, Step, Turn, loose, names, tell};
pub use text::{Folded, Hidden, Piece, Text};

#[cfg(doc)]
use crate::companion::EntryRow;
