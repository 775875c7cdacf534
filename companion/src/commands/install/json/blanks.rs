//! What stands between the words of JSON: blanks, commas and comments.

/// The whitespace before a place, from its last line break on.
pub(super) fn gap_before(text: &str, place: usize) -> &str {
    let gap = &text[blank_until(text, place)..place];
    match gap.rfind('\n') {
        Some(at) if gap[..at].ends_with('\r') => &gap[at - 1..],
        Some(at) => &gap[at..],
        None => gap,
    }
}

/// How far the line is indented on which a place is.
pub(super) fn indentation(text: &str, place: usize) -> &str {
    let line = text[..place].rfind('\n').map_or(0, |at| at + 1);
    let indented = &text[line..place];
    &indented[..indented.len() - indented.trim_start_matches([' ', '\t']).len()]
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

pub(super) fn blank_until(text: &str, place: usize) -> usize {
    text[..place].trim_end_matches(is_blank).len()
}

pub(super) fn blank_from(text: &str, place: usize) -> usize {
    text.len() - text[place..].trim_start_matches(is_blank).len()
}

/// The next comma after an item, if nothing but blanks and comments is between.
pub(super) fn comma_after(text: &str, mut place: usize) -> Option<usize> {
    loop {
        place = blank_from(text, place);
        match remark_at(text, place) {
            Some(end) => place = end,
            None => return text[place..].starts_with(',').then_some(place),
        }
    }
}

/// Where the comments end that begin on the same line.
pub(super) fn after_remarks(text: &str, place: usize) -> usize {
    let mut end = place;
    loop {
        let next = text.len() - text[end..].trim_start_matches([' ', '\t']).len();
        match remark_at(text, next) {
            Some(past) => end = past,
            None => return end,
        }
    }
}

/// Where the comment ends that begins at a place; that of a line ends before the line break.
pub(super) fn remark_at(text: &str, place: usize) -> Option<usize> {
    let rest = &text[place..];
    if rest.starts_with("//") {
        let line = rest.find('\n').unwrap_or(rest.len());
        Some(place + rest[..line].trim_end_matches('\r').len())
    } else if rest.starts_with("/*") {
        rest.find("*/").map(|end| place + end + 2)
    } else {
        None
    }
}

/// Whether the last of these blanks and comments goes on to the end of its line.
pub(super) fn ends_in_line_remark(remarks: &str) -> bool {
    let mut place = 0;
    let mut line = false;
    loop {
        place = blank_from(remarks, place);
        match remark_at(remarks, place) {
            Some(end) => {
                line = remarks[place..].starts_with("//");
                place = end;
            }
            None => return line,
        }
    }
}
