//! What the whole-system tests share: homes, hubs, scripted models and clients.
