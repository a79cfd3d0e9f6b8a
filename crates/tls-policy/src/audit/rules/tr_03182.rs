use crate::audit::{
    Date, Level, Rule, RuleSet, Topic,
    check::{Check, Dkim, Dmarc, OwnFlag, Spf, Zone},
    rule::{attested, left_out, rule},
};

const RESULTS: &str = "add Authentication-Results (RFC 8601) to incoming mail";
const RESOLVER: &str = "use a validating resolver on the same host";
const CHECK: &str = "switch the check on";

const fn own(of: fn(&crate::audit::OwnFacts) -> &crate::audit::Seen<bool>, wanted: bool) -> Check {
    Check::Own(OwnFlag { of, wanted })
}

/// TR-03182 (mail authentication), version 1.0.
pub static TR_03182_1_0: RuleSet = RuleSet {
    id: "TR_03182",
    edition: "1.0",
    title: "BSI TR-03182: mail authentication",
    issued: "2024-01-24",
    from: Date::new(2024, 1, 24),
    replaced: None,
    depends: &[],
    rules: RULES,
    left_out: &[
        left_out(
            "every sending host is in the SPF record, by address if possible (01-M)",
            "nobody tells the audit which hosts send",
        ),
        left_out(
            "wildcard subdomains have SPF records of their own (01-M)",
            "subdomains are not listed by the DNS",
        ),
        left_out(
            "a failed SPF check has consequences (02-M, recommended)",
            "local policy, judged with DMARC (07-M)",
        ),
        left_out(
            "old DKIM keys are removed, selectors can be withdrawn (03-M)",
            "which selectors there were is not known",
        ),
        left_out(
            "only strictly conforming messages are signed and verified (04-M, 05-M, recommended)",
            "no fact of it yet",
        ),
        left_out(
            "aggregate reports are signed with DKIM and come from an address that can be reached (08-M)",
            "no fact of it yet",
        ),
    ],
};

