//! The page of a sealed message in a real Chromium, with the messages that this crate seals.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::world::{PASSWORD, SEALED, World};
use serde_json::{Map, Value, json};
use symmetric_seal::link::{Hint, LinkId, LinkSecret, ReaderToken, Refusal, Terms};
use symmetric_seal::store::Issued;
use symmetric_seal::{AccessProof, Opener, Passphrase};

const PLAIN: &[u8] = include_bytes!("mail/plain.eml");
const HTML: &[u8] = include_bytes!("mail/html.eml");
const ATTACHMENT: &[u8] = include_bytes!("mail/attachment.eml");
const HINT: &str = "Our café in Kraków, and the year";
const HOURS: Duration = Duration::from_secs(7 * 3600);

/// What the browser must show, in this order: none may be missing.
const SHOWN: &[&str] = &[
    "the right password opens the message, by keyboard alone",
    "it was one view: nobody else opens it",
    "a wrong password is told, and the right one opens after it",
    "a link with a secret opens with it, and the address bar forgets it",
    "without its secret it says so before any password",
    "HTML mail is shown without scripts, without the page's origin and without the network",
    "attachments are saved, whole and under harmless names",
    "a reply is sealed in the page, with an attachment",
    "the reader destroys the message",
    "expired, revoked, burned, and what never was say why",
    "a locked link says when the next try is possible",
    "a phone, dark, in German",
    "a message that is damaged is not called a wrong password",
    "nothing goes anywhere else, and nothing secret leaves",
    "mutation: a page that sends the password is found out",
    "without WebAssembly, or memory for it, no password is asked for",
];

struct Links<'a> {
    world: &'a World,
    urls: Map<String, Value>,
}

