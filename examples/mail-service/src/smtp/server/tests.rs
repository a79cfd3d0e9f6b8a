//! Deadlines and shares, over streams in memory and on a clock that nobody waits for.

use super::*;
use crate::fixture::Fixture;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    task::JoinHandle,
    time::sleep,
};

impl Fixture {
    /// A client whose connection holds so many octets each way that nobody has read.
    async fn client(&self, address: [u8; 4], buffer: usize) -> Client {
        let (near, far) = duplex(buffer);
        let stop = Stop::of(&self.stop);
        let served = tokio::spawn(serve(self.service, far, address.into(), stop));
        let (hear, speak) = split(near);
        let mut client = Client {
            hear,
            speak,
            served,
        };
        client.expect("220 ").await;
        client
    }
}

struct Client {
    hear: ReadHalf<DuplexStream>,
    speak: WriteHalf<DuplexStream>,
    served: JoinHandle<io::Result<()>>,
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.speak.write_all(text.as_bytes()).await.unwrap();
    }

    async fn expect(&mut self, start: &str) {
        let mut reply = String::new();
        while !reply.lines().any(|l| l.as_bytes().get(3) == Some(&b' ')) || !reply.ends_with('\n') {
            let octet = self.hear.read_u8().await;
            reply.push(char::from(octet.unwrap_or_else(|e| panic!("{reply}: {e}"))));
        }
        let last = reply.lines().last().unwrap();
        assert!(last.starts_with(start), "{reply}");
    }

    /// All that the server still says.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.hear.read_to_string(&mut rest).await.unwrap();
        rest
    }

    /// Says everything before DATA.
    async fn begin_envelope(&mut self) {
        for (line, start) in [
            ("EHLO c.test\r\n", "250 "),
            ("MAIL FROM:<>\r\n", "250 2.1.0"),
            ("RCPT TO:<joe@b.test>\r\n", "250 2.1.5"),
        ] {
            self.say(line).await;
            self.expect(start).await;
        }
    }

    /// Says everything up to DATA.
    async fn begin(&mut self) {
        self.begin_envelope().await;
        self.say("DATA\r\n").await;
        self.expect("354 ").await;
    }
}

const ONE: [u8; 4] = [192, 0, 2, 1];
const TWO: [u8; 4] = [192, 0, 2, 2];
const TOO_SLOW: &str = "421 4.4.2 Too slow\r\n";

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_has_five_minutes() {
    let fixture = Fixture::new(|_| {}).await;
    let mut client = fixture.client(ONE, 4096).await;
    sleep(Duration::from_secs(299)).await;
    client.begin().await;
    client.say("Subject: x\r\n").await;
    let start = Instant::now();
    assert_eq!(client.rest().await, TOO_SLOW);
    assert_eq!(start.elapsed(), Duration::from_secs(300));
}

/// Sends so many lines of a message, one in hundred seconds; then when it was cut off.
async fn drip(fixture: &Fixture, lines: u32) -> Option<Duration> {
    let start = Instant::now();
    let mut client = fixture.client(ONE, 4096).await;
    client.begin().await;
    for _ in 0..lines {
        sleep(Duration::from_secs(100)).await;
        if client.speak.write_all(b"x: y\r\n").await.is_err() {
            assert_eq!(client.rest().await, TOO_SLOW);
            return Some(start.elapsed());
        }
    }
    client.say(".\r\n").await;
    client.expect("250 2.0.0").await;
    None
}

#[tokio::test(start_paused = true)]
async fn whoever_drips_has_half_an_hour() {
    let fixture = Fixture::new(|_| {}).await;
    assert_eq!(drip(&fixture, 17).await, None);
    // The write after the cut is the first that fails.
    let cut = drip(&fixture, 30).await.unwrap();
    assert!((1800..2000).contains(&cut.as_secs()), "{cut:?}");
    // With more time, the same steps go through.
    let patient = Fixture::new(|c| c.limits.transaction_seconds = 10_000).await;
    assert_eq!(drip(&patient, 30).await, None);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_replies_is_left() {
    let fixture = Fixture::new(|_| {}).await;
    for (last, seconds) in [("NOOP\r\n", 300), ("QUIT\r\n", GOODBYE_SECONDS)] {
        let mut client = fixture.client(ONE, 2048).await;
        let start = Instant::now();
        // Their replies fit just so; what comes then does not.
        let noops = "NOOP\r\n".repeat(2048 / "250 2.0.0 Ok\r\n".len());
        client.say(&noops).await;
        sleep(Duration::from_millis(1)).await;
        client.say(last).await;
        // An error, or not: it is over.
        let _ = client.served.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), seconds, "{last}");
    }
}

