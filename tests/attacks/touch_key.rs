//! A touch of a security key that nobody made, or that was made for something else.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use hub::{
    clock,
    companion::{CompanionRequest, TouchKeyRow, WorkItemRow},
    export_claims::prove,
    kind::EntryKind,
    records::Enrolled,
};
use identity::{
    Credential, Decision, Enrolment, HumanVerb, NAMESPACE, Seed, SignedDecision, SignedEnrolment, Tier,
    TouchKey, TouchSignature,
};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};
use testkit::{Home, SecurityKey, export::Export};
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::{TraceId, WorkItemId};

use crate::{
    decisions::{break_off, made, refused_by_both},
    members::Newcomer,
};

/// A security key made of software: what an agent with a shell can always have.
struct Device {
    key: SigningKey,
    /// What it says of the touch.
    flags: u8,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length[..], bytes].concat()
}

impl Device {
    const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";
    const APPLICATION: &[u8] = b"ssh:";

    fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[seed; 32]),
            flags: 0x05,
        }
    }

    fn blob(&self) -> Vec<u8> {
        let public = self.key.verifying_key();
        let parts = [Self::KIND, public.as_bytes(), Self::APPLICATION];
        parts.into_iter().flat_map(string).collect()
    }

    fn public(&self) -> TouchKey {
        let kind = std::str::from_utf8(Self::KIND).unwrap();
        let line = format!("{kind} {}", STANDARD.encode(self.blob()));
        line.parse().unwrap()
    }

    /// What `ssh-keygen -Y sign` would make of a touch for this text.
    fn touches(&self, namespace: &str, text: &str) -> TouchSignature {
        let digest = Sha512::digest(text);
        let head = [namespace.as_bytes(), b"", b"sha512"];
        let message: Vec<u8> = head.into_iter().chain([&digest[..]]).flat_map(string).collect();
        let message = [&b"SSHSIG"[..], &message].concat();
        let state = [self.flags, 0, 0, 0, 9];
        let (application, message) = (Sha256::digest(Self::APPLICATION), Sha256::digest(message));
        let signature = self.key.sign(&[&application[..], &state, &message].concat());
        let inner = [&string(Self::KIND)[..], &string(&signature.to_bytes()), &state].concat();
        let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
        let parts = [&self.blob()[..], head[0], head[1], head[2], &inner];
        blob.extend(parts.into_iter().flat_map(string));
        let encoded = STANDARD.encode(blob);
        let lines: Vec<&str> = (0..encoded.len())
            .step_by(70)
            .map(|at| &encoded[at..encoded.len().min(at + 70)])
            .collect();
        TouchSignature {
            ssh_signature: format!(
                "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
                lines.join("\n")
            ),
        }
    }

    /// Its touch under this decision.
    fn decides(&self, decision: &Decision) -> SignedDecision {
        let text = decision.text().unwrap();
        let signature = self.touches(NAMESPACE, &text);
        SignedDecision::by_touch_key(text, signature)
    }
}

fn proposed(home: &Home) -> (WorkItemId, TraceId) {
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    client.end();
    let parsed = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
    (parsed("id").parse().unwrap(), parsed("trace").parse().unwrap())
}

fn enrolment(home: &Home, key: TouchKey) -> Enrolment {
    Enrolment {
        workspace: home.workspace(),
        member: home.alice(),
        credential: Credential::TouchKey(key),
        at: clock::now(),
    }
}

fn tries_to_enrol(home: &Home, signed: SignedEnrolment) -> Result<Vec<TouchKeyRow>, String> {
    let asked = home.link().ask(&CompanionRequest::Enrol { signed });
    asked.map_err(|error| error.to_string())
}

/// What Alice would sign with a touch, as the item stands.
fn touched(home: &Home, id: WorkItemId, verb: HumanVerb) -> Decision {
    Decision {
        tier: Tier::T1,
        ..home.decision(&home.pose(id), verb, Some("because"))
    }
}

fn tries(home: &Home, signed: SignedDecision) -> Result<WorkItemRow, String> {
    let asked = home.link().ask(&CompanionRequest::Decide { signed });
    asked.map_err(|error| error.to_string())
}

fn state(home: &Home, id: WorkItemId) -> String {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.state
}

