//! The companion's side of the door: one blocking connection a request.

use std::{io::Write, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{
    Refusal,
    autostart::{self, ReachError},
    frame::{self, FrameError},
    home::Home,
};
use serde::de::DeserializeOwned;

use super::{ImportPiece, ImportRow, door::Reply, export::Chunk, request::CompanionRequest};

/// How long the hub may be silent: verifying a large store takes a while.
const SILENCE: Duration = Duration::from_secs(600);

/// Asks the hub of a home, starting it where none runs.
#[derive(Debug, Clone)]
pub struct CompanionLink {
    home: Home,
    binary: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No hub can be reached.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The connection broke.
    #[error("the hub broke off: {0}; try again, and run `auditotter doctor` if it stays so")]
    Frame(#[from] FrameError),
    /// The hub says no.
    #[error("{0}")]
    Refused(Refusal),
    /// The answer went nowhere.
    #[error("the answer could not be written: {0}")]
    Output(std::io::Error),
    /// The hub ended in the middle of an answer.
    #[error("the hub ended before its answer did; try again")]
    Cut,
}

impl CompanionLink {
    /// Asks the hub of this home; `binary` is this very program.
    #[must_use]
    pub const fn new(home: Home, binary: PathBuf) -> Self {
        Self { home, binary }
    }

    /// Asks for a typed answer.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn ask<T: DeserializeOwned>(&self, request: &CompanionRequest) -> Result<T, LinkError> {
        let mut stream = self.send(request)?;
        match frame::read::<Reply>(&mut stream)? {
            Some(Reply::Done(value)) => Ok(serde_json::from_value(value).map_err(FrameError::from)?),
            Some(Reply::Refused(refusal)) => Err(LinkError::Refused(refusal)),
            Some(Reply::Bytes) | None => Err(LinkError::Cut),
        }
    }

    /// Asks for bytes and writes them out as they come.
    ///
    /// # Errors
    /// [`LinkError`]; the output may then hold a part.
    pub fn download(&self, request: &CompanionRequest, out: &mut impl Write) -> Result<(), LinkError> {
        let mut stream = self.send(request)?;
        match frame::read::<Reply>(&mut stream)? {
            Some(Reply::Bytes) => {}
            Some(Reply::Refused(refusal)) => return Err(LinkError::Refused(refusal)),
            Some(Reply::Done(_)) | None => return Err(LinkError::Cut),
        }
        loop {
            match frame::read::<Chunk>(&mut stream)? {
                Some(Chunk::Text(text)) => out.write_all(text.as_bytes()).map_err(LinkError::Output)?,
                Some(Chunk::End) => return Ok(()),
                Some(Chunk::Refused(refusal)) => return Err(LinkError::Refused(refusal)),
                None => return Err(LinkError::Cut),
            }
        }
    }

    /// Asks only where a hub runs already; `None` where none does.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn ask_running<T: DeserializeOwned>(
        &self,
        request: &CompanionRequest,
    ) -> Result<Option<T>, LinkError> {
        match autostart::dial(&self.home, &self.home.companion_socket()) {
            Ok(_) => self.ask(request).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Asks to take in a file, which is then handed over piece by piece.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn upload(&self, request: &CompanionRequest) -> Result<(Upload, ImportRow), LinkError> {
        let mut upload = Upload {
            stream: self.send(request)?,
        };
        let row = upload.answer()?;
        Ok((upload, row))
    }

    fn send(&self, request: &CompanionRequest) -> Result<std::os::unix::net::UnixStream, LinkError> {
        let mut stream = autostart::connect(&self.home, &self.home.companion_socket(), &self.binary)?;
        stream.set_read_timeout(Some(SILENCE)).map_err(FrameError::from)?;
        frame::write(&mut stream, request)?;
        Ok(stream)
    }
}

/// A file on its way to the hub.
#[derive(Debug)]
pub struct Upload {
    stream: std::os::unix::net::UnixStream,
}

impl Upload {
    /// Hands over the next bytes, and says how far things are.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn hand_over(&mut self, bytes: &[u8]) -> Result<ImportRow, LinkError> {
        frame::write(&mut self.stream, &ImportPiece::Bytes(STANDARD.encode(bytes)))?;
        self.answer()
    }

    /// Says that that was all.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn end(mut self) -> Result<ImportRow, LinkError> {
        frame::write(&mut self.stream, &ImportPiece::End)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<ImportRow, LinkError> {
        match frame::read::<Reply>(&mut self.stream)? {
            Some(Reply::Done(value)) => Ok(serde_json::from_value(value).map_err(FrameError::from)?),
            Some(Reply::Refused(refusal)) => Err(LinkError::Refused(refusal)),
            Some(Reply::Bytes) | None => Err(LinkError::Cut),
        }
    }
}
