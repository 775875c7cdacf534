//! A client's own record of its session, in two pieces: an agent with a shell can write it.

#![no_main]

use capture::transcript::Transcript;
use libfuzzer_sys::fuzz_target;
use vocabulary::Client;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let (begin, end) = bytes.split_at(bytes.len() * usize::from(cut) / 255);
    for client in [Client::ClaudeCode, Client::Codex] {
        let read = |pieces: &[&[u8]]| {
            let mut transcript = Transcript::of(client, None);
            let mut lines = Vec::new();
            for piece in pieces {
                transcript.feed(piece, &mut |line| lines.push(line));
            }
            (lines, transcript.read())
        };
        assert_eq!(read(&[bytes]), read(&[begin, end]));
    }
});