const GOODBYE_SECONDS: u64 = crate::wire::GOODBYE.as_secs();

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_a_message_but_not_for_ever() {
    let fixture = Fixture::new(|_| {}).await;
    let mut idle = fixture.client(ONE, 4096).await;
    let mut quick = fixture.client(ONE, 4096).await;
    let mut slow = fixture.client(ONE, 4096).await;
    let mut begun = fixture.client(ONE, 4096).await;
    begun.begin_envelope().await;
    quick.begin().await;
    slow.begin().await;
    let end = Instant::now() + Duration::from_secs(30);
    fixture.stop.send_replace(Some(end));
    assert_eq!(idle.rest().await, "421 4.3.2 Shutting down\r\n");
    sleep(Duration::from_secs(20)).await;
    begun.say("DATA\r\n").await;
    begun.expect("354 ").await;
    for client in [&mut quick, &mut begun] {
        client.say("Subject: x\r\n\r\nx\r\n.\r\n").await;
        client.expect("250 2.0.0").await;
        assert_eq!(client.rest().await, "421 4.3.2 Shutting down\r\n");
    }
    assert!(Instant::now() < end);
    assert_eq!(slow.rest().await, "421 4.3.2 Shutting down\r\n");
    assert_eq!(Instant::now(), end);
}

#[tokio::test(start_paused = true)]
async fn one_network_cannot_take_all_the_room() {
    let fixture = Fixture::new(|c| {
        c.limits.message_octets = 100_000;
        c.limits.octets_in_flight = 800_000;
    })
    .await;
    let most = "Subject: large\r\n\r\n".to_owned() + &"0123456789abcd\r\n".repeat(6000);
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut client = fixture.client(ONE, 1 << 20).await;
        client.begin().await;
        client.say(&most).await;
        sleep(Duration::from_millis(1)).await;
        held.push(client);
    }
    let mut other = fixture.client(TWO, 1 << 20).await;
    other.begin().await;
    other.say(&most).await;
    sleep(Duration::from_millis(1)).await;
    other.say(".\r\n").await;
    other.expect("250 2.0.0").await;
    // The last of the first network found no room; the first one has its own.
    let mut last = held.pop().unwrap();
    last.say(".\r\n").await;
    last.expect("452 4.3.1").await;
    // It may go on, and small messages need no room.
    for line in ["MAIL FROM:<>\r\n", "RCPT TO:<joe@b.test>\r\n", "DATA\r\n"] {
        last.say(line).await;
        last.expect(if line == "DATA\r\n" { "354" } else { "250" })
            .await;
    }
    last.say("Subject: x\r\n").await;
    sleep(Duration::from_millis(1)).await;
    last.say(".\r\n").await;
    last.expect("250 2.0.0").await;
    held[0].say(".\r\n").await;
    held[0].expect("250 2.0.0").await;
}

#[tokio::test(start_paused = true)]
async fn the_announced_size_counts_when_the_mailbox_is_nearly_full() {
    let fixture = Fixture::new(|c| c.limits.mailbox_octets = 1000).await;
    let mut client = fixture.client(ONE, 4096).await;
    for (line, start) in [
        ("EHLO c.test\r\n", "250 "),
        ("MAIL FROM:<> SIZE=1001\r\n", "250 2.1.0"),
        ("RCPT TO:<joe@b.test>\r\n", "452 4.2.2"),
        ("RSET\r\n", "250 2.0.0"),
        ("MAIL FROM:<> SIZE=1000\r\n", "250 2.1.0"),
        ("RCPT TO:<joe@b.test>\r\n", "250 2.1.5"),
        // It said too little: then the message finds no room, and not the disk none.
        ("DATA\r\n", "354"),
    ] {
        client.say(line).await;
        client.expect(start).await;
    }
    client.say(&"Subject: x\r\n".repeat(100)).await;
    client.say("\r\n.\r\n").await;
    client.expect("452 4.2.2").await;
}

#[tokio::test(start_paused = true)]
async fn mail_for_postmaster_wants_an_account_that_is_there() {
    for (account, start) in [("joe@b.test", "250 2.1.5"), ("gone@b.test", "550 5.1.1")] {
        let fixture = Fixture::new(|c| c.postmaster = Some(account.into())).await;
        let mut client = fixture.client(ONE, 4096).await;
        client.say("EHLO c.test\r\n").await;
        client.expect("250 ").await;
        client.say("MAIL FROM:<>\r\n").await;
        client.expect("250 ").await;
        for line in [
            "RCPT TO:<PostMaster>\r\n",
            "RCPT TO:<postmaster@B.test>\r\n",
        ] {
            client.say(line).await;
            client.expect(start).await;
        }
    }
}