/// The codes of the refusals on record.
fn on_record(home: &Home) -> Vec<String> {
    let chain = home.workspace_chain();
    let refused = chain
        .iter()
        .filter(|recorded| recorded.kind == "decision.refused");
    refused
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_touch_key_that_no_member_signed_for_is_nobodys() {
    let home = Home::lent();
    let device = Device::new(9);
    let (id, _) = proposed(&home);
    let forged = enrolment(&home, device.public())
        .sign(&Seed::from_entropy([8; 32]).decision_key())
        .unwrap();
    let refused = tries_to_enrol(&home, forged).unwrap_err();
    assert!(refused.contains("is not signed by the key of"), "{refused}");
    let decision = touched(&home, id, HumanVerb::Approve);
    let refused = tries(&home, device.decides(&decision)).unwrap_err();
    assert!(refused.contains("a touch key that is none of"), "{refused}");
    assert_eq!(on_record(&home), ["decision_unproved"; 2]);
    assert_eq!(state(&home, id), "proposed");
}

#[test]
fn a_touch_of_a_key_is_of_one_decision_and_answers_it_once() {
    let home = Home::lent();
    let device = Device::new(9);
    let (id, _) = proposed(&home);
    let signed = home.enrol(&enrolment(&home, device.public()));
    for _ in 0..2 {
        assert_eq!(tries_to_enrol(&home, signed.clone()).unwrap().len(), 1);
    }
    let (approve, reject) = (
        touched(&home, id, HumanVerb::Approve),
        touched(&home, id, HumanVerb::Reject),
    );
    let over = |text: &Decision| device.touches(NAMESPACE, &text.text().unwrap());
    let borrowed = SignedDecision::by_touch_key(approve.text().unwrap(), over(&reject));
    let refused = tries(&home, borrowed).unwrap_err();
    assert!(
        refused.contains("is not by this touch key over these words"),
        "{refused}"
    );
    let called_t0 = home.decision(&home.pose(id), HumanVerb::Approve, None);
    let refused = tries(&home, device.decides(&called_t0)).unwrap_err();
    assert!(refused.contains("is signed otherwise"), "{refused}");
    let elsewhere = SignedDecision::by_touch_key(
        approve.text().unwrap(),
        device.touches("file", &approve.text().unwrap()),
    );
    let refused = tries(&home, elsewhere).unwrap_err();
    assert!(refused.contains("it was made for file"), "{refused}");
    assert_eq!(state(&home, id), "proposed");

    let signed = device.decides(&approve);
    for _ in 0..2 {
        let row = tries(&home, signed.clone()).unwrap();
        let decided = (row.state.as_str(), row.decisions.len());
        assert_eq!(decided, ("approved", 1), "the same again is the same");
    }
    let (other, _) = proposed(&home);
    // Its challenge was answered; a later one it does not answer.
    let replayed = Decision {
        challenge: approve.challenge,
        ..touched(&home, other, HumanVerb::Approve)
    };
    let refused = tries(&home, device.decides(&replayed)).unwrap_err();
    assert!(refused.contains("the challenge is not open"), "{refused}");
    home.stop_hub();
    assert_eq!(state(&home, id), "approved", "also after a restart");
    let again = tries(&home, signed).unwrap();
    assert_eq!(again.decisions.len(), 1);
    assert_eq!(state(&home, other), "proposed");
    let codes = on_record(&home);
    assert_eq!(
        codes,
        [&["decision_unproved"; 3][..], &["challenge_spent"]].concat()
    );
}

#[test]
fn whoever_was_not_there_or_not_verified_decides_nothing() {
    let home = Home::lent();
    let (id, _) = proposed(&home);
    for (seed, flags, told) in [
        (1, 0x04, "nobody was present"),
        (2, 0x01, "did not verify who touched it"),
        (3, 0x00, "nobody was present"),
        (4, 0xfa, "nobody was present"),
    ] {
        let device = Device {
            flags,
            ..Device::new(seed)
        };
        home.enrol(&enrolment(&home, device.public()));
        let decision = touched(&home, id, HumanVerb::Approve);
        let refused = tries(&home, device.decides(&decision)).unwrap_err();
        assert!(refused.contains(told), "{flags:x}: {refused}");
    }
    assert_eq!(state(&home, id), "proposed");
}

#[test]
fn a_signature_that_is_garbled_is_refused_and_on_record() {
    let home = Home::lent();
    let device = Device::new(9);
    home.enrol(&enrolment(&home, device.public()));
    let (id, _) = proposed(&home);
    let text = touched(&home, id, HumanVerb::Approve).text().unwrap();
    let good = device.touches(NAMESPACE, &text).ssh_signature;
    let odd = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replacen("U1NI", "U1NJ", 1),
        good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        format!("{good}{good}"),
        good.replace('\n', ""),
        "\u{1b}[2J".to_owned(),
    ];
    for ssh_signature in &odd {
        let ssh_signature = ssh_signature.clone();
        let signed = SignedDecision::by_touch_key(text.clone(), TouchSignature { ssh_signature });
        let refused = tries(&home, signed).unwrap_err();
        assert!(
            refused.contains("no signature as ssh-keygen writes one"),
            "{refused}"
        );
    }
    assert_eq!(on_record(&home), vec!["decision_unproved"; odd.len()]);
    assert_eq!(state(&home, id), "proposed");
}

