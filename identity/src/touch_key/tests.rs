//! Against what `ssh-keygen` of OpenSSH 9.2 made of keys and signatures, on a device made of software
//! (`tests/security_key/device.c`), over the text in `vectors/decision.json`.

use proptest::prelude::*;

use super::*;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("vectors/", $name))
    };
}

fn words() -> &'static [u8] {
    vector!("decision.json").trim_end().as_bytes()
}

fn key(line: &str) -> TouchKey {
    TouchKey::from_public_file(line).unwrap()
}

fn signature(armoured: &str) -> TouchSignature {
    TouchSignature {
        ssh_signature: armoured.to_owned(),
    }
}

#[test]
fn what_ssh_keygen_signs_holds_for_its_key_and_words() {
    let (edwards, p256) = (key(vector!("ed25519.pub")), key(vector!("p256.pub")));
    for (own, other, armoured) in [
        (&edwards, &p256, vector!("ed25519.sig")),
        (&p256, &edwards, vector!("p256.sig")),
    ] {
        let signed = signature(armoured);
        assert_eq!(signed.by(), Ok(own.clone()));
        assert_eq!(signed.verify(own, words()), Ok(()));
        assert_eq!(
            signed.verify(other, words()),
            Err(TouchSignatureError::AnotherKey)
        );
        assert_eq!(
            signed.verify(own, b"other words"),
            Err(TouchSignatureError::Signature)
        );
    }
}

#[test]
fn a_signature_that_was_not_made_to_decide_or_not_by_somebody_verified_is_refused() {
    let own = key(vector!("ed25519.pub"));
    for (line, armoured, expected) in [
        (
            vector!("ed25519.pub"),
            vector!("namespace.sig"),
            TouchSignatureError::Namespace("file".to_owned()),
        ),
        (
            vector!("ed25519.pub"),
            vector!("sha256.sig"),
            TouchSignatureError::Hash("sha256".to_owned()),
        ),
        (
            vector!("absent.pub"),
            vector!("absent.sig"),
            TouchSignatureError::NotPresent,
        ),
        (
            vector!("unverified.pub"),
            vector!("unverified.sig"),
            TouchSignatureError::NotVerified,
        ),
    ] {
        assert_eq!(
            signature(armoured).verify(&key(line), words()),
            Err(expected.clone()),
            "{expected:?}"
        );
    }
    assert_eq!(
        signature(vector!("plain.sig")).verify(&own, words()),
        Err(TouchKeyError::Kind("ssh-ed25519".to_owned()).into())
    );
}

#[test]
fn a_key_reads_as_ssh_keygen_writes_it_and_has_the_fingerprint_that_it_shows() {
    let edwards = key(vector!("ed25519.pub"));
    let shown = "SHA256:X60d9ckknn/JoODwhW2GaeNZBY+5hDI1AggJGYjPCD8";
    assert_eq!(edwards.fingerprint().to_string(), shown);
    assert_eq!(shown.parse(), Ok(edwards.fingerprint()));
    for line in [vector!("ed25519.pub"), vector!("p256.pub")] {
        let text = line.trim_end().strip_suffix(" alice").unwrap();
        assert_eq!(key(line).to_string(), text);
        assert_eq!(text.parse(), Ok(key(line)));
    }
    for odd in [
        "",
        "SHA256:",
        &shown[..49],
        &format!("{shown}="),
        &shown.replace("CD8", "CD9"),
        &shown.replace("SHA256", "MD5"),
    ] {
        assert_eq!(odd.parse::<Fingerprint>(), Err(FingerprintError), "{odd}");
    }
}

/// A line around bytes of one's own.
fn line(kind: &str, parts: &[&[u8]], rest: &[u8]) -> String {
    let mut blob = Vec::new();
    put(&mut blob, kind.as_bytes());
    for part in parts {
        put(&mut blob, part);
    }
    blob.extend_from_slice(rest);
    format!("{kind} {}", STANDARD.encode(blob))
}

