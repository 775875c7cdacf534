//! `/agents`, as somebody meets it who speaks it by hand: each request proves anew who sends it, and what does not prove
//! it is refused and on record.

use delegation::{DelegationToken, HandshakeSubject, HolderKey, Narrowing, SessionToken, WebRequestSubject};
use hub::clock;
use protocol::{
    AgentMessage, Call, Challenge, HubMessage, Open, OpenReply, Request, RequestBody, Via,
    web::{ATTEMPT, NONCE, PATH, PROOF, SCHEME},
};
use serde_json::json;
use testkit::{Home, ListeningHub, WebClient, home::Lending, web::WebAnswer};
use time::Duration;
use vocabulary::RequestId;

use crate::{kinds, turned_away};

/// An agent side on another machine, a request at a time.
struct Agent {
    holder: HolderKey,
    token: SessionToken,
    challenge: Challenge,
}

/// One request, whose parts may be bent before it is sent.
#[derive(Clone)]
struct Signed {
    token: String,
    nonce: String,
    attempt: RequestId,
    body: Vec<u8>,
    proof: String,
}

/// What a proof is made over, where that is not what is sent.
struct Over<'a> {
    method: &'a str,
    path: &'a str,
    key: &'a HolderKey,
}

impl Agent {
    fn under(delegation: &DelegationToken, hub: &ListeningHub) -> Self {
        let holder = HolderKey::from_entropy(clock::random().unwrap());
        let narrowing = Narrowing {
            session: clock::new_id().unwrap(),
            holder: holder.public(),
            verbs: delegation.grant().verbs.clone(),
            expires_at: hub::words::whole_seconds(clock::now().saturating_add(Duration::minutes(30))),
        };
        let token = delegation
            .attenuate(&narrowing, clock::random().unwrap())
            .unwrap();
        let answer = WebClient::new(hub, None).post_to(PATH, b"");
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.header("www-authenticate"),
            "AuditOtter error=\"use_nonce\""
        );
        let given = match serde_json::from_str(&answer.text).unwrap() {
            HubMessage::Challenge(challenge) => Some(challenge),
            HubMessage::Opening(_) | HubMessage::Reply(_) => None,
        };
        let challenge = given.unwrap();
        assert_eq!(answer.header(NONCE), challenge.nonce);
        Self {
            holder,
            token,
            challenge,
        }
    }

    fn sign(&self, message: &AgentMessage) -> Signed {
        let over = Over {
            method: "POST",
            path: PATH,
            key: &self.holder,
        };
        self.sign_over(message, &over)
    }

    fn sign_over(&self, message: &AgentMessage, over: &Over<'_>) -> Signed {
        let body = serde_json::to_vec(message).unwrap();
        let attempt = clock::new_id().unwrap();
        let subject = WebRequestSubject {
            workspace: self.challenge.workspace,
            method: over.method,
            path: over.path,
            nonce: self.nonce(),
            token: self.token.as_str(),
            body: &body,
            attempt,
        };
        Signed {
            token: self.token.as_str().to_owned(),
            nonce: self.challenge.nonce.clone(),
            attempt,
            proof: over.key.sign_web_request(&subject).to_string(),
            body,
        }
    }

    fn nonce(&self) -> [u8; 32] {
        hex::decode(&self.challenge.nonce).unwrap().try_into().unwrap()
    }

    fn opening(&self) -> AgentMessage {
        let subject = HandshakeSubject {
            workspace: self.challenge.workspace,
            nonce: self.nonce(),
            token: self.token.as_str(),
        };
        AgentMessage::Open(Open {
            token: self.token.as_str().to_owned(),
            proof: self.holder.sign_handshake(&subject).to_string(),
            via: Via::from_client("claude-code", "1.2.3", "1"),
        })
    }
}

impl Signed {
    fn send(&self, hub: &ListeningHub) -> WebAnswer {
        WebClient::new(hub, None)
            .saying("authorization", &format!("{SCHEME} {}", self.token))
            .saying(NONCE, &self.nonce)
            .saying(ATTEMPT, &self.attempt.to_string())
            .saying(PROOF, &self.proof)
            .post_to(PATH, &self.body)
    }

    fn refused(&self, hub: &ListeningHub) -> (u16, String) {
        let answer = self.send(hub);
        (answer.status, answer.code())
    }
}

fn note(text: &str) -> AgentMessage {
    AgentMessage::Request(Request {
        id: clock::new_id().unwrap(),
        body: RequestBody::Call(Call {
            tool: "append_trace_note".to_owned(),
            arguments: json!({ "text": text }),
            call_id: None,
            resource: None,
            client: None,
        }),
    })
}

fn lent(home: &Home) -> DelegationToken {
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    delegation
}

fn opened(answer: &WebAnswer) -> bool {
    matches!(
        serde_json::from_str(&answer.text),
        Ok(HubMessage::Opening(OpenReply::Opened(_)))
    )
}

