//! What parses must print, and what is printed must parse to the same results.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msg_validate::AuthResults;

fuzz_target!(|value: &[u8]| {
    let Ok(results) = AuthResults::parse(value) else {
        return;
    };
    let printed = results.to_string();
    assert_eq!(
        AuthResults::parse(printed.as_bytes()).as_ref(),
        Ok(&results)
    );
    let field = results.to_field();
    // Every line but the first is a fold: nothing is injected.
    assert!(
        field
            .split("\r\n")
            .skip(1)
            .all(|line| line.is_empty() || line.starts_with('\t'))
    );
    assert!(
        !field
            .replace("\r\n\t", "")
            .trim_end()
            .contains(['\r', '\n'])
    );
    let value = field
        .strip_prefix("Authentication-Results:")
        .expect("the name");
    assert_eq!(AuthResults::parse(value.as_bytes()), Ok(results));
});
