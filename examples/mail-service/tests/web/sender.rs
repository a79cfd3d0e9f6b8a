//! The sender's side: the program seals, and looks after its links.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::world::{PASSWORD, SEALED, World};
use symmetric_seal::link::{LinkId, LinkSecret, ReaderToken};
use symmetric_seal::{Opener, Passphrase, Sealer};

/// The program, with these lines on its standard input.
fn program(world: &World, arguments: &[&str], lines: &str) -> Output {
    let config = world.folder().join("mail-service.toml");
    let port = world.https().port();
    let text = format!(
        "hostname = \"mail.b.test\"\ndomains = [\"b.test\"]\nresolver = {{ zone = \"zone.json\" }}\n\
         [listen]\nhttps = [\"127.0.0.1:{port}\"]\n[web]\nsealed_host = \"{SEALED}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let (command, rest) = arguments.split_first().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mail-service"))
        .arg(command)
        .arg("--config")
        .arg(&config)
        .args(rest)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn told(output: &Output, name: &str) -> String {
    let stderr = text(&output.stderr);
    let line = stderr.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name}: {stderr}"))
        .trim()
        .to_owned()
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sealed_read_answered_and_looked_after() {
    let world = World::new().await;
    world.account().await;
    let (body, file) = (
        write(&world.folder(), "body.txt", "Dear Bob, 4711.\n"),
        write(&world.folder(), "plan.txt", "the plan of the vault"),
    );
    let arguments = [
        "seal",
        "--from",
        "alice@b.test",
        "--to",
        "bob@example.net",
        "--subject",
        "The vault",
        "--text",
        &body,
        "--hint",
        "our café",
        "--bind-link",
        "--print",
        &file,
    ];
    let sealed = program(&world, &arguments, &format!("{PASSWORD}\n"));
    assert!(sealed.status.success(), "{}", text(&sealed.stderr));
    let url = told(&sealed, "link:");
    let token = told(&sealed, "token:");

    // The mail holds the link, and nothing of the message.
    let mail = text(&sealed.stdout);
    let (page, secret) = url.split_once('#').unwrap();
    assert!(page.starts_with(&format!("https://{SEALED}:{}/s/", world.https().port())));
    for hidden in [PASSWORD, "The vault", "4711", "plan.txt", token.as_str()] {
        assert!(!mail.contains(hidden), "{hidden}: {mail}");
    }
    assert!(mail.contains("To: <bob@example.net>\r\n"));

    // What the reader finds there.
    let id: LinkId = page.rsplit('/').next().unwrap().parse().unwrap();
    let view = world
        .links
        .view(&id, world.now())
        .await
        .unwrap()
        .granted()
        .unwrap();
    assert!(view.bound);
    let secret: LinkSecret = secret.parse().unwrap();
    let password = Passphrase::for_sealing(PASSWORD).unwrap().bound_to(&secret);
    let key = Opener::for_links()
        .derive(&view.challenge.unwrap(), &password)
        .unwrap();
    let reader = ReaderToken::from_octets([5; 16]);
    let released = world
        .links
        .release(&id, key.access_proof(), &reader, world.now())
        .await;
    let message = released.unwrap().granted().unwrap().message.to_vec();
    let opened = Opener::for_links().open_with(message, &key).unwrap();
    let letter = text(opened.content());
    assert!(
        letter.contains("Subject: The vault\r\n") && letter.contains("4711"),
        "{letter}"
    );
    assert!(letter.contains("plan.txt"), "{letter}");
    let reply = Sealer::new()
        .seal(b"Subject: Re\r\n\r\nThank you", &password)
        .unwrap();
    let kept = world
        .links
        .reply(&id, &reader, reply.message(), world.now())
        .await;
    assert!(kept.unwrap().granted().is_some());

    // And the sender again. What waits for his mailbox bears the label that he was told.
    let label = told(&sealed, "label:");
    let waiting = world.links.waiting(None, None, world.now()).await.unwrap();
    assert_eq!(waiting.outstanding.len(), 2);
    for one in &waiting.outstanding {
        assert_eq!(*one.link(), id.key());
        assert_eq!(label, mail_service::receipts::label(&id));
    }
    let link = |care: &[&str], lines: &str| {
        let arguments = [&["link", url.as_str()], care].concat();
        program(&world, &arguments, lines)
    };
    let token_line = format!("{token}\n");
    let status = link(&["status"], &token_line);
    let said = text(&status.stdout);
    assert!(
        said.contains("opened 0.0 days ago") && said.contains("reply: 0.0 days ago"),
        "{said}"
    );
    let target = world.folder().join("reply.eml").display().to_string();
    let wrong = link(&["reply", &target], &format!("{token}\nsomething else\n"));
    assert!(!wrong.status.success() && !Path::new(&target).exists());
    let right = link(&["reply", &target], &format!("{token}\n{PASSWORD}\n"));
    assert!(right.status.success(), "{}", text(&right.stderr));
    assert!(
        std::fs::read_to_string(&target)
            .unwrap()
            .ends_with("Thank you")
    );
    let stranger = link(&["revoke"], "AAAAAAAAAAAAAAAAAAAAAA\n");
    assert!(text(&stranger.stderr).contains("link.not-sender"));
    assert!(link(&["extend", "40"], &token_line).status.success());
    assert!(link(&["revoke"], &token_line).status.success());
    assert!(text(&link(&["status"], &token_line).stdout).starts_with("Revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sealed_or_sent_leaves_nothing_behind() {
    let world = World::new().await;
    world.account().await;
    let seal = |from: &str, extra: &[&str], lines: &str| {
        let common = ["seal", "--from", from, "--subject", "x"];
        let to = match extra.contains(&"--to") {
            true => &[][..],
            false => &["--to", "bob@example.net"],
        };
        program(&world, &[&common[..], to, extra].concat(), lines)
    };
    let refused = |output: Output, why: &str| {
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{said}");
    };
    let right = format!("{PASSWORD}\n");
    refused(
        seal("alice@b.test", &["--print"], "short\n"),
        "shorter than 8",
    );
    refused(
        seal("alice@elsewhere.test", &["--print"], &right),
        "none of the domains",
    );
    // Whom the page says is told of a reply has to be somebody.
    refused(
        seal("nobody@b.test", &["--print"], &right),
        "nobody@b.test has no mailbox here",
    );
    refused(
        seal("alice@b.test", &["--print", "/nonexistent"], &right),
        "/nonexistent",
    );
    refused(
        seal("alice@b.test", &["--print", "--days", "400"], &right),
        "366 days",
    );
    // The zone of this world has no such domain.
    refused(
        seal("alice@b.test", &[], &right),
        "the message is taken back",
    );
    // Nobody is there, and then somebody.
    let here = ["--to", "carol@b.test"];
    refused(seal("alice@b.test", &here, &right), "no such mailbox here");
    let password = mail_service::Chosen::unchecked("long enough");
    let accounts = mail_service::Accounts::new(world.store.clone());
    let added = accounts.add("carol@b.test", &password, world.now());
    added.await.unwrap();
    let sent = seal("alice@b.test", &here, &right);
    let said = text(&sent.stdout);
    assert!(
        sent.status.success() && said.contains("delivered here"),
        "{said}"
    );
    let made = seal("alice@b.test", &["--print", "--generate"], "");
    assert_eq!(
        told(&made, "password, to be told by another way:")
            .split(['-', ' '])
            .count(),
        7
    );
}
