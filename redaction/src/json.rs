//! JSON values: strings and keys are redacted where they stand, so that the value stays one.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    finding::Finding,
    redactor::{ROUNDS, Redacted, Redactor},
    rules::RuleId,
};

/// A longer name says nothing about its value.
const MAX_NAME_BYTES: usize = 128;

impl Redactor {
    /// Replaces each secret in the strings and keys of a value, and counts.
    ///
    /// A string is read together with what names it: its key, or the option before it in a list of arguments. Numbers stay.
    pub fn redact_json(&self, value: &mut Value) -> BTreeMap<RuleId, u32> {
        let mut counts = BTreeMap::new();
        self.walk(None, value, &mut counts);
        counts
    }

    fn walk(&self, name: Option<&str>, value: &mut Value, counts: &mut BTreeMap<RuleId, u32>) {
        match value {
            Value::String(text) => {
                if let Some(changed) = self.redact_named(name, text, counts) {
                    *text = changed;
                }
            }
            Value::Array(items) => {
                let mut option: Option<String> = None;
                for item in items {
                    self.walk(option.as_deref().or(name), item, counts);
                    option = item
                        .as_str()
                        .filter(|text| is_option(text))
                        .map(ToOwned::to_owned);
                }
            }
            Value::Object(members) => {
                // First the keys: what a value is read with is what will stand there.
                self.redact_keys(members, counts);
                for (key, member) in members.iter_mut() {
                    self.walk(Some(key), member, counts);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn redact_keys(&self, members: &mut Map<String, Value>, counts: &mut BTreeMap<RuleId, u32>) {
        if members.keys().all(|key| self.find(key).is_empty()) {
            return;
        }
        for (key, member) in std::mem::take(members) {
            let redacted = self.redact(&key);
            add(counts, &redacted.counts);
            let mut name = redacted.text.into_owned();
            // Two keys that became one: both stay.
            while members.contains_key(&name) {
                name.push('\'');
            }
            members.insert(name, member);
        }
    }

    /// `None` where nothing had to be replaced.
    fn redact_named(
        &self,
        name: Option<&str>,
        text: &str,
        counts: &mut BTreeMap<RuleId, u32>,
    ) -> Option<String> {
        let name = name.filter(|name| name.len() <= MAX_NAME_BYTES);
        let mut now = Cow::Borrowed(text);
        for _ in 0..ROUNDS {
            // With its name first, which knows more of it.
            if let Some(name) = name {
                let redacted = self.redact_within(name, &now);
                add(counts, &redacted.counts);
                if let Cow::Owned(changed) = redacted.text {
                    now = Cow::Owned(changed);
                }
            }
            let redacted = self.redact(&now);
            add(counts, &redacted.counts);
            let Cow::Owned(changed) = redacted.text else {
                let settled =
                    name.is_none_or(|name| matches!(self.redact_within(name, &now).text, Cow::Borrowed(_)));
                if settled {
                    return match now {
                        Cow::Borrowed(_) => None,
                        Cow::Owned(changed) => Some(changed),
                    };
                }
                continue;
            };
            now = Cow::Owned(changed);
        }
        let whole = self.unsettled(&now);
        add(counts, &whole.counts);
        Some(whole.text.into_owned())
    }

    /// Redacts a text as what is assigned to a name.
    fn redact_within<'t>(&self, name: &str, text: &'t str) -> Redacted<'t> {
        let name = name.trim_start_matches('-');
        let both = Zeroizing::new(format!("{name}=\"{text}\""));
        let from = name.len() + 2;
        let to = from + text.len();
        let within: Vec<Finding> = self
            .find(&both)
            .into_iter()
            .filter(|found| found.span.end > from && found.span.start < to)
            .map(|found| Finding {
                span: found.span.start.max(from) - from..found.span.end.min(to) - from,
                ..found
            })
            .collect();
        let mut counts = BTreeMap::new();
        let text = if within.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(self.replace(text, &within, &mut counts))
        };
        Redacted { text, counts }
    }
}

fn is_option(text: &str) -> bool {
    text.starts_with('-') && text.len() <= MAX_NAME_BYTES && !text.contains([' ', '='])
}

fn add(counts: &mut BTreeMap<RuleId, u32>, more: &BTreeMap<RuleId, u32>) {
    for (rule, count) in more {
        let sum = counts.entry(rule.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests;
