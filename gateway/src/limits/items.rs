//! How many things a body holds: the elements of its array, without reading what they are. Pure.

/// The elements of a JSON array, 1 of anything else. Of what is no JSON the count is some number; its reader refuses it.
pub fn count(body: &[u8]) -> u64 {
    let mut bytes = body.iter().copied().skip_while(u8::is_ascii_whitespace);
    if bytes.next() != Some(b'[') {
        return 1;
    }
    let (mut depth, mut commas, mut any) = (0_u32, 0_u64, false);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_text, any) = (true, true),
            b'[' | b'{' => (depth, any) = (depth + 1, true),
            b']' if depth == 0 => break,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => commas += 1,
            _ => any |= !byte.is_ascii_whitespace(),
        }
    }
    if any { commas + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_an_array_are_counted_whatever_they_hold() {
        for (body, expected) in [
            ("[]", 0),
            (" [ ] ", 0),
            ("[1]", 1),
            (r#" [{"a": [1, 2, {"b": ","}]}, "x,\"],", 3] "#, 3),
            (r#"[{"message": "a \\"}, {"message": ", ["}]"#, 2),
            (r#"{"a": [1, 2]}"#, 1),
            ("", 1),
        ] {
            assert_eq!(count(body.as_bytes()), expected, "{body}");
        }
    }
}
