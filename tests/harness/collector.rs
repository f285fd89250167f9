//! An OpenTelemetry collector on the loopback address: takes OTLP over HTTP and keeps every byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

/// Listens for as long as the test process lives.
#[derive(Debug)]
pub struct Collector {
    port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

#[derive(Debug, Clone)]
struct Taken {
    head: String,
    body: Vec<u8>,
}

/// A span as it came.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub service: String,
    /// In hexadecimal, like the two below.
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub attributes: Vec<(String, String)>,
}

impl Span {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Collector {
    pub fn start() -> Collector {
        Self::listen(true)
    }

    /// Takes connections and never answers.
    pub fn hung() -> Collector {
        Self::listen(false)
    }

    fn listen(answers: bool) -> Collector {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keeps = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keeps = keeps.clone();
                std::thread::spawn(move || serve(stream, &keeps, answers));
            }
        });
        Collector { port, taken }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every byte that came, heads and bodies.
    pub fn bytes(&self) -> Vec<u8> {
        self.all().into_iter().flat_map(|taken| [taken.head.into_bytes(), taken.body].concat()).collect()
    }

    /// The heads of the requests that came.
    pub fn heads(&self) -> Vec<String> {
        self.all().into_iter().map(|taken| taken.head).collect()
    }

    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies("/v1/traces") {
            let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP traces");
            for resource in request.resource_spans {
                let attributes = resource.resource.map(|resource| read(&resource.attributes)).unwrap_or_default();
                let service = attributes.into_iter().find(|(name, _)| name == "service.name");
                let service = service.map(|(_, value)| value).unwrap_or_default();
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| Span {
                    name: span.name,
                    service: service.clone(),
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: read(&span.attributes),
                }));
            }
        }
        spans
    }

    /// Names of the metrics that came.
    pub fn metrics(&self) -> Vec<String> {
        let requests = self.bodies("/v1/metrics").into_iter();
        let requests = requests.map(|body| ExportMetricsServiceRequest::decode(body.as_slice()).expect("OTLP metrics"));
        let scopes = requests.flat_map(|request| request.resource_metrics).flat_map(|resource| resource.scope_metrics);
        let mut names: Vec<String> = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect();
        names.sort();
        names.dedup();
        names
    }

    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let start = format!("POST {path} ");
        self.all().into_iter().filter(|taken| taken.head.starts_with(&start)).map(|taken| taken.body).collect()
    }

    fn all(&self) -> Vec<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One connection, request after request. It ends with the client's, or with anything that is no HTTP.
fn serve(mut stream: TcpStream, keeps: &Mutex<Vec<Taken>>, answers: bool) {
    let mut read = Vec::new();
    loop {
        let Some(end) = fill(&mut stream, &mut read, |read| position(read, b"\r\n\r\n")) else { return };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let whole = end + 4 + length.unwrap_or(0);
        let Some(whole) = fill(&mut stream, &mut read, |read| (read.len() >= whole).then_some(whole)) else { return };
        let body = read[end + 4..whole].to_vec();
        read.drain(..whole);
        keeps.lock().unwrap_or_else(PoisonError::into_inner).push(Taken { head, body });
        if answers && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Reads on until `found` finds what it looks for.
fn fill(stream: &mut TcpStream, read: &mut Vec<u8>, found: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
    let mut chunk = [0; 8192];
    loop {
        if let Some(at) = found(read) {
            return Some(at);
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&chunk[..count]),
        }
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn read(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
