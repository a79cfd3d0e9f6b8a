use super::{
    tls::*,
    tr_02102_2::{TR_02102_2_2025_01, TR_02102_2_2026_01},
    tr_03116_4::TR_03116_4_2025,
};
use crate::audit::{
    Date, Level, Protocol, Rule, RuleSet, Topic,
    check::{Check, On, OwnFlag, TlsRpt, Tlsas, What, Zone},
    rule::{attested, left_out, rule},
};

const USERS: &str = "serve SUBMISSIONS on 465, IMAPS on 993 and POP3S on 995";
const TLS: &str = "see the rows of TR-03116-4 and TR-02102-2";
const SIGN: &str = "have the zone signed with DNSSEC";
const OUT: &str = "switch it on in the sending software";
static RESTS_ON: &[&RuleSet] = &[&TR_03116_4_2025, &TR_02102_2_2025_01, &TR_02102_2_2026_01];

/// TR-03108 (secure mail transport), version 2.0.
pub static TR_03108_2_0: RuleSet = RuleSet {
    id: "TR_03108",
    edition: "2.0",
    title: "BSI TR-03108: secure mail transport",
    issued: "2023-06-01",
    from: Date::new(2023, 6, 1),
    replaced: None,
    depends: &[&TR_03116_4_2025, &TR_02102_2_2026_01],
    rules: RULES_2_0,
    left_out: &[
        left_out(
            "the newest edition of TR-03116-4 is applied each year (footnote to 01-M)",
            "that is what dated sets are for; which editions a report used is in its head",
        ),
        left_out(
            "ISO 27001 (13-M, recommended)",
            "attested as part of the security concept, if at all",
        ),
        left_out(
            "the label: its assurances, term and fee, two-factor login, password rules",
            "not in TR-03108, or only known at second hand",
        ),
    ],
};

