//! Words as people write them: lower case, without marks, so that phrases can be found at word boundaries in time
//! proportional to the text.

/// A text's words, joined by single spaces, with a space at both ends. The end of a sentence is a word of its own:
/// no phrase reaches across it.
pub(crate) struct Words(String);

const SENTENCE_END: &str = ".";

/// Words that make a phrase behind them something that is not done, or not yet so.
const DENYING: [&str; 15] = [
    "no", "not", "never", "without", "don't", "doesn't", "didn't", "won't", "isn't", "cannot", "can't",
    "avoid", "when", "if", "while",
];

/// How many words may stand between: "not touch production data", "without any production data".
const DENIED_WITHIN: usize = 2;

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        let mut words = String::with_capacity(text.len() + 2);
        words.push(' ');
        let end = |words: &mut String| {
            words.push_str(SENTENCE_END);
            words.push(' ');
        };
        for line in text.lines() {
            // A line break within a paragraph is a space; a paragraph, a heading or a list item begins anew.
            let line = line.trim_start();
            if words.len() > 1 && (line.is_empty() || line.starts_with(['-', '*', '#', '|', '>'])) {
                end(&mut words);
            }
            for chunk in line.split_whitespace() {
                for word in chunk.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '\u{2019}')) {
                    let word = word.trim_matches(['\'', '\u{2019}']);
                    if !word.is_empty() {
                        let letters = word.chars().flat_map(char::to_lowercase);
                        words.extend(letters.map(|c| if c == '\u{2019}' { '\'' } else { c }));
                        words.push(' ');
                    }
                }
                if chunk.ends_with(['.', '!', '?', ':', ';']) {
                    end(&mut words);
                }
            }
        }
        Self(words)
    }

    /// The first word.
    pub(crate) fn first(&self) -> Option<&str> {
        self.0.split_ascii_whitespace().next()
    }

    /// Whether a phrase of lower-case words is said: whole words only, and not only to deny it ("no production data
    /// is touched") or to suppose it ("when the site is down"). Words are a hint, not a guard: whoever wants to hide
    /// something need not deny it, but can leave it out.
    pub(crate) fn say(&self, phrase: &str) -> bool {
        // Each phrase is a constant of a few words: the search is linear in the text.
        self.0.match_indices(phrase).any(|(start, found)| {
            let (before, from) = self.0.split_at(start);
            let whole =
                before.ends_with(' ') && from.get(found.len()..).is_some_and(|rest| rest.starts_with(' '));
            whole && !denied(before)
        })
    }
}

fn denied(before: &str) -> bool {
    before
        .split_ascii_whitespace()
        .rev()
        .take(DENIED_WITHIN)
        .take_while(|word| *word != SENTENCE_END)
        .any(|word| DENYING.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_as_whole_words_only() {
        let words = Words::of("Fix: the *Password-Reset* bug (again)");
        assert_eq!(words.first(), Some("fix"));
        assert!(words.say("password reset"));
        assert!(words.say("fix"));
        assert!(words.say("again"));
        assert!(!words.say("pass"));
        assert!(!Words::of("debug prefix").say("bug"));
        assert!(Words::of("It doesn\u{2019}t work").say("doesn't work"));
        assert!(Words::of("the 'delete all' button").say("delete all"));
    }

    #[test]
    fn a_phrase_does_not_reach_across_sentences_paragraphs_or_items() {
        for text in [
            "We drop. Table follows",
            "drop\n\ntable",
            "- drop\n- table",
            "drop: table",
        ] {
            assert!(!Words::of(text).say("drop table"), "{text}");
        }
        for text in ["drop-table", "drop\ntable", "drop   table", "DROP TABLE;"] {
            assert!(Words::of(text).say("drop table"), "{text}");
        }
    }

    #[test]
    fn what_is_denied_or_supposed_is_not_said() {
        for text in [
            "No production data is touched",
            "This does not use production data",
            "Works without any production data",
            "Show a banner when production data is missing",
        ] {
            assert!(!Words::of(text).say("production data"), "{text}");
        }
        for text in [
            "This does not matter. Production data is copied",
            "It should not. Production data is copied",
            "Not the usual way to copy production data",
            "no production data at first, then production data",
        ] {
            assert!(Words::of(text).say("production data"), "{text}");
        }
    }
}
