//! A client that speaks HTTP/2 as browsers do: over TLS, chosen by ALPN, and naming the host in `:authority` only.

use std::{fs, path::Path, sync::Arc};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Version, body::Bytes, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::runtime::Runtime;

use super::ListeningHub;

/// A client that trusts one authority.
#[derive(Debug)]
pub struct Http2Client {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
}

/// What was answered, and by which version of HTTP.
#[derive(Debug)]
pub struct Http2Answer {
    /// The version.
    pub version: Version,
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
    headers: hyper::HeaderMap,
}

impl Http2Answer {
    /// A header's value; nothing where it does not stand there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http2Client {
    /// A client of a hub whose certificate this authority made.
    ///
    /// # Panics
    /// Where the certificate cannot be read.
    #[must_use]
    pub fn new(hub: &ListeningHub, authority: &Path) -> Self {
        let pem = fs::read(authority).expect("the certificate can be read");
        let mut trusted = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(&pem).expect("it is a certificate");
        trusted.add(certificate).expect("it is an authority's");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("there are versions")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http2()
            .build();
        let runtime = Runtime::new().expect("a runtime starts");
        let client = {
            let _inside = runtime.enter();
            Client::builder(TokioExecutor::new())
                .http2_only(true)
                .build(connector)
        };
        Self {
            runtime,
            client,
            url: hub.url().to_owned(),
        }
    }

    /// Asks for a path, and says this beside it.
    ///
    /// # Panics
    /// Where nothing is answered.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Http2Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .version(Version::HTTP_2)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .expect("it is a request");
        self.runtime.block_on(async {
            let answer = self.client.request(request).await.expect("the hub answers");
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.expect("the answer arrives").to_bytes();
            Http2Answer {
                version: parts.version,
                status: parts.status.as_u16(),
                body: String::from_utf8_lossy(&body).into_owned(),
                headers: parts.headers,
            }
        })
    }
}
