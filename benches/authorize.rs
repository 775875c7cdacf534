//! Authorizing one call, against the `tenuo` crate (capability tokens for agents) for the same scope: one tool under a
//! path pattern and a repository, two links, possession proved. And the dearest refusal that a 4 KiB token can buy.
//!
//! `cargo bench -p benches --bench authorize`
//!
//! Possession is proved where each design proves it. Ours: by a signature over the hub's nonce when a connection
//! opens, so once and cold; over HTTP by a signature a request, which has a row of its own. tenuo: a call.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops"
)]

use std::{collections::HashMap, hint::black_box, time::Duration};

use benches::{Row, in_turns, percentile, print, timed};
use biscuit_auth::{BlockBuilder, UnverifiedBiscuit};
use delegation::{
    AgentVerb, DelegationToken, Grant, HandshakeSubject, HolderKey, Keyring, Narrowing, Operation, PathGlobs,
    Repositories, Revocations, RootKey, TokenCache, mint, verify,
};
use tenuo::{
    Authorizer, ConstraintSet, ConstraintValue, Exact, Pattern, SigningKey, Warrant,
    wire::{WarrantStack, decode_stack, encode_stack},
};
use vocabulary::{
    DelegationId, MemberId, RepoPath, Repository, RequestId, Risk, SessionId, Timestamp, WorkspaceId,
};

const ROUNDS: usize = 200;
const CALLS: u32 = 100;

fn main() {
    let (ours, theirs) = (Ours::new(), Theirs::new());
    let rows = [
        row("token seen before", 0.5, || ours.seen(), || theirs.seen()),
        row(
            "token seen before, a proof a request (HTTP)",
            1.5,
            || ours.seen_with_proof(),
            || theirs.seen(),
        ),
        row("cold", 0.7, || ours.cold(), || theirs.cold()),
        row(
            "cold, handshake included",
            0.7,
            || ours.cold_with_handshake(),
            || theirs.cold(),
        ),
        hostile(&ours),
    ];
    print(&rows);
}

fn row(name: &'static str, at_most: f64, ours: impl Fn(), baseline: impl Fn()) -> Row {
    let many = |action: &dyn Fn()| (0..CALLS).for_each(|_| action());
    let (ours, baseline) = in_turns(ROUNDS, || many(&ours), || many(&baseline));
    Row {
        name: name.into(),
        ours: (ours / CALLS).into(),
        baseline: (baseline / CALLS).into(),
        at_most,
    }
}

/// A delegation of two verbs, attenuated for one session.
struct Ours {
    keyring: Keyring,
    delegation: DelegationToken,
    token: String,
    cache: std::cell::RefCell<TokenCache>,
    handshake: String,
    proof: String,
    repository: Repository,
    paths: Vec<RepoPath>,
    revoked: Revocations,
    holder: HolderKey,
    session: SessionId,
    now: Timestamp,
}

fn subject(token: &str) -> HandshakeSubject<'_> {
    HandshakeSubject {
        workspace: WorkspaceId::new(1, [1; 10]),
        nonce: [6; 32],
        token,
    }
}

fn request() -> RequestId {
    RequestId::new(1, [1; 10])
}

impl Ours {
    fn new() -> Self {
        let root = RootKey::from_secret(&[1; 32].into());
        let member = MemberId::new(1, [1; 10]);
        let mut keyring = Keyring::default();
        keyring.insert(1, member, &root.public()).unwrap();
        let now = Timestamp::from_unix_micros(1_795_000_000_000_000).unwrap();
        let grant = Grant {
            id: DelegationId::new(1, [1; 10]),
            on_behalf_of: member,
            agent: "claude-code".parse().unwrap(),
            verbs: AgentVerb::ALL.into(),
            repositories: Repositories::Only(["acme/web".parse().unwrap()].into()),
            paths: PathGlobs::parse(&["src/**"]).unwrap(),
            risk_ceiling: Risk::Medium,
            expires_at: now.saturating_add(time::Duration::HOUR),
        };
        let delegation = mint(&root, 1, &grant, [2; 32]).unwrap();
        let (holder, session) = (HolderKey::from_entropy([3; 32]), SessionId::new(1, [4; 10]));
        let narrowing = Narrowing {
            session,
            holder: holder.public(),
            verbs: AgentVerb::ALL.into(),
            expires_at: grant.expires_at,
        };
        let token = delegation
            .attenuate(&narrowing, [5; 32])
            .unwrap()
            .as_str()
            .to_owned();
        let mut cache = TokenCache::new(1_000);
        cache.verify(&token, &keyring).unwrap();
        Self {
            handshake: holder.sign_handshake(&subject(&token)).to_string(),
            proof: holder.sign_request(session, request(), &[7; 32]).to_string(),
            keyring,
            delegation,
            token,
            cache: cache.into(),
            repository: "acme/web".parse().unwrap(),
            paths: vec!["src/auth/login.rs".parse().unwrap()],
            revoked: Revocations::default(),
            holder,
            session,
            now,
        }
    }

    fn authorize(&self, token: &delegation::VerifiedToken) {
        let operation = Operation {
            verb: AgentVerb::ProposeWorkItem,
            repository: Some(&self.repository),
            paths: &self.paths,
            risk: Some(Risk::Low),
        };
        let holder = self.holder.public();
        let asked = token.authorize(&operation, self.session, &holder, self.now, &self.revoked);
        black_box(asked.unwrap());
    }

