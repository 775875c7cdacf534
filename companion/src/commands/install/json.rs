//! JSON that somebody else owns: members are put in and taken out, and no other byte changes.
//!
//! What [`append`] puts in, [`remove`] takes out again so that the text is what it was, given what `append` said had
//! been in an empty container. Comments are kept where they stand.

mod blanks;

use std::ops::Range;

use anyhow::{Context as _, bail};
use jsonc_parser::{
    CollectOptions, ParseOptions, ast, common::Ranged as _, errors::ParseErrorKind, parse_to_ast,
};
use serde_json::Value;

use blanks::{
    after_remarks, blank_from, blank_until, comma_after, ends_in_line_remark, gap_before, indentation,
    is_blank,
};

/// A step into a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// A member of an object.
    Member(&'a str),
    /// An element of an array.
    Element(usize),
}

/// Where an item of a container lies, its name included.
#[derive(Debug)]
struct Item {
    name: Option<String>,
    place: Range<usize>,
}

/// Where a container lies, its brackets included.
#[derive(Debug)]
struct Container {
    place: Range<usize>,
    items: Vec<Item>,
}

/// How the client reads it, and comments, which some of its readers allow.
const fn as_written() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn parsed(text: &str) -> anyhow::Result<ast::Value<'_>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &as_written()).map_err(|error| {
        anyhow::anyhow!(
            "line {}, column {}: {}",
            error.line_display(),
            error.column_display(),
            said(error.kind())
        )
    })?;
    parsed.value.context("it is empty")
}

fn said(kind: &ParseErrorKind) -> String {
    kind.to_string()
}

