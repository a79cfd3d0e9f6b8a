//! What a browser does with cookies and forms, and nothing more.

use crate::http::{Answer, ask};
use crate::world::{SITE, World};
use std::collections::BTreeMap;

pub(super) struct Browser<'a> {
    pub(super) world: &'a World,
    pub(super) jar: BTreeMap<String, String>,
    /// The token of the form that was seen last.
    pub(super) token: String,
    /// Lines of the header that say where a form comes from.
    pub(super) from: String,
    pub(super) language: &'static str,
}

impl<'a> Browser<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self {
            world,
            jar: BTreeMap::new(),
            token: String::new(),
            from: format!(
                "Sec-Fetch-Site: same-origin\r\nOrigin: https://{SITE}:{}\r\n",
                world.https().port()
            ),
            language: "en",
        }
    }

    /// The same browser at another moment, such as one whose cookies somebody has copied.
    pub(super) fn copy(&self) -> Self {
        Self {
            world: self.world,
            jar: self.jar.clone(),
            token: self.token.clone(),
            from: self.from.clone(),
            language: self.language,
        }
    }

    fn fields(&self) -> String {
        let cookies: Vec<_> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = match cookies.is_empty() {
            true => String::new(),
            false => format!("Cookie: {}\r\n", cookies.join("; ")),
        };
        format!(
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\nAccept-Language: {}\r\n{cookies}",
            self.language
        )
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let answer = ask(self.world, "GET", SITE, path, &self.fields(), b"").await;
        self.took(answer)
    }

    /// With the token of the form that was seen last.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token.clone();
        self.post_with(path, fields, &token).await
    }

    pub(super) async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        token: &str,
    ) -> Answer {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("form", token).extend_pairs(fields);
        let head = format!(
            "{}{}Content-Type: application/x-www-form-urlencoded\r\n",
            self.fields(),
            self.from
        );
        let body = body.finish();
        let answer = ask(self.world, "POST", SITE, path, &head, body.as_bytes()).await;
        self.took(answer)
    }

    /// Reads the page of the login, and sends its form.
    pub(super) async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        self.get("/login").await;
        self.post("/login", &[("user", user), ("password", password)])
            .await
    }

    pub(super) fn session(&self) -> &str {
        &self.jar["__Host-session"]
    }

    fn took(&mut self, answer: Answer) -> Answer {
        for line in answer.all("set-cookie") {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match rest.contains("Max-Age=0") {
                true => self.jar.remove(name),
                false => self.jar.insert(name.to_owned(), value.to_owned()),
            };
        }
        if let Some(token) = answer.find_value("form") {
            self.token = token;
        }
        answer
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The value of a hidden field, the first of this name.
    fn find_value(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.body);
        let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\""))?;
        Some(rest.split('"').next()?.to_owned())
    }

    pub(super) fn value(&self, name: &str) -> String {
        self.find_value(name)
            .unwrap_or_else(|| panic!("{name}: {}", self.text()))
    }

    /// The text of an element.
    pub(super) fn inner(&self, id: &str) -> String {
        let text = self.text();
        let (_, rest) = text
            .split_once(&format!("id=\"{id}\""))
            .unwrap_or_else(|| panic!("{id}: {text}"));
        let (_, rest) = rest.split_once('>').unwrap();
        rest.split("</").next().unwrap().to_owned()
    }

    /// The texts of the items of a list.
    pub(super) fn items(&self, id: &str) -> Vec<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("id=\"{id}\"")).unwrap();
        let list = rest.split("</ol>").next().unwrap();
        let items = list.split("<li>").skip(1);
        items
            .map(|item| item.split('<').next().unwrap().to_owned())
            .collect()
    }

    /// What is wrong with a field.
    pub(super) fn wrong(&self, field: &str) -> String {
        self.inner(&format!("{field}-error"))
    }
}
