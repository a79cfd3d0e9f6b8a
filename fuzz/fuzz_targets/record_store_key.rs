//! What reads as a key is made of its parts, and keys are ordered as their parts are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record_store::{Encoder, Key, Parts};

struct List(Vec<Vec<u8>>);

impl Parts for List {
    fn encode(&self, to: &mut Encoder) {
        self.0.iter().for_each(|part| to.part(part));
    }
}

fn parts(key: &Key) -> Vec<Vec<u8>> {
    key.parts().map(|part| part.bytes().to_vec()).collect()
}

fuzz_target!(|data: (&[u8], &[u8])| {
    let (Ok(one), Ok(two)) = (Key::from_bytes(data.0), Key::from_bytes(data.1)) else {
        return;
    };
    let again = Key::new(one.namespace(), List(parts(&one)));
    assert!(again.is_ok_and(|again| again == one));
    if one.namespace() == two.namespace() {
        assert_eq!(one.cmp(&two), parts(&one).cmp(&parts(&two)));
    }
});
