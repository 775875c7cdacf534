//! A token is one text: whatever else decodes to nearly the same is refused.

use delegation::{Denial, verify, verify_witness};
use prost::Message as _;

use biscuit_auth::format::schema;

use crate::{forge, world};

fn code(text: &str) -> &'static str {
    match verify(text, &world::keyring()) {
        Ok(_) => "accepted",
        Err(denial) => denial.code().as_str(),
    }
}

#[test]
fn a_token_with_any_bit_of_it_flipped_is_refused() {
    let keyring = world::keyring();
    let original = forge::bytes(world::session().as_str());
    for position in 0..original.len() {
        for bit in 0..8 {
            let mut changed = original.clone();
            changed[position] ^= 1 << bit;
            assert!(
                verify(&forge::text(&changed), &keyring).is_err(),
                "bit {bit} of byte {position} of {}",
                original.len()
            );
        }
    }
}

#[test]
fn a_token_with_any_byte_of_it_replaced_removed_or_doubled_is_refused() {
    let keyring = world::keyring();
    let original = forge::bytes(world::session().as_str());
    for position in 0..original.len() {
        let mut removed = original.clone();
        let byte = removed.remove(position);
        let mut doubled = original.clone();
        doubled.insert(position, byte);
        let mut zeroed = original.clone();
        zeroed[position] = 0;
        let mut full = original.clone();
        full[position] = 0xff;
        for changed in [removed, doubled, zeroed, full] {
            if changed != original {
                assert!(
                    verify(&forge::text(&changed), &keyring).is_err(),
                    "byte {position}"
                );
            }
        }
    }
}

#[test]
fn a_text_with_any_character_of_it_changed_is_refused() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n";
    let keyring = world::keyring();
    let original = world::session().as_str().to_owned().into_bytes();
    for position in 0..original.len() {
        // A third of the alphabet at each place, another third at the next.
        for letter in ALPHABET.iter().skip(position % 3).step_by(3) {
            if *letter != original[position] {
                let mut changed = original.clone();
                changed[position] = *letter;
                let text = String::from_utf8(changed).unwrap();
                assert!(
                    verify(&text, &keyring).is_err(),
                    "{} in place {position}",
                    char::from(*letter)
                );
            }
        }
    }
}

#[test]
fn a_token_cut_off_anywhere_is_refused() {
    let keyring = world::keyring();
    let text = world::session().as_str().to_owned();
    let bytes = forge::bytes(&text);
    for length in 0..text.len() {
        assert!(verify(&text[..length], &keyring).is_err(), "{length} characters");
    }
    for length in 0..bytes.len() {
        let code = code(&forge::text(&bytes[..length]));
        assert_eq!(code, "token_malformed", "{length} bytes");
    }
}

#[test]
fn what_no_signature_covers_is_refused() {
    let original = forge::bytes(world::session().as_str());
    let after = |more: &[u8]| code(&forge::text(&[&original, more].concat()));
    assert_eq!(code(&forge::text(&original)), "accepted");
    assert_eq!(after(&[0]), "token_malformed", "no field");
    assert_eq!(after(&[0x28, 1]), "token_malformed", "a fifth field");
    assert_eq!(
        after(&[0x08, 7]),
        "token_malformed",
        "the root key's number again"
    );
    let mut token = schema::Biscuit::decode(original.as_slice()).unwrap();
    let number = [0x08, 7];
    token.root_key_id = None;
    let moved = [token.encode_to_vec(), number.to_vec()].concat();
    assert_eq!(code(&forge::text(&moved)), "token_malformed", "the number last");
    let long = [&[0x08, 0x87, 0x00][..], &token.encode_to_vec()].concat();
    assert_eq!(
        code(&forge::text(&long)),
        "token_malformed",
        "the number in two bytes"
    );
}

