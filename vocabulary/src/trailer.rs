//! How a commit's message names the trace of the session in which it was made.

use crate::TraceId;

/// The trailer's name, as it stands in front of the colon.
pub const TRAILER: &str = "Auditotter-Trace";

/// Most traces that one message is taken to name: many commits can be squashed into one.
pub const MOST_NAMED_TRACES: usize = 32;

/// The traces that a message names, in order and each once, wherever their lines stand: where commits are squashed, trailers end up in
/// the middle. Not as git finds trailers, since a repository's settings say what one is.
#[must_use]
pub fn named_traces(message: &str) -> Vec<TraceId> {
    let mut found = Vec::new();
    for line in message.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if !name.trim_end().eq_ignore_ascii_case(TRAILER) {
            continue;
        }
        if let Ok(trace) = value.trim().parse()
            && !found.contains(&trace)
            && found.len() < MOST_NAMED_TRACES
        {
            found.push(trace);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_found_wherever_a_message_names_them() {
        let (one, other) = (TraceId::new(1, [7; 10]), TraceId::new(2, [8; 10]));
        let squashed = format!(
            "Fix it\r\n\r\nAuditotter-Trace: {one}\r\n\r\nThen more\n\nauditotter-trace : {other}\nAuditotter-Trace: {one}\n\
             Auditotter-Trace: tr_nothing\nAuditotter-Trace: {one} and more\nSee Auditotter-Trace: {one}\n"
        );
        assert_eq!(named_traces(&squashed), [one, other]);
        assert_eq!(named_traces("Auditotter-Trace:\n:\n"), []);
    }

    #[test]
    fn a_message_full_of_them_is_read_up_to_a_bound() {
        let many: String = (0..100)
            .map(|number| format!("{TRAILER}: {}\n", TraceId::new(number, [0; 10])))
            .collect();
        assert_eq!(named_traces(&many).len(), MOST_NAMED_TRACES);
    }
}
