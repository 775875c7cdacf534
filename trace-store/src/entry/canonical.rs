//! Writing an entry in its one form: RFC 8785, for this fixed shape.

use std::io::Write;

use vocabulary::{Id, Kind};

use super::Entry;
use crate::{ChainId, hash::push_hex};

/// Appends the canonical bytes. Members stand in the order of their names, as RFC 8785 section 3.2.3 asks.
pub(super) fn write(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"at\":\"");
    push(out, entry.at);
    out.push(b'"');
    if let Some(body) = &entry.body {
        out.extend_from_slice(b",\"body\":{\"commitment\":\"");
        push_hex(out, body.commitment.as_bytes());
        out.extend_from_slice(b"\",\"size\":");
        push(out, body.size);
        out.push(b'}');
    }
    out.extend_from_slice(b",\"chain\":\"");
    match entry.chain {
        ChainId::Workspace(workspace) => id(out, workspace),
        ChainId::Trace(trace) => id(out, trace),
    }
    out.push(b'"');
    if let Some(delegation) = entry.delegation {
        out.extend_from_slice(b",\"delegation\":\"");
        id(out, delegation);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"kind\":\"");
    out.extend_from_slice(entry.kind.as_str().as_bytes());
    out.push(b'"');
    if let Some(member) = entry.on_behalf_of {
        out.extend_from_slice(b",\"on_behalf_of\":\"");
        id(out, member);
        out.push(b'"');
    }
    out.extend_from_slice(b",\"prev\":\"");
    push_hex(out, entry.prev.as_bytes());
    out.push(b'"');
    if !entry.refs.is_empty() {
        out.extend_from_slice(b",\"refs\":{");
        for (position, (key, value)) in entry.refs.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            string(out, key);
            out.push(b':');
            string(out, value);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b",\"seq\":");
    push(out, entry.seq);
    out.extend_from_slice(b",\"v\":1");
    if let Some(via) = &entry.via {
        out.extend_from_slice(b",\"via\":{\"agent\":");
        string(out, via.agent());
        for (name, value) in [("instance", via.instance()), ("version", via.version())] {
            if let Some(value) = value {
                out.push(b',');
                string(out, name);
                out.push(b':');
                string(out, value);
            }
        }
        out.push(b'}');
    }
    out.push(b'}');
}

fn push(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{value}");
}

/// The text of an identifier, as its `Display` has it; an entry has up to three, and formatting would be a
/// third of what writing one costs.
fn id<K: Kind>(out: &mut Vec<u8>, id: Id<K>) {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    out.extend_from_slice(K::PREFIX.as_bytes());
    out.push(b'_');
    let number = u128::from_be_bytes(id.to_bytes());
    out.extend(
        (0..26)
            .rev()
            .map(|digit| ALPHABET[(number >> (5 * digit)) as usize & 31]),
    );
}

/// A JSON string with only those escapes that RFC 8785 section 3.2.2.2 prescribes.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x00..=0x1f => push(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
