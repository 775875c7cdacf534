//! Members, their keys, and what only they can do.
