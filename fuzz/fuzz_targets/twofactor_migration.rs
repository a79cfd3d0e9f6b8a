//! Exports: a URI as it comes, and messages inside of a sound one. What was read is written and read again, but for the
//! numbers of its row.
#![no_main]

use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use twofactor::otp::migration::{Account, Batch, MAX_ACCOUNTS, parse, write};

fuzz_target!(|data: &[u8]| {
    let prefix = "otpauth-migration://offline?data=";
    let wrapped = format!("{prefix}{}", BASE64URL_NOPAD.encode(data));
    for text in [std::str::from_utf8(data).ok(), Some(&*wrapped)] {
        if let Some(Ok(batch)) = text.map(parse) {
            assert!(batch.index < batch.size);
            assert!(batch.accounts.len() + batch.skipped.len() <= MAX_ACCOUNTS);
            again(&batch);
        }
    }
});

fn again(batch: &Batch) {
    let accounts: Vec<Account<'_>> = batch
        .accounts
        .iter()
        .map(|read| Account {
            otp: &read.otp,
            issuer: read.issuer.as_ref(),
            label: &read.label,
            counter: read.counter.unwrap_or(0),
        })
        .collect();
    let written = write(&accounts).expect("what was read can be written");
    let batches: Vec<Batch> = written
        .iter()
        .map(|uri| parse(uri).expect("what was written can be read"))
        .collect();
    let read = batches.iter().flat_map(|batch| &batch.accounts);
    assert!(read.eq(&batch.accounts));
    for (at, batch) in batches.iter().enumerate() {
        assert_eq!(
            (batch.index as usize, batch.size as usize),
            (at, written.len())
        );
        assert!(batch.skipped.is_empty());
    }
}
