//! Canonicalization as one would write it from the text of RFC 6376 §3.4, without a thought of
//! speed: what the crate's own is compared with.

pub(crate) fn simple_body(body: &[u8]) -> Vec<u8> {
    let mut text = body.to_vec();
    while text.ends_with(b"\r\n") {
        text.truncate(text.len() - 2);
    }
    text.extend_from_slice(b"\r\n");
    text
}

pub(crate) fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = lines(body).into_iter().map(|l| squeezed(&l)).collect();
    for line in &mut lines {
        if line.ends_with(b" ") {
            line.pop();
        }
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
        .into_iter()
        .flat_map(|line| [line, b"\r\n".to_vec()].concat())
        .collect()
}

/// `field` with its final CRLF; the result has none.
pub(crate) fn simple_field(field: &[u8]) -> Vec<u8> {
    field.strip_suffix(b"\r\n").unwrap_or(field).to_vec()
}

/// `field` with its final CRLF; the result has none.
pub(crate) fn relaxed_field(field: &[u8]) -> Vec<u8> {
    let unfolded = lines(field).concat();
    let colon = unfolded
        .iter()
        .position(|&o| o == b':')
        .unwrap_or(unfolded.len());
    let (name, value) = unfolded.split_at(colon);
    let mut result = squeezed(name);
    while result.ends_with(b" ") {
        result.pop();
    }
    result.make_ascii_lowercase();
    result.push(b':');
    let value = squeezed(value.get(1..).unwrap_or_default());
    result.extend_from_slice(trimmed(&value));
    result
}

fn trimmed(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    text.strip_suffix(b" ").unwrap_or(text)
}

/// Cuts at every CRLF.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut rest = text;
    while let Some((&first, others)) = rest.split_first() {
        if rest.starts_with(b"\r\n") {
            lines.push(Vec::new());
            rest = &rest[2..];
        } else {
            lines.last_mut().unwrap().push(first);
            rest = others;
        }
    }
    lines
}

/// Every run of white space becomes one space.
fn squeezed(line: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    for &octet in line {
        let space = octet == b' ' || octet == b'\t';
        if !space {
            result.push(octet);
        } else if result.last() != Some(&b' ') {
            result.push(b' ');
        }
    }
    result
}
