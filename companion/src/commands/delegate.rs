//! `auditotter delegate`: lend an agent something, for a while.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, process::ExitCode};

use anyhow::Context as _;
use delegation::{AgentName, AgentVerb, Grant, MAX_DELEGATION_TTL, PathGlobs, Repositories, RootKey, mint};
use hub::companion::{CompanionRequest, DelegationRow, RevokeOutcome, Status};
use time::Duration;
use vocabulary::{Repository, Risk};

use hub::words;

use crate::{
    home::Workspace,
    key::{self, OwnKey},
    output,
};

/// Lend an agent some of what it may ask for, for a bounded time
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// To whom: `claude-code`, `codex`, or what another client calls itself
    #[arg(long, value_name = "NAME")]
    agent: AgentName,
    /// Only in this repository, as owner/name; may be repeated. Else in any
    #[arg(long = "repo", value_name = "OWNER/NAME")]
    repositories: Vec<Repository>,
    /// Only on these paths, as src/**; may be repeated. Else on all
    #[arg(long = "path", value_name = "GLOB")]
    paths: Vec<String>,
    /// Only this; may be repeated. Else everything that can be lent
    #[arg(long = "verb", value_name = "VERB")]
    verbs: Vec<AgentVerb>,
    /// Only up to this risk
    #[arg(long, value_name = "RISK", default_value = "critical")]
    max_risk: Risk,
    /// For how long: 30m, 8h, 2d
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = duration)]
    ttl: Duration,
    /// Print the new delegation as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, None)?;
    let member = &own.member;
    let verbs = if args.verbs.is_empty() {
        AgentVerb::ALL.to_vec()
    } else {
        args.verbs
    };
    let paths = if args.paths.is_empty() {
        PathGlobs::everything()
    } else {
        PathGlobs::parse(&args.paths)?
    };
    let repositories = if args.repositories.is_empty() {
        Repositories::Any
    } else {
        Repositories::Only(args.repositories.into_iter().collect())
    };
    let grant = Grant {
        id: hub::clock::new_id()?,
        on_behalf_of: member.id,
        agent: args.agent,
        verbs: verbs.into_iter().collect(),
        repositories,
        paths,
        risk_ceiling: args.max_risk,
        expires_at: words::whole_seconds(now.saturating_add(args.ttl)),
    };
    let text = words::of_grant(&grant, &member.name.to_string());
    let seed = own.open(&text, &format!("lend to {}", grant.agent), "nothing was lent")?;
    let token = mint(
        &RootKey::from_secret(&seed.delegation_secret()),
        member.root_key_id,
        &grant,
        hub::clock::random()?,
    )?;

    // Registered before it is stored: no token lies anywhere of which the ledger does not know.
    let witness = token.witness(hub::clock::random()?)?.as_str().to_owned();
    let row: DelegationRow = hub.ask(&CompanionRequest::Grant { witness })?;
    let path = workspace.home.delegations().join(format!("{}.token", grant.id));
    if let Err(error) = store(&path, token.expose()) {
        let why = Some("its file could not be written".to_owned());
        let _: RevokeOutcome = hub.ask(&CompanionRequest::Revoke {
            delegation: grant.id,
            why,
        })?;
        return Err(error).with_context(|| format!("{} cannot be written; nothing was lent", path.display()));
    }
    if args.json {
        output::json(&row)?;
    } else {
        output::line(&grant.id.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn store(path: &std::path::Path, token: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("part");
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        writeln!(file, "{token}")?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn duration(text: &str) -> Result<Duration, String> {
    let form = || format!("`{text}` is not a time like 30m, 8h or 2d, of at most 30d");
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(form)?;
    let count: i64 = digits.parse().map_err(|_| form())?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(form()),
    };
    let asked = count
        .checked_mul(seconds)
        .map(Duration::seconds)
        .ok_or_else(form)?;
    if asked >= Duration::MINUTE && asked <= MAX_DELEGATION_TTL {
        Ok(asked)
    } else {
        Err(form())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit_within_bounds() {
        assert_eq!(duration("30m"), Ok(Duration::minutes(30)));
        assert_eq!(duration("8h"), Ok(Duration::hours(8)));
        assert_eq!(duration("30d"), Ok(Duration::days(30)));
        for bad in [
            "",
            "h",
            "8",
            "-1h",
            "0m",
            "31d",
            "8 h",
            "8é",
            "99999999999999999999d",
            "1w",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
