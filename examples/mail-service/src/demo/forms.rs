//! The demonstration's browser: cookies and forms, and nothing more.

use super::client::Tls;
use std::{collections::BTreeMap, error::Error, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::form_urlencoded::Serializer;

pub(super) struct Browser {
    address: SocketAddr,
    tls: Tls,
    host: String,
    cookies: BTreeMap<String, String>,
    /// That of the form which was seen last.
    token: String,
}

/// What came back.
pub(super) struct Page {
    pub(super) status: u16,
    text: String,
}

impl Browser {
    pub(super) fn new(address: SocketAddr, tls: Tls, host: String) -> Self {
        Self {
            address,
            tls,
            host,
            cookies: BTreeMap::new(),
            token: String::new(),
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Page, Box<dyn Error>> {
        self.ask("GET", path, "").await
    }

    /// Sends the form of the page that was seen last.
    pub(super) async fn post(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Page, Box<dyn Error>> {
        let mut body = Serializer::new(String::new());
        body.append_pair("form", &self.token).extend_pairs(fields);
        self.ask("POST", path, &body.finish()).await
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Page, Box<dyn Error>> {
        let tcp = TcpStream::connect(self.address).await?;
        let mut stream = self.tls.secure(tcp).await?;
        let (host, port, length) = (&self.host, self.address.port(), body.len());
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\
             Origin: https://{host}:{port}\r\nSec-Fetch-Site: same-origin\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}",
            cookies.join("; ")
        );
        stream.write_all(request.as_bytes()).await?;
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).await?;
        let text = String::from_utf8(octets)?;
        let (head, text) = text.split_once("\r\n\r\n").ok_or("no answer")?;
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            let cookie = value
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='));
            if let (true, Some((name, value))) = (name.eq_ignore_ascii_case("set-cookie"), cookie) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((_, rest)) = text.split_once("name=\"form\" value=\"") {
            self.token = rest.split('"').next().unwrap_or_default().to_owned();
        }
        Ok(Page {
            status: head.get(9..12).ok_or("no status")?.parse()?,
            text: text.to_owned(),
        })
    }
}

impl Page {
    /// The text of an element.
    pub(super) fn inner(&self, id: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("id=\"{id}\""))?;
        let (_, rest) = rest.split_once('>')?;
        Some(rest.split('<').next()?.replace("&#39;", "'"))
    }
}
