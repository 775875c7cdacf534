//! Whole-system tests: real processes, real clients, real signals.
