//! Keyboards: which keys lie side by side.

/// The four rows of a keyboard, without and with the shift key. A key stands below the one to the right of it, as `q` below
/// `1` and `a` below `q`; a blank is no key.
struct Layout {
    plain: [&'static str; 4],
    shifted: [&'static str; 4],
}

const LAYOUTS: &[Layout] = &[
    // QWERTY, United States.
    Layout {
        plain: ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"],
        shifted: ["!@#$%^&*()_+", "          {}", "         :\"", "       <>?"],
    },
    // QWERTZ, Germany.
    Layout {
        plain: ["1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "yxcvbnm,.-"],
        shifted: [
            "!\"§$%&/()=?`",
            "           *",
            "           '",
            "       ;:_",
        ],
    },
    // AZERTY, France.
    Layout {
        plain: [
            "&é\"'(-è_çà)=",
            "azertyuiop^$",
            "qsdfghjklmù*",
            "wxcvbn,;:!",
        ],
        shifted: ["1234567890°+", "          ¨£", "          %µ", "      ?./§"],
    },
    // Dvorak, United States.
    Layout {
        plain: ["1234567890[]", "',.pyfgcrl/=", "aoeuidhtns-", ";qjkxbmwvz"],
        shifted: ["!@#$%^&*(){}", "\"<>       ?+", "          _", ":         "],
    },
    // The digits of a keypad.
    Layout {
        plain: ["789", "456", "123", "0"],
        shifted: ["", "", "", ""],
    },
];

/// How many keys at the beginning of a text, in lower case, lie in one line on one of the keyboards.
pub(super) fn walk(text: &[char]) -> usize {
    let on = |layout| in_line(layout, text);
    LAYOUTS.iter().map(on).max().unwrap_or(0)
}

fn in_line(layout: &Layout, text: &[char]) -> usize {
    let mut keys = text.iter().map_while(|c| key(layout, *c));
    let (Some(first), Some(second)) = (keys.next(), keys.next()) else {
        return 0;
    };
    let direction = (second.0 - first.0, second.1 - first.1);
    if direction == (0, 0) || direction.0.abs() > 1 || direction.1.abs() > 1 {
        return 0;
    }
    let mut last = second;
    let on = |key: &(i32, i32)| {
        let goes_on = (key.0 - last.0, key.1 - last.1) == direction;
        last = *key;
        goes_on
    };
    2 + keys.take_while(on).count()
}

/// The row and the place of a key.
fn key(layout: &Layout, typed: char) -> Option<(i32, i32)> {
    if typed == ' ' {
        return None;
    }
    let rows = [&layout.plain, &layout.shifted];
    rows.into_iter()
        .flat_map(|rows| (0..).zip(rows))
        .find_map(|(row, keys)| {
            let at = (0..).zip(keys.chars()).find(|(_, key)| *key == typed);
            at.map(|(place, _)| (row, place))
        })
}