#[test]
fn a_key_that_no_security_key_holds_or_that_cannot_be_relied_on_is_refused() {
    let good = key(vector!("ed25519.pub"));
    let Key::Ed25519(point) = &good.key.clone() else {
        panic!("it is an Ed25519 key");
    };
    let p256 = key(vector!("p256.pub"));
    let Key::P256(other) = &p256.key else {
        panic!("it is a P-256 key");
    };
    let (point, squeezed) = (point.as_bytes(), other.to_encoded_point(true));
    let mut off_curve = other.to_encoded_point(false).as_bytes().to_vec();
    off_curve[64] ^= 1;
    assert_eq!(line(ED25519, &[point, b"ssh:"], b"").parse(), Ok(good));
    let curve = CURVE.as_bytes();
    for (odd, expected) in [
        (line(ED25519, &[point, b"ssh:"], b"x"), TouchKeyError::Form),
        (line(ED25519, &[point], b""), TouchKeyError::Form),
        (line(ED25519, &[&point[1..], b"ssh:"], b""), TouchKeyError::Point),
        (line(ED25519, &[&[0; 32], b"ssh:"], b""), TouchKeyError::Point),
        (
            line(ED25519, &[point, b"localhost"], b""),
            TouchKeyError::Application("localhost".to_owned()),
        ),
        (
            line(ED25519, &[point, b"ssh:\n"], b""),
            TouchKeyError::Application("ssh: ".to_owned()),
        ),
        (
            line(P256, &[curve, squeezed.as_bytes(), b"ssh:"], b""),
            TouchKeyError::Point,
        ),
        (
            line(P256, &[curve, &off_curve, b"ssh:"], b""),
            TouchKeyError::Point,
        ),
        (
            line("ssh-ed25519", &[point], b""),
            TouchKeyError::Kind("ssh-ed25519".to_owned()),
        ),
        (
            line(ED25519, &[point, b"ssh:"], b"").replace(ED25519, P256),
            TouchKeyError::Form,
        ),
        (line(ED25519, &[point, b"ssh:"], b"") + "=", TouchKeyError::Form),
        (
            line(ED25519, &[point, b"ssh:"], b"").replace(' ', "  "),
            TouchKeyError::Form,
        ),
        (String::new(), TouchKeyError::Form),
        (format!("{ED25519} {}", "A".repeat(4_000)), TouchKeyError::Form),
    ] {
        assert_eq!(odd.parse::<TouchKey>(), Err(expected), "{odd}");
    }
    assert!(matches!(
        TouchKey::from_public_file(vector!("plain.pub")),
        Err(TouchKeyError::Kind(_))
    ));
    let two = format!("{0}{0}", vector!("ed25519.pub"));
    assert_eq!(TouchKey::from_public_file(&two), Err(TouchKeyError::Form));
}

/// The armour around the bytes of a signature that somebody changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> TouchSignature {
    let lines: String = vector!("ed25519.sig")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let mut blob = STANDARD.decode(lines).unwrap();
    change(&mut blob);
    signature(&signature::armoured(&blob))
}

#[test]
fn a_signature_has_one_spelling() {
    let good = vector!("ed25519.sig");
    assert_eq!(changed(|_| ()), signature(good));
    let (first, rest) = good.split_at(60);
    let mut refused = 0;
    for odd in [
        String::new(),
        good.trim_end().to_owned(),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{first}\n{rest}"),
        good.replace('\n', "\r\n"),
        good.replace("SIGNATURE", "MESSAGE"),
        good.replace("=\n-", "\n-"),
        good[..good.len() / 2].to_owned(),
        good.replacen('U', "?", 1),
        "x".repeat(9_000),
    ] {
        let read = signature(&odd).by();
        assert!(
            matches!(read, Err(TouchSignatureError::Malformed(_))),
            "{odd}: {read:?}"
        );
        refused += 1;
    }
    assert_eq!(refused, 11);
    // Within the armour: another magic, another version, a byte too many, an inner length that reaches too far.
    for odd in [
        changed(|blob| blob[0] ^= 1),
        changed(|blob| blob[9] = 0),
        changed(|blob| blob[9] = 2),
        changed(|blob| blob.push(0)),
        changed(|blob| blob.truncate(blob.len() - 1)),
        changed(|blob| blob[13] += 1),
    ] {
        let read = odd.by();
        assert!(
            matches!(
                read,
                Err(TouchSignatureError::Malformed(_) | TouchSignatureError::Key(_))
            ),
            "{read:?}"
        );
    }
}

/// Whoever changes the flags changes what was signed.
#[test]
fn what_the_device_says_of_the_touch_is_signed() {
    let own = key(vector!("absent.pub"));
    let lines: String = vector!("absent.sig")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let mut blob = STANDARD.decode(lines).unwrap();
    let flags = blob.len() - 5;
    assert_eq!(blob[flags], 0x04);
    blob[flags] = 0x05;
    let forged = signature(&signature::armoured(&blob));
    assert_eq!(forged.verify(&own, words()), Err(TouchSignatureError::Signature));
}

proptest! {
    #[test]
    fn no_changed_bit_of_a_signature_is_accepted(bit in 0_usize..2_000) {
        let own = key(vector!("ed25519.pub"));
        let forged = changed(|blob| {
            let place = bit % (blob.len() * 8);
            blob[place / 8] ^= 1 << (place % 8);
        });
        prop_assert!(forged.verify(&own, words()).is_err());
    }

    #[test]
    fn no_text_makes_reading_panic(text: String, bytes: Vec<u8>) {
        let _ = text.parse::<TouchKey>();
        let _ = text.parse::<Fingerprint>();
        let _ = TouchKey::from_public_file(&text);
        let _ = TouchKey::from_blob(&bytes);
        let _ = signature(&signature::armoured(&[b"SSHSIG\0\0\0\x01".as_slice(), &bytes].concat())).by();
    }

    /// Whatever is read as a key is written as it was read.
    #[test]
    fn a_key_that_is_read_reads_back_as_itself(seed: [u8; 32], name in "ssh:[!-~]{0,20}") {
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let text = line(ED25519, &[public.as_bytes(), name.as_bytes()], b"");
        prop_assert_eq!(text.parse::<TouchKey>().unwrap().to_string(), text);
    }
}
