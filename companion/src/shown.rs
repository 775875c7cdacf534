//! What a human is shown before they sign: the words of others first, and marked as such, then what is signed, so that
//! however long those words are, what stands right above the question is ours.

use std::fmt;

/// What is about to be signed.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Who does what, in one line.
    pub(crate) heading: String,
    /// What others wrote, line by line, and how that is introduced.
    pub(crate) words: Option<(String, Vec<String>)>,
    /// What it is about, each with what it is called.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What else to know before signing.
    pub(crate) advice: Option<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((introduction, words)) = &self.words {
            writeln!(f, "{introduction}:")?;
            for line in words {
                writeln!(f, "  | {line}")?;
            }
        }
        write!(f, "{}:", self.heading)?;
        for (name, fact) in &self.facts {
            write!(f, "\n  {name:<14}{}", fact.replace('\n', "\n                "))?;
        }
        match &self.advice {
            Some(advice) => write!(f, "\n{advice}"),
            None => Ok(()),
        }
    }
}
