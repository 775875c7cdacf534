//! `auditotter`: every command that a human types.

mod commands;
mod git;
mod home;
mod key;
mod output;
mod painted;
mod plain;
mod shown;
mod terminal;
mod touch;
mod touch_key;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::explain(&error);
            ExitCode::FAILURE
        }
    }
}
