//! What a token says, for people: block by block, in words and in Datalog. Vouches for nothing.

use biscuit_auth::UnverifiedBiscuit;
use prost::Message as _;
use vocabulary::misleads;

use crate::{
    Denial, Grant,
    lint::{self, Shape, Share},
    token::{Parts, decode},
};

/// What a token is, by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// The wide token that a member minted.
    Delegation,
    /// What one session got of it.
    Session,
    /// Proof of a delegation without its power.
    Witness,
    /// A Biscuit that is none of ours.
    Foreign,
}

impl TokenKind {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delegation => "delegation",
            Self::Session => "session",
            Self::Witness => "witness",
            Self::Foreign => "foreign",
        }
    }
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    /// In words, a line each.
    pub words: Vec<String>,
    /// In Datalog, as the library prints it.
    pub datalog: String,
}

/// A token, looked into.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What it is.
    pub kind: TokenKind,
    /// What it lends, where it is one of ours.
    pub grant: Option<Grant>,
    /// Its blocks.
    pub blocks: Vec<BlockView>,
}

/// Looks into a token.
///
/// # Errors
/// [`Denial`] where it is no Biscuit of a size and block count that are ever accepted.
pub fn inspect(text: &str) -> Result<Inspection, Denial> {
    let bytes = decode(text)?;
    let parts = Parts::read(&bytes)?;
    let (kind, grant, mut words) = match lint::lint(&parts) {
        Ok(Shape::Delegation(grant)) => (TokenKind::Delegation, Some(grant), Vec::new()),
        Ok(Shape::Session(grant, share)) => (TokenKind::Session, Some(grant), vec![of_share(&share)]),
        Ok(Shape::Witness(grant)) => {
            let never = "it proves the grant and can never be used: no hub states the fact it asks for";
            (TokenKind::Witness, Some(grant), vec![vec![never.to_owned()]])
        }
        Err(denial) => (TokenKind::Foreign, None, vec![vec![denial.to_string()]]),
    };
    let biscuit = UnverifiedBiscuit::from(spelled(&parts, kind))
        .map_err(|_| Denial::TokenMalformed("biscuit does not read it"))?;
    if let Some(grant) = &grant {
        words.insert(0, of_grant(grant));
    }
    let blocks = (0..parts.blocks.len())
        .map(|index| BlockView {
            words: words.get(index).cloned().unwrap_or_default(),
            datalog: biscuit.print_block_source(index).unwrap_or_default(),
        })
        .collect();
    Ok(Inspection { kind, grant, blocks })
}

fn of_grant(grant: &Grant) -> Vec<String> {
    let verbs: Vec<&str> = grant.verbs.iter().map(|verb| verb.as_str()).collect();
    vec![
        format!("delegation {}", grant.id),
        format!("on behalf of member {}", grant.on_behalf_of),
        format!("lent to {}", grant.agent),
        format!("may {}", verbs.join(", ")),
        format!("in repositories: {}", grant.repositories),
        format!("on paths: {}", grant.paths),
        format!("up to {} risk", grant.risk_ceiling),
        format!("until {}", grant.expires_at),
    ]
}

fn of_share(share: &Share) -> Vec<String> {
    let verbs: Vec<&str> = share.verbs.iter().map(|verb| verb.as_str()).collect();
    vec![
        format!("only in session {}", share.session),
        format!("only with key {}", share.holder),
        format!("only {}", verbs.join(", ")),
        format!("only until {}", share.expires_at),
    ]
}

/// The token with its names spelled out: the library prints them as they are, and they can be any text, also one that
/// looks like more Datalog. In a token of ours they stand in quotation marks.
fn spelled(parts: &Parts, kind: TokenKind) -> Vec<u8> {
    let mut token = parts.token.clone();
    let signed = std::iter::once(&mut token.authority).chain(&mut token.blocks);
    for (signed, block) in signed.zip(&parts.blocks) {
        let mut block = block.clone();
        for symbol in &mut block.symbols {
            *symbol = escaped(symbol, kind);
        }
        signed.block = block.encode_to_vec();
    }
    token.encode_to_vec()
}

fn escaped(text: &str, kind: TokenKind) -> String {
    let is_plain = |c: char| match kind {
        TokenKind::Foreign => c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '*' | '@'),
        _ => !matches!(c, '"' | '\\'),
    };
    let mut shown = String::new();
    for c in text.chars() {
        if is_plain(c) && !misleads(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown
}
