//! As much HTTP/1.1 as two clients speak with a model on loopback: one request a connection, answered and closed.
//!
//! By hand on the standard library, for a framework would bring a runtime and thirty crates to answer two addresses.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;

/// The longest request: a conversation with all tools' schemas.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// How long a client may take to send its request.
const SENDING: Duration = Duration::from_secs(30);

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    status: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Response {
    /// Server-sent events, each named as its `type` says.
    pub(super) fn events(events: &[Value]) -> Self {
        let body: String = events
            .iter()
            .map(|event| {
                format!(
                    "event: {}\ndata: {event}\n\n",
                    event["type"].as_str().unwrap_or_default()
                )
            })
            .collect();
        Self {
            status: "200 OK",
            content_type: "text/event-stream",
            body: body.into_bytes(),
        }
    }

    pub(super) fn json(value: &Value) -> Self {
        Self {
            status: "200 OK",
            content_type: "application/json",
            body: value.to_string().into_bytes(),
        }
    }

    pub(super) fn not_found() -> Self {
        Self {
            status: "404 Not Found",
            content_type: "application/json",
            body: b"{}".to_vec(),
        }
    }
}

/// A listener on a free port of loopback; ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let ending = Arc::new(AtomicBool::new(false));
        let asked_to_end = Arc::clone(&ending);
        let answer = Arc::new(answer);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if asked_to_end.load(Ordering::SeqCst) {
                    return;
                }
                let answer = Arc::clone(&answer);
                // A client that goes away before its answer is the client's affair.
                thread::spawn(move || stream.and_then(|stream| serve(stream, &*answer)));
            }
        });
        Self {
            address,
            ending,
            accepting: Some(accepting),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to end.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

fn serve(stream: TcpStream, answer: &impl Fn(Request) -> Response) -> io::Result<()> {
    stream.set_read_timeout(Some(SENDING))?;
    let mut reader = BufReader::new(&stream);
    let Some(request) = read(&mut reader, &stream)? else {
        return Ok(());
    };
    let head_only = request.method == "HEAD";
    let response = answer(request);
    let length = response.body.len();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
        response.status, response.content_type,
    );
    let mut out = &stream;
    out.write_all(head.as_bytes())?;
    if !head_only {
        out.write_all(&response.body)?;
    }
    out.flush()
}

fn read(reader: &mut BufReader<&TcpStream>, mut out: &TcpStream) -> io::Result<Option<Request>> {
    let first = line(reader)?;
    let mut words = first.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", digits) => length = digits.parse().map_err(io::Error::other)?,
            ("transfer-encoding", coding) => chunked = coding.eq_ignore_ascii_case("chunked"),
            ("expect", _) => out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            _ => {}
        }
    }
    let body = if chunked {
        read_chunks(reader)?
    } else {
        exactly(reader, length)?
    };
    Ok(Some(Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body,
    }))
}

fn read_chunks(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let header = line(reader)?;
        let digits = header.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
        body.append(&mut exactly(reader, length)?);
        let after = line(reader)?;
        if length == 0 || body.len() > MAX_BODY_BYTES {
            return if after.is_empty() {
                Ok(body)
            } else {
                Err(io::ErrorKind::InvalidData.into())
            };
        }
    }
}

fn exactly(reader: &mut BufReader<&TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn line(reader: &mut BufReader<&TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}
