//! What the pages of login and account have in common: frame, fields, what is wrong with them.

use super::{
    html::{Element, Html, el},
    words::{Words, fill},
};
use crate::clock::minute;
use std::time::{Duration, SystemTime};

/// The names of what pages load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assets {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

/// A page before it is written.
pub(super) struct Page<'a> {
    pub(super) words: &'static Words,
    pub(super) assets: Assets,
    pub(super) title: &'a str,
    /// The token of the forms, if somebody is logged in: then there is a way to the other pages.
    pub(super) token: Option<&'a str>,
    /// The path of this page.
    pub(super) path: &'static str,
    pub(super) script: Script,
}

/// Whether a page needs the script of passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    None,
    Passkey,
}

impl Page<'_> {
    /// The whole page around its content.
    pub(super) fn around(&self, content: impl Into<Html>) -> Html {
        let w = self.words;
        el("html")
            .set("lang", w.language)
            .with(self.head())
            .with(
                el("body")
                    .with(el("a").class("skip").set("href", "#main").with(w.skip))
                    .with(self.header())
                    .with(self.token.map(|_| self.pages()))
                    .with(el("main").id("main").set("tabindex", "-1").with(content))
                    .with(
                        el("footer")
                            .with(el("p").with(w.footer))
                            .with(el("p").with(link("/licences", w.licences))),
                    ),
            )
            .into()
    }

    fn head(&self) -> Element {
        let meta = |name, content: &str| el("meta").set("name", name).set("content", content);
        let asset = |name: &str| format!("/assets/{name}");
        let script = (self.script == Script::Passkey).then(|| {
            el("script")
                .set("type", "module")
                .set("src", asset(self.assets.script))
        });
        el("head")
            .with(el("meta").set("charset", "utf-8"))
            .with(meta("viewport", "width=device-width, initial-scale=1"))
            .with(meta("color-scheme", "light dark"))
            .with(meta("robots", "noindex, nofollow"))
            .with(el("title").with(self.title))
            .with(el("link").set("rel", "icon").set("href", "data:,"))
            .with(
                el("link")
                    .set("rel", "stylesheet")
                    .set("href", asset(self.assets.style)),
            )
            .with(script)
    }

    fn header(&self) -> Element {
        let mark = el("svg")
            .class("mark")
            .set("viewBox", "0 0 24 24")
            .set("aria-hidden", "true")
            .set("focusable", "false")
            .with([
                el("rect")
                    .set("x", "2.5")
                    .set("y", "5.5")
                    .set("width", "19")
                    .set("height", "13.5")
                    .set("rx", "2.5"),
                el("path").set("d", "M3 7.5l9 6.5 9-6.5"),
                el("circle")
                    .set("cx", "12")
                    .set("cy", "13.6")
                    .set("r", "3.4"),
            ]);
        let out = self.token.map(|token| {
            form("/logout", token)
                .class("inline")
                .with(button(self.words.logout).class("quiet"))
        });
        el("header")
            .with(mark)
            .with(el("p").class("name").with(self.words.name))
            .with(out)
    }

    fn pages(&self) -> Element {
        let w = self.words;
        let pages = [
            ("/account", w.overview),
            ("/account/second-factor", w.second_factor),
            ("/account/passkeys", w.passkeys),
            ("/account/app-passwords", w.app_passwords),
            ("/account/sessions", w.sessions),
            ("/account/password", w.password),
            ("/seal", w.seal),
        ];
        let items = pages.map(|(path, name)| {
            let link = link(path, name);
            el("li").with(match path == self.path {
                true => link.set("aria-current", "page"),
                false => link,
            })
        });
        el("nav")
            .set("aria-label", w.pages)
            .with(el("ul").each(items))
    }
}

pub(super) fn link(path: &str, text: &str) -> Element {
    el("a").set("href", path).with(text)
}

/// A section in a frame of its own.
pub(super) fn card() -> Element {
    el("section").class("card")
}

pub(super) fn p(text: impl Into<Html>) -> Element {
    el("p").with(text)
}

pub(super) fn soft(text: impl Into<Html>) -> Element {
    el("p").class("soft").with(text)
}

/// What was done, or went wrong, read aloud as soon as it is there.
pub(super) fn said(text: &str) -> Element {
    el("p").class("hint").set("role", "status").with(text)
}

pub(super) fn wrong(text: &str) -> Element {
    el("p").class("error").set("role", "alert").with(text)
}

/// A form of ours, with its token.
pub(super) fn form(action: &str, token: &str) -> Element {
    el("form")
        .set("method", "post")
        .set("action", action)
        .with(hidden(super::forms::TOKEN, token))
}

