//! Reading an entry's canonical bytes in one pass, for this fixed shape.
//!
//! A general JSON parser and a comparison with the re-written form would say the same, ten times slower,
//! which is what verifying a long chain would then cost. `tests.rs` and the fuzz target hold the two together.

use std::borrow::Cow;

use uuid::Uuid;
use vocabulary::{DelegationId, Id, MemberId, Timestamp};

use super::{
    Entry, Kind, MAX_ENTRY_BYTES, MAX_INTEGER, Refs, Via,
    fields::{MAX_REF_BYTES, MAX_REFS, is_kind, is_ref_key, is_via},
};
use crate::{BodyClaim, ChainId, Commitment, EntryHash, hash::from_hex};

/// Bytes that are no entry, or not in the one form that an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry's canonical bytes: {kind} at byte {position}")]
pub struct ParseError {
    /// The first byte that does not fit.
    pub position: usize,
    /// What should have been there.
    pub kind: ParseErrorKind,
}

/// What was expected where parsing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// The entry is larger than 64 KiB.
    #[error("more than 64 KiB")]
    TooLong,
    /// Not UTF-8.
    #[error("no UTF-8")]
    Utf8,
    /// Another member, or the same in another order or form.
    #[error("expected `{0}`")]
    Expected(&'static str),
    /// The value is not of its field's form.
    #[error("a malformed {0}")]
    Malformed(&'static str),
}

/// An entry's fields, borrowed from its canonical bytes.
#[derive(Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) at: Timestamp,
    pub(crate) body: Option<BodyClaim>,
    pub(crate) chain: ChainId,
    delegation: Option<DelegationId>,
    kind: &'a str,
    on_behalf_of: Option<MemberId>,
    pub(crate) prev: EntryHash,
    refs: ScannedRefs<'a>,
    pub(crate) seq: u64,
    via: Option<ScannedVia<'a>>,
}

type ScannedRefs<'a> = [Option<(&'a str, Cow<'a, str>)>; MAX_REFS];
type ScannedVia<'a> = (Cow<'a, str>, Option<Cow<'a, str>>, Option<Cow<'a, str>>);

