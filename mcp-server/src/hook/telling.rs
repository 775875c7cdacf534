//! One event to the hub, and its answer: over a blocking socket, under the client's session.

use std::{io, time::Duration};

use delegation::HandshakeSubject;
use protocol::{
    AgentMessage, ClientEvent, Heard, HubMessage, Open, OpenReply, Refusal, RefusalCode, ReplyBody, Request,
    RequestBody, Tell, VERSION, Via,
    autostart::{self, ReachError},
    frame::{self, FrameError},
};
use serde_json::value::RawValue;
use vocabulary::{Client, RequestId};

use crate::{
    clock,
    hub_link::other_version,
    session::{Lender, NoAuthority, Session},
    shared::{self, SharedName},
    spool,
};

/// How long the hub may take with one event: clients wait for it, and give a hook of ours up after five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a hub may take to start: longer than it ever does, and not so long that a client gives the hook up.
const STARTING: Duration = Duration::from_secs(3);

/// How often it is tried: a hub that ends breaks the connection, and the next one has heard of it or has not.
const ATTEMPTS: u32 = 3;

/// Why an event did not reach the record.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTold {
    /// There is nothing to act under.
    #[error(transparent)]
    NoAuthority(#[from] NoAuthority),
    /// There is no hub.
    #[error(transparent)]
    Unreachable(#[from] ReachError),
    /// It does not answer as it should.
    #[error("{0}")]
    Broken(#[from] FrameError),
    /// It is kept until there is a hub again, which takes it in.
    #[error("{0} (kept, and taken in by the next hub)")]
    Kept(String),
    /// It does not want to hear it.
    #[error("{} [{}]", .0.message, .0.code)]
    Refused(Refusal),
}

/// Tells the hub, and starts one where none runs.
pub(super) fn tell(
    client: Client,
    lender: &Lender,
    name: &SharedName,
    session_id: &str,
    event: Box<RawValue>,
) -> Result<Heard, NotTold> {
    let via = Via::from_client(client.as_str(), "", session_id);
    let mut session = shared::find_or_begin(lender, client, name)?;
    let told = ClientEvent { client, event };
    let request = Request {
        id: clock::new_id().map_err(NoAuthority::from)?,
        body: RequestBody::Event(told.clone()),
    };
    let mut tried = 0;
    loop {
        tried += 1;
        match once(lender, &session, &via, &request) {
            // What it was under has ended; something else may have been lent since, and is another session.
            Err(NotTold::Refused(refusal)) if tried < ATTEMPTS && is_over(&refusal) => {
                let ended = session.id;
                shared::end(lender.home(), name, ended).map_err(FrameError::from)?;
                session = shared::find_or_begin(lender, client, name)?;
                if session.id == ended {
                    return Err(NotTold::Refused(refusal));
                }
            }
            Err(NotTold::Broken(FrameError::Io(error))) if tried < ATTEMPTS && !is_silence(&error) => {}
            Err(why @ (NotTold::Unreachable(_) | NotTold::Broken(_))) => {
                let kept = spool::keep_event(lender.home(), &session, request.id, &via, &told);
                return Err(match kept {
                    Ok(()) => NotTold::Kept(why.to_string()),
                    Err(_) => why,
                });
            }
            other => return other,
        }
    }
}

/// Whether the session is of no use any more, or was begun too long ago to be opened yet.
fn is_over(refusal: &Refusal) -> bool {
    delegation::ends_authority(&refusal.code) || refusal.is(RefusalCode::ClockMismatch)
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn once(lender: &Lender, session: &Session, via: &Via, request: &Request) -> Result<Heard, NotTold> {
    let home = lender.home();
    let companion = autostart::companion_binary();
    let mut stream = autostart::connect_within(home, &home.agent_socket(), &companion, STARTING)?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .map_err(FrameError::from)?;
    stream
        .set_write_timeout(Some(PATIENCE))
        .map_err(FrameError::from)?;
    let Some(HubMessage::Challenge(challenge)) = frame::read(&mut stream)? else {
        return Err(unexpected().into());
    };
    if challenge.version != VERSION {
        return Err(NotTold::Refused(other_version(challenge.version)));
    }
    let mut nonce = [0; 32];
    hex::decode_to_slice(&challenge.nonce, &mut nonce).map_err(|_| unexpected())?;
    let proof = session.holder().sign_handshake(&HandshakeSubject {
        workspace: challenge.workspace,
        nonce,
        token: session.token().as_str(),
    });
    let open = Open {
        token: session.token().as_str().to_owned(),
        proof: proof.to_string(),
        via: via.clone(),
    };
    let request = request.clone();
    let id: RequestId = request.id;
    frame::write(&mut stream, &AgentMessage::Tell(Tell { open, request }))?;
    match frame::read(&mut stream)? {
        Some(HubMessage::Reply(reply)) if reply.id == id => match reply.body {
            ReplyBody::Heard(heard) => Ok(heard),
            // An answer that was found in the trace again, which had nothing against it.
            ReplyBody::Recorded(recorded) => Ok(Heard {
                recorded,
                denied: None,
            }),
            ReplyBody::Answer(answer) => Ok(Heard {
                recorded: answer.recorded,
                denied: None,
            }),
            ReplyBody::Failed(refusal) => Err(NotTold::Refused(refusal)),
        },
        Some(HubMessage::Opening(OpenReply::Refused(refusal))) => Err(NotTold::Refused(refusal)),
        Some(_) => Err(unexpected().into()),
        None => Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()).into()),
    }
}

fn unexpected() -> FrameError {
    FrameError::Io(io::Error::new(
        io::ErrorKind::InvalidData,
        "the hub sent what was not asked for",
    ))
}
