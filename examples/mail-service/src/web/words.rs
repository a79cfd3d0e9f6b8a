//! All that the pages of login and account say, in English and German, side by side so that neither can be forgotten.
//! `{x}` is filled in by [`fill`].

use crate::config::Language;
use axum::http::{HeaderMap, header::ACCEPT_LANGUAGE};

macro_rules! words {
    ($($name:ident: $english:literal, $german:literal;)*) => {
        /// The words of one language.
        #[derive(Debug)]
        pub(super) struct Words {
            /// As the attribute `lang` has it.
            pub(super) language: &'static str,
            $(pub(super) $name: &'static str,)*
        }

        static ENGLISH: Words = Words { language: "en", $($name: $english,)* };
        static GERMAN: Words = Words { language: "de", $($name: $german,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $german),)*];
    };
}

impl Words {
    /// The first language that a browser asks for and that there is; otherwise English.
    pub(super) fn of(fields: &HeaderMap) -> &'static Self {
        let tags = fields
            .get(ACCEPT_LANGUAGE)
            .and_then(|field| field.to_str().ok());
        for tag in tags.unwrap_or_default().split(',') {
            let tag = tag.trim().split([';', '-']).next().unwrap_or_default();
            for words in [&ENGLISH, &GERMAN] {
                if tag.eq_ignore_ascii_case(words.language) {
                    return words;
                }
            }
        }
        &ENGLISH
    }
}

impl Words {
    /// The language, for what has words of its own.
    pub(super) fn spoken(&self) -> Language {
        match self.language {
            "de" => Language::German,
            _ => Language::English,
        }
    }
}

/// Fills in.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

