//! What a token says, for people: block by block, in words and in Datalog. Vouches for nothing.

use biscuit_auth::UnverifiedBiscuit;

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
    let biscuit =
        UnverifiedBiscuit::from(&bytes).map_err(|_| Denial::TokenMalformed("biscuit does not read it"))?;
    let (kind, grant, mut words) = match lint::lint(&parts) {
        Ok(Shape::Delegation(grant)) => (TokenKind::Delegation, Some(grant), Vec::new()),
        Ok(Shape::Session(grant, share)) => (TokenKind::Session, Some(grant), vec![of_share(&share)]),
        Ok(Shape::Witness(grant)) => {
            let never = "it proves the grant and can never be used: no hub states the fact it asks for";
            (TokenKind::Witness, Some(grant), vec![vec![never.to_owned()]])
        }
        Err(denial) => (TokenKind::Foreign, None, vec![vec![denial.to_string()]]),
    };
    if let Some(grant) = &grant {
        words.insert(0, of_grant(grant));
    }
    let blocks = (0..parts.blocks.len())
        .map(|index| BlockView {
            words: words.get(index).cloned().unwrap_or_default(),
            // The library prints a symbol as it is, and a symbol can be any text.
            datalog: printable(&biscuit.print_block_source(index).unwrap_or_default()),
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

fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
