//! What the companion prints: results on stdout, everything else on stderr.

use std::io::{self, Write as _};

use serde::Serialize;

/// Prints a line of the command's result, or several, with nothing in them that would steer a terminal. A closed pipe
/// ends the program quietly, as it does other tools.
pub(crate) fn line(text: &str) {
    if let Err(error) = writeln!(io::stdout(), "{}", escaped_lines(text))
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
}

/// Says something beside the result, on stderr, with nothing in it that would steer a terminal.
pub(crate) fn beside(text: &str) {
    // Whoever does not listen loses nothing of the result.
    let _ = writeln!(io::stderr(), "{}", escaped_lines(text));
}

/// Prints a result as JSON, in which what is escaped reads as it was.
pub(crate) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A text that somebody else wrote, with everything that would make it read as another spelt out as JSON spells it.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if vocabulary::misleads(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown += &format!("\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same of each line of a text.
fn escaped_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
    lines.join("\n")
}

/// The lines of a text, each broken where the terminal would break it, so that what goes on in the next line cannot be
/// taken for a line of ours: it is indented as deep as what it belongs to, and marked with `|` where that is.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let line = escaped(line);
        let quoted = line.trim_start().starts_with("| ");
        let margin = if quoted { "  | " } else { "                " };
        let room = width.max(40);
        let (mut row, mut filled) = (String::new(), 0);
        for c in line.chars() {
            // What is not ASCII may be as wide as two.
            let wide = if c.is_ascii() { 1 } else { 2 };
            if filled + wide > room {
                lines.push(std::mem::replace(&mut row, margin.to_owned()));
                filled = margin.len();
            }
            row.push(c);
            filled += wide;
        }
        lines.push(row);
    }
    lines.join("\n")
}

/// Prints what went wrong: one line, then what lies beneath it where that says more.
pub(crate) fn explain(error: &anyhow::Error) {
    let mut message = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    // It may quote a file that anybody wrote.
    let _ = writeln!(io::stderr(), "auditotter: {}", escaped(&message));
}

/// Prints a table with columns as wide as they need to be.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: [&str; N]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(padded.join("  ").trim_end());
    };
    print(head);
    for row in rows {
        print(row.each_ref().map(String::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_somebody_elses_begins_where_ours_do() {
        let deceiving = format!("  | {}  risk          low", "x".repeat(76));
        let title = format!("  title         {}  risk          low", "y".repeat(64));
        for width in [0, 40, 80, 132] {
            let shown = wrapped(&format!("{deceiving}\n{title}"), width);
            for line in shown.lines() {
                let ours = ["  | ", "  title  ", "                "];
                assert!(
                    ours.iter().any(|start| line.starts_with(start)),
                    "{width}: {line:?}"
                );
                assert!(line.chars().count() <= width.max(41), "{width}: {line:?}");
            }
        }
        assert_eq!(wrapped("a\n\u{1b}[2Jb", 80), "a\n\\u001b[2Jb");
        let wide = wrapped(&"é".repeat(60), 80);
        assert_eq!(wide.lines().count(), 2, "{wide}");
    }
}