impl Links<'_> {
    fn add(&mut self, name: &str, id: &LinkId, fragment: &str) {
        let port = self.world.https().port();
        let url = format!("https://{SEALED}:{port}/s/{}{fragment}", *id.to_text());
        self.urls.insert(name.into(), url.into());
    }

    /// A link to this mail.
    async fn make(&mut self, name: &str, mail: &[u8], terms: Terms) -> Issued {
        let issued = self.world.link(mail, terms, None).await;
        self.add(name, &issued.id, "");
        issued
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs chromium"]
async fn interop_chromium_opens_replies_destroys_and_tells_why_not() {
    let world = World::new().await;
    let mut links = Links {
        world: &world,
        urls: Map::new(),
    };
    let now = world.now();
    let hinted = Terms::new().hint(Hint::new(HINT).unwrap());
    links.make("plain", PLAIN, hinted).await;
    for name in ["wrong", "destroy", "unopened"] {
        links.make(name, PLAIN, Terms::new()).await;
    }
    links.make("html", HTML, Terms::new()).await;
    links.make("attachment", ATTACHMENT, Terms::new()).await;
    links.make("phone", ATTACHMENT, Terms::new()).await;
    let replied = links.make("reply", PLAIN, Terms::new()).await;

    let secret = LinkSecret::from_octets([0xfb; 16]);
    let bound = world
        .link(PLAIN, Terms::new().bind_link(), Some(&secret))
        .await;
    links.add("bound", &bound.id, &format!("#{}", *secret.to_text()));
    let cut = world
        .link(PLAIN, Terms::new().bind_link(), Some(&secret))
        .await;
    links.add("cut", &cut.id, "");

    let revoked = links.make("revoked", PLAIN, Terms::new()).await;
    let done = world.links.revoke(&revoked.id, &revoked.sender, now).await;
    assert!(done.unwrap().granted().is_some());
    let locked = links.make("locked", PLAIN, Terms::new()).await;
    let (wrong, reader) = (
        AccessProof::from_octets([1; 32]),
        ReaderToken::from_octets([1; 16]),
    );
    // Each as soon as the last wait is over, so that the next is longer than any browser takes here.
    let mut at = now;
    for _ in 0..10 {
        let refused = world.links.release(&locked.id, &wrong, &reader, at).await;
        match refused.unwrap().refusal() {
            Some(Refusal::WrongProof { wait }) => at = wait.unwrap_or(at),
            other => panic!("{other:?}"),
        }
    }
    assert!(at > now + Duration::from_secs(600));
    let expired = world.sealed(PLAIN, 6, now - HOURS, |_| {}).await;
    links.add("expired", &expired.id, "");
    let burned = world.sealed(PLAIN, 24, now - HOURS, |_| {}).await;
    burn(&world, &burned, now - HOURS).await;
    links.add("burned", &burned.id, "");
    let damaged = world
        .sealed(PLAIN, 6, now, |octets| *octets.last_mut().unwrap() ^= 1)
        .await;
    links.add("damaged", &damaged.id, "");
    links.add("unknown", &LinkId::from_octets([0; 16]), "");

    let (file, downloaded) = (
        world.folder().join("report.txt"),
        world.folder().join("saved.pgp"),
    );
    std::fs::write(&file, "quarterly figures").unwrap();
    let screenshots = std::env::var_os("LETTERLOCK_SCREENSHOTS");
    drive(
        "drive.js",
        &json!({
            "certificate": world.certificate(),
            "executable": "/usr/bin/chromium",
            "screenshots": screenshots.map(|folder| folder.into_string().unwrap()),
            "links": links.urls,
            "password": PASSWORD,
            "hint": HINT,
            "subject": "The vault",
            "text": "<b>is only text here.</b>",
            "attachment": {
                "names": ["Pläne für 2027.pdf", "_.._.profile", "invoice fdp.exe"],
                "content": "JVBERi0xLjQKJcOkw7zDtsOfCg==",
            },
            "reply": { "text": "My answer is a secret, too", "file": file },
            "downloaded": downloaded,
        }),
        &world.folder(),
        SHOWN,
    );

    // What the page saved is opened elsewhere, and what it sealed is read by the sender.
    let password = Passphrase::for_opening(PASSWORD);
    let saved = Opener::for_links().open(std::fs::read(downloaded).unwrap(), &password);
    assert_eq!(saved.unwrap().content(), ATTACHMENT);
    let reply = world
        .links
        .fetch_reply(&replied.id, &replied.sender, now)
        .await;
    let reply = reply.unwrap().granted().unwrap().message.to_vec();
    let reply = Opener::for_links().open(reply, &password).unwrap();
    let reply = std::str::from_utf8(reply.content()).unwrap();
    assert!(reply.starts_with("Subject: Re: The vault\r\n"), "{reply}");
    // base64 of both.
    assert!(
        reply.contains("TXkgYW5zd2VyIGlzIGEgc2VjcmV0LCB0b28="),
        "{reply}"
    );
    assert!(reply.contains("cXVhcnRlcmx5IGZpZ3VyZXM="), "{reply}");
    assert!(reply.contains("filename*0*=utf-8''report.txt"), "{reply}");
}

/// Its one view is used, so long ago that it cannot be had again.
async fn burn(world: &World, issued: &Issued, at: SystemTime) {
    let view = world
        .links
        .view(&issued.id, at)
        .await
        .unwrap()
        .granted()
        .unwrap();
    let key =
        Opener::for_links().derive(&view.challenge.unwrap(), &Passphrase::for_opening(PASSWORD));
    let (proof, reader) = (
        key.unwrap().access_proof().clone(),
        ReaderToken::from_octets([1; 16]),
    );
    let released = world.links.release(&issued.id, &proof, &reader, at).await;
    assert!(released.unwrap().granted().is_some());
}

/// Runs the browser on it, and wants everything shown.
pub(crate) fn drive(script: &str, world: &Value, folder: &Path, wanted: &[&str]) {
    let description = folder.join("world.json");
    std::fs::write(&description, world.to_string()).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/browser");
    let ran = Command::new("node")
        .arg(scripts.join(script))
        .arg(&description)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{said}");
    let complaint = String::from_utf8_lossy(&ran.stderr);
    let lines = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut shown, mut failed) = (Vec::new(), Vec::new());
    for line in lines {
        let name = line["name"].as_str().unwrap().to_owned();
        if let Some(error) = line["error"].as_str() {
            failed.push(format!("{name}: {error}"));
        }
        shown.push(name);
    }
    assert!(failed.is_empty(), "{}\n{complaint}", failed.join("\n"));
    assert_eq!(shown, wanted, "{complaint}");
    assert!(ran.status.success(), "{complaint}");
}
