//! Codes beside oathtool, and QR codes read by zbar. `cargo xtask interop oathtool zbar` runs these.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use twofactor::otp::{
    Algorithm, Background, Code, Issuer, Label, Otp, Parameters, Qr, Secret, Window, migration,
    parse_uri,
};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program)
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap()
}

/// What oathtool prints, line by line.
fn oathtool(args: &[&str]) -> Vec<String> {
    let output = run("oathtool", args);
    assert!(output.status.success(), "{args:?} {output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

/// Whether oathtool takes a code.
fn takes(args: &[&str]) -> bool {
    run("oathtool", args).status.success()
}

fn hex(secret: &Secret) -> String {
    data_encoding::HEXLOWER.encode(secret.expose())
}

fn totp(algorithm: Algorithm, digits: u8, period: u32, secret: &[u8]) -> Otp {
    let parameters = Parameters::totp()
        .with_algorithm(algorithm)
        .with_digits(digits)
        .and_then(|parameters| parameters.with_period(period));
    Otp::new(parameters.unwrap(), Secret::new(secret).unwrap())
}

fn name(algorithm: Algorithm) -> String {
    format!("--totp={}", algorithm.name())
}

#[test]
#[ignore = "interop: needs oathtool"]
fn interop_oathtool_gives_the_same_codes_of_time() {
    let mut compared = 0;
    for algorithm in ALGORITHMS {
        for digits in 6..=8 {
            for (period, octets) in [(30, 20), (30, 10), (60, 32), (15, 64), (300, 16)] {
                let secret: Vec<u8> = (0..octets)
                    .map(|at: u8| at.wrapping_mul(7).wrapping_add(digits))
                    .collect();
                let otp = totp(algorithm, digits, period, &secret);
                for seconds in [0, 59, 1_111_111_109, 2_000_000_000, 20_000_000_000_u64] {
                    let said = oathtool(&[
                        &name(algorithm),
                        "-d",
                        &digits.to_string(),
                        "-s",
                        &format!("{period}s"),
                        "--now",
                        &format!("@{seconds}"),
                        // This step and the three after it.
                        "-w",
                        "3",
                        &hex(otp.secret()),
                    ]);
                    let now = UNIX_EPOCH + Duration::from_secs(seconds);
                    let step = otp.step_at(now);
                    let ours: Vec<String> = (step..=step + 3)
                        .map(|step| otp.code_at(step).expose().to_owned())
                        .collect();
                    assert_eq!(said, ours, "{algorithm:?} {digits} {period} {seconds}");
                    let code = Code::parse(&said[0]).unwrap();
                    let found = otp.find_at(&code, now, Window::steps(0));
                    assert_eq!(found.in_window, [step]);
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 3 * 3 * 5 * 5);
}

#[test]
#[ignore = "interop: needs oathtool"]
fn interop_oathtool_gives_the_same_codes_of_a_counter() {
    for digits in 6..=8 {
        let parameters = Parameters::hotp().with_digits(digits).unwrap();
        let otp = Otp::new(parameters, Secret::new(b"12345678901234567890").unwrap());
        for counter in [0, 1, 1 << 31, 1 << 32, (1 << 53) + 1] {
            let args = [
                "--hotp",
                "-d",
                &digits.to_string(),
                "-c",
                &counter.to_string(),
                "-w",
                "10",
                &hex(otp.secret()),
            ];
            let said = oathtool(&args);
            let ours: Vec<String> = (counter..=counter + 10)
                .map(|counter| otp.code_at(counter).expose().to_owned())
                .collect();
            assert_eq!(said, ours, "{digits} {counter}");
            // Its code of ten counters ahead is found, and of eleven not; so it judges ours.
            let last = Code::parse(&said[10]).unwrap();
            assert!(
                otp.find_from(&last, counter, 10)
                    .in_window
                    .contains(&(counter + 10))
            );
            assert!(
                !otp.find_from(&last, counter, 9)
                    .in_window
                    .contains(&(counter + 10))
            );
            assert!(takes(&[&args[..], &[last.expose()]].concat()));
            let (first, second) = (&said[8], &said[9]);
            let (first, second) = (Code::parse(first).unwrap(), Code::parse(second).unwrap());
            assert_eq!(otp.resync(&first, &second, counter, 100), Some(counter + 9));
            let beyond = otp.code_at(counter + 11);
            assert!(!takes(&[&args[..], &[beyond.expose()]].concat()));
        }
    }
}

#[test]
#[ignore = "interop: needs oathtool"]
fn interop_oathtool_codes_of_now_pass_both_ways() {
    for algorithm in ALGORITHMS {
        for digits in 6..=8 {
            let parameters = Parameters::totp().with_algorithm(algorithm);
            let otp = Otp::generate(parameters.with_digits(digits).unwrap()).unwrap();
            let (named, digits) = (name(algorithm), digits.to_string());
            let args = [&*named, "-d", &*digits, "-b", &**otp.secret().manual_key()];
            let theirs = Code::parse(&oathtool(&args)[0]).unwrap();
            // A step may end in between: that is what the window is for.
            let found = otp.find_at(&theirs, SystemTime::now(), Window::default());
            assert!(!found.in_window.is_empty(), "{algorithm:?} {digits}");

            let here = otp.step_at(SystemTime::now());
            let ours = otp.code_at(here);
            let window = ["-w", "2"];
            assert!(takes(&[&window, &args[..], &[ours.expose()]].concat()));
            let old = otp.code_at(here - 10);
            assert!(!takes(&[&window, &args[..], &[old.expose()]].concat()));
        }
    }
}

#[test]
#[ignore = "interop: needs oathtool"]
fn interop_oathtool_reads_secrets_in_base32_as_we_do() {
    let otp = Otp::generate(Parameters::totp()).unwrap();
    let (plain, grouped) = (otp.secret().to_base32(), otp.secret().manual_key());
    let ours = otp.code_at(3);
    let small = grouped.to_lowercase();
    for text in [&*plain, &*grouped, &small, &format!("{}====", &plain[..28])] {
        let read = Secret::from_base32(text).unwrap();
        let again = Otp::new(Parameters::totp(), read);
        let said = oathtool(&["--totp", "--now", "@90", "-b", text]);
        assert_eq!(said[0], again.code_at(3).expose(), "{}", text.len());
        if !text.contains('=') {
            assert_eq!(again.code_at(3), ours);
        }
    }
    // A secret that lost a character is refused by both.
    assert!(Secret::from_base32(&plain[2..]).is_err());
    assert!(!takes(&["--totp", "-b", &plain[2..]]));
}

/// What zbar reads in a picture.
fn zbar(png: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qr.png");
    std::fs::write(&path, png).unwrap();
    let output = run(
        "zbarimg",
        &[
            "--quiet",
            "--raw",
            "-Sdisable",
            "-Sqrcode.enable",
            path.to_str().unwrap(),
        ],
    );
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

#[test]
#[ignore = "interop: needs zbar"]
fn interop_zbar_reads_what_we_show() {
    let issuer = Issuer::new("Łódź Mail & Sons").unwrap();
    let label = Label::new("grüße+tag@example.org").unwrap();
    let otp = Otp::generate(Parameters::totp()).unwrap();
    let longest = Otp::new(
        Parameters::hotp().with_algorithm(Algorithm::Sha512),
        Secret::new(&[0xa5; 64]).unwrap(),
    );
    for otp in [&otp, &longest] {
        let uri = otp.uri(&issuer, &label);
        let read = zbar(&Qr::of(&uri).unwrap().png().unwrap());
        assert_eq!(read, *uri);
        let read = parse_uri(&read).unwrap();
        assert_eq!(
            (&read.otp, &read.label, read.issuer),
            (otp, &label, Some(issuer.clone()))
        );
    }
    let account = migration::Account {
        otp: &otp,
        issuer: Some(&issuer),
        label: &label,
        counter: 0,
    };
    let uris = migration::write(&[account; 12]).unwrap();
    let mut read = 0;
    for uri in &uris {
        let seen = zbar(&Qr::of(uri).unwrap().png().unwrap());
        assert_eq!(seen, **uri);
        read += migration::parse(&seen).unwrap().accounts.len();
    }
    assert_eq!(read, 12);
}

/// A terminal's letters of two squares, painted.
fn painted(text: &str, letter: u8, ground: u8) -> Vec<u8> {
    const SIDE: usize = 6;
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        for halves in ["█▀", "█▄"] {
            let row = line.chars().flat_map(|c| {
                let color = if halves.contains(c) { letter } else { ground };
                std::iter::repeat_n(color, SIDE)
            });
            rows.extend(std::iter::repeat_n(row.collect(), SIDE));
        }
    }
    let mut picture = Vec::new();
    let (width, height) = (rows[0].len() as u32, rows.len() as u32);
    let mut encoder = png::Encoder::new(&mut picture, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rows.concat()).unwrap();
    writer.finish().unwrap();
    picture
}

#[test]
#[ignore = "interop: needs zbar"]
fn interop_zbar_reads_a_terminal_dark_or_light() {
    let otp = Otp::generate(Parameters::totp()).unwrap();
    let (issuer, label) = (Issuer::new("Example Mail"), Label::new("alice@example.org"));
    let uri = otp.uri(&issuer.unwrap(), &label.unwrap());
    let qr = Qr::of(&uri).unwrap();
    assert_eq!(zbar(&painted(&qr.terminal(), 230, 10)), *uri);
    let light = qr.terminal_on(Background::Light);
    assert_eq!(zbar(&painted(&light, 10, 230)), *uri);
}
