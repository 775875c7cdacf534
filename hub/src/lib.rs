//! The process that owns a workspace: it authorizes, records and applies.
