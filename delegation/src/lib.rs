//! What a person lends an agent: mint, attenuate, authorize, revoke.
