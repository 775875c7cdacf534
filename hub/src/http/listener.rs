//! The port that people and agents elsewhere reach.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use tokio::task::JoinHandle;

use super::{
    crowd::{Counting, Crowd},
    site::{PublicUrl, Site},
    slow::{self, Greeting},
};

/// Where a hub listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// The address and port; port 0 takes any that is free.
    pub address: SocketAddr,
    /// How it is reached from elsewhere.
    pub public_url: Option<PublicUrl>,
    /// What it encrypts with.
    pub tls: Option<TlsFiles>,
}

/// A certificate chain and its private key, each as PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a hub does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is somebody else's.
    #[error("{address} cannot be listened on: {source}; choose another with --listen")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Tokens would travel in the clear.
    #[error(
        "{0} can be reached from elsewhere, and tokens would travel in the clear; give --tls-cert and --tls-key, or --public-url https://... where something in front of this hub encrypts"
    )]
    InTheClear(SocketAddr),
    /// Nobody could be told where it is.
    #[error("{0} can be reached from elsewhere; say by which name, with --public-url https://...")]
    Nameless(SocketAddr),
    /// The certificate or its key cannot be used.
    #[error("{certificate} and {key} cannot be used for TLS: {source}")]
    Tls {
        /// The chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A port that is held, and not served yet.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    tls: Option<RustlsConfig>,
    site: Site,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// [`ListenError`].
    pub(crate) async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        if !listen.address.ip().is_loopback() {
            match &listen.public_url {
                None => return Err(ListenError::Nameless(listen.address)),
                Some(url) if !url.is_encrypted() => return Err(ListenError::InTheClear(listen.address)),
                Some(_) => {}
            }
        }
        let tls = match &listen.tls {
            None => None,
            Some(files) => Some(certified(files).await?),
        };
        let sockets = bind(listen.address)?;
        let bound = sockets
            .first()
            .map_or(Ok(listen.address), TcpListener::local_addr)
            .map_err(|source| ListenError::Bind {
                address: listen.address,
                source,
            })?;
        let site = Site::new(bound, listen.public_url.clone(), tls.is_some());
        Ok(Self { sockets, tls, site })
    }

    /// The names of the hub that listens here.
    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    /// Serves these doors until it is told to end.
    ///
    /// # Errors
    /// Where the sockets cannot be used.
    pub(crate) fn serve(self, doors: Router) -> io::Result<Serving> {
        let (handle, crowd) = (Handle::new(), Crowd::of_this_process());
        let mut tasks = Vec::new();
        for socket in self.sockets {
            socket.set_nonblocking(true)?;
            let doors = doors.clone().into_make_service_with_connect_info::<SocketAddr>();
            let (handle, crowd) = (handle.clone(), crowd.clone());
            tasks.push(match self.tls.clone() {
                None => {
                    let mut server = axum_server::from_tcp(socket)?
                        .handle(handle)
                        .map(|plain| Counting {
                            crowd,
                            acceptor: Greeting(plain),
                        });
                    slow::bound(server.http_builder());
                    tokio::spawn(server.serve(doors))
                }
                Some(tls) => {
                    let mut server = axum_server::from_tcp_rustls(socket, tls)?
                        .handle(handle)
                        .map(|tls| Counting {
                            crowd,
                            acceptor: Greeting(tls),
                        });
                    slow::bound(server.http_builder());
                    tokio::spawn(server.serve(doors))
                }
            });
        }
        Ok(Serving { handle, tasks })
    }
}

/// A port that is served.
#[derive(Debug)]
pub(crate) struct Serving {
    handle: Handle<SocketAddr>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
}

impl Serving {
    /// Whether somebody is connected.
    pub(crate) fn is_busy(&self) -> bool {
        self.handle.connection_count() > 0
    }

    /// Takes nobody in any more, and waits as long as this for what is under way.
    pub(crate) async fn end(self, grace: Duration) {
        self.handle.graceful_shutdown(Some(grace));
        for task in self.tasks {
            if let Ok(Err(error)) = task.await {
                tracing::warn!(%error, "serving HTTP ended badly");
            }
        }
    }
}

/// One port, and on this machine's own address both ways of writing it: `localhost` may mean either, and whoever had the
/// other would be asked in our place.
fn bind(address: SocketAddr) -> Result<Vec<TcpListener>, ListenError> {
    let taken = |address| move |source| ListenError::Bind { address, source };
    let first = TcpListener::bind(address).map_err(taken(address))?;
    let mut sockets = vec![first];
    if let IpAddr::V4(ip) = address.ip()
        && ip.is_loopback()
        && let Ok(bound) = sockets[0].local_addr()
    {
        let other = SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port()));
        match TcpListener::bind(other) {
            Ok(second) => sockets.push(second),
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(ListenError::Bind {
                    address: other,
                    source,
                });
            }
            // This machine has no such address, and so nobody else has it.
            Err(_) => {}
        }
    }
    Ok(sockets)
}

async fn certified(files: &TlsFiles) -> Result<RustlsConfig, ListenError> {
    // Fails where one was chosen already, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RustlsConfig::from_pem_file(&files.certificate, &files.key)
        .await
        .map_err(|source| ListenError::Tls {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })
}
