//! `verify_trace`.

use delegation::AgentVerb;
use protocol::{
    Refusal,
    tools::{TraceVerified, VerifyTrace},
};

use super::{Done, Plan, readable_trace, structured};
use crate::{dispatch::Scribe, workspace::Workspace};

pub(super) fn plan(
    verb: Option<AgentVerb>,
    workspace: &Workspace,
    scribe: &Scribe<'_, '_>,
    call: VerifyTrace,
) -> Result<Plan, Refusal> {
    let trace = readable_trace(workspace, scribe, call.trace)?;
    Ok(Plan {
        verb,
        repository: None,
        paths: Vec::new(),
        risk: None,
        verify: Some(trace),
        carry_out: Box::new(move |_, _, _, checked| {
            let result = match checked {
                Some(Ok(report)) => TraceVerified {
                    trace,
                    holds: true,
                    entries: report.entries,
                    head: report.head.hash.to_string(),
                    erased: report.erased_bodies,
                    broken: None,
                },
                Some(Err(why)) => broken(trace, why),
                None => broken(trace, "it was not verified".to_owned()),
            };
            Ok(Done::of(structured(&result)))
        }),
    })
}

fn broken(trace: vocabulary::TraceId, why: String) -> TraceVerified {
    TraceVerified {
        trace,
        holds: false,
        entries: 0,
        head: String::new(),
        erased: 0,
        broken: Some(why),
    }
}