#[test]
fn an_unknown_field_inside_a_signed_block_is_refused() {
    let blocks = forge::blocks_of(world::session().as_str());
    let mut blocks: Vec<Vec<u8>> = blocks.iter().map(prost::Message::encode_to_vec).collect();
    blocks[1].extend([0x78, 1]);
    let token = forge::signed(&blocks, forge::End::Sealed).encode_to_vec();
    let denial = verify(&forge::text(&token), &world::keyring()).unwrap_err();
    assert_eq!(denial, Denial::TokenMalformed("a block is not in canonical form"));
}

#[test]
fn a_version_on_a_block_that_says_what_absence_says_is_refused() {
    let mut token = schema::Biscuit::decode(forge::bytes(world::session().as_str()).as_slice()).unwrap();
    for version in [0, 1, 2, u32::MAX] {
        if token.authority.version != Some(version) {
            token.authority.version = Some(version);
            assert_ne!(
                code(&forge::text(&token.encode_to_vec())),
                "accepted",
                "{version}"
            );
        }
    }
}

#[test]
fn base64_in_another_form_is_refused() {
    let text = world::session().as_str().to_owned();
    let bare = text.trim_end_matches('=');
    assert_eq!(code(&format!("{text}\n")), "token_malformed");
    assert_eq!(code(&format!(" {text}")), "token_malformed");
    assert_eq!(code(&format!("{text}=")), "token_malformed");
    assert_eq!(code(&format!("biscuit:{text}")), "token_malformed");
    assert_eq!(code(&text.replace('-', "+").replace('_', "/")), "token_malformed");
    assert_eq!(code(""), "token_malformed");
    assert_eq!(code("\0"), "token_malformed");
    assert_eq!(code("é"), "token_malformed");
    // Sessions whose texts end in zero, one and two signs of padding; those that have them need them, and the
    // bits that padding leaves over have to be zero.
    let padded: Vec<String> = ["a", "ab", "abc"].into_iter().map(of_agent).collect();
    assert!(padded.iter().any(|text| text.ends_with("==")));
    for text in padded {
        assert_eq!(code(&text), "accepted");
        let bare_length = text.trim_end_matches('=').len();
        if bare_length < text.len() {
            assert_eq!(code(&text[..bare_length]), "token_malformed");
            let mut leftover = text.clone().into_bytes();
            leftover[bare_length - 1] += 1;
            assert_eq!(code(&String::from_utf8(leftover).unwrap()), "token_malformed");
        }
    }
    assert!(!bare.is_empty());
}

fn of_agent(name: &str) -> String {
    let grant = delegation::Grant {
        agent: name.parse().unwrap(),
        ..world::grant()
    };
    let session = world::minted(&grant).attenuate(&world::narrowing(), [10; 32]);
    session.unwrap().as_str().to_owned()
}

#[test]
fn a_token_over_4_kib_is_not_even_decoded() {
    let denial = |text: &str| verify(text, &world::keyring()).unwrap_err();
    assert_eq!(
        denial(&"A".repeat(5_460)),
        Denial::TokenMalformed("it is no protobuf of a Biscuit")
    );
    assert_eq!(denial(&"A".repeat(5_464)), Denial::TokenTooLarge { size: 4_098 });
    assert_eq!(denial(&"A".repeat(5_468)), Denial::TokenTooLarge { size: 4_101 });
    assert_eq!(
        denial(&"\u{1f9a6}".repeat(1 << 20)),
        Denial::TokenTooLarge { size: 3 << 20 }
    );
    assert_eq!(
        denial(&forge::text(&[0; 4_097])),
        Denial::TokenTooLarge { size: 4_097 }
    );
}

#[test]
fn a_witness_with_any_byte_of_it_changed_is_refused() {
    let keyring = world::keyring();
    let witness = world::delegation().witness([1; 32]).unwrap();
    let original = forge::bytes(witness.as_str());
    for position in 0..original.len() {
        let mut changed = original.clone();
        changed[position] ^= 0x55;
        assert!(
            verify_witness(&forge::text(&changed), &keyring).is_err(),
            "byte {position}"
        );
    }
}
