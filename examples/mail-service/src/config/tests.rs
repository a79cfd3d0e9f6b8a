use super::*;

#[test]
fn the_documented_file_says_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail-service.toml");
    let config = Config::load(&path).unwrap();
    let default = Config::default();
    assert_eq!(
        format!("{:?}", config.limits),
        format!("{:?}", default.limits)
    );
    assert_eq!(
        format!("{:?}", config.listen),
        format!("{:?}", default.listen)
    );
    assert_eq!(config.resolver, default.resolver);
    assert_eq!(config.alarm, default.alarm);
    assert_eq!(config.outbound, default.outbound);
    assert_eq!(config.breach_alerts, default.breach_alerts);
    assert_eq!(config.password, default.password);
    assert_eq!(config.tls.profile, default.tls.profile);
}

#[test]
fn addresses_that_are_delivered_here() {
    let config = Config {
        domains: vec!["B\u{fc}cher.example".into(), "b.test".into()],
        ..Config::default()
    };
    for address in [
        "joe@B.test",
        "j@xn--bcher-kva.example",
        "j@b\u{fc}cher.example",
    ] {
        assert!(config.delivers_to(address), "{address}");
    }
    for address in ["joe@a.b.test", "joe@localhost", "joe", "@b.test", "joe@"] {
        assert!(!config.delivers_to(address), "{address}");
    }
}

#[test]
fn folders_are_made_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        data_dir: folder.path().join("a/b"),
        store: "sqlite:c/mail.db".into(),
        ..Config::default()
    };
    config.prepare().unwrap();
    assert!(config.data_dir.join("c/mail.db").exists());
    // Where a file stands, no folder can be made.
    config.data_dir = config.data_dir.join("c/mail.db");
    let error = config.prepare().unwrap_err().to_string();
    assert!(error.contains("mail.db"), "{error}");
}

#[test]
fn resolvers() {
    let parse = |text: &str| toml::from_str::<Config>(text);
    let servers = parse("resolver = { servers = [\"127.0.0.1:53\"] }").unwrap();
    assert!(matches!(servers.resolver, Resolver::Servers(list) if list.len() == 1));
    let zone = parse("resolver = { zone = \"z.json\" }").unwrap();
    assert_eq!(zone.resolver, Resolver::Zone("z.json".into()));
    let dnssec =
        |text: &str| parse(&format!("[outbound]\ndnssec = {text}")).map(|c| c.outbound.dnssec);
    let ad = dnssec("{ ad = \"127.0.0.1:5353\" }").unwrap();
    assert_eq!(ad, Dnssec::Ad("127.0.0.1:5353".parse().unwrap()));
    let own =
        dnssec("{ validate = { servers = [\"192.0.2.1:53\"], anchors = \"keys\" } }").unwrap();
    assert!(matches!(
        own,
        Dnssec::Validate {
            anchors: Some(_),
            ..
        }
    ));
    assert!(dnssec("{ ad = \"127.0.0.1:53\", anchors = \"keys\" }").is_err());
}

/// The whole chain of what a person reads.
fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}

#[test]
fn errors_name_the_file_and_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    };
    for (text, key) in [
        ("hostnam = \"x\"", "hostnam"),
        ("[limits]\nmessage_octet = 1", "message_octet"),
        ("alarm = \"loud\"", "alarm"),
        ("language = \"fr\"", "language"),
        ("hostname = \"two words\"", "hostname"),
        ("hostname = \"b\u{fc}cher.example\"", "hostname"),
        ("domains = [\"a..b\"]", "domains"),
        ("secure = { \"s.test\" = \"elsewhere.test\" }", "secure"),
        ("secure = { \"localhost\" = \"localhost\" }", "secure"),
        ("[tls]\nprofile = \"weak\"", "profile"),
        ("[outbound]\nport = 0", "outbound.port"),
        (
            "[outbound]\ndnssec = { ad = \"192.0.2.1:53\" }",
            "outbound.dnssec",
        ),
        (
            "[outbound]\ndnssec = { validate = { servers = [] } }",
            "outbound.dnssec",
        ),
        ("[outbound]\nrule = \"x\"", "rule"),
        ("postmaster = \"joe\"", "postmaster"),
        ("postmaster = \"joe@elsewhere.example\"", "postmaster"),
        ("store = \"mail.db\"", "store"),
        ("workers = 0", "workers"),
        ("resolver = { servers = [] }", "resolver.servers"),
        ("[listen]\nsmtp = []\npop3s = []", "listen"),
        ("[listen]\nsmtp = [\"25\"]", "smtp"),
        ("[tls]\nkey = \"k.pem\"", "tls"),
        ("[log]\nfilter = \"loud=nonsense\"", "log.filter"),
        ("[limits]\nline_octets = 100", "limits.line_octets"),
        ("[limits]\nrecipients = 5000", "limits.recipients"),
        (
            "[limits]\nmessage_octets = 1_000_000_000",
            "limits.message_octets",
        ),
        (
            "[limits]\npop3_idle_seconds = 60",
            "limits.pop3_idle_seconds",
        ),
        ("[limits]\npassword_threads = 0", "limits.password_threads"),
    ] {
        let error = told(&load(text).unwrap_err());
        assert!(
            error.contains("my.toml") && error.contains(key),
            "{text}: {error}"
        );
    }
    load("postmaster = \"joe@LOCALHOST\"").unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = told(&Config::load(&path).unwrap_err());
    assert!(
        error.contains("my.toml") && error.contains("No such file"),
        "{error}"
    );
}

/// A slip of the pen in the line with a password does not put it into the log.
#[test]
fn a_password_is_not_shown_with_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    for text in [
        "store = \"postgres://u:secret@h/d\" x",
        "hostname = \"h\"\nstore = \"postgres://u:secret@h/d",
        "store = [\"postgres://u:secret@h/d\"]",
        "store = \"postgre://u:secret@h/d\"",
        "stor = \"postgres://u:secret@h/d\"",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Config::load(&path).unwrap_err();
        let shown = format!("{} {error:?}", told(&error));
        assert!(!shown.contains("secret"), "{shown}");
    }
    // Another line is shown.
    std::fs::write(&path, "hostname = [1]").unwrap();
    let error = told(&Config::load(&path).unwrap_err());
    assert!(error.contains("hostname = [1]"), "{error}");
}
