// What the page says, in English and German. `{x}` is filled in. A test compares the keys, and looks for those that the
// page names.

export const WORDS = {
  en: {
    title: "Sealed message",
    name: "Sealed message",
    skip: "To the message",
    checking: "One moment …",
    checkingMore: "The page checks what your browser can do.",
    askTitle: "Somebody sent you a sealed message",
    askText:
      "It opens with the password that you have agreed on. It is opened here, in your browser: the password is not sent anywhere.",
    hintLabel: "The sender’s hint",
    password: "Password",
    reveal: "Show",
    hide: "Hide",
    open: "Open the message",
    factsOnce: "It can be opened once. Available until {until}.",
    factsMany: "It can be opened {left} more times. Available until {until}.",
    factsUntil: "Available until {until}.",
    factsResume: "You have opened it just now, and may open it again for some minutes.",
    working: "Opening …",
    workingKey: "Your password is turned into a key. This takes a moment on purpose: it slows guessing down.",
    workingFetch: "The sealed message is fetched.",
    workingOpen: "The message is opened.",
    wrong: "This password does not open the message. Please check it, capitals and spaces too.",
    wrongWait: "This password does not open the message. The next try is possible from {time}.",
    locked: "There were too many wrong passwords. The next try is possible from {time}.",
    emptyPassword: "Please type the password.",
    noWasmTitle: "Your browser cannot open this message",
    noWasm:
      "The page needs WebAssembly and WebCrypto, and this browser does not offer them, or a setting or extension forbids them. Your password was not asked for, and the message is untouched.",
    noWasmMore: "Please try another browser, or leave strict or lockdown mode for this page.",
    cutTitle: "A part of the link is missing",
    cut: "The link that you were sent ends with a “#” and a secret. This page was opened without that part, so the password alone cannot open the message.",
    cutMore: "Please open the link from the mail once more, or copy it whole.",
    unknownTitle: "There is no message here",
    unknown: "The link is not complete, or the message was removed a long time ago.",
    pendingTitle: "The message is not there yet",
    pending: "The sender has not finished yet. Please try again later.",
    expiredTitle: "This message has expired",
    expired: "It could be opened until {time}. It is not on the server any more.",
    revokedTitle: "The sender has taken this message back",
    revoked: "That was on {time}. It is not on the server any more.",
    burnedTitle: "This message was opened already",
    burned: "It was opened as often as the sender allowed, and was removed on {time}.",
    viewsUsedTitle: "This message was opened already",
    viewsUsed: "It was opened as often as the sender allowed.",
    destroyedTitle: "This message was destroyed",
    destroyed: "A reader destroyed it on {time}. It is not on the server any more.",
    askSender: "If you still need it, ask the sender for a new one.",
    destroyedNowTitle: "The message is destroyed",
    destroyedNow: "It is not on the server any more, and not in this page either.",
    failedTitle: "The server cannot be reached",
    failed: "Nothing was lost. Please check your connection, and try again.",
    busyTitle: "Too many requests",
    busy: "Many requests came from your network. Please wait some minutes.",
    damagedTitle: "This message cannot be opened",
    damaged:
      "The password is right, but the message is damaged, or was not made as this page requires ({code}). Please tell the sender.",
    again: "Try again",
    noSubject: "(no subject)",
    from: "From",
    to: "To",
    date: "Date",
    asHtml: "With its layout",
    asText: "Text only",
    htmlFrame: "The message, with its layout",
    removed: "Pictures from the network and active content were removed.",
    attachments: "Attachments",
    attachmentsMore: "They are saved, never opened here. Open only what you expect.",
    nameless: "attachment",
    opened: "The message is open: {subject}",
    reply: "Reply",
    replyText: "Your reply is sealed here with the same password. Only the sender can open it.",
    replyBody: "Your reply",
    replyFiles: "Attachments",
    replySend: "Seal and send",
    replyEmpty: "Please write something.",
    replyLarge: "This is too much: a reply has at most {size}, attachments included.",
    replyWorking: "The reply is sealed and sent …",
    replyFailed: "The reply could not be sent. Please try again.",
    replyRefused: "The server does not take the reply: {code}.",
    replyDone: "Your reply is on its way",
    replyDoneText: "It was sealed in this browser. The sender has been told that there is a reply.",
    keep: "Keep it, or destroy it",
    resume: "You may open it again until {time}, with the same password, in this window.",
    download: "Save the sealed file",
    destroy: "Destroy it now",
    destroyFailed: "The message could not be destroyed. Please try again.",
    elsewhere: "How to open the sealed file without this page",
    elsewhereText:
      "It is an OpenPGP message (RFC 9580). Any program that reads Argon2 and AES-GCM opens it with the password, for example Sequoia:",
    elsewhereCommand: "Command",
    boundText: "The password is bound to your link. There it is your password, followed directly by:",
    footer: "The message is sealed from sender to recipient. This server stores it, and cannot read it.",
    licences: "Licences",
    confirm: "Destroy this message?",
    confirmText: "It is removed from the server at once, for everybody. Nobody can bring it back.",
    confirmNo: "Keep it",
    confirmYes: "Destroy it",
  },
  de: {
    title: "Versiegelte Nachricht",
    name: "Versiegelte Nachricht",
    skip: "Zur Nachricht",
    checking: "Einen Moment …",
    checkingMore: "Die Seite prüft, was Ihr Browser kann.",
    askTitle: "Sie haben eine versiegelte Nachricht bekommen",
    askText:
      "Sie öffnet sich mit dem Passwort, das Sie vereinbart haben. Geöffnet wird sie hier in Ihrem Browser: Das Passwort wird nirgendwohin gesendet.",
    hintLabel: "Hinweis des Absenders",
    password: "Passwort",
    reveal: "Zeigen",
    hide: "Verbergen",
    open: "Nachricht öffnen",
    factsOnce: "Sie lässt sich einmal öffnen. Verfügbar bis {until}.",
    factsMany: "Sie lässt sich noch {left}-mal öffnen. Verfügbar bis {until}.",
    factsUntil: "Verfügbar bis {until}.",
    factsResume: "Sie haben sie eben geöffnet und können sie noch einige Minuten lang wieder öffnen.",
    working: "Wird geöffnet …",
    workingKey: "Aus Ihrem Passwort wird ein Schlüssel. Das dauert mit Absicht einen Moment: Es bremst das Raten.",
    workingFetch: "Die versiegelte Nachricht wird geholt.",
    workingOpen: "Die Nachricht wird geöffnet.",
    wrong: "Dieses Passwort öffnet die Nachricht nicht. Bitte prüfen Sie es, auch Großschreibung und Leerzeichen.",
    wrongWait: "Dieses Passwort öffnet die Nachricht nicht. Der nächste Versuch ist ab {time} möglich.",
    locked: "Es gab zu viele falsche Passwörter. Der nächste Versuch ist ab {time} möglich.",
    emptyPassword: "Bitte geben Sie das Passwort ein.",
    noWasmTitle: "Ihr Browser kann diese Nachricht nicht öffnen",
    noWasm:
      "Die Seite braucht WebAssembly und WebCrypto. Dieser Browser bietet sie nicht an, oder eine Einstellung oder Erweiterung verbietet sie. Nach Ihrem Passwort wurde nicht gefragt, und die Nachricht ist unberührt.",
    noWasmMore: "Bitte versuchen Sie es mit einem anderen Browser, oder verlassen Sie für diese Seite den strengen oder Blockierungsmodus.",
    cutTitle: "Ein Teil des Links fehlt",
    cut: "Der Link, den Sie bekommen haben, endet mit „#“ und einem Geheimnis. Diese Seite wurde ohne diesen Teil geöffnet; das Passwort allein öffnet die Nachricht nicht.",
    cutMore: "Bitte öffnen Sie den Link noch einmal aus der Mail, oder kopieren Sie ihn ganz.",
    unknownTitle: "Hier ist keine Nachricht",
    unknown: "Der Link ist unvollständig, oder die Nachricht wurde vor langer Zeit entfernt.",
    pendingTitle: "Die Nachricht ist noch nicht da",
    pending: "Der Absender ist noch nicht fertig. Bitte versuchen Sie es später wieder.",
    expiredTitle: "Diese Nachricht ist abgelaufen",
    expired: "Sie ließ sich bis {time} öffnen. Auf dem Server ist sie nicht mehr.",
    revokedTitle: "Der Absender hat diese Nachricht zurückgezogen",
    revoked: "Das war am {time}. Auf dem Server ist sie nicht mehr.",
    burnedTitle: "Diese Nachricht wurde schon geöffnet",
    burned: "Sie wurde so oft geöffnet, wie der Absender erlaubt hat, und am {time} entfernt.",
    viewsUsedTitle: "Diese Nachricht wurde schon geöffnet",
    viewsUsed: "Sie wurde so oft geöffnet, wie der Absender erlaubt hat.",
    destroyedTitle: "Diese Nachricht wurde vernichtet",
    destroyed: "Ein Leser hat sie am {time} vernichtet. Auf dem Server ist sie nicht mehr.",
    askSender: "Wenn Sie sie noch brauchen, bitten Sie den Absender um eine neue.",
    destroyedNowTitle: "Die Nachricht ist vernichtet",
    destroyedNow: "Sie ist nicht mehr auf dem Server, und auch nicht mehr auf dieser Seite.",
    failedTitle: "Der Server ist nicht erreichbar",
    failed: "Es ist nichts verloren. Bitte prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.",
    busyTitle: "Zu viele Anfragen",
    busy: "Aus Ihrem Netz kamen viele Anfragen. Bitte warten Sie einige Minuten.",
    damagedTitle: "Diese Nachricht lässt sich nicht öffnen",
    damaged:
      "Das Passwort stimmt, aber die Nachricht ist beschädigt oder nicht so gemacht, wie diese Seite es verlangt ({code}). Bitte sagen Sie es dem Absender.",
    again: "Noch einmal versuchen",
    noSubject: "(ohne Betreff)",
    from: "Von",
    to: "An",
    date: "Datum",
    asHtml: "Mit Gestaltung",
    asText: "Nur Text",
    htmlFrame: "Die Nachricht mit ihrer Gestaltung",
    removed: "Bilder aus dem Netz und aktive Inhalte wurden entfernt.",
    attachments: "Anhänge",
    attachmentsMore: "Sie werden gespeichert, nie hier geöffnet. Öffnen Sie nur, was Sie erwarten.",
    nameless: "Anhang",
    opened: "Die Nachricht ist offen: {subject}",
    reply: "Antworten",
    replyText: "Ihre Antwort wird hier mit demselben Passwort versiegelt. Nur der Absender kann sie öffnen.",
    replyBody: "Ihre Antwort",
    replyFiles: "Anhänge",
    replySend: "Versiegeln und senden",
    replyEmpty: "Bitte schreiben Sie etwas.",
    replyLarge: "Das ist zu viel: Eine Antwort hat höchstens {size}, Anhänge eingeschlossen.",
    replyWorking: "Die Antwort wird versiegelt und gesendet …",
    replyFailed: "Die Antwort konnte nicht gesendet werden. Bitte versuchen Sie es noch einmal.",
    replyRefused: "Der Server nimmt die Antwort nicht an: {code}.",
    replyDone: "Ihre Antwort ist unterwegs",
    replyDoneText: "Sie wurde in diesem Browser versiegelt. Der Absender erfährt, dass es eine Antwort gibt.",
    keep: "Behalten oder vernichten",
    resume: "Bis {time} können Sie sie in diesem Fenster mit demselben Passwort wieder öffnen.",
    download: "Versiegelte Datei speichern",
    destroy: "Jetzt vernichten",
    destroyFailed: "Die Nachricht konnte nicht vernichtet werden. Bitte versuchen Sie es noch einmal.",
    elsewhere: "Wie sich die versiegelte Datei ohne diese Seite öffnen lässt",
    elsewhereText:
      "Sie ist eine OpenPGP-Nachricht (RFC 9580). Jedes Programm, das Argon2 und AES-GCM liest, öffnet sie mit dem Passwort, zum Beispiel Sequoia:",
    elsewhereCommand: "Befehl",
    boundText: "Das Passwort ist an Ihren Link gebunden. Dort lautet es: Ihr Passwort, und ohne Abstand dahinter:",
    footer: "Die Nachricht ist vom Absender bis zum Empfänger versiegelt. Dieser Server verwahrt sie und kann sie nicht lesen.",
    licences: "Lizenzen",
    confirm: "Diese Nachricht vernichten?",
    confirmText: "Sie wird sofort vom Server entfernt, für alle. Niemand kann sie zurückholen.",
    confirmNo: "Behalten",
    confirmYes: "Vernichten",
  },
};

