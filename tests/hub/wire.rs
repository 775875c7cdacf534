//! An agent side that speaks the hub's own protocol, a frame at a time, and may break off wherever it likes.

use std::{fs, os::unix::net::UnixStream, path::PathBuf};

use delegation::{DelegationToken, HandshakeSubject, HolderKey, Narrowing, SessionToken};
use hub::clock;
use protocol::{
    AgentMessage, Call, Challenge, HubMessage, Observation, Open, OpenReply, Opened, Refusal, ReplyBody,
    Request, RequestBody, Via, autostart, frame,
    spool::{Happened, SpoolFile, Spooled},
};
use serde_json::Value;
use testkit::{
    Home,
    program::{self, PATIENCE},
};
use time::Duration;
use vocabulary::{RequestId, SessionId, Timestamp};

/// A session with a key and a token of its own.
pub(crate) struct Agent {
    pub(crate) session: SessionId,
    holder: HolderKey,
    token: SessionToken,
}

impl Agent {
    /// A new session under a delegation.
    pub(crate) fn under(delegation: &DelegationToken) -> Self {
        Self::posing_as(delegation, clock::new_id().unwrap())
    }

    /// A session that calls itself by another's name.
    pub(crate) fn posing_as(delegation: &DelegationToken, session: SessionId) -> Self {
        Self::lasting(delegation, session, Duration::minutes(30))
    }

    /// A session whose token lasts for so long.
    pub(crate) fn lasting(delegation: &DelegationToken, session: SessionId, ttl: Duration) -> Self {
        let holder = HolderKey::from_entropy(clock::random().unwrap());
        let narrowing = Narrowing {
            session,
            holder: holder.public(),
            verbs: delegation.grant().verbs.clone(),
            expires_at: delegation
                .grant()
                .expires_at
                .min(hub::words::whole_seconds(clock::now().saturating_add(ttl))),
        };
        let token = delegation
            .attenuate(&narrowing, clock::random().unwrap())
            .unwrap();
        Self {
            session,
            holder,
            token,
        }
    }

    /// The same token in the hands of somebody who does not have its key.
    pub(crate) fn stolen(self) -> Self {
        Self {
            holder: HolderKey::from_entropy(clock::random().unwrap()),
            ..self
        }
    }

    /// Opens the session, starting the hub where none runs.
    pub(crate) fn open(&self, home: &Home) -> Result<Wire, Refusal> {
        let layout = home.layout();
        let companion = program::path("auditotter");
        let mut stream = autostart::connect(&layout, &layout.agent_socket(), &companion).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let Some(HubMessage::Challenge(challenge)) = frame::read(&mut stream).unwrap() else {
            panic!("the hub does not speak first");
        };
        frame::write(&mut stream, &AgentMessage::Open(self.answer(&challenge))).unwrap();
        match frame::read(&mut stream).unwrap() {
            Some(HubMessage::Opening(OpenReply::Opened(opened))) => Ok(Wire { stream, opened }),
            Some(HubMessage::Opening(OpenReply::Refused(refusal))) => Err(refusal),
            other => panic!("the hub answers an opening with {other:?}"),
        }
    }

    /// Keeps a record of something in the spool, and says when that was.
    pub(crate) fn keeps(&self, home: &Home, claimed_at: Timestamp, received: &str) -> (PathBuf, Vec<u8>) {
        let id: RequestId = clock::new_id().unwrap();
        let spooled = Spooled {
            id,
            claimed_at,
            via: Via::from_client("claude-code", "1.2.3", "1"),
            what: Happened::Observed(Observation::ProtocolError {
                method: None,
                code: -32700,
                message: "this is no JSON".to_owned(),
                received: received.to_owned(),
            }),
        };
        let record = serde_json::to_string(&spooled).unwrap();
        let digest = *blake3::hash(record.as_bytes()).as_bytes();
        let file = SpoolFile {
            token: self.token.as_str().to_owned(),
            proof: self.holder.sign_request(self.session, id, &digest).to_string(),
            record,
        };
        let folder = home.layout().spool();
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{:020}-{id}.json", claimed_at.unix_micros()));
        let bytes = serde_json::to_vec(&file).unwrap();
        fs::write(&path, &bytes).unwrap();
        (path, bytes)
    }

    fn answer(&self, challenge: &Challenge) -> Open {
        let nonce = hex::decode(&challenge.nonce).unwrap();
        let subject = HandshakeSubject {
            workspace: challenge.workspace,
            nonce: nonce.try_into().unwrap(),
            token: self.token.as_str(),
        };
        Open {
            token: self.token.as_str().to_owned(),
            proof: self.holder.sign_handshake(&subject).to_string(),
            via: Via::from_client("claude-code", "1.2.3", "1"),
        }
    }
}

/// An open connection.
pub(crate) struct Wire {
    stream: UnixStream,
    pub(crate) opened: Opened,
}

impl Wire {
    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, id: RequestId, body: RequestBody) -> ReplyBody {
        self.send(id, body);
        self.hear(id)
    }

    /// Waits for the next answer, which has to be to this request.
    pub(crate) fn hear(&mut self, id: RequestId) -> ReplyBody {
        match frame::read(&mut self.stream).unwrap() {
            Some(HubMessage::Reply(reply)) => {
                assert_eq!(reply.id, id);
                reply.body
            }
            other => panic!("the hub answers a request with {other:?}"),
        }
    }

    /// Asks and does not wait.
    pub(crate) fn send(&mut self, id: RequestId, body: RequestBody) {
        frame::write(&mut self.stream, &AgentMessage::Request(Request { id, body })).unwrap();
    }
}

/// A call of a tool.
pub(crate) fn call(tool: &str, arguments: Value) -> RequestBody {
    RequestBody::Call(Call {
        tool: tool.to_owned(),
        arguments,
        call_id: None,
        resource: None,
        client: None,
    })
}

/// The structured result of a call that succeeded.
pub(crate) fn returned(reply: ReplyBody) -> Value {
    match reply {
        ReplyBody::Answer(protocol::Answer {
            outcome: protocol::Outcome::Returned(value),
            ..
        }) => value,
        other => panic!("it was not done: {other:?}"),
    }
}
