//! Bytes into lines, in pieces of any length, with a bound on how much is kept.

/// The longest line that is read, in bytes: an image that a tool read stands in one.
pub const MOST_LINE_BYTES: usize = 8 * 1024 * 1024;

/// What is left of a line that has not come to its end.
#[derive(Debug, Default)]
pub(super) struct Lines {
    read: u64,
    begun: Vec<u8>,
    /// How many bytes more the line that has begun had, that are not kept.
    skipped: u64,
}

impl Lines {
    /// Gives each line that comes to its end, with where the next begins; none where it is too long.
    pub(super) fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(u64, Option<&[u8]>)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, later) = rest.split_at(end);
            rest = &later[1..];
            if self.begun.is_empty() && self.skipped == 0 {
                self.read += line.len() as u64 + 1;
                each(self.read, (line.len() <= MOST_LINE_BYTES).then_some(line));
                continue;
            }
            self.keep(line);
            self.read += self.begun.len() as u64 + self.skipped + 1;
            each(self.read, (self.skipped == 0).then_some(self.begun.as_slice()));
            self.let_go();
        }
        self.keep(rest);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MOST_LINE_BYTES - self.begun.len();
        let (kept, skipped) = bytes.split_at(bytes.len().min(room));
        self.begun.extend_from_slice(kept);
        self.skipped += skipped.len() as u64;
    }

    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    pub(super) fn let_go(&mut self) {
        self.begun = Vec::new();
        self.skipped = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let long = vec![b'x'; MOST_LINE_BYTES / 2 + 1];
        for piece in [b"one\n".as_slice(), &long, &long, b"\ntw", b"o\nthr"] {
            lines.feed(piece, &mut |end, line| seen.push((end, line.map(<[u8]>::to_vec))));
        }
        let after = 4 + 2 * long.len() as u64 + 1;
        assert_eq!(
            seen,
            [
                (4, Some(b"one".to_vec())),
                (after, None),
                (after + 4, Some(b"two".to_vec()))
            ]
        );
        assert_eq!(lines.read(), after + 4);
    }
}
