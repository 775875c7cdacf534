//! Something in front of a hub that shows a credential with each request, for programs that cannot.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use super::ListeningHub;
use crate::Home;

/// The longest head of a request that is passed on.
const MOST_HEAD: usize = 64 * 1024;

/// A port that passes every request on to a hub, with a credential added and nothing else changed: also not the host
/// that it names.
#[derive(Debug)]
pub struct Shower {
    url: String,
    hub: ListeningHub,
}

impl Shower {
    /// In front of a hub of this home, which knows that port as its own address.
    ///
    /// # Panics
    /// Where no port is free.
    #[must_use]
    pub fn start(home: &Home, credential: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let url = format!("http://localhost:{port}");
        home.stop_hub();
        // A hub that is known under another address does not say where it listens; a port that was free a moment ago
        // may be somebody's by now, and then the next is tried.
        let (hub, own) = (0..16)
            .find_map(|_| {
                let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
                let own = free.expect("a port is free").to_string();
                let arguments = ["serve", "--listen", &own, "--public-url", &url];
                let hub = ListeningHub::try_run(&mut home.auditotter(&arguments))?;
                Some((hub, own))
            })
            .expect("a hub finds a port");
        let line = format!("authorization: Bearer {credential}\r\nconnection: close\r\n");
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (line, own) = (line.clone(), own.clone());
                thread::spawn(move || pass(client, &own, &line));
            }
        });
        Self { url, hub }
    }

    /// Where it is, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The hub behind it.
    #[must_use]
    pub fn into_hub(self) -> ListeningHub {
        self.hub
    }
}

fn pass(mut client: TcpStream, hub: &str, line: &str) -> io::Result<()> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = head.windows(4).position(|part| part == b"\r\n\r\n") {
            break end + 2;
        }
        let read = client.read(&mut chunk)?;
        if read == 0 || head.len() > MOST_HEAD {
            return Ok(());
        }
        head.extend_from_slice(&chunk[..read]);
    };
    let mut server = TcpStream::connect(hub)?;
    // One request a connection, so that each gets its line.
    for part in head[..end].split_inclusive(|byte| *byte == b'\n') {
        let name = part.split(|byte| *byte == b':').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(b"connection") {
            server.write_all(part)?;
        }
    }
    server.write_all(line.as_bytes())?;
    server.write_all(&head[end..])?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
    });
    let _ = io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    Ok(())
}
