//! What `strace -f -y -o FILE` recorded, in the order of the calls' returns, and the one question asked of it:
//! was the message synced before its 250 was written?

/// A system call that has returned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// All between the brackets.
    pub(crate) arguments: String,
    /// The line where the call began, and the one where it returned.
    pub(crate) began: usize,
    pub(crate) returned: usize,
    pub(crate) result: i64,
}

impl Call {
    /// Whether the first argument is a descriptor of a file whose path ends like this.
    fn is_on(&self, end: &str) -> bool {
        let first = self.arguments.split(['>', ',']).next().unwrap_or_default();
        first.ends_with(end)
    }

    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.result == 0
    }

    fn is_write(&self) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "pwrite64" | "pwritev" | "sendto" | "sendmsg"
        ) && self.result > 0
    }
}

/// The calls of a record; a call that another thread interrupts is put together again.
pub(crate) fn calls(record: &str) -> Vec<Call> {
    let mut begun: Vec<(&str, usize, String)> = Vec::new();
    let mut calls = Vec::new();
    for (number, line) in record.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.push((pid, number, start.trim_end().to_owned()));
            continue;
        }
        let (began, text) = match rest.strip_prefix("<... ") {
            Some(resumed) => {
                let Some(at) = begun.iter().position(|(p, _, _)| *p == pid) else {
                    continue;
                };
                let (_, began, start) = begun.remove(at);
                let end = resumed.split_once(" resumed>").map_or("", |(_, end)| end);
                (began, start + end)
            }
            None => (number, rest.to_owned()),
        };
        calls.extend(call(&text, began, number));
    }
    calls
}

fn call(text: &str, began: usize, returned: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    Some(Call {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        began,
        returned,
        result: result.split_whitespace().next()?.parse().ok()?,
    })
}

/// How many messages were acknowledged, if each was written to the write-ahead log and a sync of that log had
/// returned before its 250 began; else what was seen.
///
/// The client sends one message at a time and nothing else with a reply that begins with `acknowledgement`.
pub(crate) fn synced_before_250(calls: &[Call], acknowledgement: &str) -> Result<usize, String> {
    let mut since = 0;
    let mut count = 0;
    for reply in calls.iter().filter(|c| {
        c.is_write()
            && c.arguments.contains("TCP")
            && c.arguments.contains(&format!("\"{acknowledgement}"))
    }) {
        let between = |c: &&Call| c.began >= since && c.returned < reply.began;
        let mut before = calls.iter().filter(between);
        let Some(last) = before.rfind(|c| c.is_write() && c.is_on("-wal")) else {
            return Err(format!("nothing was written before line {}", reply.began));
        };
        let mut later = calls
            .iter()
            .filter(between)
            .filter(|c| c.began > last.returned);
        if !later.any(|c| c.is_sync() && c.is_on("-wal")) {
            return Err(format!(
                "the write of line {} was not synced before the 250 of line {}",
                last.returned, reply.began
            ));
        }
        since = reply.returned;
        count += 1;
    }
    Ok(count)
}

#[test]
fn a_record_is_put_together_and_judged() {
    let good = "\
7  pwrite64(9</d/mail.db-wal>, \"x\"..., 4096, 0) = 4096
8  fdatasync(9</d/mail.db-wal> <unfinished ...>
7  epoll_wait(3<anon_inode:[eventpoll]>, [], 1024, 0) = 0
8  <... fdatasync resumed>) = 0
7  sendto(11<TCP:[1->2]>, \"250 2.0.0 kept\\r\\n\", 16, MSG_NOSIGNAL, NULL, 0) = 16
";
    let read = calls(good);
    assert_eq!((read[2].began, read[2].returned), (1, 3));
    assert_eq!(synced_before_250(&read, "250 2.0.0"), Ok(1));
    // The sync has begun, but not returned.
    let early =
        good.replace("8  <... fdatasync resumed>) = 0\n", "") + "8  <... fdatasync resumed>) = 0\n";
    assert!(synced_before_250(&calls(&early), "250 2.0.0").is_err());
    // Another file was synced; the sync failed; no sync at all.
    assert!(
        synced_before_250(
            &calls(&good.replace("fdatasync(9</d/mail.db-wal>", "fdatasync(4</d/other>")),
            "250 2.0.0"
        )
        .is_err()
    );
    assert!(
        synced_before_250(
            &calls(&good.replace("resumed>) = 0", "resumed>) = -1 EIO")),
            "250 2.0.0"
        )
        .is_err()
    );
    assert!(synced_before_250(&calls(&good.replace("fdatasync", "futex")), "250 2.0.0").is_err());
}