/// Each enrolled by her, all but one of them unfit; signed by the real `ssh-keygen`.
#[test]
fn what_ssh_keygen_signs_for_something_else_or_otherwise_is_no_decision() {
    let Some(plugged_in) = SecurityKey::plug_in() else {
        return;
    };
    let home = Home::lent();
    let (id, _) = proposed(&home);
    let text = touched(&home, id, HumanVerb::Approve).text().unwrap();
    let verified = ["-t", "ed25519-sk", "-O", "verify-required"];
    let untouched = [&verified[..], &["-O", "no-touch-required"]].concat();
    let good = plugged_in.make(&home, "good", &verified);
    let public = |file: &Path| {
        let line = std::fs::read_to_string(format!("{}.pub", file.display())).unwrap();
        TouchKey::from_public_file(&line).unwrap()
    };
    let ours = ["-n", NAMESPACE];
    let tries = |file: &Path, arguments: &[&str]| {
        let ssh_signature = plugged_in.sign(&home, file, arguments, &text);
        tries(
            &home,
            SignedDecision::by_touch_key(text.clone(), TouchSignature { ssh_signature }),
        )
    };
    home.enrol(&enrolment(&home, public(&good)));
    for (name, made_with, told) in [
        (
            "unverified",
            &["-t", "ed25519-sk"][..],
            "did not verify who touched it",
        ),
        ("untouched", &untouched, "nobody was present"),
    ] {
        let file = plugged_in.make(&home, name, made_with);
        home.enrol(&enrolment(&home, public(&file)));
        let refused = tries(&file, &ours).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
    let plain = plugged_in.make(&home, "plain", &["-t", "ed25519"]);
    let refused = tries(&plain, &ours).unwrap_err();
    assert!(
        refused.contains("ssh-ed25519 is held by no security key"),
        "{refused}"
    );
    for (arguments, told) in [
        (&["-n", "git"][..], "it was made for git"),
        (
            &["-n", NAMESPACE, "-O", "hashalg=sha256"],
            "it is over a sha256 digest",
        ),
    ] {
        let refused = tries(&good, arguments).unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
    assert_eq!(tries(&good, &ours).unwrap().state, "approved");
    assert_eq!(on_record(&home), ["decision_unproved"; 5]);
}

#[test]
fn a_touch_of_a_key_lets_nobody_in() {
    let home = Home::lent();
    let device = Device::new(9);
    home.enrol(&enrolment(&home, device.public()));
    let registration = identity::SignedRegistration::sign(
        &Seed::from_entropy([5; 32]),
        clock::new_id().unwrap(),
        "Bob".parse().unwrap(),
        "bob@example.com".parse().unwrap(),
        home.workspace(),
    )
    .unwrap();
    let posed: hub::companion::PosedRow = home.ask(&CompanionRequest::PoseNewcomer {
        registration: registration.clone(),
    });
    let decision = Decision {
        workspace: posed.workspace,
        verb: HumanVerb::GrantAccess,
        subject: identity::Subject::Member(registration.claims()),
        subject_digest: identity::Digest::of_subject(&registration.canonical().unwrap()),
        rationale: None,
        member: home.alice(),
        challenge: posed.challenge,
        history: identity::History {
            size: posed.ledger_size,
            root: posed.ledger_root,
        },
        at: clock::now(),
        tier: Tier::T1,
    };
    let signed = device.decides(&decision);
    let asked = home
        .link()
        .ask::<serde_json::Value>(&CompanionRequest::LetIn { registration, signed });
    let refused = asked.unwrap_err().to_string();
    assert!(refused.contains("takes the passphrase, not a touch"), "{refused}");
}

#[test]
fn another_members_key_decides_in_nobody_elses_name() {
    let home = Home::lent();
    let (hers, his) = (Device::new(9), Device::new(10));
    home.enrol(&enrolment(&home, hers.public()));
    let bob = Newcomer::of(home.workspace(), "Bob", "bob@example.com");
    let granted = home.sign(&bob.granted_by(&home, home.alice()));
    assert_eq!(bob.tries(&home, granted).unwrap().id, bob.member);
    let of_bob = |device: &Device| {
        let enrolment = Enrolment {
            member: bob.member,
            ..enrolment(&home, device.public())
        };
        enrolment.sign(&bob.seed.decision_key()).unwrap()
    };
    let refused = tries_to_enrol(&home, of_bob(&hers)).unwrap_err();
    assert!(refused.contains("the touch key is enrolled already"), "{refused}");
    assert_eq!(tries_to_enrol(&home, of_bob(&his)).unwrap().len(), 2);

    let (id, _) = proposed(&home);
    let as_alice = touched(&home, id, HumanVerb::Approve);
    let as_bob = Decision {
        member: bob.member,
        ..touched(&home, id, HumanVerb::Approve)
    };
    for (device, decision) in [(&his, &as_alice), (&hers, &as_bob)] {
        let refused = tries(&home, device.decides(decision)).unwrap_err();
        let told = format!("a touch key that is none of {}'s", decision.member);
        assert!(refused.contains(&told), "{refused}");
    }
    // His own does, until he goes: then his key goes with him.
    let (other, _) = proposed(&home);
    assert_eq!(tries(&home, his.decides(&as_bob)).unwrap().state, "approved");
    home.let_go(bob.member, "he left for the sea");
    let later = Decision {
        member: bob.member,
        ..touched(&home, other, HumanVerb::Approve)
    };
    let refused = tries(&home, his.decides(&later)).unwrap_err();
    assert!(refused.contains("is no member"), "{refused}");
    let left: Vec<TouchKeyRow> = home.ask(&CompanionRequest::TouchKeys);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].member, home.alice());
}

