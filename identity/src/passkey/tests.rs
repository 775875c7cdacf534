use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use super::*;

/// An authentication of Web Authentication Level 3, section 16 ("Test Vectors"), and the credential's private key.
struct Vector {
    name: &'static str,
    private_key: &'static str,
    challenge: &'static str,
    authenticator_data: &'static str,
    client_data: &'static str,
    signature: &'static str,
}

/// With the user verified.
const ES256: [Vector; 2] = [
    Vector {
        name: "ES256 Credential with very long credential ID",
        private_key: "6fd2149bb5f1597fe549b138794bde61893b2dc32ca316de65f04808dac211dc",
        challenge: "ef1deba56dce48f674a447ccf63b9599258ce87648e5c396f2ef0ca1da460e3b",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
        client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a22377833727057334f53505a307045664d396a75566d53574d36485a4935634f573875384d6f647047446a73222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        signature: "304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd022100d2ace346db262b1374a6b70faa51f518a42ddca13a4125ce6f5052a75bac9fb6",
    },
    Vector {
        name: "Packed Attestation with ES256 Credential",
        private_key: "36ed7bea2357cefa8c4ec7e134f3312d2e6ca3058519d0bcb4c1424272010432",
        challenge: "b1106fa46a57bef1781511c0557dc898a03413d5f0f17d244630c194c7e1adb5",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
        client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2273524276704770587676463446524841565833496d4b4130453958773858306b526a44426c4d6668726255222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20415a4d77794d78496244382d756775464e7036723851227d",
        signature: "30450220694969d3ee928de6f02ef23a9c644d7d779916451734a94b432542f498a1ebe90221008b0819c824218a97152cd099c55bfb1477b29d900a49a64018314f9bfccda163",
    },
];

/// With the user present only.
const UNVERIFIED: [Vector; 1] = [Vector {
    name: "ES256 Credential with No Attestation",
    private_key: "6e68e7a58484a3264f66b77f5d6dc5bc36a47085b615c9727ab334e8c369c2ee",
    challenge: "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
    authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
    client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
}];

const CROSS_ORIGIN: [Vector; 1] = [Vector {
    name: "ES256 Credential with crossOrigin in clientDataJSON",
    private_key: "96c940e769bd9f1237c119f144fa61a4d56af0b3289685ae2bef7fb89620623d",
    challenge: "876aa517ba83fdee65fcffdbca4c84eeae5d54f8041a1fc85c991e5bbb273137",
    authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
    client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a226832716c463771445f65356c5f505f62796b7945377135645650674547685f49584a6b655737736e4d5463222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a2039327063545644304162792d713464746d6a36656667227d",
    signature: "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
}];

/// With the user present only.
const EDDSA: [Vector; 1] = [Vector {
    name: "Packed Attestation with Ed25519 Credential",
    private_key: "971f38c0f73aaf0c5a614eb5e26430ae1ea0ed13e4f425d96e9662349340b0b3",
    challenge: "895957e01c633a698348a2d8a31a54b7db27e8c1c43b2080d79ae2190267bfd2",
    authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
    client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    signature: "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
}];

fn bytes(hex: &str) -> Bytes {
    Bytes::new(hex::decode(hex).unwrap())
}

fn secret(vector: &Vector) -> [u8; 32] {
    hex::decode(vector.private_key).unwrap().try_into().unwrap()
}

fn passkey(public_key: Vec<u8>) -> Passkey {
    Passkey {
        id: Bytes::new(vec![1; 32]),
        public_key: Bytes::new(public_key),
        rp_id: "example.org".to_owned(),
    }
}

fn es256(vector: &Vector) -> Passkey {
    let key = ecdsa::SigningKey::from_bytes(&secret(vector).into()).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    passkey([P256_PREFIX, point.as_bytes()].concat())
}

fn eddsa(vector: &Vector) -> Passkey {
    let key = SigningKey::from_bytes(&secret(vector)).verifying_key();
    passkey([ED25519_PREFIX, key.as_bytes()].concat())
}

