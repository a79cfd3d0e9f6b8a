//! A web and a DNS that a test has written, and what was asked of them.
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Mutex;

use pgp_keystore::discovery::{DnsAnswer, Fetch, Get, HttpsAnswer};

#[derive(Default)]
pub(crate) struct Web {
    /// By URL up to the query of a directory, whole for others; what is not here does not exist.
    pages: HashMap<String, HttpsAnswer>,
    records: HashMap<String, DnsAnswer>,
    asked: Mutex<Vec<String>>,
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> HttpsAnswer {
    status(200, body)
}

pub(crate) fn status(status: u16, body: impl Into<Vec<u8>>) -> HttpsAnswer {
    let (location, body) = (None, body.into());
    HttpsAnswer::Response {
        status,
        location,
        body,
    }
}

pub(crate) fn to(location: &str) -> HttpsAnswer {
    HttpsAnswer::Response {
        status: 302,
        location: Some(location.to_owned()),
        body: b"<html>".to_vec(),
    }
}

pub(crate) const ADVANCED: &str = "openpgpkey.example.org";
pub(crate) const DIRECT: &str = "example.org";
pub(crate) const VKS: &str = "vks.example.net";
pub(crate) const HKP: &str = "hkp.example.net";
pub(crate) const DNS: &str = "dns";

impl Web {
    /// All pages of a host.
    pub(crate) fn host(mut self, host: &str, answer: HttpsAnswer) -> Self {
        self.pages.insert(host.to_owned(), answer);
        self
    }

    pub(crate) fn page(self, url: &str, answer: HttpsAnswer) -> Self {
        self.host(url, answer)
    }

    pub(crate) fn dns(mut self, answer: DnsAnswer) -> Self {
        self.records.insert(DNS.to_owned(), answer);
        self
    }

    /// The hosts that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Fetch for Web {
    async fn https(&self, get: &Get) -> HttpsAnswer {
        assert!(get.url().starts_with("https://"));
        self.asked.lock().unwrap().push(get.host().to_owned());
        let page = self.pages.get(get.url());
        let found = page.or_else(|| self.pages.get(get.host()));
        found.cloned().unwrap_or(HttpsAnswer::NoHost)
    }

    async fn openpgpkey(&self, name: &str) -> DnsAnswer {
        assert!(name.contains("._openpgpkey."));
        self.asked.lock().unwrap().push(DNS.to_owned());
        let found = self.records.get(DNS);
        found.cloned().unwrap_or(DnsAnswer::NoRecord)
    }
}