static RULES: &[Rule] = &[
    rule(
        "TR-03182-01-M",
        Level::Must,
        "an SPF record, one and valid",
        "4.2, 01-M",
        "publish one",
        Check::Spf(Spf::Exists),
    ),
    rule(
        "TR-03182-01-M-all",
        Level::Must,
        "it ends in ~all or -all",
        "4.2, 01-M",
        "end it in -all",
        Check::Spf(Spf::Closed),
    ),
    rule(
        "TR-03182-01-M-after",
        Level::Must,
        "nothing comes after all",
        "4.2, 01-M",
        "remove what is after all, as nobody reads it",
        Check::Spf(Spf::NothingAfterAll),
    ),
    rule(
        "TR-03182-01-M-signed",
        Level::Should,
        "the zone is signed",
        "4.2, 01-M",
        "have the zone signed with DNSSEC",
        Check::Dnssec(Zone::Domain),
    ),
    rule(
        "TR-03182-02-M",
        Level::Must,
        "SPF of incoming mail is checked",
        "4.2, 02-M",
        CHECK,
        own(|own| &own.checks_spf, true),
    )
    .own(),
    rule(
        "TR-03182-02-M-resolver",
        Level::Must,
        "with a validating resolver",
        "4.2, 02-M, 05-M",
        RESOLVER,
        own(|own| &own.validating_resolver, true),
    )
    .own(),
    rule(
        "TR-03182-02-M-results",
        Level::Must,
        "what SPF, DKIM and DMARC say is added as Authentication-Results",
        "4.2, 02-M, 05-M, 07-M",
        RESULTS,
        own(|own| &own.authentication_results, true),
    )
    .own(),
    rule(
        "TR-03182-03-M",
        Level::Must,
        "DKIM keys of RSA and of Ed25519",
        "4.2, 03-M",
        "publish a selector for each",
        Check::Dkim(Dkim::Both),
    ),
    rule(
        "TR-03182-03-M-bits",
        Level::Must,
        "RSA of 1024 to 2048 bits",
        "4.2, 03-M",
        "use 2048 bits",
        Check::Dkim(Dkim::RsaBits {
            least: 1024,
            most: 2048,
        }),
    ),
    rule(
        "TR-03182-03-M-age",
        Level::Must,
        "no key is older than six months (here: 184 days)",
        "4.2, 03-M",
        "renew it, or say why not",
        Check::Dkim(Dkim::Age(184)),
    ),
    rule(
        "TR-03182-03-M-rotation",
        Level::Must,
        "keys are renewed every six months (here: 184 days)",
        "4.2, 03-M",
        "renew keys by a timer",
        Check::DkimRotation(184),
    )
    .own(),
    rule(
        "TR-03182-04-M",
        Level::Must,
        "every outgoing message is signed",
        "4.2, 04-M",
        "sign in the last host that changes the message",
        own(|own| &own.signs_all, true),
    )
    .own(),
    rule(
        "TR-03182-04-M-ed25519",
        Level::Must,
        "with Ed25519 at least",
        "4.2, 04-M",
        "sign with both keys",
        own(|own| &own.signs_ed25519, true),
    )
    .own(),
    rule(
        "TR-03182-04-M-oversigned",
        Level::Must,
        "fields are signed once more than they occur, absent ones too",
        "4.2, 04-M",
        "name each field n + 1 times in h=",
        own(|own| &own.oversigns, true),
    )
    .own(),
    rule(
        "TR-03182-04-M-trace",
        Level::Must,
        "trace fields are not signed",
        "4.2, 04-M",
        "leave Received and Return-Path out of h=",
        own(|own| &own.signs_trace, false),
    )
    .own(),
    rule(
        "TR-03182-05-M",
        Level::Must,
        "all DKIM signatures of incoming mail are checked",
        "4.2, 05-M",
        CHECK,
        own(|own| &own.checks_dkim, true),
    )
    .own(),
    rule(
        "TR-03182-05-M-sha1",
        Level::Must,
        "rsa-sha1 counts as invalid",
        "4.2, 05-M",
        "refuse rsa-sha1",
        own(|own| &own.refuses_rsa_sha1, true),
    )
    .own(),
    rule(
        "TR-03182-06-M",
        Level::Must,
        "a DMARC record",
        "4.2, 06-M",
        "publish one",
        Check::Dmarc(Dmarc::Exists),
    ),
    rule(
        "TR-03182-06-M-rua",
        Level::Must,
        "it names where aggregate reports go",
        "4.2, 06-M",
        "add rua",
        Check::Dmarc(Dmarc::Reports),
    ),
    rule(
        "TR-03182-06-M-ruf",
        Level::Should,
        "it asks for no failure reports",
        "4.2, 06-M",
        "remove ruf",
        Check::Dmarc(Dmarc::NoFailureReports),
    ),
    rule(
        "TR-03182-06-M-policy",
        Level::Must,
        "the policy is quarantine or reject",
        "TR-03182-P H-02",
        "raise the policy after reading reports",
        Check::Dmarc(Dmarc::Protects),
    ),
    rule(
        "TR-03182-06-M-reject",
        Level::Should,
        "the policy is reject",
        "4.2, 06-M",
        "raise the policy after reading reports",
        Check::Dmarc(Dmarc::Rejects),
    ),
    rule(
        "TR-03182-06-M-strict",
        Level::Should,
        "alignment is strict",
        "4.2, 06-M",
        "set aspf=s and adkim=s",
        Check::Dmarc(Dmarc::Strict),
    ),
    rule(
        "TR-03182-06-M-signed",
        Level::Should,
        "the zone is signed",
        "4.2, 06-M",
        "have the zone signed with DNSSEC",
        Check::Dnssec(Zone::Domain),
    ),
    rule(
        "TR-03182-07-M",
        Level::Must,
        "DMARC of incoming mail is checked",
        "4.2, 07-M",
        CHECK,
        own(|own| &own.checks_dmarc, true),
    )
    .own(),
    rule(
        "TR-03182-07-M-obeyed",
        Level::Should,
        "the sender's policy is followed, or it is documented why not",
        "4.2, 07-M",
        "follow it",
        Check::OwnOrAttested(
            OwnFlag {
                of: |own| &own.obeys_dmarc,
                wanted: true,
            },
            Topic::DmarcDeviations,
        ),
    )
    .own(),
    rule(
        "TR-03182-08-M",
        Level::Must,
        "aggregate reports are sent",
        "4.2, 08-M",
        "switch them on",
        own(|own| &own.sends_dmarc_reports, true),
    )
    .own(),
    rule(
        "TR-03182-08-M-ruf",
        Level::Must,
        "failure reports (RUF) are never sent, whoever asks",
        "4.2, 08-M",
        "switch failure reports off",
        own(|own| &own.sends_ruf, false),
    )
    .own(),
    rule(
        "TR-03182-09-M",
        Level::Must,
        "reports are received and regularly evaluated",
        "4.2, 09-M, 10-M",
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
        "TR-03182-11-M",
        Level::Must,
        "a domain without mail has a Null MX, SPF that allows nobody, p=reject and rua",
        "4.2, 11-M",
        "publish the three records",
        Check::Unused,
    ),
    attested(
        "TR-03182-12-M",
        Level::Must,
        "a security concept exists and is kept up to date",
        "4.2, 12-M",
        Topic::SecurityConcept,
    ),
    attested(
        "TR-03182-13-M",
        Level::Must,
        "data are protected, and where they are is listed",
        "4.2, 13-M",
        Topic::DataProtection,
    ),
    attested(
        "TR-03182-14-M",
        Level::Must,
        "customers are told of incidents",
        "4.2, 14-M",
        Topic::IncidentNotice,
    ),
    attested(
        "TR-03182-15-M",
        Level::Must,
        "customers are told how their mail is secured",
        "4.2, 15-M",
        Topic::Transparency,
    ),
];
