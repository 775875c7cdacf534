//! Texts as people read them: characters that make a text read as another, and texts shown without them.

/// Whether a character makes a text read as another: it controls, breaks the line, turns the reading direction, or
/// is not shown. The last includes the tag characters, in which text can be hidden that only machines read.
#[must_use]
pub fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{ffa0}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0100}'..='\u{e01ef}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether a character has no width and still belongs: some scripts, and emoji of more than one part, are written
/// with the two joiners.
#[must_use]
pub const fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// A text on one line of at most so many characters, for a message, a list or a terminal: what misleads becomes a
/// space, and what was cut off is marked.
#[must_use]
pub fn shown(text: &str, most: usize) -> String {
    let mut kept: String = text
        .chars()
        .take(most)
        .map(|c| if misleads(c) { ' ' } else { c })
        .collect();
    if text.chars().nth(most).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_misleads_and_scripts_and_emoji_do_not() {
        for hidden in [
            '\u{2800}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{115f}',
            '\u{34f}',
            '\u{e0100}',
            '\u{e0041}',
            '\u{1d173}',
        ] {
            assert!(misleads(hidden), "{hidden:?}");
        }
        assert!(!"é 漢字 नमस्ते ❤\u{fe0f} 👍🏽".chars().any(misleads));
    }

    #[test]
    fn a_text_cannot_steer_the_terminal_that_shows_it() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e", 80), "a [2Jb  c d e");
        assert_eq!(shown("déjà vu", 4), "déjà…");
        assert_eq!(shown("déjà", 4), "déjà");
    }
}