pub(super) fn hidden(name: &str, value: &str) -> Element {
    el("input")
        .set("type", "hidden")
        .set("name", name)
        .set("value", value)
}

pub(super) fn button(text: &str) -> Element {
    el("button").set("type", "submit").with(text)
}

/// A field with its label, what is to be known of it, and what is wrong with it.
pub(super) struct Field<'a> {
    name: &'static str,
    label: &'a str,
    note: Option<&'a str>,
    wrong: Option<&'a str>,
    input: Element,
}

pub(super) fn field<'a>(name: &'static str, kind: &'static str, label: &'a str) -> Field<'a> {
    let input = el("input")
        .id(name)
        .set("name", name)
        .set("type", kind)
        .flag("required");
    let (note, wrong) = (None, None);
    Field {
        name,
        label,
        note,
        wrong,
        input,
    }
}

impl<'a> Field<'a> {
    pub(super) fn complete(self, how: &'static str) -> Self {
        self.set("autocomplete", how)
    }

    pub(super) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.input = self.input.set(name, value);
        self
    }

    /// For what is typed as it is written somewhere.
    pub(super) fn verbatim(self) -> Self {
        self.set("autocapitalize", "none")
            .set("spellcheck", "false")
    }

    /// A code of digits, which a telephone offers digits for.
    pub(super) fn digits(self) -> Self {
        self.verbatim()
            .complete("one-time-code")
            .set("inputmode", "numeric")
            .set("maxlength", "32")
    }

    pub(super) fn first(mut self) -> Self {
        self.input = self.input.flag("autofocus");
        self
    }

    pub(super) fn note(mut self, note: &'a str) -> Self {
        self.note = Some(note);
        self
    }

    pub(super) fn wrong(mut self, wrong: Option<&'a str>) -> Self {
        self.wrong = wrong;
        self
    }
}

impl From<Field<'_>> for Html {
    fn from(field: Field<'_>) -> Self {
        let (note, wrong) = (
            format!("{}-note", field.name),
            format!("{}-error", field.name),
        );
        let mut described = Vec::new();
        described.extend(field.note.map(|_| &*note));
        described.extend(field.wrong.map(|_| &*wrong));
        let mut input = field.input;
        if !described.is_empty() {
            input = input.set("aria-describedby", described.join(" "));
        }
        if field.wrong.is_some() {
            input = input.set("aria-invalid", "true");
        }
        el("div")
            .class("input")
            .with(el("label").set("for", field.name).with(field.label))
            .with(input)
            .with(
                field
                    .note
                    .map(|text| el("p").class("note").id(&note).with(text)),
            )
            .with(field.wrong.map(|text| {
                el("p")
                    .class("error")
                    .id(&wrong)
                    .set("role", "alert")
                    .with(text)
            }))
            .into()
    }
}

/// A box to tick. `id` is its own, `name` may be that of a group.
pub(super) fn tick(name: &'static str, value: &str, label: &str, ticked: Ticked) -> Element {
    let id = format!("{name}-{value}");
    let input = el("input")
        .id(&id)
        .set("type", "checkbox")
        .set("name", name)
        .set("value", value);
    let input = match ticked {
        Ticked::Yes => input.flag("checked"),
        Ticked::No => input,
    };
    el("div")
        .class("check")
        .with(input)
        .with(el("label").set("for", id).with(label))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticked {
    Yes,
    No,
}

/// A moment, to the minute.
pub(super) fn when(time: SystemTime) -> Element {
    let text = minute(time);
    let machine = text.replacen(' ', "T", 1).replace(" UTC", "Z");
    el("time").set("datetime", machine).with(text)
}

/// How long something takes, rounded up, so that nobody comes back too early.
pub(super) fn lasting(words: &Words, time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let n = |text, n: u64| fill(text, &[("n", &n.to_string())]);
    match seconds {
        0..=90 => n(words.seconds, seconds.max(1)),
        91..=5400 => n(words.minutes, seconds.div_ceil(60)),
        _ => n(words.hours, seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    #[test]
    fn a_wait_is_never_said_to_be_shorter() {
        let words = Words::of(&HeaderMap::new());
        let said = |seconds, millis| {
            lasting(
                words,
                Duration::from_secs(seconds) + Duration::from_millis(millis),
            )
        };
        assert_eq!(said(0, 1), "1 seconds");
        assert_eq!(said(29, 1), "30 seconds");
        assert_eq!(said(121, 0), "3 minutes");
        assert_eq!(said(5401, 0), "2 hours");
    }
}
