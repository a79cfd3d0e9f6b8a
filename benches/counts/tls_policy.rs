use std::hint::black_box;
use std::time::{Duration, SystemTime};

use tls_policy::sts::{Cache, Cached, Found, Policy};
use tls_policy::{DaneFact, Facts, Floor, Memory, MemoryFact, MxFact, Proof, StsFact, decide};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "tls-policy/decide-dane",
        ready: || decided(DaneFact::Usable, Floor::Opportunistic),
    },
    Count {
        name: "tls-policy/decide-own-names",
        ready: || decided(DaneFact::Insecure, Floor::Verified),
    },
    Count {
        name: "tls-policy/hundred-of-100-domains",
        ready: || looked_up(100),
    },
    Count {
        name: "tls-policy/hundred-of-100000-domains",
        ready: || looked_up(100_000),
    },
    Count {
        name: "tls-policy/policy",
        ready: || {
            let text = policy();
            Box::new(move || {
                black_box(Policy::from_octets(black_box(text.as_bytes())).is_ok());
            })
        },
    },
];

fn decided(dane: DaneFact, floor: Floor) -> Box<dyn FnMut()> {
    let set = match dane {
        DaneFact::Usable => MxFact::Secure,
        _ => MxFact::Insecure,
    };
    let facts = Facts::new("example.org", "mx.example.org", set)
        .dane(dane)
        .sts(StsFact::None)
        .memory(MemoryFact::Nothing);
    Box::new(move || {
        black_box(decide(black_box(&facts), black_box(floor)));
    })
}

/// Both look-ups and the decision for a hundred of so many domains: one alone would depend on where
/// its hash, which is a different one each time, happens to lie.
fn looked_up(domains: u32) -> Box<dyn FnMut()> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let (mut cache, mut memory) = (Cache::new(200_000), Memory::new(200_000));
    let domain = |at: u32| format!("{at:06}.example.org");
    for at in 0..domains {
        let domain = domain(at);
        if let Ok(policy) = policy().parse() {
            cache.restore(&domain, Cached::new("1", policy, now));
        }
        memory.proved(&domain, Proof::Sts, now);
    }
    let asked: Vec<_> = (0..100).map(|at| domain(at * domains / 100)).collect();
    Box::new(move || {
        for domain in &asked {
            let (domain, mx) = (black_box(domain.as_str()), "mx.example.org");
            let facts = Facts::new(domain, mx, MxFact::Insecure)
                .dane(DaneFact::Insecure)
                .sts(cache.fact(domain, mx, &Found::Unchanged, now))
                .memory(memory.fact(domain, now));
            black_box(decide(&facts, Floor::Opportunistic));
        }
    })
}

fn policy() -> String {
    "version: STSv1\nmode: enforce\nmx: *.example.org\nmx: a.example.net\nmax_age: 604800\n".into()
}
