//! Words as people write them: lower case, without marks, so that phrases can be found at word boundaries in time
//! proportional to the text.

/// A text's words, joined by single spaces, with a space at both ends.
pub(crate) struct Words(String);

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        let mut words = String::with_capacity(text.len() + 2);
        words.push(' ');
        for word in text
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
        {
            words.extend(word.chars().flat_map(char::to_lowercase));
            words.push(' ');
        }
        Self(words)
    }

    /// Whether a phrase of lower-case words stands in it, whole words only.
    pub(crate) fn has(&self, phrase: &str) -> bool {
        // Each phrase is a constant of a few words: the search is linear in the text.
        self.0.match_indices(phrase).any(|(start, found)| {
            let bytes = self.0.as_bytes();
            bytes.get(start.wrapping_sub(1)) == Some(&b' ') && bytes.get(start + found.len()) == Some(&b' ')
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_as_whole_words_only() {
        let words = Words::of("Fix: the *Password-Reset* bug (again)");
        assert!(words.has("password reset"));
        assert!(words.has("fix"));
        assert!(words.has("again"));
        assert!(!words.has("pass"));
        assert!(!Words::of("debug prefix").has("bug"));
    }
}
