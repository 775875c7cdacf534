//! The few pieces of SSH's wire format that keys and signatures are made of (RFC 4251, section 5), read strictly: each
//! value has one spelling, and nothing is left over.
//!
//! Not from the `ssh-key` crate: its version 0.6.7 takes an inner length for a hint, so that a key or signature has many
//! spellings; it verifies signatures of security keys without a look at their flags, and Ed25519 leniently.

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A `uint32`.
    pub(super) fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    }

    /// A `string`: a length, and as many bytes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// An `mpint` that is not negative and fits into 256 bits.
    pub(super) fn integer(&mut self) -> Option<[u8; 32]> {
        let magnitude = match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
            [0 | 0x80..=0xff, ..] => return None,
            bytes => bytes,
        };
        let mut integer = [0; 32];
        let start = integer.len().checked_sub(magnitude.len())?;
        integer[start..].copy_from_slice(magnitude);
        Some(integer)
    }

    /// Says whether that was all.
    pub(super) const fn end(self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

/// Writes a `string`. None here comes near the length that would not fit.
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_integer_has_one_spelling() {
        let read = |bytes: &[u8]| {
            let mut out = Vec::new();
            put(&mut out, bytes);
            Wire::new(&out).integer()
        };
        let with_last = |last: u8| {
            let mut integer = [0; 32];
            integer[31] = last;
            Some(integer)
        };
        assert_eq!(read(&[]), with_last(0));
        assert_eq!(read(&[0x7f]), with_last(0x7f));
        assert_eq!(read(&[0, 0x80]), with_last(0x80));
        assert_eq!(read(&[&[0][..], &[0xff; 32]].concat()), Some([0xff; 32]));
        for odd in [
            &[0][..],
            &[0, 1],
            &[0x80],
            &[0, 0, 0x80],
            &[1; 33],
            &[&[0][..], &[0xff; 33]].concat(),
        ] {
            assert_eq!(read(odd), None, "{odd:x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_is_left(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let mut out = Vec::new();
            for part in &parts {
                put(&mut out, part);
            }
            let mut wire = Wire::new(&out);
            for part in &parts {
                prop_assert_eq!(wire.string(), Some(part.as_slice()));
            }
            prop_assert_eq!(wire.end(), Some(()));
            if !out.is_empty() {
                let mut short = Wire::new(&out[..out.len() - 1]);
                let read = parts.iter().take_while(|part| short.string() == Some(part)).count();
                prop_assert!(read < parts.len());
            }
        }
    }
}
