//! JSON on one line, with spaces between its words where people read it.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// A value on one line; without any space where `lines` says that nothing else in the file has a line of its own.
pub(super) fn text<T: Serialize>(value: &T, lines: bool) -> serde_json::Result<String> {
    if !lines {
        return serde_json::to_string(value);
    }
    let mut written = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut written, Spaced))?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

/// A member whose value is written already.
pub(super) fn member(name: &str, value: &str, lines: bool) -> serde_json::Result<String> {
    let between = if lines { ": " } else { ":" };
    Ok(format!("{}{between}{value}", serde_json::to_string(name)?))
}

#[derive(Debug)]
struct Spaced;

fn comma<W: ?Sized + io::Write>(writer: &mut W, first: bool) -> io::Result<()> {
    if first { Ok(()) } else { writer.write_all(b", ") }
}

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        comma(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        comma(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