#[test]
fn each_request_is_good_once_and_as_it_was_signed() {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let agent = Agent::under(&delegation, &hub);
    let other = Agent::under(&delegation, &hub);
    let opening = agent.sign(&agent.opening());
    assert!(opened(&opening.send(&hub)));
    let asked = agent.sign(&note("once"));
    assert_eq!(asked.send(&hub).status, 200);

    let bad_proof = (401, "bad_proof".to_owned());
    let replayed = (401, "replayed".to_owned());
    // The very same bytes, opening and request.
    assert_eq!(opening.refused(&hub), replayed);
    assert_eq!(asked.refused(&hub), replayed);
    // Under another name of the attempt, or over another number.
    let renamed = Signed {
        attempt: clock::new_id().unwrap(),
        ..asked
    };
    assert_eq!(renamed.refused(&hub), bad_proof);
    // With another body.
    let signed = agent.sign(&note("what was meant"));
    let bent = Signed {
        body: serde_json::to_vec(&note("what was not")).unwrap(),
        ..signed.clone()
    };
    assert_eq!(bent.refused(&hub), bad_proof);
    // What was bent did not use the true one up.
    assert_eq!(signed.send(&hub).status, 200);
    // For another method, another path, and by another key.
    for (method, path, key) in [
        ("GET", PATH, &agent.holder),
        ("POST", "/mcp", &agent.holder),
        ("POST", PATH, &other.holder),
    ] {
        let signed = agent.sign_over(&note("elsewhere"), &Over { method, path, key });
        assert_eq!(signed.refused(&hub), bad_proof, "{method} {path}");
    }
    // One's own proof under somebody else's token, before and after that one's session is open.
    let theirs = Signed {
        token: other.token.as_str().to_owned(),
        ..agent.sign(&note("as another"))
    };
    assert_eq!(theirs.refused(&hub), bad_proof);
    assert!(opened(&other.sign(&other.opening()).send(&hub)));
    assert_eq!(theirs.refused(&hub), bad_proof);
    // A good request that carries another session's opening.
    let smuggled = other.sign(&agent.opening());
    assert_eq!(smuggled.refused(&hub), (401, "session_taken".to_owned()));
    hub.end();

    let recorded = turned_away(&home);
    let codes: Vec<&str> = recorded.iter().map(|(code, _)| code.as_str()).collect();
    let proofs = ["bad_proof"; 7];
    let expected: Vec<&str> = ["replayed"; 2]
        .into_iter()
        .chain(proofs)
        .chain(["session_taken"])
        .collect();
    assert_eq!(codes, expected);
    assert!(
        recorded
            .iter()
            .all(|(_, message)| message.ends_with("asked over HTTP from 127.0.0.1")),
        "{recorded:#?}"
    );
    let traces = home.traces();
    let notes: usize = traces
        .into_iter()
        .map(|trace| {
            let recorded = home.trace(trace);
            kinds(&recorded)
                .iter()
                .filter(|kind| **kind == "note.appended")
                .count()
        })
        .sum();
    assert_eq!(notes, 2, "only what was signed, and once");
}

#[test]
fn a_token_without_its_key_opens_nothing_and_asks_nothing() {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let victim = Agent::under(&delegation, &hub);
    let own = HolderKey::from_entropy(clock::random().unwrap());
    let over = Over {
        method: "POST",
        path: PATH,
        key: &own,
    };
    let bad_proof = (401, "bad_proof".to_owned());
    let stolen = victim.sign_over(&victim.opening(), &over);
    assert_eq!(stolen.refused(&hub), bad_proof);
    assert_eq!(victim.sign_over(&note("stolen"), &over).refused(&hub), bad_proof);
    for proof in ["", "00", &"00".repeat(64), &"zz".repeat(64)] {
        let unsigned = Signed {
            proof: proof.to_owned(),
            ..stolen.clone()
        };
        assert_eq!(unsigned.refused(&hub), bad_proof, "{proof:?}");
    }
    // Without a proof at all, but with a number that one was given.
    let bare = WebClient::new(&hub, None)
        .saying("authorization", &format!("{SCHEME} {}", victim.token.as_str()))
        .saying(NONCE, &victim.challenge.nonce)
        .post_to(PATH, &stolen.body);
    assert_eq!((bare.status, bare.code()), bad_proof);
    // Nor is it any use as a bearer, there or where plain clients come in.
    for path in [PATH, "/mcp"] {
        let bearer = WebClient::new(&hub, Some(victim.token.as_str().to_owned())).post_to(path, &stolen.body);
        assert_eq!(bearer.status, 401, "{path}: {bearer:?}");
    }
    // Who holds the key may, after all that.
    assert!(opened(&victim.sign(&victim.opening()).send(&hub)));
    assert_eq!(victim.sign(&note("mine")).send(&hub).status, 200);
    hub.end();
    let recorded = turned_away(&home);
    assert_eq!(recorded.len(), 8, "{recorded:#?}");
    assert!(recorded.iter().all(|(code, _)| code == "bad_proof"));
}

#[test]
fn a_proof_of_another_hub_or_of_one_that_ended_is_answered_with_a_number_to_make_another_over() {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let agent = Agent::under(&delegation, &hub);
    let (opening, asked) = (agent.sign(&agent.opening()), agent.sign(&note("before")));
    assert!(opened(&opening.send(&hub)));
    hub.end();
    let hub = ListeningHub::start(&home);
    for old in [&opening, &asked] {
        let answer = old.send(&hub);
        let given: HubMessage = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(answer.status, 401);
        assert!(matches!(given, HubMessage::Challenge(fresh) if fresh.nonce != old.nonce));
    }
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    assert_eq!(kinds(&home.trace(trace)), ["session.opened"]);
}

#[test]
fn pages_and_long_messages_get_nowhere() {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let agent = Agent::under(&delegation, &hub);
    let page = WebClient::new(&hub, None)
        .saying("origin", "https://evil.example")
        .post_to(PATH, b"");
    assert_eq!((page.status, page.code().as_str()), (403, "foreign_origin"));
    // Whose session is not open yet has little to say.
    let long = agent.sign(&note(&"x".repeat(70_000)));
    assert_eq!(long.refused(&hub), (413, "too_large".to_owned()));
    assert_eq!(
        agent.sign(&note("early")).refused(&hub),
        (401, "not_opened".to_owned())
    );
    hub.end();
    assert!(home.traces().is_empty());
}
