//! Framing: a big-endian 32-bit length, then that many bytes of JSON.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The largest frame either side accepts, in bytes.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of the length in front of a frame.
pub const HEADER_BYTES: usize = 4;

/// So much memory is set aside on an announcement alone; a lie about more costs its sender, not us.
const BELIEVED_BYTES: usize = 8 * 1024;

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side is gone, or the socket failed.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// Announced or built larger than [`MAX_FRAME_BYTES`].
    #[error("a message of {0} bytes is over the limit of {MAX_FRAME_BYTES}; send less at once")]
    TooLarge(usize),
    /// Not the JSON that this side of the protocol expects.
    #[error("a message is not of this protocol: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A message as the bytes to send, header included.
///
/// # Errors
/// [`FrameError::TooLarge`], or [`FrameError::Malformed`] where a value has no JSON form.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut frame, message)?;
    let size = frame.len() - HEADER_BYTES;
    let header = u32::try_from(size)
        .ok()
        .filter(|_| size <= MAX_FRAME_BYTES)
        .ok_or(FrameError::TooLarge(size))?;
    frame[..HEADER_BYTES].copy_from_slice(&header.to_be_bytes());
    Ok(frame)
}

/// The size that a header announces.
///
/// # Errors
/// [`FrameError::TooLarge`].
pub fn announced(header: [u8; HEADER_BYTES]) -> Result<usize, FrameError> {
    let size = u32::from_be_bytes(header) as usize;
    if size > MAX_FRAME_BYTES {
        Err(FrameError::TooLarge(size))
    } else {
        Ok(size)
    }
}

/// The message in a frame's bytes, header excluded.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Writes one message to an asynchronous stream.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`].
pub async fn send<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    Ok(stream.write_all(&encode(message)?).await?)
}

/// Reads one message from an asynchronous stream, which had better be buffered; `None` where it ended between messages.
/// Not to be cancelled: what was read until then would be lost.
///
/// # Errors
/// Any [`FrameError`].
pub async fn receive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut header = [0; HEADER_BYTES];
    match stream.read(&mut header).await? {
        0 => return Ok(None),
        some => stream.read_exact(&mut header[some..]).await?,
    };
    let size = announced(header)?;
    let mut bytes = Vec::with_capacity(size.min(BELIEVED_BYTES));
    stream.take(size as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode(&bytes).map(Some)
}

/// Writes one message to a blocking stream.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`].
pub fn write<T: Serialize>(stream: &mut impl Write, message: &T) -> Result<(), FrameError> {
    stream.write_all(&encode(message)?)?;
    Ok(stream.flush()?)
}

/// Reads one message from a blocking stream; `None` where it ended between messages.
///
/// # Errors
/// Any [`FrameError`].
pub fn read<T: DeserializeOwned>(stream: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut header = [0; HEADER_BYTES];
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match stream.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let size = announced(header)?;
    let mut bytes = Vec::with_capacity(size.min(BELIEVED_BYTES));
    stream.take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() < size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode(&bytes).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in proptest::collection::vec(".*", 0..4)) {
            let mut wire = Vec::new();
            for text in &texts {
                write(&mut wire, text).unwrap();
            }
            let mut wire = wire.as_slice();
            for text in &texts {
                let returned = read::<String>(&mut wire).unwrap();
                prop_assert_eq!(returned.as_ref(), Some(text));
            }
            prop_assert!(read::<String>(&mut wire).unwrap().is_none());
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            let _ = read::<serde_json::Value>(&mut bytes.as_slice());
        }
    }

    #[test]
    fn a_cut_or_oversized_frame_is_an_error() {
        let whole = encode(&"hello").unwrap();
        for cut in 1..whole.len() {
            assert!(
                matches!(read::<String>(&mut &whole[..cut]), Err(FrameError::Io(_))),
                "{cut}"
            );
        }
        assert!(matches!(
            read::<String>(&mut &[0xff_u8; 8][..]),
            Err(FrameError::TooLarge(_))
        ));
        assert!(matches!(
            encode(&"x".repeat(MAX_FRAME_BYTES)),
            Err(FrameError::TooLarge(_))
        ));
    }
}
