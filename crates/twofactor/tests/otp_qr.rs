//! QR codes: three renderings of the same modules, read back.
#![allow(missing_docs, clippy::unwrap_used)]

use twofactor::otp::{Background, Issuer, Label, Otp, Parameters, Qr, QrError, Secret, migration};

const URI: &str =
    "otpauth://totp/Example:alice%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Example";

/// Dark modules, row by row, with the quiet zone.
type Modules = Vec<Vec<bool>>;

/// The picture's pixels, of which each module has eight by eight.
fn of_png(png: &[u8]) -> Modules {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    assert_eq!(
        (info.color_type, info.bit_depth, info.width),
        (png::ColorType::Grayscale, png::BitDepth::One, info.height)
    );
    let is_dark = |x: usize, y: usize| data[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 0;
    let side = info.width as usize;
    assert_eq!(side % 8, 0);
    for y in 0..side {
        for x in 0..side {
            assert_eq!(is_dark(x, y), is_dark(x / 8 * 8, y / 8 * 8));
        }
    }
    let modules = 0..side / 8;
    modules
        .clone()
        .map(|y| modules.clone().map(|x| is_dark(x * 8, y * 8)).collect())
        .collect()
}

/// The runs of the dark path: `Mx yhLv1h-Lz`.
fn of_svg(svg: &str) -> Modules {
    let attribute = |text: &str, before: &str| -> String {
        text.split_once(before)
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let viewed = attribute(svg, "viewBox=\"0 0 ");
    let side: usize = viewed.split(' ').next().unwrap().parse().unwrap();
    let mut modules = vec![vec![false; side]; side];
    let path = attribute(svg, "fill=\"#000\" d=\"");
    for run in path.split_terminator('z') {
        let (x, rest) = run.strip_prefix('M').unwrap().split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (length, back) = rest.split_once("v1h-").unwrap();
        assert_eq!(length, back);
        let (x, y, length): (usize, usize, usize) = (
            x.parse().unwrap(),
            y.parse().unwrap(),
            length.parse().unwrap(),
        );
        modules[y][x..x + length].fill(true);
    }
    modules
}

fn of_text(text: &str, side: usize, written_is_dark: bool) -> Modules {
    let mut modules = Vec::new();
    for line in text.lines() {
        assert_eq!(line.chars().count(), side);
        for halves in ["█▀", "█▄"] {
            let row = line.chars().map(|c| halves.contains(c) == written_is_dark);
            modules.push(row.collect());
        }
    }
    // An odd number of rows: the last half is outside.
    modules.truncate(side);
    modules
}

#[test]
fn all_renderings_have_the_same_modules() {
    let qr = Qr::of(URI).unwrap();
    let png = of_png(&qr.png().unwrap());
    let side = qr.width() + 8;
    assert_eq!((png.len(), png[0].len()), (side, side));
    assert_eq!(of_svg(&qr.svg()), png);
    assert_eq!(of_text(&qr.terminal(), side, false), png);
    let light = qr.terminal_on(Background::Light);
    assert_eq!(of_text(&light, side, true), png);

    // The quiet zone is light, and there are patterns to find in three corners.
    let quiet = |at: usize| at < 4 || at >= side - 4;
    for (y, row) in png.iter().enumerate() {
        for (x, &dark) in row.iter().enumerate() {
            assert!(!(dark && (quiet(x) || quiet(y))));
        }
    }
    let far = side - 4 - 7;
    for (x, y) in [(4, 4), (far, 4), (4, far)] {
        let finder = |dx: usize, dy: usize| png[y + dy][x + dx];
        for d in 0..7 {
            assert!(finder(d, 0) && finder(d, 6) && finder(0, d) && finder(6, d));
        }
        assert!(!finder(1, 1) && finder(3, 3) && !finder(5, 3));
    }
    // Below the last row of an odd number, nothing is drawn on a dark terminal.
    let last = qr.terminal().lines().last().unwrap().to_owned();
    assert!(last.chars().all(|c| c == '▀'), "{last}");
}

#[test]
fn an_svg_brings_nothing_that_a_strict_policy_refuses() {
    let svg = Qr::of(URI).unwrap().svg();
    for refused in ["style", "script", "href", "JBSW", "<?xml", " on"] {
        assert!(!svg.contains(refused), "{refused}");
    }
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
}

#[test]
fn all_that_this_crate_writes_can_be_shown_and_no_more() {
    // The longest names, every octet of which is escaped, and the longest secret.
    let name = "Ж".repeat(64);
    let otp = Otp::new(Parameters::hotp(), Secret::new(&[255; 64]).unwrap());
    let (issuer, label) = (Issuer::new(&name).unwrap(), Label::new(&name).unwrap());
    let uri = otp.uri_from(Some(&issuer), &label, u64::MAX);
    assert!(Qr::of(&uri).is_ok(), "{}", uri.len());
    let account = migration::Account {
        otp: &otp,
        issuer: Some(&issuer),
        label: &label,
        counter: 1 << 62,
    };
    // In base64, such a secret is all slashes, which are escaped.
    let short = Label::new("a").unwrap();
    let slashes = migration::Account {
        issuer: None,
        label: &short,
        ..account
    };
    for account in [account, slashes] {
        for uri in migration::write(&[account; 12]).unwrap() {
            // A camera reads some hundred modules a side from a screen.
            assert!(Qr::of(&uri).unwrap().width() <= 121, "{}", uri.len());
        }
    }
    assert!(Qr::of(&"a".repeat(Qr::MAX_OCTETS)).is_ok());
    assert_eq!(
        Qr::of(&"a".repeat(Qr::MAX_OCTETS + 1)).err(),
        Some(QrError::Long)
    );
}

#[test]
fn what_the_export_cannot_say_is_told() {
    let secret = Secret::new(&[7; 20]).unwrap();
    let label = Label::new("alice").unwrap();
    let usual = Otp::new(Parameters::totp(), secret.clone());
    let seven = Otp::new(Parameters::totp().with_digits(7).unwrap(), secret.clone());
    let minute = Otp::new(Parameters::totp().with_period(60).unwrap(), secret.clone());
    let counted = Otp::new(Parameters::hotp(), secret);
    let account = |otp, counter| migration::Account {
        otp,
        issuer: None,
        label: &label,
        counter,
    };
    for (otp, counter) in [(&seven, 0), (&minute, 0), (&counted, 1 << 63)] {
        let refused = migration::write(&[account(&usual, 0), account(otp, counter)]);
        let code = refused
            .map_err(|why| (why.code(), why.to_string()))
            .unwrap_err();
        let told = "the export cannot express the account at 1".to_owned();
        assert_eq!(code, ("otp.migration.account", told));
    }
    // A counter has no meaning where time moves the codes.
    assert!(migration::write(&[account(&usual, u64::MAX)]).is_ok());
    assert!(migration::write(&[]).unwrap().is_empty());
}

#[test]
fn a_qr_code_is_not_shown_by_debug() {
    assert_eq!(format!("{:?}", Qr::of(URI).unwrap()), "Qr(..)");
}
