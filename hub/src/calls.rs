//! What became of the tools that a client said it would use. Clients tell of many ends in no event of their own: a call that a human
//! refused, a rule forbade or the tool did not understand is told, at most, among the calls of a batch, after the others.

use std::collections::VecDeque;

use serde_json::Value;

/// How many calls of a session are remembered; more are not under way at once.
const MOST: usize = 256;

/// The calls of a session, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: VecDeque<Call>,
    /// Whether the agent is at work on what it was told.
    in_turn: bool,
}

#[derive(Debug)]
struct Call {
    id: String,
    /// Of the tool and what it was given, for a client that asks for permission names no call.
    what: blake3::Hash,
    asked: bool,
    told: bool,
    /// Made in an earlier turn.
    past: bool,
}

/// What was known of a call when its end was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    Nothing,
    /// That it was to be made; and whether a human was asked whether it may.
    Begun {
        /// Whether somebody was asked.
        asked: bool,
    },
    /// Its end as well.
    Told,
}

impl Calls {
    /// A tool is about to be used. A call of our own server's is spoken of twice: as the client says it, and as the server hears it.
    pub(crate) fn begin(&mut self, id: &str, tool: &str, input: &Value) {
        if self.knows(id) {
            return;
        }
        if self.calls.len() == MOST {
            self.calls.pop_front();
        }
        self.calls.push_back(Call {
            id: id.to_owned(),
            what: what(tool, input),
            asked: false,
            told: false,
            past: false,
        });
    }

    /// The agent was told what to do.
    pub(crate) fn turn_begins(&mut self) {
        if !std::mem::replace(&mut self.in_turn, true) {
            self.calls.iter_mut().for_each(|call| call.past = true);
        }
    }

    /// Nobody is at work any more. Says whether somebody was.
    pub(crate) const fn turn_ends(&mut self) -> bool {
        std::mem::replace(&mut self.in_turn, false)
    }

    /// The calls of this turn of whose ends nothing was told.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let open = self.calls.iter().filter(|call| !call.told && !call.past);
        open.map(|call| call.id.clone()).collect()
    }

    /// Whether it was spoken of.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.calls.iter().any(|call| call.id == id)
    }

    /// A human is asked whether a tool may be used so.
    pub(crate) fn ask(&mut self, tool: &str, input: &Value) {
        let what = what(tool, input);
        let mut open = self.calls.iter_mut().rev().filter(|call| !call.told);
        if let Some(call) = open.find(|call| call.what == what) {
            call.asked = true;
        }
    }

    /// Its end is told; says what was known until then.
    pub(crate) fn end(&mut self, id: &str) -> Known {
        match self.calls.iter_mut().rev().find(|call| call.id == id) {
            Some(call) if call.told => Known::Told,
            Some(call) => {
                call.told = true;
                Known::Begun { asked: call.asked }
            }
            None => {
                self.begin(id, "", &Value::Null);
                if let Some(call) = self.calls.back_mut() {
                    call.told = true;
                }
                Known::Nothing
            }
        }
    }
}

/// Of a tool and what it is given.
pub(crate) fn what(tool: &str, input: &Value) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(tool.len() as u64).to_le_bytes());
    hasher.update(tool.as_bytes());
    hasher.update(input.to_string().as_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_call_ends_once_and_says_whether_somebody_was_asked() {
        let mut calls = Calls::default();
        calls.begin("a", "Bash", &json!({ "command": "ls" }));
        calls.begin("b", "Bash", &json!({ "command": "touch x" }));
        calls.ask("Bash", &json!({ "command": "touch x" }));
        assert_eq!(calls.end("a"), Known::Begun { asked: false });
        assert_eq!(calls.end("a"), Known::Told);
        assert_eq!(calls.end("b"), Known::Begun { asked: true });
        assert!(calls.knows("b") && !calls.knows("never begun"));
        assert_eq!(calls.end("never begun"), Known::Nothing);
        assert_eq!(calls.end("never begun"), Known::Told);
    }

    #[test]
    fn what_is_unfinished_is_of_this_turn_and_its_end_may_still_be_told() {
        let mut calls = Calls::default();
        assert!(!calls.turn_ends());
        calls.turn_begins();
        calls.begin("early", "Bash", &Value::Null);
        assert!(calls.turn_ends() && !calls.turn_ends());
        calls.turn_begins();
        calls.begin("a", "Bash", &Value::Null);
        // More is said while the agent works.
        calls.turn_begins();
        calls.begin("b", "Bash", &Value::Null);
        calls.begin("a", "Bash", &Value::Null);
        calls.end("a");
        assert_eq!(calls.unfinished(), ["b"]);
        assert!(calls.turn_ends());
        assert_eq!(calls.end("b"), Known::Begun { asked: false });
        assert!(calls.unfinished().is_empty());
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let mut calls = Calls::default();
        for number in 0..=MOST {
            calls.begin(&number.to_string(), "Read", &Value::Null);
        }
        assert_eq!(calls.calls.len(), MOST);
        assert_eq!(calls.end("1"), Known::Begun { asked: false });
        assert_eq!(calls.end("0"), Known::Nothing);
    }
}