fn assertion(vector: &Vector) -> Assertion {
    Assertion {
        credential: Bytes::new(vec![1; 32]),
        authenticator_data: bytes(vector.authenticator_data),
        client_data: bytes(vector.client_data),
        signature: bytes(vector.signature),
    }
}

fn challenge(vector: &Vector) -> Vec<u8> {
    hex::decode(vector.challenge).unwrap()
}

/// The same vector with the user verified, signed anew by its own key.
fn verified(vector: &Vector) -> Assertion {
    let mut device = hex::decode(vector.authenticator_data).unwrap();
    device[32] |= 0x04;
    let client_data = hex::decode(vector.client_data).unwrap();
    let signed = [device.as_slice(), &Sha256::digest(&client_data)].concat();
    let signature = SigningKey::from_bytes(&secret(vector)).sign(&signed);
    Assertion {
        authenticator_data: Bytes::new(device),
        signature: Bytes::new(signature.to_vec()),
        ..assertion(vector)
    }
}

#[test]
fn the_specifications_vectors_hold() {
    for vector in &ES256 {
        let held = assertion(vector).verify(&es256(vector), &challenge(vector));
        assert_eq!(held, Ok(()), "{}", vector.name);
    }
    let held = verified(&EDDSA[0]).verify(&eddsa(&EDDSA[0]), &challenge(&EDDSA[0]));
    assert_eq!(held, Ok(()), "{}", EDDSA[0].name);
}

/// Both algorithms verify what the specification signed, whatever else is wanting.
#[test]
fn the_specifications_signatures_are_by_its_keys() {
    let keyed = |vector: &Vector, passkey: Passkey| {
        let said = assertion(vector);
        let signed = [
            said.authenticator_data.as_slice(),
            &Sha256::digest(said.client_data.as_slice()),
        ]
        .concat();
        assert!(
            passkey.key().unwrap().verify(&signed, said.signature.as_slice()),
            "{}",
            vector.name
        );
    };
    for vector in ES256.iter().chain(&UNVERIFIED).chain(&CROSS_ORIGIN) {
        keyed(vector, es256(vector));
    }
    keyed(&EDDSA[0], eddsa(&EDDSA[0]));
}

#[test]
fn who_is_only_present_is_not_verified_and_another_sites_frame_is_another_site() {
    let refused = assertion(&UNVERIFIED[0]).verify(&es256(&UNVERIFIED[0]), &challenge(&UNVERIFIED[0]));
    assert_eq!(refused, Err(AssertionError::NotVerified));
    let refused = assertion(&EDDSA[0]).verify(&eddsa(&EDDSA[0]), &challenge(&EDDSA[0]));
    assert_eq!(refused, Err(AssertionError::NotVerified));
    let refused = assertion(&CROSS_ORIGIN[0]).verify(&es256(&CROSS_ORIGIN[0]), &challenge(&CROSS_ORIGIN[0]));
    assert_eq!(refused, Err(AssertionError::Origin("https://example.org".into())));
}

/// An assertion as a browser would make it, with this said, by the key of the Ed25519 vector.
fn made(client_data: &str, device: &[u8]) -> Assertion {
    let signed = [device, &Sha256::digest(client_data.as_bytes())].concat();
    let signature = SigningKey::from_bytes(&secret(&EDDSA[0])).sign(&signed);
    Assertion {
        credential: Bytes::new(vec![1; 32]),
        authenticator_data: Bytes::new(device.to_vec()),
        client_data: Bytes::new(client_data.as_bytes().to_vec()),
        signature: Bytes::new(signature.to_vec()),
    }
}

fn device(host: &str, flags: u8) -> Vec<u8> {
    [&Sha256::digest(host.as_bytes())[..], &[flags, 0, 0, 0, 0]].concat()
}

fn said(kind: &str, challenge: &[u8], origin: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
}