impl<'a> Scanned<'a> {
    /// Reads the fields of an entry from its canonical bytes, which must end with it.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let error = |position, kind| ParseError { position, kind };
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(error(MAX_ENTRY_BYTES, ParseErrorKind::TooLong));
        }
        let text = str::from_utf8(bytes).map_err(|e| error(e.valid_up_to(), ParseErrorKind::Utf8))?;
        let mut scanner = Scanner { text, position: 0 };
        let scanned = scanner.entry()?;
        if scanner.position == text.len() {
            Ok(scanned)
        } else {
            Err(scanner.expected("the end"))
        }
    }

    /// The entry itself.
    pub(crate) fn to_entry(&self) -> Result<Entry, ParseError> {
        let malformed = |what| ParseError {
            position: 0,
            kind: ParseErrorKind::Malformed(what),
        };
        let mut refs = Refs::new();
        for (key, value) in self.refs.iter().flatten() {
            refs.insert(key, value.clone().into_owned())
                .map_err(|_| malformed("reference"))?;
        }
        let via = |(agent, instance, version): &ScannedVia<'_>| {
            Via::new(agent, version.as_deref(), instance.as_deref()).map_err(|_| malformed("via"))
        };
        Ok(Entry {
            chain: self.chain,
            seq: self.seq,
            prev: self.prev,
            at: self.at,
            kind: self.kind.parse::<Kind>().map_err(|_| malformed("kind"))?,
            on_behalf_of: self.on_behalf_of,
            via: self.via.as_ref().map(via).transpose()?,
            delegation: self.delegation,
            refs,
            body: self.body,
        })
    }
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn entry(&mut self) -> Result<Scanned<'a>, ParseError> {
        self.literal("{\"at\":\"")?;
        let at = self.timestamp()?;
        let body = if self.optional("\",\"body\":{\"commitment\":\"") {
            let commitment = Commitment::from_bytes(self.hex("commitment")?);
            self.literal("\",\"size\":")?;
            let size = self.integer("size")?;
            self.literal("},\"chain\":\"")?;
            Some(BodyClaim { commitment, size })
        } else {
            self.literal("\",\"chain\":\"")?;
            None
        };
        let chain = if self.optional("ws_") {
            ChainId::Workspace(self.id("chain")?)
        } else {
            self.literal("tr_")?;
            ChainId::Trace(self.id("chain")?)
        };
        let delegation = if self.optional("\",\"delegation\":\"dl_") {
            Some(self.id("delegation")?)
        } else {
            None
        };
        self.literal("\",\"kind\":\"")?;
        let kind = self.plain("kind", is_kind)?;
        let on_behalf_of = if self.optional("\",\"on_behalf_of\":\"me_") {
            Some(self.id("member")?)
        } else {
            None
        };
        self.literal("\",\"prev\":\"")?;
        let prev = EntryHash::from_bytes(self.hex("prev")?);
        self.literal("\"")?;
        let refs = if self.optional(",\"refs\":{") {
            self.refs()?
        } else {
            Default::default()
        };
        self.literal(",\"seq\":")?;
        let seq = self.integer("seq")?;
        self.literal(",\"v\":1")?;
        let via = if self.optional(",\"via\":{\"agent\":") {
            let agent = self.via_text()?;
            let instance = self.optional_via(",\"instance\":")?;
            let version = self.optional_via(",\"version\":")?;
            self.literal("}")?;
            Some((agent, instance, version))
        } else {
            None
        };
        self.literal("}")?;
        Ok(Scanned {
            at,
            body,
            chain,
            delegation,
            kind,
            on_behalf_of,
            prev,
            refs,
            seq,
            via,
        })
    }

    fn refs(&mut self) -> Result<ScannedRefs<'a>, ParseError> {
        let mut refs = ScannedRefs::default();
        let mut last = "";
        for slot in &mut refs {
            self.literal("\"")?;
            let start = self.position;
            let key = self.plain("reference", is_ref_key)?;
            if key <= last {
                return Err(self.malformed_at(start, "order of references"));
            }
            last = key;
            self.literal("\":")?;
            let start = self.position;
            let value = self.string()?;
            if value.len() > MAX_REF_BYTES {
                return Err(self.malformed_at(start, "reference"));
            }
            *slot = Some((key, value));
            if self.optional("}") {
                return Ok(refs);
            }
            self.literal(",")?;
        }
        Err(self.malformed_at(self.position, "number of references"))
    }

    fn optional_via(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, ParseError> {
        if self.optional(name) {
            self.via_text().map(Some)
        } else {
            Ok(None)
        }
    }

    fn via_text(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let start = self.position;
        let text = self.string()?;
        if is_via(&text) {
            Ok(text)
        } else {
            Err(self.malformed_at(start, "via"))
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.position..).unwrap_or_default()
    }

    fn optional(&mut self, literal: &'static str) -> bool {
        let found = self.rest().starts_with(literal.as_bytes());
        if found {
            self.position += literal.len();
        }
        found
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), ParseError> {
        if self.optional(literal) {
            Ok(())
        } else {
            Err(self.expected(literal))
        }
    }

    /// Takes exactly this many bytes.
    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], ParseError> {
        let Some(taken) = self.rest().get(..count) else {
            return Err(self.malformed_at(self.text.len(), what));
        };
        self.position += count;
        Ok(taken)
    }

    /// Takes the text before the next quotation mark, which must fulfil a rule that allows no escapes.
    fn plain(&mut self, what: &'static str, rule: impl Fn(&[u8]) -> bool) -> Result<&'a str, ParseError> {
        let start = self.position;
        let length = self
            .rest()
            .iter()
            .position(|&byte| byte == b'"')
            .unwrap_or_default();
        let text = self.text.get(start..start + length).unwrap_or_default();
        if rule(text.as_bytes()) {
            self.position += length;
            Ok(text)
        } else {
            Err(self.malformed_at(start, what))
        }
    }

    fn hex(&mut self, what: &'static str) -> Result<[u8; 32], ParseError> {
        let start = self.position;
        from_hex(self.take(64, what)?).ok_or_else(|| self.malformed_at(start, what))
    }

    /// A decimal without leading zero, of at most 2^53 - 1.
    fn integer(&mut self, what: &'static str) -> Result<u64, ParseError> {
        let start = self.position;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.rest().first() {
            value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.position += 1;
        }
        let digits = self.text.as_bytes().get(start..self.position).unwrap_or_default();
        match digits {
            [] | [b'0', _, ..] => Err(self.malformed_at(start, what)),
            _ if value > MAX_INTEGER => Err(self.malformed_at(start, what)),
            _ => Ok(value),
        }
    }

    /// The 26 characters after an identifier's prefix.
    fn id<K: vocabulary::Kind>(&mut self, what: &'static str) -> Result<Id<K>, ParseError> {
        let start = self.position;
        let suffix = self.take(26, what)?;
        let mut number = 0_u128;
        let mut wrong = u8::from(!matches!(suffix.first(), Some(b'0'..=b'7')));
        for &character in suffix {
            let digit = BASE32[usize::from(character)];
            // Valid digits use five bits.
            wrong |= digit & 0xe0;
            number = (number << 5) | u128::from(digit & 31);
        }
        if wrong == 0 {
            Ok(Id::from_uuid(Uuid::from_u128(number)))
        } else {
            Err(self.malformed_at(start, what))
        }
    }

    /// `2026-11-21T02:27:37.000000Z`.
    fn timestamp(&mut self) -> Result<Timestamp, ParseError> {
        let start = self.position;
        let text = self.take(27, "time")?;
        unix_micros(text)
            .and_then(|micros| Timestamp::from_unix_micros(micros).ok())
            .ok_or_else(|| self.malformed_at(start, "time"))
    }

    /// A JSON string with only those escapes that RFC 8785 prescribes.
    fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.literal("\"")?;
        let start = self.position;
        let mut unescaped: Option<String> = None;
        let mut plain_from = start;
        loop {
            let here = self.position;
            match self.rest() {
                [b'"', ..] => {
                    let plain = self.text.get(plain_from..here).unwrap_or_default();
                    self.position += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(plain),
                        Some(text) => Cow::Owned(text + plain),
                    });
                }
                [b'\\', escape, rest @ ..] => {
                    let character = match (escape, rest) {
                        (b'"', _) => '"',
                        (b'\\', _) => '\\',
                        (b'b', _) => '\u{8}',
                        (b't', _) => '\t',
                        (b'n', _) => '\n',
                        (b'f', _) => '\u{c}',
                        (b'r', _) => '\r',
                        (b'u', [b'0', b'0', high @ (b'0' | b'1'), low, ..]) => {
                            self.position += 4;
                            control(*high, *low).ok_or_else(|| self.malformed_at(here, "escape"))?
                        }
                        _ => return Err(self.malformed_at(here, "escape")),
                    };
                    let plain = self.text.get(plain_from..here).unwrap_or_default();
                    let text = unescaped.get_or_insert_default();
                    text.push_str(plain);
                    text.push(character);
                    self.position += 2;
                    plain_from = self.position;
                }
                [0x00..=0x1f, ..] => return Err(self.malformed_at(here, "string")),
                [_, ..] => self.position += 1,
                [] => return Err(self.expected("\"")),
            }
        }
    }

    const fn expected(&self, literal: &'static str) -> ParseError {
        ParseError {
            position: self.position,
            kind: ParseErrorKind::Expected(literal),
        }
    }

    const fn malformed_at(&self, position: usize, what: &'static str) -> ParseError {
        ParseError {
            position,
            kind: ParseErrorKind::Malformed(what),
        }
    }
}

