//! QR codes: the only file that names qrcode and png.

use std::fmt;

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// Modules of light around the symbol, which readers need to find it.
const QUIET: usize = 4;

/// Pixels of a module's side in PNG.
const PIXELS: usize = 8;

/// A QR code, mostly of an `otpauth://` URI: whoever sees it has the secret. Show it once, over TLS, to the owner, and
/// let no cache keep it.
///
/// Pictures are black on white with a quiet zone of four modules, and need nothing from elsewhere.
#[derive(Clone)]
pub struct Qr {
    /// Row by row, without the quiet zone; 1 is dark.
    modules: Zeroizing<Vec<u8>>,
    width: usize,
}

/// Why there is no QR code.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// More octets than [`Qr::MAX_OCTETS`].
    #[error("the text is too long for a QR code")]
    Long,
    /// The encoder failed.
    #[error("no QR code could be made")]
    Failed,
}

/// What a terminal writes on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// Light letters on dark, as most do.
    #[default]
    Dark,
    /// Dark letters on light.
    Light,
}

impl Qr {
    /// The most octets that can be encoded, with correction of 15 %.
    pub const MAX_OCTETS: usize = 2331;

    /// Encodes a text, with error correction of level M (15 %), or L (7 %) where M would be too large to be scanned
    /// well from a screen.
    ///
    /// # Errors
    /// [`QrError`].
    pub fn of(text: &str) -> Result<Self, QrError> {
        if text.len() > Self::MAX_OCTETS {
            return Err(QrError::Long);
        }
        let level = match text.len() {
            ..=400 => EcLevel::M,
            _ => EcLevel::L,
        };
        let symbol =
            QrCode::with_error_correction_level(text, level).map_err(|_| QrError::Failed)?;
        let width = symbol.width();
        let mut colors = symbol.into_colors();
        let mut modules = Zeroizing::new(Vec::with_capacity(colors.len()));
        modules.extend(colors.iter().map(|&color| u8::from(color == Color::Dark)));
        colors.fill(Color::Light);
        Ok(Self { modules, width })
    }

    /// Modules of a side, without the quiet zone: from 21 to 177.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether there is a dark module; none is in the quiet zone, nor anywhere outside.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|&at| at < self.width);
        let (Some(x), Some(y)) = (inside(x), inside(y)) else {
            return false;
        };
        self.modules.get(y * self.width + x) == Some(&1)
    }

    fn side(&self) -> usize {
        self.width + 2 * QUIET
    }

    /// As an SVG element, without style or script, so that a strict Content-Security-Policy lets it pass; its size is
    /// that of its container. For people who cannot see it, show the manual key beside it.
    #[must_use]
    pub fn svg(&self) -> Zeroizing<String> {
        let side = self.side();
        // At most one run for every second module of a row, of at most 15 octets.
        let mut svg = Zeroizing::new(String::with_capacity(256 + side * (side / 2 + 1) * 15));
        let number = |svg: &mut String, value: usize| svg.push_str(&value.to_string());
        svg.push_str(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 "#);
        number(&mut svg, side);
        svg.push(' ');
        number(&mut svg, side);
        svg.push_str(r##"" shape-rendering="crispEdges" role="img" aria-label="QR code"><path fill="#fff" d="M0 0h"##);
        number(&mut svg, side);
        svg.push('v');
        number(&mut svg, side);
        svg.push_str(r##"H0z"/><path fill="#000" d=""##);
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let length = (x..side).take_while(|&x| self.is_dark(x, y)).count();
                if length > 0 {
                    svg.push('M');
                    number(&mut svg, x);
                    svg.push(' ');
                    number(&mut svg, y);
                    svg.push('h');
                    number(&mut svg, length);
                    svg.push_str("v1h-");
                    number(&mut svg, length);
                    svg.push('z');
                }
                x += length + 1;
            }
        }
        svg.push_str(r#""/></svg>"#);
        svg
    }

    /// As a PNG picture, with eight pixels a module, one bit each.
    ///
    /// # Errors
    /// [`QrError::Failed`].
    pub fn png(&self) -> Result<Zeroizing<Vec<u8>>, QrError> {
        let pixels = self.side() * PIXELS;
        let row = pixels.div_ceil(8);
        let mut data = Zeroizing::new(Vec::with_capacity(row * pixels));
        for y in 0..pixels {
            for octet in 0..row {
                let bits = (0..8).fold(0, |bits, bit| {
                    let x = (octet * 8 + bit) / PIXELS;
                    bits << 1 | u8::from(!self.is_dark(x, y / PIXELS))
                });
                data.push(bits);
            }
        }
        let mut picture = Zeroizing::new(Vec::with_capacity(data.len() + 1024));
        let side = u32::try_from(pixels).map_err(|_| QrError::Failed)?;
        let mut encoder = png::Encoder::new(&mut *picture, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&data)?;
            writer.finish()
        });
        written.map_err(|_| QrError::Failed)?;
        Ok(picture)
    }

    /// As text of half blocks for a dark terminal: two rows of modules a line, lines ended by `\n`.
    #[must_use]
    pub fn terminal(&self) -> Zeroizing<String> {
        self.terminal_on(Background::Dark)
    }

    /// As [`terminal`](Self::terminal), where it is known what the terminal writes on.
    #[must_use]
    pub fn terminal_on(&self, background: Background) -> Zeroizing<String> {
        let side = self.side();
        let mut text = Zeroizing::new(String::with_capacity((3 * side + 1) * side.div_ceil(2)));
        // Letters are what is light on dark, and what is dark on light.
        let is_written = |x, y| match background {
            Background::Dark => y < side && !self.is_dark(x, y),
            Background::Light => self.is_dark(x, y),
        };
        for y in (0..side).step_by(2) {
            for x in 0..side {
                text.push(match (is_written(x, y), is_written(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

/// Without its modules.
impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Qr(..)")
    }
}
