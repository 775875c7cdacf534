//! `verify_trace`.

use delegation::AgentVerb;
use protocol::{
    Refusal,
    tools::{TraceVerified, VerifyTrace},
};

use super::{Done, First, Plan, Prepared, readable_trace, structured};
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
        first: Some(First::Verify(trace)),
        carry_out: Box::new(move |_, _, _, prepared| {
            let result = match prepared {
                Some(Prepared::Verified(Ok(report))) => TraceVerified {
                    trace,
                    holds: true,
                    entries: report.entries,
                    head: report.head.hash.to_string(),
                    erased: report.erased_bodies,
                    broken: None,
                },
                Some(Prepared::Verified(Err(why))) => broken(trace, why),
                Some(Prepared::Awaited | Prepared::Told(_)) | None => {
                    broken(trace, "it was not verified".to_owned())
                }
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