#[test]
fn an_enrolment_of_last_week_or_of_a_key_that_was_removed_is_not_taken_up() {
    let home = Home::lent();
    let device = Device::new(9);
    let old = Enrolment {
        at: clock::now().saturating_add(-time::Duration::WEEK),
        ..enrolment(&home, device.public())
    };
    let refused = tries_to_enrol(&home, home.enrol_later(&old)).unwrap_err();
    assert!(refused.contains("enrol it again"), "{refused}");
    let signed = home.enrol(&enrolment(&home, device.public()));
    let request = CompanionRequest::RemoveTouchKey {
        fingerprint: device.public().fingerprint(),
    };
    let left: Vec<TouchKeyRow> = home.ask(&request);
    assert!(left.is_empty());
    let (id, _) = proposed(&home);
    for _ in 0..2 {
        let refused = tries_to_enrol(&home, signed.clone()).unwrap_err();
        assert!(refused.contains("or was once"), "{refused}");
        let decision = touched(&home, id, HumanVerb::Approve);
        let refused = tries(&home, device.decides(&decision)).unwrap_err();
        assert!(refused.contains("a touch key that is none of"), "{refused}");
        home.stop_hub();
    }
}

/// An enrolment in the workspace's chain, as whoever has a shell can write it.
fn enrolled(home: &Home, kind: EntryKind, signed: SignedEnrolment) -> (ChainId, NewEntry) {
    let mut refs = Refs::new();
    refs.insert("member", home.alice().to_string()).unwrap();
    let entry = NewEntry {
        kind: kind.into(),
        on_behalf_of: Some(home.alice()),
        via: None,
        delegation: None,
        refs,
        body: Some(hub::records::write(&Enrolled { signed }).unwrap()),
    };
    (ChainId::Workspace(home.workspace()), entry)
}

/// What is written into the store by hand convinces neither the hub nor an auditor.
#[test]
fn a_touch_key_written_into_the_store_by_hand_is_not_believed() {
    let kind = EntryKind::TouchKeyEnrolled;
    for case in 0..3 {
        let home = Home::lent();
        let (_, trace) = proposed(&home);
        let said = enrolment(&home, Device::new(9).public());
        let own = home.enrol_later(&said);
        let (forged, told) = match case {
            0 => {
                let another = said.sign(&Seed::from_entropy([8; 32]).decision_key()).unwrap();
                (
                    vec![enrolled(&home, kind, another)],
                    "is not signed by the key of",
                )
            }
            1 => {
                let passkey = enrolled(&home, EntryKind::PasskeyEnrolled, own);
                (vec![passkey], "recorded as something else than it is")
            }
            _ => {
                let twice = [own.clone(), own].map(|own| enrolled(&home, kind, own));
                (twice.into(), "is enrolled already, or was once")
            }
        };
        home.forge(forged);
        let why = refused_by_both(&home, trace, &[]);
        assert!(why.contains(told), "{why}");
        break_off(&home, told);
    }
}

