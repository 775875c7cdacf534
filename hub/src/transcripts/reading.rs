//! How far a transcript was read, and the digest of everything up to there.

use capture::transcript::{Line, Transcript};
use vocabulary::Client;

/// A transcript that is being read, and what stood in it.
#[derive(Debug)]
pub(crate) struct Reading {
    transcript: Transcript,
    /// Of all that was fed.
    fed: blake3::Hasher,
    /// Of the whole lines in it.
    read: blake3::Hasher,
}

impl Reading {
    pub(crate) fn of(client: Client, session: Option<String>) -> Self {
        Self {
            transcript: Transcript::of(client, session),
            fed: blake3::Hasher::new(),
            read: blake3::Hasher::new(),
        }
    }

    /// Reads on.
    pub(crate) fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(Line)) {
        let begin = self.fed.count();
        self.transcript.feed(bytes, each);
        let within = self.transcript.read().checked_sub(begin);
        let whole = within.and_then(|within| usize::try_from(within).ok());
        if let Some(lines) = whole
            .and_then(|whole| bytes.get(..whole))
            .filter(|lines| !lines.is_empty())
        {
            self.read = self.fed.clone();
            self.read.update(lines);
        }
        self.fed.update(bytes);
    }

    /// Up to which byte it was read.
    pub(crate) const fn bytes(&self) -> u64 {
        self.transcript.read()
    }

    /// The digest of everything before it, in hex.
    pub(crate) fn digest(&self) -> String {
        self.read.finalize().to_hex().to_string()
    }

    /// Lets go of a line that has not come to its end.
    pub(crate) fn let_go(&mut self) {
        self.transcript.let_go();
        self.fed = self.read.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_whole_lines_wherever_the_file_is_cut() {
        let file = b"{}\n{\"type\":1}\n\n{\"begun\":";
        for cut in 0..=file.len() {
            for again in cut..=file.len() {
                let mut reading = Reading::of(Client::Codex, None);
                reading.feed(&file[..cut], &mut |_| {});
                reading.feed(&file[cut..again], &mut |_| {});
                let whole = file[..again].iter().rposition(|byte| *byte == b'\n');
                let whole = &file[..whole.map_or(0, |end| end + 1)];
                assert_eq!(reading.bytes(), whole.len() as u64);
                assert_eq!(reading.digest(), blake3::hash(whole).to_hex().to_string());
                reading.let_go();
                reading.feed(&file[whole.len()..], &mut |_| {});
                assert_eq!(reading.digest(), blake3::hash(&file[..15]).to_hex().to_string());
            }
        }
    }
}
