//! What is owed to one session, and what becomes of that as its moments are told and looked at.

use protocol::Via;
use serde::{Deserialize, Serialize};
use vocabulary::{SessionId, Timestamp};

use crate::{
    aftermath::{Moment, When},
    dispatch::Caller,
};

/// How many agents of a session are waited for that came to their ends.
pub(super) const MOST_AGENTS: usize = 60;

/// What is owed to one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::aftermath) struct Note {
    pub(in crate::aftermath) session: SessionId,
    pub(in crate::aftermath) token: String,
    pub(in crate::aftermath) via: Via,
    /// The newest moment of the session itself: it began, went on, or came to its end.
    pub(in crate::aftermath) newest: Option<Moment>,
    /// Whether the working tree was compared then, or it was said that it was not.
    pub(in crate::aftermath) compared: bool,
    /// The ends of agents that it started.
    pub(in crate::aftermath) agents: Vec<Moment>,
    /// When the first of those ended for which there was no room here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::aftermath) left_out: Option<Timestamp>,
    /// How often a hub has begun to look at it since one came back.
    pub(super) tries: u8,
}

impl Note {
    /// That of a session to which nothing is owed yet.
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            session: caller.token.session(),
            token: String::new(),
            via: caller.via.clone(),
            newest: None,
            compared: false,
            agents: Vec::new(),
            left_out: None,
            tries: 0,
        }
    }

    /// With one more moment, told under that token.
    pub(super) fn with(mut self, caller: &Caller, token: &str, moment: &Moment) -> Self {
        token.clone_into(&mut self.token);
        self.via = caller.via.clone();
        if moment.is_of_an_agent() {
            return match moment.when {
                When::Begins => self,
                When::TurnEnds | When::SessionEnds => self.with_agent(moment),
            };
        }
        if self.newest.as_ref().is_none_or(|newest| newest.at <= moment.at) {
            let anew = self.newest.as_ref().is_some_and(Moment::is_anew);
            self.newest = Some(moment.clone().or_anew(anew));
            self.compared = false;
        }
        self
    }

    /// With one more agent's end.
    pub(super) fn with_agent(mut self, ended: &Moment) -> Self {
        if !self.agents.iter().any(|agent| agent.is(ended)) {
            self.agents.push(ended.clone());
        }
        let over = self.agents.len().saturating_sub(MOST_AGENTS);
        let left_out = self.agents.drain(..over).map(|agent| agent.at);
        self.left_out = left_out.chain(self.left_out).min();
        self
    }

    /// Once a moment was looked at; none, where nothing is owed any more.
    pub(super) fn without(mut self, moment: &Moment) -> Option<Self> {
        self.tries = 0;
        if moment.is_of_an_agent() {
            self.agents.retain(|agent| !agent.is(moment));
        } else if self.is_newest(moment) {
            let newest = self.newest.filter(|newest| newest.when != When::SessionEnds);
            self.newest = newest.map(Moment::looked_at);
        }
        self.unless_settled()
    }

    /// Once it was said that nobody looked at those for which there was no room; none, where nothing is owed any more.
    pub(super) fn without_left_out(self) -> Option<Self> {
        let left_out = None;
        Self { left_out, ..self }.unless_settled()
    }

    fn unless_settled(self) -> Option<Self> {
        let settled = self.newest.is_none() && self.agents.is_empty() && self.left_out.is_none();
        (!settled).then_some(self)
    }

    /// Of which nobody tried to look at it.
    pub(super) fn untried(self) -> Self {
        Self { tries: 0, ..self }
    }

    /// Whether nothing newer was told of the session itself.
    pub(super) fn is_newest(&self, moment: &Moment) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.is(moment))
    }

    /// The first moment that was not looked at.
    pub(in crate::aftermath) fn since(&self) -> Option<Timestamp> {
        let moments = self.newest.iter().chain(&self.agents);
        moments.map(|moment| moment.at).chain(self.left_out).min()
    }

    /// When something was told last.
    pub(super) fn until(&self) -> Option<Timestamp> {
        let moments = self.newest.iter().chain(&self.agents);
        moments.map(|moment| moment.at).max()
    }
}