static RULES_2_0: &[Rule] = &[
    rule(
        "TR-03108-01-M",
        Level::Must,
        "what users connect to has TLS as in TR-03116-4",
        "4.2, 01-M",
        TLS,
        Check::Sets(RESTS_ON, On::Users),
    ),
    rule(
        "TR-03108-01-M-implicit",
        Level::Must,
        "SUBMISSIONS, IMAPS and POP3S are there",
        "4.2, 01-M",
        USERS,
        Check::Exist(&[Protocol::Submissions, Protocol::Imaps, Protocol::Pop3s]),
    ),
    rule(
        "TR-03108-01-M-encouraged",
        Level::Must,
        "SRV, autoconfig or Autodiscover lead users to them",
        "4.2, 01-M",
        "publish SRV records of _submissions, _imaps and _pop3s, and serve autoconfig",
        Check::Encouraged,
    ),
    attested(
        "TR-03108-01-M-documented",
        Level::Must,
        "documentation leads users to them",
        "4.2, 01-M",
        Topic::UserDocumentation,
    ),
    attested(
        "TR-03108-01-M-premises",
        Level::Must,
        "these services run on the operator's own premises",
        "4.2, 01-M",
        Topic::OnPremises,
    ),
    rule(
        "TR-03108-01-M-webmail",
        Level::Must,
        "webmail by HTTPS only",
        "4.2, 01-M",
        "redirect HTTP to HTTPS, and serve nothing else by HTTP",
        Check::Own(OwnFlag {
            of: |own| &own.webmail_https_only,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-01-M-bounces",
        Level::Must,
        "failures are returned in words for laymen, with a code of RFC 3463",
        "4.2, 01-M",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.bounces_explain,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-02-R",
        Level::Should,
        "STARTTLS on 587, 143 and 110",
        "4.2, 02-R",
        "offer STARTTLS beside implicit TLS",
        Check::ExistWithStarttls(&[Protocol::Submission, Protocol::Imap, Protocol::Pop3]),
    ),
    rule(
        "TR-03108-03-M",
        Level::Must,
        "MX hosts offer STARTTLS",
        "4.2, 03-M",
        "switch on STARTTLS on port 25",
        Check::Starttls(On::Mx),
    ),
    rule(
        "TR-03108-03-M-pfs",
        Level::Must,
        "they prefer suites with forward secrecy",
        "4.2, 03-M",
        "let the server's order decide, ECDHE first",
        Check::ForwardSecrecyFirst(On::Mx),
    ),
    rule(
        "TR-03108-03-M-tls",
        Level::Must,
        "they have TLS as in TR-03116-4, with what 4.3.2 tolerates",
        "4.2, 03-M; 4.3.2",
        TLS,
        Check::Sets(RESTS_ON, On::Mx),
    ),
    rule(
        "TR-03108-04-M-resolver",
        Level::Must,
        "answers of the DNS are validated",
        "4.2, 04-M",
        "use a validating resolver on the same host",
        Check::Own(OwnFlag {
            of: |own| &own.validating_resolver,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-04-M",
        Level::Must,
        "outgoing mail uses STARTTLS where it is offered",
        "4.2, 04-M",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_starttls,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-04-M-pfs",
        Level::Should,
        "and prefers suites with forward secrecy",
        "4.2, 04-M",
        "offer ECDHE first",
        Check::ClientForwardSecrecyFirst,
    )
    .own(),
    rule(
        "TR-03108-05-M-domain",
        Level::Must,
        "the domain's zone is signed",
        "4.2, 05-M",
        SIGN,
        Check::Dnssec(Zone::Domain),
    ),
    rule(
        "TR-03108-05-M-set",
        Level::Must,
        "so is the way to its MX records, aliases included",
        "4.2, 05-M",
        SIGN,
        Check::Dnssec(Zone::MxSet),
    ),
    rule(
        "TR-03108-05-M-mx",
        Level::Must,
        "the zones of its MX hosts are signed",
        "4.2, 05-M",
        SIGN,
        Check::Dnssec(Zone::MxHosts),
    ),
    rule(
        "TR-03108-05-M-tlsa",
        Level::Must,
        "each MX host has a usable TLSA record",
        "4.2, 05-M",
        "publish TLSA records at _25._tcp of each MX host",
        Check::Tlsa(Tlsas::Usable),
    ),
    rule(
        "TR-03108-05-M-match",
        Level::Must,
        "one of them matches",
        "4.2, 05-M",
        "publish the record of the next key before the key is used",
        Check::Tlsa(Tlsas::Matching),
    ),
    rule(
        "TR-03108-05-M-two",
        Level::May,
        "one of usage 3 and one of usage 2",
        "4.2, remarks to 05-M",
        "publish both",
        Check::Tlsa(Tlsas::EndEntityAndAuthority),
    ),
    rule(
        "TR-03108-05-M-ttl",
        Level::May,
        "a TTL of about 600 s (here: 300 to 900)",
        "4.2, remarks to 05-M",
        "set the TTL to 600",
        Check::Tlsa(Tlsas::Ttl {
            least: 300,
            most: 900,
        }),
    ),
    rule(
        "TR-03108-06-M",
        Level::Must,
        "outgoing mail follows DANE and is not sent where it fails",
        "4.2, 06-M",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_dane,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-07-R",
        Level::Should,
        "an MTA-STS policy is published",
        "4.2, 07-R",
        "publish record and policy, and go from testing to enforce",
        Check::Sts,
    ),
    rule(
        "TR-03108-08-R",
        Level::Should,
        "outgoing mail follows MTA-STS",
        "4.2, 08-R",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_sts,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-08-R-wildcards",
        Level::Should,
        "a policy host's wildcard certificate is not taken, unlike RFC 8461 has it",
        "4.2, 08-R",
        "have the fetcher refuse wildcards",
        Check::Own(OwnFlag {
            of: |own| &own.sts_takes_wildcards,
            wanted: false,
        }),
    )
    .own(),
    rule(
        "TR-03108-09-M",
        Level::Must,
        "TLS reports are sent to whoever asks for them",
        "4.2, 09-M",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_tlsrpt,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-09-M-signed",
        Level::Must,
        "mailed reports are signed with DKIM",
        "TR-03108-P H-07",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.signs_tlsrpt,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-09-M-despite",
        Level::May,
        "reports are delivered even if DANE or MTA-STS fails",
        "4.2, remarks to 09-M",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.tlsrpt_despite_failures,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-10-M",
        Level::Must,
        "a TLSRPT record is published",
        "4.2, 10-M",
        "publish a record at _smtp._tls",
        Check::TlsRpt(TlsRpt::Exists),
    ),
    rule(
        "TR-03108-10-M-mailto",
        Level::Must,
        "its rua has a mailto",
        "4.2, 10-M",
        "name a mailbox",
        Check::TlsRpt(TlsRpt::Mailto),
    ),
    rule(
        "TR-03108-10-M-no-https",
        Level::Must,
        "its rua has no https",
        "4.2, 10-M",
        "leave the https URI out",
        Check::TlsRpt(TlsRpt::NoHttps),
    ),
    rule(
        "TR-03108-10-M-mailbox",
        Level::Should,
        "the host of the mailbox has neither TLSA records nor MTA-STS",
        "4.2, 10-M",
        "use a domain for reports that has neither",
        Check::TlsRpt(TlsRpt::MailboxNotForced),
    ),
    rule(
        "TR-03108-11-R",
        Level::Should,
        "reports are evaluated",
        "4.2, 11-R",
        "have a program read them",
        Check::OwnOrAttested(
            OwnFlag {
                of: |own| &own.reads_reports,
                wanted: true,
            },
            Topic::ReportsEvaluated,
        ),
    )
    .own(),
    rule(
        "TR-03108-12-R",
        Level::Should,
        "certificates come from an authority as in TR-03116-4",
        "4.2, 12-R",
        "choose one, and keep a list",
        Check::OwnOrAttested(
            OwnFlag {
                of: |own| &own.listed_issuers,
                wanted: true,
            },
            Topic::CertificateAuthority,
        ),
    )
    .own(),
    attested(
        "TR-03108-13-M",
        Level::Must,
        "a security concept exists and is kept up to date",
        "4.2, 13-M",
        Topic::SecurityConcept,
    ),
    attested(
        "TR-03108-14-M",
        Level::Must,
        "data are protected, and where they are is listed",
        "4.2, 14-M",
        Topic::DataProtection,
    ),
    attested(
        "TR-03108-15-M",
        Level::Must,
        "customers are told of incidents",
        "4.2, 15-M",
        Topic::IncidentNotice,
    ),
    attested(
        "TR-03108-16-M",
        Level::Must,
        "customers are told which providers are as secure",
        "4.2, 16-M",
        Topic::Transparency,
    ),
    rule(
        "TR-03108-16-M-shown",
        Level::May,
        "and can see how a single message would go",
        "4.2, 16-M",
        "show it where mail is written",
        Check::Own(OwnFlag {
            of: |own| &own.shows_secure_peers,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "TR-03108-4.3.1",
        Level::Must,
        "sessions are not ended after 48 hours",
        "4.3.1",
        "leave the limit of TR-03116-4 out",
        Check::Own(OwnFlag {
            of: |own| &own.session_limit_48h,
            wanted: false,
        }),
    )
    .own(),
    rule(
        "TR-03108-4.3.2",
        Level::May,
        "on port 25 what is not listed comes last",
        "4.3.2",
        "let the server's order decide, and put it last",
        Check::UnlistedLast(&[
            (What::Suites12, SUITES12),
            (What::Suites13, SUITES13),
            (What::Groups12, GROUPS12),
            (What::Groups13, GROUPS13),
        ]),
    ),
];

/// TR-03108, version 1.0.2, for whoever declared conformity with it.
pub static TR_03108_1_0_2: RuleSet = RuleSet {
    id: "TR_03108",
    edition: "1.0.2",
    title: "BSI TR-03108: secure mail transport",
    issued: "before 2023-06-01",
    from: None,
    replaced: Some(("2.0", Date::first_of(2023, 6))),
    depends: &[&TR_03116_4_2025, &TR_02102_2_2026_01],
    rules: RULES_1_0_2,
    left_out: &[
        left_out(
            "TLS parameters on port 25",
            "what this version tolerates there is not known",
        ),
        left_out(
            "MTA-STS, TLSRPT, SRV records",
            "this version does not ask for them",
        ),
    ],
};

static RULES_1_0_2: &[Rule] = &[
    rule(
        "EMLREQ_1",
        Level::Must,
        "what users connect to has TLS",
        "EMLREQ_1",
        TLS,
        Check::Sets(RESTS_ON, On::Users),
    ),
    rule(
        "EMLREQ_2",
        Level::Must,
        "MX hosts offer STARTTLS",
        "EMLREQ_2",
        "switch on STARTTLS on port 25",
        Check::Starttls(On::Mx),
    ),
    rule(
        "EMLREQ_3",
        Level::Must,
        "outgoing mail uses STARTTLS where it is offered",
        "EMLREQ_3",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_starttls,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "EMLREQ_4-domain",
        Level::Must,
        "the domain's zone is signed",
        "EMLREQ_4",
        SIGN,
        Check::Dnssec(Zone::Domain),
    ),
    rule(
        "EMLREQ_4-mx",
        Level::Must,
        "the zones of its MX hosts are signed",
        "EMLREQ_4",
        SIGN,
        Check::Dnssec(Zone::MxHosts),
    ),
    rule(
        "EMLREQ_4",
        Level::Must,
        "each MX host has a usable TLSA record",
        "EMLREQ_4",
        "publish TLSA records at _25._tcp of each MX host",
        Check::Tlsa(Tlsas::Usable),
    ),
    rule(
        "EMLREQ_5",
        Level::Must,
        "outgoing mail follows DANE",
        "EMLREQ_5",
        OUT,
        Check::Own(OwnFlag {
            of: |own| &own.sends_dane,
            wanted: true,
        }),
    )
    .own(),
    rule(
        "EMLREQ_6",
        Level::Should,
        "certificates come from an authority that fulfils the guideline",
        "EMLREQ_6",
        "choose one, and keep a list",
        Check::OwnOrAttested(
            OwnFlag {
                of: |own| &own.listed_issuers,
                wanted: true,
            },
            Topic::CertificateAuthority,
        ),
    )
    .own(),
    attested(
        "security-concept",
        Level::Must,
        "a security concept exists and is kept up to date",
        "duties",
        Topic::SecurityConcept,
    ),
    attested(
        "privacy",
        Level::Must,
        "data are protected, and where they are is listed",
        "duties",
        Topic::DataProtection,
    ),
    attested(
        "information",
        Level::Must,
        "customers are told of incidents",
        "duties",
        Topic::IncidentNotice,
    ),
    attested(
        "transparency",
        Level::Must,
        "customers are told how their mail is secured",
        "duties",
        Topic::Transparency,
    ),
];