/// The control character of `\u00` and two digits, when it has no shorter escape.
fn control(high: u8, low: u8) -> Option<char> {
    let low = match low {
        b'0'..=b'9' => low - b'0',
        b'a'..=b'f' => low - b'a' + 10,
        _ => return None,
    };
    match ((high - b'0') << 4) | low {
        0x08 | 0x09 | 0x0a | 0x0c | 0x0d => None,
        value => Some(char::from(value)),
    }
}

/// Microseconds since 1970 of a text as `2026-11-21T02:27:37.000000Z`, when it is a real moment.
fn unix_micros(text: &[u8]) -> Option<u64> {
    let &[
        y0,
        y1,
        y2,
        y3,
        b'-',
        mo0,
        mo1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        mi0,
        mi1,
        b':',
        s0,
        s1,
        b'.',
        ref micros @ ..,
        b'Z',
    ] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u64, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + u64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (
        number(&[y0, y1, y2, y3])?,
        number(&[mo0, mo1])?,
        number(&[d0, d1])?,
    );
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[mi0, mi1])?, number(&[s0, s1])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        _ => return None,
    };
    if year < 1970 || day == 0 || day > days_in_month || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days before this date in the proleptic Gregorian calendar, counting years from March so that a leap day comes last.
    let (years, months) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1;
    // 0000-03-01 to 1970-01-01.
    let days = days - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + number(micros)?)
}

/// The value of each Crockford base32 digit, and 255 for what is none.
const BASE32: [u8; 256] = {
    let mut table = [255; 256];
    let alphabet = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut value = 0;
    while value < 32 {
        table[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    table
};
