//! What a server does with the futures: it sends them to other threads.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::Memory;
use twofactor::otp::{Label, Parameters};
use twofactor::{
    Checked, Client, Confirmed, First, Keyring, ProtocolLogin, Scope, Second, Subject, TwoFactor,
    UserId,
};

fn sent<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    std::thread::spawn(|| pollster::block_on(future))
        .join()
        .unwrap()
}

#[test]
fn futures_can_be_sent() {
    let keyring = Keyring::new(1, [7; 32]);
    let two = TwoFactor::builder(Arc::new(Memory::new()))
        .keys(keyring)
        .issuer("Test");
    let two = Arc::new(two.build().unwrap());
    let now = SystemTime::UNIX_EPOCH;
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let shared = two.clone();
    let first = sent(async move {
        let user = UserId::new("ann").unwrap();
        let (subject, client) = (Subject::Known(&user), Client::web(address, None));
        let verify = async || Checked::Right;
        shared
            .first_factor(&subject, &client, now, verify)
            .await
            .unwrap()
    });
    assert!(matches!(first, First::Passed(_)));
    let shared = two.clone();
    let login = sent(async move {
        let user = UserId::new("ann").unwrap();
        let label = Label::new("ann").unwrap();
        let begun = shared.enrol(&user, &label, Parameters::totp(), now).await;
        let id = begun.unwrap().id();
        let confirmed = shared.confirm(&user, &id, "no code", None, now).await;
        assert!(matches!(confirmed, Ok(Confirmed::Refused(_))));
        shared.erase(&user, now).await.unwrap();
        shared.rebind_password(&user, now).await.unwrap();
        assert!(shared.renew_recovery(&user, now).await.is_err());
        let overview = shared.overview(&user, now).await.unwrap();
        assert!(overview.devices.is_empty());
        let (subject, client) = (Subject::Known(&user), Client::mail(address));
        let verify = async || Checked::Right;
        let login = shared.protocol_login(&subject, &client, Scope::Imap, "a", now, verify);
        login.await.unwrap()
    });
    assert!(matches!(login, ProtocolLogin::Passed(_)));
    let shared = two.clone();
    let _ = |pending: twofactor::Pending| {
        sent(async move {
            let client = Client::mail(address);
            shared
                .recovery_code(&pending, &client, "", now)
                .await
                .is_ok()
        })
    };
    let _ = |pending: twofactor::Pending| {
        sent(async move {
            let client = Client::mail(address);
            matches!(
                two.code(&pending, &client, "123 456", now).await,
                Ok(Second::Passed(_))
            )
        })
    };
}