/// The value at a place; `None` where nothing is there.
///
/// # Errors
/// Where the text is no JSON, or names something twice on the way, so that it is not clear what counts.
pub(super) fn value_at(text: &str, path: &[Step<'_>]) -> anyhow::Result<Option<Value>> {
    let root = parsed(text)?;
    Ok(walk(&root, path)?.map(|found| found.clone().into()))
}

/// The names in an object, in order.
///
/// # Errors
/// As [`value_at`], and where it is no object.
pub(super) fn names(text: &str, path: &[Step<'_>]) -> anyhow::Result<Vec<String>> {
    let items = container(text, path)?.items.into_iter();
    items.map(|item| item.name.context("it is no object")).collect()
}

fn walk<'t, 'a>(from: &'t ast::Value<'a>, path: &[Step<'_>]) -> anyhow::Result<Option<&'t ast::Value<'a>>> {
    let Some((step, rest)) = path.split_first() else {
        return Ok(Some(from));
    };
    let next = match (from, step) {
        (ast::Value::Object(object), Step::Member(name)) => {
            let mut named = object
                .properties
                .iter()
                .filter(|member| member.name.as_str() == *name);
            let first = named.next();
            if named.next().is_some() {
                bail!("`{name}` is there twice; keep one of them");
            }
            first.map(|member| &member.value)
        }
        (ast::Value::Array(array), Step::Element(index)) => array.elements.get(*index),
        (_, Step::Member(name)) => bail!("what should hold `{name}` is no object"),
        (_, Step::Element(_)) => bail!("a list was expected, and is none"),
    };
    next.map_or(Ok(None), |next| walk(next, rest))
}

fn container(text: &str, path: &[Step<'_>]) -> anyhow::Result<Container> {
    let root = parsed(text)?;
    let found = walk(&root, path)?.context("it is not there")?;
    let items = match found {
        ast::Value::Object(object) => object
            .properties
            .iter()
            .map(|member| Item {
                name: Some(member.name.as_str().to_owned()),
                place: member.range.start..member.range.end,
            })
            .collect(),
        ast::Value::Array(array) => array
            .elements
            .iter()
            .map(|element| Item {
                name: None,
                place: element.start()..element.end(),
            })
            .collect(),
        _ => bail!("neither an object nor a list"),
    };
    Ok(Container {
        place: found.start()..found.end(),
        items,
    })
}

/// How a document is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    newline: &'a str,
    unit: &'a str,
    /// Whether members have lines of their own.
    pub(super) lines: bool,
}

/// How a text is laid out, going by its first member.
pub(super) fn layout(text: &str) -> Layout<'_> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Ok(Container { place, items }) = container(text, &[]) else {
        return Layout {
            newline,
            unit: "  ",
            lines: true,
        };
    };
    let Some(first) = items.first() else {
        return Layout {
            newline,
            unit: "  ",
            lines: true,
        };
    };
    let before = &text[place.start..first.place.start];
    match before.rfind('\n') {
        Some(at) if before[at + 1..].chars().all(|c| c == ' ' || c == '\t') && at + 1 < before.len() => {
            Layout {
                newline,
                unit: &before[at + 1..],
                lines: true,
            }
        }
        Some(_) => Layout {
            newline,
            unit: "  ",
            lines: true,
        },
        None => Layout {
            newline,
            unit: "  ",
            lines: false,
        },
    }
}

/// A text with one more item at the end of the container at a place, and what had been between its brackets where it
/// was empty.
///
/// # Errors
/// As [`value_at`], and where there is no container at the place.
pub(super) fn append(text: &str, path: &[Step<'_>], item: &str) -> anyhow::Result<(String, Option<String>)> {
    let style = layout(text);
    let Container { place, items } = container(text, path)?;
    if let Some(last) = items.last() {
        let comma = comma_after(text, last.place.end);
        let anchor = comma.map_or(last.place.end, |comma| comma + 1);
        let end = after_remarks(text, anchor);
        let mut gap = gap_before(text, last.place.start);
        if !gap.contains('\n') && ends_in_line_remark(&text[anchor..end]) {
            gap = style.newline;
        }
        let (before, after) = if comma.is_some() { ("", ",") } else { (",", "") };
        let (head, remarks, tail) = (&text[..last.place.end], &text[last.place.end..end], &text[end..]);
        return Ok((format!("{head}{before}{remarks}{gap}{item}{after}{tail}"), None));
    }
    let inner = place.start + 1..place.end - 1;
    let from = inner.start + text[inner.clone()].trim_end_matches(is_blank).len();
    let blank = &text[from..inner.end];
    let deep = indentation(text, place.start);
    let put = if style.lines || ends_in_line_remark(&text[inner.start..from]) {
        let (newline, unit) = (style.newline, style.unit);
        format!("{newline}{deep}{unit}{item}{newline}{deep}")
    } else {
        item.to_owned()
    };
    let put = format!("{}{put}{}", &text[..from], &text[inner.end..]);
    Ok((put, Some(blank.to_owned())))
}

/// A text without an item of the container at a place. What the container then has between its brackets, where that
/// was the only one, is `blank`.
///
/// # Errors
/// As [`value_at`], and where there is no such item.
pub(super) fn remove(text: &str, path: &[Step<'_>], item: Step<'_>, blank: &str) -> anyhow::Result<String> {
    let Container { place, items } = container(text, path)?;
    let index = match item {
        Step::Element(index) => Some(index),
        Step::Member(name) => items.iter().position(|found| found.name.as_deref() == Some(name)),
    };
    let (index, Item { place: ours, .. }) = index
        .and_then(|index| Some((index, items.get(index)?)))
        .context("it is not there")?;
    let comma = comma_after(text, ours.end);
    let mut cuts = vec![(ours.clone(), "")];
    if let Some(comma) = comma {
        cuts.push((comma..comma + 1, ""));
    }
    let until = comma.map_or(ours.end, |comma| comma + 1);
    let trailing = blank_from(text, until);
    if index + 1 < items.len() {
        cuts.push((until..trailing, ""));
    } else if let Some(before) = index.checked_sub(1).and_then(|before| items.get(before)) {
        let between = comma_after(text, before.place.end).context("no comma is between two items")?;
        let kept = after_remarks(text, between + 1);
        if comma.is_none() {
            cuts.push((between..between + 1, ""));
        }
        cuts.push((blank_until(text, ours.start).max(kept)..ours.start, ""));
    } else {
        cuts.push((blank_until(text, ours.start).max(place.start + 1)..ours.start, ""));
        cuts.push((until..trailing, blank));
    }
    cuts.sort_by_key(|(cut, _)| std::cmp::Reverse(cut.start));
    let mut left = text.to_owned();
    for (cut, put) in cuts {
        left.replace_range(cut, put);
    }
    Ok(left)
}

/// A text with another value at a place.
///
/// # Errors
/// As [`value_at`], and where nothing is there.
pub(super) fn replace(text: &str, path: &[Step<'_>], value: &str) -> anyhow::Result<String> {
    let root = parsed(text)?;
    let found = walk(&root, path)?.context("it is not there")?;
    Ok(format!(
        "{}{value}{}",
        &text[..found.start()],
        &text[found.end()..]
    ))
}

#[cfg(test)]
mod tests;
