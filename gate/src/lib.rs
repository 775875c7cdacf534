//! What a tool call of a coding agent would change, and whether that is covered by approved work and by what was lent.
//!
//! Reading is free. A write needs an approved work item that plans the path at its risk, and a delegation that lends it. What
//! cannot be told counts as a write anywhere in the repository. Nothing here looks at a clock, a network or a disk: what links
//! lead to comes in as a function. `docs/GATE.md` says what is free, what is gated, and what no gate of this kind can see.

mod approved;
mod effect;
mod judge;
mod path;
mod policy;
mod shell;

pub use approved::{ApprovedItem, ApprovedWork};
pub use effect::{Change, Effect, What, effect_of};
pub use judge::{Code, Denial, Lent, Verdict, judge};
pub use path::{Found, Surroundings};
pub use policy::{Mode, Policy, PolicyError, Read};