words! {
    // Everywhere.
    name: "Your account", "Ihr Konto";
    skip: "To the content", "Zum Inhalt";
    licences: "Licences", "Lizenzen";
    footer: "Times are in UTC.", "Zeiten sind in UTC.";
    pages: "Pages of the account", "Seiten des Kontos";
    overview: "Overview", "Übersicht";
    second_factor: "Second factor", "Zweiter Faktor";
    passkeys: "Passkeys", "Passkeys";
    app_passwords: "App passwords", "App-Passwörter";
    sessions: "Sessions", "Sitzungen";
    password: "Password", "Passwort";
    logout: "Log out", "Abmelden";
    seal: "Seal a message", "Nachricht versiegeln";
    cancel: "Cancel", "Abbrechen";
    back: "Back to the account", "Zurück zum Konto";
    remove: "Remove", "Entfernen";
    seconds: "{n} seconds", "{n} Sekunden";
    minutes: "{n} minutes", "{n} Minuten";
    hours: "{n} hours", "{n} Stunden";
    // What went wrong.
    again_title: "Please try that again", "Bitte versuchen Sie das noch einmal";
    foreign: "This request did not come from a page of this site, or the page was too old. Nothing was changed.",
        "Diese Anfrage kam nicht von einer Seite dieses Dienstes, oder die Seite war zu alt. Nichts wurde geändert.";
    cookies: "If it happens again: the login needs cookies, and your browser seems to send none.",
        "Wenn es wieder geschieht: die Anmeldung braucht Cookies, und Ihr Browser scheint keine zu senden.";
    begin_again: "Begin again", "Neu beginnen";
    unavailable_title: "This cannot be done now", "Das geht gerade nicht";
    unavailable: "The service cannot look it up at the moment. Nothing was lost. Please try again in a minute.",
        "Der Dienst kann gerade nicht nachsehen. Nichts ist verloren. Bitte versuchen Sie es in einer Minute noch einmal.";
    refused_wait: "There were too many failed tries. The next one is looked at in {wait}.",
        "Es gab zu viele falsche Versuche. Der nächste wird in {wait} angenommen.";
    refused_network: "There were too many failed tries from your network, whoever made them. The next one is looked at in {wait}.",
        "Aus Ihrem Netz gab es zu viele falsche Versuche, von wem auch immer. Der nächste wird in {wait} angenommen.";
    refused_disabled: "After too many failed tries this way in is closed. Use another one, or a browser that you have logged in with before, or ask whoever runs the service for a link that sets a new password.",
        "Nach zu vielen falschen Versuchen ist dieser Zugang geschlossen. Nehmen Sie einen anderen oder einen Browser, mit dem Sie schon angemeldet waren, oder bitten Sie den Betreiber um einen Link für ein neues Passwort.";
    refused_stale: "This took too long, or the account has changed meanwhile. Please begin again.",
        "Das hat zu lange gedauert, oder das Konto hat sich inzwischen geändert. Bitte beginnen Sie neu.";
    refused_replayed: "This code was used already, and each works once. If that was not you, somebody has seen it: change your password. Otherwise wait for the next code.",
        "Dieser Code wurde schon benutzt, und jeder gilt nur einmal. Wenn Sie das nicht waren, hat ihn jemand gesehen: ändern Sie Ihr Passwort. Sonst warten Sie auf den nächsten Code.";
    refused_drift_ahead: "This code is right for another time: the clock of the device that shows it is {off} fast. Set its clock, best automatically, and type the next code.",
        "Dieser Code gilt für eine andere Zeit: die Uhr des Geräts, das ihn zeigt, geht {off} vor. Stellen Sie sie, am besten automatisch, und geben Sie den nächsten Code ein.";
    refused_drift_behind: "This code is right for another time: the clock of the device that shows it is {off} slow. Set its clock, best automatically, and type the next code.",
        "Dieser Code gilt für eine andere Zeit: die Uhr des Geräts, das ihn zeigt, geht {off} nach. Stellen Sie sie, am besten automatisch, und geben Sie den nächsten Code ein.";
    refused_no_factor: "This account has no such second factor.", "Dieses Konto hat keinen solchen zweiten Faktor.";
    refused_passkey: "The passkey was not accepted. It may belong to another account, or the request took too long.",
        "Der Passkey wurde nicht angenommen. Vielleicht gehört er zu einem anderen Konto, oder es hat zu lange gedauert.";
    // Login.
    login_title: "Log in", "Anmelden";
    login_text: "With your mail address and the password of your account.",
        "Mit Ihrer Mailadresse und dem Passwort Ihres Kontos.";
    address: "Mail address", "Mailadresse";
    login_wrong: "Address and password do not fit together.", "Adresse und Passwort passen nicht zusammen.";
    login_forgotten: "Whoever runs the service can send you a link that sets a new password. It does not switch off your second factor.",
        "Wer den Dienst betreibt, kann Ihnen einen Link für ein neues Passwort schicken. Ihr zweiter Faktor bleibt dabei an.";
    forgotten: "Password forgotten?", "Passwort vergessen?";
    logged_out: "You have logged out.", "Sie haben sich abgemeldet.";
    session_over: "Please log in. A session ends an hour after its last use, after a day, and when password or factors change elsewhere.",
        "Bitte melden Sie sich an. Eine Sitzung endet eine Stunde nach der letzten Benutzung, nach einem Tag, und wenn sich Passwort oder Faktoren anderswo ändern.";
    code_title: "One more step", "Noch ein Schritt";
    code_text: "The password is right. Now show that it is you.", "Das Passwort stimmt. Zeigen Sie nun, dass Sie es sind.";
    code: "Code from your app or token", "Code aus Ihrer App oder Ihrem Token";
    code_note: "Six digits, which change every 30 seconds.", "Sechs Ziffern, die sich alle 30 Sekunden ändern.";
    code_wrong: "This code is not right.", "Dieser Code stimmt nicht.";
    continue_: "Continue", "Weiter";
    remember: "Do not ask for it on this device for 30 days", "Auf diesem Gerät 30 Tage lang nicht danach fragen";
    remember_note: "Only on a device that is yours alone.", "Nur auf einem Gerät, das Ihnen allein gehört.";
    use_passkey: "Use a passkey", "Passkey verwenden";
    passkey_script: "Passkeys need JavaScript, which is off here. A code or a recovery code works without.",
        "Passkeys brauchen JavaScript, das hier aus ist. Ein Code oder Wiederherstellungscode geht ohne.";
    passkey_failed: "The browser did not use a passkey. Try again, or another way.",
        "Der Browser hat keinen Passkey verwendet. Versuchen Sie es noch einmal oder auf einem anderen Weg.";
    use_recovery: "Use a recovery code", "Wiederherstellungscode verwenden";
    recovery_code: "Recovery code", "Wiederherstellungscode";
    recovery_note: "One of the ten that you were shown. It works once.", "Einer von den zehn, die Ihnen gezeigt wurden. Er gilt einmal.";
    recovery_wrong: "This is none of your recovery codes that are left.", "Das ist keiner Ihrer übrigen Wiederherstellungscodes.";
    another_login: "Log in as somebody else", "Als jemand anders anmelden";
    // Overview.
    overview_text: "You are logged in as {account}.", "Sie sind angemeldet als {account}.";
    state_on: "The second factor is on.", "Der zweite Faktor ist an.";
    state_off: "The second factor is off: whoever has your password has your mail.",
        "Der zweite Faktor ist aus: wer Ihr Passwort hat, hat Ihre Mail.";
    set_up: "Set it up", "Einrichten";
    recovery_left: "Recovery codes left: {n}", "Übrige Wiederherstellungscodes: {n}";
    recovery_few: "Few recovery codes are left. Make new ones before you need them.",
        "Es sind nur noch wenige Wiederherstellungscodes übrig. Machen Sie neue, bevor Sie sie brauchen.";
    breaches: "Data breaches", "Datenlecks";
    breaches_text: "Your address was found in these collections of data that were stolen or spread without permission. You got a mail about each, which says what to do.",
        "Ihre Adresse wurde in diesen Sammlungen von Daten gefunden, die gestohlen oder ohne Erlaubnis verbreitet wurden. Zu jeder haben Sie eine Mail bekommen, in der steht, was zu tun ist.";
    breach_date: "happened {date}", "geschehen {date}";
    breach_old: "older than this search", "älter als diese Suche";
    breach_found: "found", "gefunden";
    breach_lost: "Lost: {lost}", "Verloren: {lost}";
    breach_dismiss: "Dismiss", "Ausblenden";
    breach_dismiss_of: "Dismiss {name}", "{name} ausblenden";
    history: "What has happened", "Was geschehen ist";
    history_note: "The latest fifty entries, for ninety days at most. Of addresses only the network is kept.",
        "Die letzten fünfzig Einträge, höchstens neunzig Tage lang. Von Adressen wird nur das Netz behalten.";
    history_strange: "If something of this was not you, change your password.",
        "Wenn etwas davon nicht Sie waren, ändern Sie Ihr Passwort.";
    unknown_browser: "unknown program", "unbekanntes Programm";
    did_password: "Login with the password", "Anmeldung mit dem Passwort";
    did_remembered: "Login with the password, on a remembered device", "Anmeldung mit dem Passwort, auf einem gemerkten Gerät";
    did_code: "Login with password and code", "Anmeldung mit Passwort und Code";
    did_recovery: "Login with password and recovery code", "Anmeldung mit Passwort und Wiederherstellungscode";
    did_passkey: "Login with password and passkey", "Anmeldung mit Passwort und Passkey";
    did_fail: "The password was right, the second factor was not", "Das Passwort stimmte, der zweite Faktor nicht";
    did_change_password: "Password changed", "Passwort geändert";
    did_reset: "Password set anew by a link", "Passwort über einen Link neu gesetzt";
    did_codes_on: "Codes from an app set up", "Codes aus einer App eingerichtet";
    did_codes_off: "Codes from an app removed", "Codes aus einer App entfernt";
    did_recovery_new: "New recovery codes", "Neue Wiederherstellungscodes";
    did_app: "App password made", "App-Passwort gemacht";
    did_app_off: "App password revoked", "App-Passwort widerrufen";
    did_passkey_on: "Passkey added", "Passkey hinzugefügt";
    did_passkey_off: "Passkey removed", "Passkey entfernt";
    did_device: "Device remembered", "Gerät gemerkt";
    did_device_off: "Device forgotten", "Gerät vergessen";
    did_end: "Other sessions ended", "Andere Sitzungen beendet";
    // Proof.
    prove_text: "What opens the account is changed only within ten minutes after a login. Please log in once more.",
        "Was das Konto öffnet, wird nur innerhalb von zehn Minuten nach einer Anmeldung geändert. Bitte melden Sie sich noch einmal an.";
    // Sessions and devices.
    sessions_text: "Where you are logged in to this site.", "Wo Sie bei dieser Website angemeldet sind.";
    this_session: "this session", "diese Sitzung";
    since: "since {when}, last used {seen}", "seit {when}, zuletzt benutzt {seen}";
    end_session: "End", "Beenden";
    end_session_of: "End the session of {name}", "Die Sitzung von {name} beenden";
    end_others: "End all other sessions", "Alle anderen Sitzungen beenden";
    devices: "Devices", "Geräte";
    devices_text: "Browsers that have logged in before. A remembered one is not asked for the second factor; a known one is, but strangers who try passwords do not lock it out.",
        "Browser, die schon angemeldet waren. Ein gemerkter wird nicht nach dem zweiten Faktor gefragt; ein bekannter schon, doch Fremde, die Passwörter probieren, sperren ihn nicht aus.";
    device_remembered: "remembered until {until}", "gemerkt bis {until}";
    device_known: "known since {made}", "bekannt seit {made}";
    this_device: "this browser", "dieser Browser";
    a_device: "A browser", "Ein Browser";
    forget_device: "Forget", "Vergessen";
    forget_device_of: "Forget the browser that is known since {made}", "Den Browser vergessen, der seit {made} bekannt ist";
    no_devices: "There are none.", "Es gibt keine.";
    // Second factor.
    factor_text: "With a second factor a stolen password does not open your mail. Mail programs cannot ask for codes; they get passwords of their own.",
        "Mit einem zweiten Faktor öffnet ein gestohlenes Passwort Ihre Mail nicht. Mailprogramme können nicht nach Codes fragen; sie bekommen eigene Passwörter.";
    factor_after: "From then on POP3 takes app passwords only. The first one is made in the same step, so have your mail program at hand.",
        "Von da an nimmt POP3 nur noch App-Passwörter. Das erste wird im selben Schritt gemacht; halten Sie Ihr Mailprogramm bereit.";
    codes_title: "Codes from an app", "Codes aus einer App";
    codes_one: "App or token {n}", "App oder Token {n}";
    codes_add: "Set up an app", "Eine App einrichten";
    codes_add_more: "Set up one more app", "Noch eine App einrichten";
    codes_remove: "Remove app {n}", "App {n} entfernen";
    import_title: "Take in a token", "Einen Token aufnehmen";
    import_text: "A token that was made elsewhere, such as a small device with a display, comes with an address that begins with otpauth://. Who has this address has the token: delete it wherever it was kept.",
        "Zu einem Token, der anderswo gemacht wurde, etwa einem kleinen Gerät mit Anzeige, gehört eine Adresse, die mit otpauth:// beginnt. Wer diese Adresse hat, hat den Token: Löschen Sie sie überall, wo sie lag.";
    import_uri: "Address of the token", "Adresse des Tokens";
    import_wrong: "This is no address of a token that can be used here.", "Das ist keine Adresse eines Tokens, der hier benutzt werden kann.";
    import_weak: "The key of this token has fewer than 112 bits, which is too few.", "Der Schlüssel dieses Tokens hat weniger als 112 Bit, und das ist zu wenig.";
    import_code: "The code that the token shows now", "Der Code, den der Token jetzt zeigt";
    import_other: "The token shows another code. Is it this one, and is its clock right?",
        "Der Token zeigt einen anderen Code. Ist es dieser, und geht seine Uhr richtig?";
    resync_title: "Set token {n} right", "Token {n} richtig stellen";
    resync_text: "A token that counts runs ahead when its button is pressed for nothing, and then its codes are refused. Press it twice, and type both codes in their order.",
        "Ein Token, der zählt, läuft voraus, wenn sein Knopf umsonst gedrückt wird; dann werden seine Codes abgelehnt. Drücken Sie ihn zweimal, und tippen Sie beide Codes der Reihe nach.";
    resync_first: "The first code", "Der erste Code";
    resync_second: "The code after it", "Der Code danach";
    resync_on: "Set it right", "Richtig stellen";
    resync_wrong: "These are no two codes of this token in a row, or it has run more than a hundred codes ahead.",
        "Das sind keine zwei Codes dieses Tokens nacheinander, oder er ist mehr als hundert Codes voraus.";
    enrol_title: "Set up an app for codes", "Eine App für Codes einrichten";
    enrol_scan: "Scan this with an authenticator app.", "Scannen Sie das mit einer Authenticator-App.";
    enrol_qr: "QR code of the key that is written below", "QR-Code des Schlüssels, der darunter steht";
    enrol_key: "Or type this key into the app", "Oder tippen Sie diesen Schlüssel in die App";
    enrol_link: "The app is on this device: open it", "Die App ist auf diesem Gerät: öffnen";
    enrol_confirm: "The code that the app shows now", "Der Code, den die App jetzt zeigt";
    enrol_app: "Name of your mail program", "Name Ihres Mailprogramms";
    enrol_app_note: "It gets its password in the next step.", "Es bekommt sein Passwort im nächsten Schritt.";
    enrol_app_default: "My mail program", "Mein Mailprogramm";
    enrol_on: "Switch it on", "Einschalten";
    enrol_wrong: "The app shows another code. Is the key right, and the clock of the device?",
        "Die App zeigt einen anderen Code. Stimmt der Schlüssel, und die Uhr des Geräts?";
    enrol_keep: "The key that you have scanned still holds.", "Der Schlüssel, den Sie gescannt haben, gilt noch.";
    enrol_gone: "This key has expired. Please begin again.", "Dieser Schlüssel ist abgelaufen. Bitte beginnen Sie neu.";
    enrolled_title: "The second factor is on", "Der zweite Faktor ist an";
    enrolled_text: "Both of these are shown once, here and now.", "Beides wird nur einmal gezeigt, hier und jetzt.";
    other_sessions: "All other sessions have ended.", "Alle anderen Sitzungen sind beendet.";
    recovery_title: "Recovery codes", "Wiederherstellungscodes";
    recovery_text: "If the device with the app is lost, one of these opens the account. Print them or write them down, and keep them where your passwords are not.",
        "Wenn das Gerät mit der App verloren geht, öffnet einer davon das Konto. Drucken oder schreiben Sie sie ab und bewahren Sie sie dort auf, wo Ihre Passwörter nicht sind.";
    recovery_print: "Print", "Drucken";
    recovery_renew: "Make new recovery codes", "Neue Wiederherstellungscodes machen";
    recovery_renew_note: "Those that you have stop working.", "Die bisherigen gelten dann nicht mehr.";
    recovery_renewed: "Your new recovery codes", "Ihre neuen Wiederherstellungscodes";
    recovery_of: "Recovery codes of {account}, made {when}", "Wiederherstellungscodes von {account}, gemacht {when}";
    kept: "I have kept them", "Ich habe sie aufbewahrt";
    removed_last: "The second factor is off. Mail programs log in with the password of the account again.",
        "Der zweite Faktor ist aus. Mailprogramme melden sich wieder mit dem Passwort des Kontos an.";
    done: "Done.", "Erledigt.";
    // App passwords.
    app_text: "One for each mail program. It opens mail and nothing else, never this site, and can be revoked alone.",
        "Eines für jedes Mailprogramm. Es öffnet die Mail und sonst nichts, nie diese Website, und lässt sich einzeln widerrufen.";
    app_need: "App passwords are for accounts with a second factor. Without one, mail programs use the password of the account.",
        "App-Passwörter sind für Konten mit zweitem Faktor. Ohne ihn benutzen Mailprogramme das Passwort des Kontos.";
    app_name: "Name", "Name";
    app_name_note: "So that you know it again, such as “Thunderbird at home”.", "Damit Sie es wiedererkennen, etwa „Thunderbird zu Hause“.";
    app_name_wrong: "A name has 1 to {most} octets.", "Ein Name hat 1 bis {most} Oktette.";
    app_scopes: "What it is for", "Wofür es ist";
    app_scopes_wrong: "Please tick at least one.", "Bitte kreuzen Sie mindestens eines an.";
    scope_imap: "Reading mail by IMAP", "Mail lesen mit IMAP";
    scope_pop3: "Fetching mail by POP3", "Mail abholen mit POP3";
    scope_smtp: "Sending mail by SMTP", "Mail senden mit SMTP";
    scope_sign: "Signing by the service", "Signieren durch den Dienst";
    app_make: "Make an app password", "App-Passwort machen";
    app_made: "Your app password", "Ihr App-Passwort";
    app_made_text: "It is shown once. Type it into your mail program instead of your password; dashes and spaces do not matter.",
        "Es wird nur einmal gezeigt. Tippen Sie es statt Ihres Passworts in Ihr Mailprogramm; auf Striche und Leerzeichen kommt es nicht an.";
    app_settings: "Settings of the mail program", "Einstellungen des Mailprogramms";
    app_user: "User name", "Benutzername";
    app_server: "Server", "Server";
    app_port: "Port", "Port";
    app_security: "Security", "Sicherheit";
    app_made_at: "made {when}", "gemacht {when}";
    app_used: "last used {when}", "zuletzt benutzt {when}";
    app_unused: "never used", "nie benutzt";
    app_revoke: "Revoke", "Widerrufen";
    app_revoke_of: "Revoke {name}", "{name} widerrufen";
    app_none: "There is none.", "Es gibt keines.";
    too_many: "There are as many as there may be. Remove one first.", "Es gibt so viele, wie es geben darf. Entfernen Sie zuerst eines.";
    // Passkeys.
    passkey_text: "A passkey lies on your phone, your computer or a security key. It comes after the password, cannot be read off or guessed, and works on this site alone.",
        "Ein Passkey liegt auf Ihrem Telefon, Ihrem Computer oder einem Sicherheitsschlüssel. Er kommt nach dem Passwort, lässt sich nicht ablesen oder erraten und gilt nur auf dieser Website.";
    passkey_name_note: "Such as “blue security key”.", "Etwa „blauer Sicherheitsschlüssel“.";
    passkey_add: "Add a passkey", "Passkey hinzufügen";
    passkey_remove: "Remove {name}", "{name} entfernen";
    passkey_rename: "Rename {name}", "Umbenennen: {name}";
    rename: "Rename", "Umbenennen";
    passkey_none: "There is none.", "Es gibt keinen.";
    // Password.
    password_title: "Another password", "Ein anderes Passwort";
    password_text: "All other sessions end, and remembered devices are forgotten. Your second factor and your app passwords stay.",
        "Alle anderen Sitzungen enden, und gemerkte Geräte werden vergessen. Ihr zweiter Faktor und Ihre App-Passwörter bleiben.";
    password_now: "Password until now", "Bisheriges Passwort";
    password_new: "New password", "Neues Passwort";
    password_must: "Your password is known from breaches, so that others can try it. Choose another one now; until then nothing else is open here. Change it wherever else you use it, too.",
        "Ihr Passwort ist aus Datenlecks bekannt, so dass andere es probieren können. Wählen Sie jetzt ein anderes; bis dahin ist hier nichts anderes offen. Ändern Sie es auch überall, wo Sie es sonst verwenden.";
    password_again: "Once more", "Noch einmal";
    password_differs: "The two are not the same.", "Die beiden sind nicht gleich.";
    password_wrong: "This is not your password until now.", "Das ist nicht Ihr bisheriges Passwort.";
    password_change: "Change the password", "Passwort ändern";
    password_changed: "The password was changed. All other sessions have ended.",
        "Das Passwort wurde geändert. Alle anderen Sitzungen sind beendet.";
    // Reset.
    reset_title: "Set a new password", "Ein neues Passwort setzen";
    reset_text: "This link of whoever runs the service sets a new password once. Your second factor stays.",
        "Dieser Link des Betreibers setzt einmal ein neues Passwort. Ihr zweiter Faktor bleibt.";
    reset_factor: "The account has a second factor, and the link does not replace it. Nothing was changed so far.",
        "Das Konto hat einen zweiten Faktor, und der Link ersetzt ihn nicht. Bisher wurde nichts geändert.";
    reset_code: "Code from your app, or a recovery code", "Code aus Ihrer App oder ein Wiederherstellungscode";
    reset_gone: "This link has been used, has expired, or never was one. Please ask for another.",
        "Dieser Link wurde benutzt, ist abgelaufen oder war nie einer. Bitte bitten Sie um einen anderen.";
    reset_set: "Set the password", "Passwort setzen";
    reset_done: "The new password is set, and all sessions have ended. Please log in with it.",
        "Das neue Passwort gilt, und alle Sitzungen sind beendet. Bitte melden Sie sich damit an.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn both_languages_fill_in_the_same() {
        let fills = |text: &str| {
            let parts = text.split('{').skip(1);
            let mut names: Vec<_> = parts
                .map(|p| p.split('}').next().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        for (name, english, german) in ALL {
            assert_eq!(fills(english), fills(german), "{name}");
            assert!(!english.contains("  ") && !german.contains("  "), "{name}");
        }
    }

    #[test]
    fn the_first_language_that_is_known_is_taken() {
        let of = |tags| {
            let mut fields = HeaderMap::new();
            fields.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(tags));
            Words::of(&fields).language
        };
        assert_eq!(of("fr, de-CH;q=0.9, en;q=0.8"), "de");
        assert_eq!((of("en-GB,de"), of("fr"), of("")), ("en", "en", "en"));
        assert_eq!(Words::of(&HeaderMap::new()).language, "en");
        assert_eq!(
            fill("a {x} b {y} {x}", &[("x", "1"), ("y", "2")]),
            "a 1 b 2 1"
        );
    }
}
