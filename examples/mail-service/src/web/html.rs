//! Pages that are put together here. Text and values of attributes are escaped by whatever way they come in; the names of
//! elements and attributes are those of this program. There is no way in for anything else.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use zeroize::Zeroizing;

/// A piece of a page, which is well-formed. Overwritten at its end, because some pages show secrets.
#[derive(Default)]
pub(super) struct Html(Zeroizing<String>);

/// An element under construction.
pub(super) struct Element {
    name: &'static str,
    /// The attributes, escaped.
    head: Zeroizing<String>,
    content: Html,
}

/// Elements that have no content and no end (HTML Living Standard §13.1.2).
const VOID: [&str; 5] = ["input", "img", "meta", "link", "br"];

/// Begins an element.
pub(super) fn el(name: &'static str) -> Element {
    Element {
        name,
        head: Zeroizing::default(),
        content: Html::default(),
    }
}

impl Element {
    /// An attribute.
    pub(super) fn set(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.head.push(' ');
        self.head.push_str(name);
        self.head.push_str("=\"");
        escape(value.as_ref(), &mut self.head);
        self.head.push('"');
        self
    }

    /// An attribute that says something by being there.
    pub(super) fn flag(mut self, name: &'static str) -> Self {
        self.head.push(' ');
        self.head.push_str(name);
        self
    }

    pub(super) fn class(self, names: &'static str) -> Self {
        self.set("class", names)
    }

    pub(super) fn id(self, id: &str) -> Self {
        self.set("id", id)
    }

    /// Something in it, at its end.
    pub(super) fn with(mut self, child: impl Into<Html>) -> Self {
        self.content.push(child);
        self
    }

    /// Some things in it, one after the other.
    pub(super) fn each<T: Into<Html>>(mut self, children: impl IntoIterator<Item = T>) -> Self {
        for child in children {
            self.content.push(child);
        }
        self
    }
}

impl Html {
    pub(super) fn push(&mut self, more: impl Into<Self>) {
        self.0.push_str(&more.into().0);
    }

    /// The whole page, as an answer.
    pub(super) fn answer(self, status: StatusCode) -> Response {
        let page = Zeroizing::new([b"<!doctype html>\n", self.0.as_bytes()].concat());
        let mut response = Response::new(Body::from(Bytes::from_owner(Page(page))));
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// Overwritten when it has been sent.
struct Page(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn escape(text: &str, to: &mut String) {
    to.reserve(text.len());
    for character in text.chars() {
        match character {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            other => to.push(other),
        }
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        let mut html = Self::default();
        escape(text, &mut html.0);
        html
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        Self::from(&*text)
    }
}

impl From<Element> for Html {
    fn from(element: Element) -> Self {
        let Element {
            name,
            head,
            content,
        } = element;
        let mut html = Self::default();
        html.0
            .reserve(content.0.len() + head.len() + 2 * name.len() + 5);
        for part in ["<", name, &**head, ">", &**content.0] {
            html.0.push_str(part);
        }
        if !VOID.contains(&name) {
            for part in ["</", name, ">"] {
                html.0.push_str(part);
            }
        }
        html
    }
}

impl<T: Into<Self>> From<Option<T>> for Html {
    fn from(some: Option<T>) -> Self {
        some.map(Into::into).unwrap_or_default()
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Html {
    fn from(all: [T; N]) -> Self {
        let mut html = Self::default();
        for one in all {
            html.push(one);
        }
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_in_is_text() {
        let hostile = "<script>alert('1')</script> & \"x\" onload=\"y";
        let escaped =
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot; onload=&quot;y";
        let page: Html = el("p")
            .class("soft")
            .set("title", hostile)
            .with(hostile)
            .with(String::from(hostile))
            .with(Some(el("br")))
            .with(None::<Element>)
            .with(el("input").flag("required"))
            .into();
        let wanted = format!(
            "<p class=\"soft\" title=\"{escaped}\">{escaped}{escaped}<br><input required></p>"
        );
        assert_eq!(**page.0, *wanted);
        // The mutation: without it the script would be there.
        assert!(!page.0.contains("<script"));
    }
}
