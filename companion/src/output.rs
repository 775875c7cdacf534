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
pub(crate) fn escaped_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
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