export class Language {
  constructor(preferred) {
    const first = preferred.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in WORDS);
    this.code = first ?? "en";
  }

  other() {
    return this.code === "en" ? "de" : "en";
  }

  say(key, values = {}) {
    const text = WORDS[this.code][key];
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** A moment, given in seconds since 1970. */
  moment(seconds) {
    const style = { dateStyle: "long", timeStyle: "short" };
    return new Intl.DateTimeFormat(this.code, style).format(new Date(seconds * 1000));
  }

  /** The time of day of a moment that is near. */
  clock(seconds) {
    const near = Math.abs(seconds * 1000 - Date.now()) < 12 * 3600 * 1000;
    if (!near) return this.moment(seconds);
    return new Intl.DateTimeFormat(this.code, { timeStyle: "medium" }).format(new Date(seconds * 1000));
  }

  size(octets) {
    const [value, unit] =
      octets < 1000 ? [octets, "byte"] : octets < 1e6 ? [octets / 1000, "kilobyte"] : [octets / 1e6, "megabyte"];
    const few = unit === "byte";
    const unitDisplay = few ? "long" : "short";
    const options = { style: "unit", unit, unitDisplay, maximumFractionDigits: value < 10 && !few ? 1 : 0 };
    return new Intl.NumberFormat(this.code, options).format(value);
  }
}