    fn seen(&self) {
        let token = self
            .cache
            .borrow_mut()
            .verify(black_box(&self.token), &self.keyring)
            .unwrap();
        self.authorize(&token);
    }

    fn seen_with_proof(&self) {
        let token = self
            .cache
            .borrow_mut()
            .verify(black_box(&self.token), &self.keyring)
            .unwrap();
        token.check_request(request(), &[7; 32], &self.proof).unwrap();
        self.authorize(&token);
    }

    fn cold(&self) {
        let token = verify(black_box(&self.token), &self.keyring).unwrap();
        self.authorize(&token);
    }

    fn cold_with_handshake(&self) {
        let token = verify(black_box(&self.token), &self.keyring).unwrap();
        token
            .check_handshake(&subject(&self.token), &self.handshake)
            .unwrap();
        self.authorize(&token);
    }
}

/// A warrant for one tool, attenuated for one holder.
struct Theirs {
    authorizer: Authorizer,
    stack: Vec<u8>,
    leaf: Warrant,
    arguments: HashMap<String, ConstraintValue>,
    proof: tenuo::Signature,
}

impl Theirs {
    fn new() -> Self {
        let [root, agent, holder] = [(); 3].map(|()| SigningKey::generate());
        let scope = || {
            ConstraintSet::from_iter([
                ("repository".to_owned(), Exact::new("acme/web").into()),
                ("path".to_owned(), Pattern::new("src/*").unwrap().into()),
            ])
        };
        let lent = Warrant::builder()
            .capability("propose_work_item", scope())
            .capability("append_trace_note", scope())
            .ttl(Duration::from_secs(3600))
            .holder(agent.public_key())
            .build(&root)
            .unwrap();
        let leaf = lent
            .attenuate()
            .capability("propose_work_item", scope())
            .holder(holder.public_key())
            .build(&agent)
            .unwrap();
        let text = |text: &str| ConstraintValue::String(text.to_owned());
        let arguments = HashMap::from([
            ("repository".to_owned(), text("acme/web")),
            ("path".to_owned(), text("src/auth/login.rs")),
        ]);
        let proof = leaf.sign(&holder, "propose_work_item", &arguments).unwrap();
        Self {
            authorizer: Authorizer::new().with_trusted_root(root.public_key()),
            stack: encode_stack(&WarrantStack::new(vec![lent, leaf.clone()])).unwrap(),
            leaf,
            arguments,
            proof,
        }
    }

    /// The chain was verified before; what is left is the call.
    fn seen(&self) {
        let asked = self
            .leaf
            .authorize("propose_work_item", black_box(&self.arguments), Some(&self.proof));
        asked.unwrap();
    }

    fn cold(&self) {
        let stack = decode_stack(black_box(&self.stack)).unwrap();
        let asked = self.authorizer.check_chain(
            &stack.0,
            "propose_work_item",
            &self.arguments,
            Some(&self.proof),
            &[],
        );
        black_box(asked.unwrap());
    }
}

/// The slowest refusal of a token that a holder of a delegation filled to the brim, against a millisecond.
fn hostile(ours: &Ours) -> Row {
    let ours = HOSTILE
        .iter()
        .map(|(name, one)| {
            let token = filled(&ours.delegation, one);
            let mut times: Vec<Duration> = (0..ROUNDS)
                .map(|_| timed(|| drop(black_box(verify(black_box(&token), &ours.keyring).unwrap_err()))))
                .collect();
            let median = percentile(&mut times, 0.5);
            println!("refused: {name}, {} characters: {median:.1?}", token.len());
            median
        })
        .max()
        .unwrap_or_default();
    Row {
        name: "the dearest refusal, against 1 ms".into(),
        ours: ours.into(),
        baseline: Duration::from_millis(1).into(),
        at_most: 1.0,
    }
}

/// What a block can be filled with; `#` is a number that grows.
const HOSTILE: &[(&str, &str)] = &[
    (
        "rules that multiply",
        "n($a, $b, $c, $d) <- n($a), n($b), n($c), n($d), n(#);",
    ),
    ("facts", "n(#);"),
    (
        "joins",
        "check if n($a), n($b), n($c), n($d), $a + $b + $c + $d === #;",
    ),
    (
        "closures",
        "check if [1, 2, 3].all($x -> [4, 5, 6].any($y -> $x + $y === #));",
    ),
    ("nested terms", "n([[[[[[[[[[[[[[[[[[[[#]]]]]]]]]]]]]]]]]]]]);"),
    ("nested sets", "check if {1, 2, 3, 4, 5, 6, 7, 8, #}.contains(1);"),
    (
        "regular expressions",
        r#"check if "aaaaaaaaaaaaaaaaaaaaaaaaaaaa".matches("(a+)+#$");"#,
    ),
    ("branches", "check if n(#) or n(#) or n(#) or n(#);"),
    ("symbols", r#"check if s#("t#");"#),
];

/// The delegation with one block of as many of these as fit, sealed.
fn filled(delegation: &DelegationToken, one: &str) -> String {
    let wide = UnverifiedBiscuit::from_base64(delegation.expose()).unwrap();
    let built = |count: usize| {
        let code: String = (0..count)
            .map(|n| one.replace('#', &(n + 100).to_string()))
            .collect();
        let block = BlockBuilder::new().code(code).unwrap();
        wide.append(block).unwrap().seal().unwrap().to_base64().unwrap()
    };
    let fits = |count: &usize| built(*count).len() <= delegation::MAX_TOKEN_BYTES / 3 * 4;
    built((1..400).take_while(fits).last().unwrap_or(1))
}
