use std::fmt;

macro_rules! reasons {
    ($($name:ident $code:literal $text:literal,)*) => {
        /// Why a [`Finding`](super::Finding) has its verdict.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $text] $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A stable word for it.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// It in a few words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    // Met.
    AsRequired "as-required" "it is as the rule wants it",
    Listed "listed" "all that is offered is listed",
    ListedUntil "listed.until" "all that is offered is listed, some of it to the end of a year",
    UnlistedLast "unlisted.last" "what is not listed is tolerated on port 25, behind what is",
    PhaseOut "phase-out" "some of it is to be phased out",
    // Not met.
    Contrary "contrary" "it is not as the rule wants it",
    Missing "missing" "what the rule wants is not there",
    Unlisted "unlisted" "something is offered that is not listed",
    ListingEnded "listing.ended" "something is offered whose listing has ended",
    UnlistedEarly "unlisted.early" "what is not listed is not behind what is",
    OldVersion "version.old" "a version is offered that must not be used",
    LowVersion "version.low" "no version is offered that is good enough",
    TooShort "too-short" "a key is too short",
    TooLong "too-long" "something is longer than the rule allows",
    Kind "kind" "the kind of a key or signature is not listed",
    Wildcard "wildcard" "a certificate has a wildcard name",
    Untrusted "untrusted" "the chain leads to no public authority",
    WrongName "wrong-name" "the certificate is for other names",
    DnssecInsecure "dnssec.insecure" "the zone is not signed",
    DnssecBogus "dnssec.bogus" "the zone's signatures are wrong",
    TlsaUnsigned "tlsa.unsigned" "the TLSA records are not signed, so they count for nothing",
    TlsaUnusable "tlsa.unusable" "no TLSA record can be used",
    TlsaMismatch "tlsa.mismatch" "no TLSA record matches",
    Absent "absent" "nothing is published",
    Broken "broken" "what is published cannot be used",
    Weak "weak" "what is published demands too little",
    HttpsReports "rua.https" "reports are asked for by https",
    NoMailReports "rua.no-mailto" "no mailbox is named for reports",
    FailureReports "ruf" "failure reports are asked for or sent",
    Depends "depends" "a rule of a set that this one rests on is not met",
    // Not known.
    NotKnown "not-known" "the fact is not known",
    DependsUnknown "depends.unknown" "a rule of a set that this one rests on is not decided",
    Unreadable "unreadable" "a certificate cannot be read",
    Contradiction "contradiction" "the facts contradict each other",
    AttestationMissing "attestation.missing" "nobody has attested it",
    AttestationEnded "attestation.ended" "the attestation does not hold today",
    // Attested.
    Attested "attested" "somebody stands for it",
    // Announced.
    AnnouncedOffered "announced.offered" "what is announced is offered",
    AnnouncedAbsent "announced.absent" "what is announced is not offered yet",
    NotYet "not-yet" "the rule is not in force yet",
    // Not applicable.
    SetNotYet "set.not-yet" "the edition is not in force yet",
    OwnOnly "own-only" "it can only be judged of one's own service",
    NoDomain "no-domain" "no mail domain is audited",
    NoMail "no-mail" "the domain takes no mail",
    Sends "sends" "the domain sends mail, or takes some",
    NotSending "not-sending" "no mail is sent from the domain",
    NoService "no-service" "there is no such service",
    NoTls "no-tls" "the service offers no TLS, which another rule judges",
    NoVersion "no-version" "this version of TLS is not offered",
    NoSuch "no-such" "there is nothing for the rule to judge",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
