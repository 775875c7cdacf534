//! How evenly the bytes of a text are spread, in bits a byte (Shannon).

/// Bits a byte; zero for nothing.
pub(crate) fn shannon(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a length, and no more than a few digits matter"
    )]
    let length = bytes.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

/// Which kinds of characters there are: small, large, digits, and signs other than those that join words.
pub(crate) fn kinds(bytes: &[u8]) -> Kinds {
    bytes.iter().fold(Kinds::default(), |mut kinds, byte| {
        match byte {
            b'a'..=b'z' => kinds.small = true,
            b'A'..=b'Z' => kinds.large = true,
            b'0'..=b'9' => kinds.digits += 1,
            b'_' | b'-' | b'.' | b' ' => {}
            _ => kinds.signs = true,
        }
        kinds
    })
}

/// See [`kinds`].
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Kinds {
    pub(crate) small: bool,
    pub(crate) large: bool,
    pub(crate) digits: usize,
    pub(crate) signs: bool,
}

impl Kinds {
    pub(crate) fn count(self) -> u32 {
        u32::from(self.small) + u32::from(self.large) + u32::from(self.digits > 0) + u32::from(self.signs)
    }
}
