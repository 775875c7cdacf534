//! Whole-system tests: real processes, real clients, real signals. Each file beside this one is one suite.