#[test]
fn each_step_is_asked_for() {
    let passkey = eddsa(&EDDSA[0]);
    let good = said("webauthn.get", b"question", "https://example.org");
    let own = device("example.org", 0x05);
    assert_eq!(made(&good, &own).verify(&passkey, b"question"), Ok(()));
    let cases = [
        (made(&good, &own[..36]), AssertionError::Short),
        (made(&good, &device("example.com", 0x05)), AssertionError::Host),
        (
            made(&good, &device("example.org", 0x04)),
            AssertionError::NotPresent,
        ),
        (
            made(&good, &device("example.org", 0x01)),
            AssertionError::NotVerified,
        ),
        (
            made(&said("webauthn.create", b"question", "https://example.org"), &own),
            AssertionError::Type,
        ),
        (
            made(&said("webauthn.get", b"another", "https://example.org"), &own),
            AssertionError::Challenge,
        ),
        (
            Assertion {
                credential: Bytes::new(vec![2; 32]),
                ..made(&good, &own)
            },
            AssertionError::Credential,
        ),
        (
            Assertion {
                signature: Bytes::new(vec![0; 64]),
                ..made(&good, &own)
            },
            AssertionError::Signature,
        ),
    ];
    for (assertion, expected) in cases {
        assert_eq!(assertion.verify(&passkey, b"question"), Err(expected));
    }
    let challenge = URL_SAFE_NO_PAD.encode(b"question");
    for unread in [
        "not JSON".to_owned(),
        format!(r#"["webauthn.get","{challenge}","https://example.org",false]"#),
        good.replacen('{', r#"{"x":1,"x":2,"#, 1),
    ] {
        assert!(
            matches!(
                made(&unread, &own).verify(&passkey, b"question"),
                Err(AssertionError::ClientData(_))
            ),
            "{unread}"
        );
    }
}

#[test]
fn only_pages_of_the_passkeys_own_host_count() {
    let passkey = eddsa(&EDDSA[0]);
    let own = device("example.org", 0x05);
    let at = |origin: &str| made(&said("webauthn.get", b"q", origin), &own).verify(&passkey, b"q");
    for good in ["https://example.org", "https://example.org:8443"] {
        assert_eq!(at(good), Ok(()), "{good}");
    }
    for bad in [
        "http://example.org",
        "https://evil.example.org",
        "https://example.org.evil.com",
        "https://example.org:80@evil.com",
        "https://example.org:",
        "https://localhost",
        "example.org",
        "null",
        "",
    ] {
        assert_eq!(at(bad), Err(AssertionError::Origin(bad.to_owned())), "{bad}");
    }
    let local = Passkey {
        rp_id: "localhost".to_owned(),
        ..passkey
    };
    let assertion = made(
        &said("webauthn.get", b"q", "http://localhost:7687"),
        &device("localhost", 0x05),
    );
    assert_eq!(assertion.verify(&local, b"q"), Ok(()));
}

#[test]
fn a_public_key_has_one_form() {
    let good = es256(&ES256[0]);
    assert_eq!(good.check(), Ok(()));
    let key = ecdsa::SigningKey::from_bytes(&secret(&ES256[0]).into()).unwrap();
    let compressed = key.verifying_key().to_encoded_point(true);
    let weak = [ED25519_PREFIX, &[0; 32]].concat();
    let mut off_curve = good.public_key.as_slice().to_vec();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut longer = good.public_key.as_slice().to_vec();
    longer.push(0);
    for bad in [
        Vec::new(),
        [P256_PREFIX, compressed.as_bytes()].concat(),
        weak,
        off_curve,
        longer,
    ] {
        assert_eq!(passkey(bad.clone()).check(), Err(PasskeyKeyError), "{bad:x?}");
    }
    for host in ["", "a:1", "EXAMPLE.org", "exämple.org", "a/b", &"a".repeat(254)] {
        let elsewhere = Passkey {
            rp_id: host.to_owned(),
            ..good.clone()
        };
        assert_eq!(elsewhere.check(), Err(PasskeyKeyError), "{host}");
    }
}

#[test]
fn bytes_have_one_text() {
    let some = Bytes::new(vec![0xfb, 0xff]);
    assert_eq!(some.to_string(), "-_8");
    assert_eq!("-_8".parse(), Ok(some));
    for bad in ["-_9", "-_8=", "+/8", "a", &"A".repeat(6_000)] {
        assert_eq!(bad.parse::<Bytes>(), Err(BytesError), "{bad}");
    }
}