/// The same of decisions: each by a key that Alice enrolled, whose device says something else than it has to, or that signed
/// something else.
#[test]
fn a_touch_that_does_not_count_does_not_count_in_the_store_either() {
    for (flags, namespace, told) in [
        (0x01, NAMESPACE, "did not verify who touched it"),
        (0x04, NAMESPACE, "nobody was present"),
        (0x05, "file", "it was made for file"),
    ] {
        let home = Home::lent();
        let (id, trace) = proposed(&home);
        let device = Device {
            flags,
            ..Device::new(9)
        };
        home.enrol(&enrolment(&home, device.public()));
        let decision = touched(&home, id, HumanVerb::Approve);
        let text = decision.text().unwrap();
        let signature = device.touches(namespace, &text);
        let signed = SignedDecision::by_touch_key(text, signature);
        let entry = made(&home, signed, &decision);
        home.forge(vec![entry]);
        let why = refused_by_both(&home, trace, &[decision.history.size]);
        assert!(why.contains(told), "{why}");
        break_off(&home, told);
    }
}

/// The one that counts is believed from the same hand: what is refused above is refused for what it says.
#[test]
fn a_touch_that_counts_verifies_offline_wherever_it_came_from() {
    let home = Home::lent();
    let (id, trace) = proposed(&home);
    let device = Device::new(9);
    let own = home.enrol_later(&enrolment(&home, device.public()));
    let decision = touched(&home, id, HumanVerb::Approve);
    let entry = made(&home, device.decides(&decision), &decision);
    home.forge(vec![enrolled(&home, EntryKind::TouchKeyEnrolled, own), entry]);
    let context: Vec<u64> = (0..home.workspace_chain().len() as u64).collect();
    let file = home.forged_export(trace, &context, &[decision.history.size]);
    let proved = prove(file.as_slice()).unwrap();
    assert_eq!(proved.decisions[0].tier, "T1");
    let path = home.file("made.jsonl");
    std::fs::write(&path, file).unwrap();
    if let Some(ran) = Export::read(path).verified_by_python() {
        let _holds = ran.expect_success();
    }
    assert_eq!(state(&home, id), "approved");
}

#[test]
fn high_risk_takes_another_members_touch_and_a_touch_key_is_one() {
    let home = Home::lent();
    let his = Device::new(10);
    let bob = Newcomer::of(home.workspace(), "Bob", "bob@example.com");
    let granted = home.sign(&bob.granted_by(&home, home.alice()));
    assert_eq!(bob.tries(&home, granted).unwrap().id, bob.member);
    let enrolment = Enrolment {
        member: bob.member,
        ..enrolment(&home, his.public())
    };
    tries_to_enrol(&home, enrolment.sign(&bob.seed.decision_key()).unwrap()).unwrap();

    let mut client = home.claude_code();
    let arguments = json!({ "title": "Change how sessions are signed", "paths": ["src/auth/token.rs"] });
    let proposed = client.call("propose_work_item", arguments);
    assert_eq!(proposed.structured["risk"], "high", "{}", proposed.text);
    let id: WorkItemId = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    let review = json!({ "id": id, "kind": "review", "outcome": "passed", "tool": "careful-review", "summary": "Read it." });
    assert!(!client.call("record_evidence", review).is_error);
    client.end();

    let why = Some("Read it twice; the lock is held throughout.");
    let as_bob = |tier| Decision {
        member: bob.member,
        tier,
        ..home.decision(&home.pose(id), HumanVerb::Approve, why)
    };
    let by_passphrase = as_bob(Tier::T0).sign(&bob.seed.decision_key()).unwrap();
    let refused = tries(&home, by_passphrase).unwrap_err();
    assert!(refused.contains("a signature by touch"), "{refused}");
    let row = tries(&home, his.decides(&as_bob(Tier::T1))).unwrap();
    assert_eq!(row.state, "approved");
    let export = Export::of_the_only_trace(&home);
    let _holds = export.verified_by_us().expect_success();
    if let Some(ran) = export.verified_by_python() {
        let _holds = ran.expect_success();
    }
}
