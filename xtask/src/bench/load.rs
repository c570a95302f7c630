//! A load generator: connections that stay open, each with one request at a time.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What is sent, over and over.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// The whole request.
    pub(crate) request: Vec<u8>,
    pub(crate) connections: usize,
    /// How long, and at most how often.
    pub(crate) time: Duration,
    pub(crate) requests: u64,
    /// The status that every answer must have. A 101 ends its connection.
    pub(crate) status: u16,
}

/// How long each request took.
pub(crate) struct Measured {
    /// Sorted.
    latencies: Vec<Duration>,
    pub(crate) elapsed: Duration,
}

impl Load {
    /// Sends it all from this one thread.
    ///
    /// # Errors
    /// When an answer is not what it must be.
    pub(crate) fn run(&self) -> Result<Measured> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut latencies = Vec::with_capacity(100_000);
        let start = Instant::now();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let left = std::rc::Rc::new(std::cell::Cell::new(self.requests));
            let mut clients = Vec::new();
            for _ in 0..self.connections {
                let client = Client {
                    address: self.address,
                    request: self.request.clone(),
                    status: Some(self.status),
                };
                let (left, until) = (left.clone(), start + self.time);
                clients.push(tokio::task::spawn_local(async move {
                    tokio::time::timeout_at(
                        (until + Duration::from_secs(60)).into(),
                        client.run(until, &left),
                    )
                    .await
                    .context("an answer did not come for a minute")?
                }));
            }
            for client in clients {
                latencies.extend(client.await??);
            }
            Ok::<_, anyhow::Error>(())
        })?;
        let elapsed = start.elapsed();
        ensure!(!latencies.is_empty(), "nothing was answered");
        latencies.sort_unstable();
        Ok(Measured { latencies, elapsed })
    }
}

/// Sends one request, and returns the status and the body of its answer.
///
/// # Errors
/// When no answer comes.
pub(crate) fn ask(address: SocketAddr, request: Vec<u8>) -> Result<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client { address, request, status: None };
        let mut buffer = Vec::new();
        let mut stream = client.connect().await?;
        let answer = client.exchange(&mut stream, &mut buffer);
        let minute = Duration::from_secs(60);
        let answer =
            tokio::time::timeout(minute, answer).await.context("an answer did not come")??;
        Ok((answer.status, String::from_utf8(answer.body(&buffer)?)?))
    })
}

impl Measured {
    pub(crate) fn requests(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this part of the requests stayed below.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let last = self.latencies.len() - 1;
        #[allow(clippy::cast_sign_loss, reason = "a part of a length")]
        #[allow(clippy::cast_possible_truncation, reason = "a part of a length")]
        let place = (last as f64 * part).round() as usize;
        self.latencies[place.min(last)]
    }
}

struct Client {
    address: SocketAddr,
    request: Vec<u8>,
    /// The status that every answer must have; `None` for any.
    status: Option<u16>,
}

/// An answer in its buffer.
struct Answer {
    status: u16,
    /// Where the body begins.
    body: usize,
    chunked: bool,
}

impl Client {
    async fn run(&self, until: Instant, left: &std::cell::Cell<u64>) -> Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        let mut buffer = Vec::with_capacity(16 * 1024);
        let mut stream = None;
        while left.get() > 0 {
            left.set(left.get() - 1);
            let start = Instant::now();
            let kept = stream.take();
            let is_kept = kept.is_some();
            let mut open = match kept {
                Some(kept) => kept,
                None => self.connect().await?,
            };
            buffer.clear();
            let answer = match self.exchange(&mut open, &mut buffer).await {
                // workerd closes a connection that seems idle for seconds, also when its own thread
                // waited for the disk meanwhile.
                Err(_) if is_kept && buffer.is_empty() => {
                    open = self.connect().await?;
                    self.exchange(&mut open, &mut buffer).await?
                }
                answer => answer?,
            };
            let end = Instant::now();
            latencies.push(end - start);
            if answer.status == 101 {
                // Gone at once, or every port of the machine would wait for its last packets.
                open.set_zero_linger()?;
            } else {
                stream = Some(open);
            }
            if end >= until {
                break;
            }
        }
        Ok(latencies)
    }

    async fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await.context("could not connect")?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends the request, and reads its answer to the end.
    async fn exchange(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Answer> {
        stream.write_all(&self.request).await?;
        loop {
            ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
            let Some(head) = memmem(buffer, b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
            let status: u16 = text.split(' ').nth(1).unwrap_or_default().parse()?;
            if let Some(expected) = self.status.filter(|expected| *expected != status) {
                let body = String::from_utf8_lossy(&buffer[head..]);
                bail!("{status} instead of {expected}: {}", body.trim());
            }
            let body = head + 4;
            if status == 101 {
                return Ok(Answer { status, body, chunked: false });
            }
            let header = |name: &str| {
                let mut lines = text.lines().filter_map(|line| line.split_once(':'));
                lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
            };
            if let Some(length) = header("content-length") {
                let end = body + length.parse::<usize>()?;
                while buffer.len() < end {
                    ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
                }
                return Ok(Answer { status, body, chunked: false });
            }
            ensure!(header("transfer-encoding") == Some("chunked"), "an answer without an end");
            while !buffer[body..].ends_with(b"0\r\n\r\n") {
                ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
            }
            return Ok(Answer { status, body, chunked: true });
        }
    }
}

impl Answer {
    /// The bytes of the body, without the lengths of its chunks.
    fn body(&self, buffer: &[u8]) -> Result<Vec<u8>> {
        let mut rest = &buffer[self.body..];
        if !self.chunked {
            return Ok(rest.to_vec());
        }
        let mut body = Vec::new();
        loop {
            let end = memmem(rest, b"\r\n").context("a chunk without a length")?;
            let length = usize::from_str_radix(std::str::from_utf8(&rest[..end])?, 16)?;
            rest = &rest[end + 2..];
            if length == 0 {
                return Ok(body);
            }
            ensure!(rest.len() >= length + 2, "a chunk without an end");
            body.extend_from_slice(&rest[..length]);
            rest = &rest[length + 2..];
        }
    }
}

fn memmem(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
