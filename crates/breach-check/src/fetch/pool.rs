//! Connections that are used again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as Gate;

use super::MAX_SERVERS;
use super::exchange::Line;
use super::target::{Reach, Target};
use crate::HttpFault;

type Server = (String, u16);

#[derive(Debug, Default)]
pub(super) struct Pool {
    servers: Mutex<HashMap<Server, Known>>,
}

/// What is open to a server.
#[derive(Debug, Default)]
struct Known {
    /// The one connection of HTTP/2, which all share.
    shared: Option<Line>,
    /// Connections of HTTP/1.1 on which nothing is asked.
    idle: Vec<Line>,
    /// The server was seen to speak HTTP/1.1, so that waiting for a connection to share is in vain.
    is_single: bool,
    /// Who opens a connection that others may share.
    gate: Arc<Gate<()>>,
}

impl Known {
    fn take(&mut self) -> Option<Line> {
        self.shared = self.shared.take().filter(Line::is_open);
        if let Some(line) = self.shared.as_ref().and_then(Line::shared) {
            return Some(line);
        }
        while let Some(line) = self.idle.pop() {
            if line.is_open() {
                return Some(line);
            }
        }
        None
    }
}

impl Pool {
    /// A connection, and whether it was used before.
    pub(super) async fn line(
        &self,
        target: &Target,
        reach: &Reach,
    ) -> Result<(Line, bool), HttpFault> {
        let gate = match self.known(&target.server) {
            None => return Ok((Line::open(target, reach).await?, false)),
            Some(Ok(line)) => return Ok((line, true)),
            Some(Err(gate)) => gate,
        };
        let Some(gate) = gate else {
            return Ok((self.fresh(target, reach).await?, false));
        };
        let open = gate.lock().await;
        // Another may have opened one meanwhile, or seen that none can be shared.
        match self.known(&target.server) {
            Some(Ok(line)) => return Ok((line, true)),
            Some(Err(Some(_))) => {}
            Some(Err(None)) | None => drop(open),
        }
        Ok((self.fresh(target, reach).await?, false))
    }

    /// A new connection, which others share from now on if they can.
    pub(super) async fn fresh(&self, target: &Target, reach: &Reach) -> Result<Line, HttpFault> {
        let line = Line::open(target, reach).await?;
        if let Some(known) = self.servers().get_mut(&target.server) {
            known.shared = line.shared();
            known.is_single = known.shared.is_none();
        }
        Ok(line)
    }

    /// Back, for the next request.
    pub(super) fn put(&self, target: &Target, line: Line, most: usize) {
        if let Some(known) = self.servers().get_mut(&target.server)
            && known.idle.len() < most
            && line.is_open()
        {
            known.idle.push(line);
        }
    }

    /// A connection to a server, or what opens the first one; nothing if there are too many servers.
    fn known(&self, server: &Server) -> Option<Result<Line, Option<Arc<Gate<()>>>>> {
        let mut servers = self.servers();
        if !servers.contains_key(server) && servers.len() >= MAX_SERVERS {
            return None;
        }
        let known = servers.entry(server.clone()).or_default();
        Some(match known.take() {
            Some(line) => Ok(line),
            None if known.is_single => Err(None),
            None => Err(Some(Arc::clone(&known.gate))),
        })
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<Server, Known>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
