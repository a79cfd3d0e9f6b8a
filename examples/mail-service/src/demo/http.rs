//! The demonstration's client for the site: one request for each connection.

use super::client::Tls;
use std::{error::Error, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where the pages of sealed messages are.
pub(super) struct Pages {
    pub(super) address: SocketAddr,
    pub(super) tls: Tls,
    pub(super) host: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Pages {
    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer, Box<dyn Error>> {
        let mut stream = self
            .tls
            .secure(TcpStream::connect(self.address).await?)
            .await?;
        let (host, port, length) = (&self.host, self.address.port(), body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).await?;
        let end = memchr::memmem::find(&octets, b"\r\n\r\n").ok_or("no answer")?;
        let (head, body) = octets.split_at(end + 4);
        let status = head
            .get(9..12)
            .and_then(|digits| str::from_utf8(digits).ok());
        Ok(Answer {
            status: status.ok_or("no status")?.parse()?,
            body: body.to_vec(),
        })
    }
}

impl Answer {
    pub(super) fn json(&self) -> Result<serde_json::Value, Box<dyn Error>> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
