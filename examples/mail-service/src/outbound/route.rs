//! Which hosts a letter may go to.

use super::report::Why;
use dane_tlsa::{HostLookup, Lookup, LookupFailure, Route, Walked};
use mail_dns::{Name, Record, RecordType};

/// The hosts to try, best first, or why there is none.
pub(super) fn hosts<'a>(walked: &'a Walked, own: &Name) -> Result<Vec<&'a HostLookup>, Why> {
    match walked.route {
        Route::NullMx => {
            return Err(Why::new(
                "5.1.10",
                "mx.null",
                "the domain says that it takes no mail",
            ));
        }
        Route::NoSuchDomain => {
            return Err(Why::new(
                "5.1.2",
                "mx.no-such-domain",
                "there is no such domain",
            ));
        }
        Route::Failed(why) => {
            return Err(Why::new(
                "4.4.3",
                "mx.failed",
                format!("the mail hosts could not be looked up: {why}"),
            ));
        }
        Route::Hosts => {}
    }
    let hosts = without_loops(walked, own);
    if hosts.is_empty() {
        let text = "the best mail host of the domain is this one, which has no mailbox of it";
        return Err(Why::new("5.4.6", "mx.loop", text));
    }
    // RFC 5321 §5.1: a domain with neither MX nor address records, or whose hosts have no address,
    // is an error for good.
    let nowhere = |host: &&HostLookup| is_nowhere(host);
    if hosts.iter().all(nowhere) {
        return Err(Why::new(
            "5.4.4",
            "mx.no-address",
            "no mail host of the domain has an address",
        ));
    }
    Ok(hosts.into_iter().filter(|host| !is_nowhere(host)).collect())
}

fn is_nowhere(host: &HostLookup) -> bool {
    host.lookup == Lookup::Failed(LookupFailure::NoAddress)
}

/// RFC 5321 §5.1: where this host is among them, it and all that are not better are left out, or
/// mail would go in circles.
fn without_loops<'a>(walked: &'a Walked, own: &Name) -> Vec<&'a HostLookup> {
    let exchangers = walked
        .steps
        .iter()
        .filter(|step| step.query.record_type == RecordType::Mx);
    let preference = |host: &Name| {
        let records = exchangers.clone().flat_map(|step| step.answer.iter());
        let of_host = records.filter_map(|record| match record {
            Record::Mx(mx) if mx.exchange == *host => Some(mx.preference),
            _ => None,
        });
        // A domain without MX records is its own host, with preference 0.
        of_host.min().unwrap_or(0)
    };
    let ours = walked.hosts.iter().filter(|host| host.host == *own);
    let limit = ours.map(|host| preference(&host.host)).min();
    let better = |host: &&HostLookup| limit.is_none_or(|limit| preference(&host.host) < limit);
    walked.hosts.iter().filter(better).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane_tlsa::Walk;
    use mail_dns::{Security, Zone};
    use std::time::{Instant, SystemTime};

    fn unsigned() -> Zone {
        Zone::new().with_security(Security::Insecure)
    }

    fn of(zone: Zone) -> Result<Vec<String>, &'static str> {
        let walk =
            Walk::mail("b.test".parse().unwrap()).with_insecure_mx(dane_tlsa::InsecureMx::Ask);
        let walked = walk.run(&zone, SystemTime::UNIX_EPOCH, Instant::now());
        let walked = pollster::block_on(walked);
        let own = "mx.a.test".parse().unwrap();
        match hosts(&walked, &own) {
            Ok(hosts) => Ok(hosts.iter().map(|host| host.host.to_string()).collect()),
            Err(why) => Err(why.code),
        }
    }

    fn zone(exchangers: &[(u16, &str)]) -> Zone {
        let mut zone = unsigned();
        for (preference, host) in exchangers {
            zone = zone.mx("b.test", *preference, host).unwrap();
            if *host != "." && !host.starts_with("nowhere") {
                zone = zone.address(host, [127, 0, 0, 1]).unwrap();
            }
        }
        zone
    }

    #[test]
    fn routes() {
        let names = |names: &[&str]| Ok(names.iter().map(|&n| n.to_owned()).collect());
        assert_eq!(of(unsigned()), Err("mx.no-such-domain"));
        assert_eq!(of(zone(&[(0, ".")])), Err("mx.null"));
        let silent = unsigned().timeout("b.test").unwrap();
        assert_eq!(of(silent), Err("mx.failed"));
        // RFC 5321 §5.1: no MX record, so the domain itself.
        let implicit = unsigned().address("b.test", [127, 0, 0, 1]).unwrap();
        assert_eq!(of(implicit), names(&["b.test"]));
        let text = unsigned().txt("b.test", "no address").unwrap();
        assert_eq!(of(text), Err("mx.no-address"));
        assert_eq!(
            of(zone(&[(20, "two.test"), (10, "one.test")])),
            names(&["one.test", "two.test"])
        );
        assert_eq!(
            of(zone(&[(1, "nowhere.test"), (2, "two.test")])),
            names(&["two.test"])
        );
        assert_eq!(of(zone(&[(1, "nowhere.test")])), Err("mx.no-address"));
    }

    #[test]
    fn nothing_goes_in_circles() {
        let names = |names: &[&str]| Ok(names.iter().map(|&n| n.to_owned()).collect());
        assert_eq!(of(zone(&[(10, "mx.a.test")])), Err("mx.loop"));
        assert_eq!(
            of(zone(&[(10, "mx.a.test"), (20, "two.test")])),
            Err("mx.loop")
        );
        assert_eq!(
            of(zone(&[(10, "mx.a.test"), (10, "same.test")])),
            Err("mx.loop")
        );
        let backup = zone(&[
            (5, "one.test"),
            (10, "MX.a.test"),
            (10, "same.test"),
            (20, "two.test"),
        ]);
        assert_eq!(of(backup), names(&["one.test"]));
        // The mutation: to whom the name is not its own, all of them are hosts.
        assert_eq!(
            of(zone(&[(10, "mx.c.test"), (20, "two.test")])),
            names(&["mx.c.test", "two.test"])
        );
    }
}
