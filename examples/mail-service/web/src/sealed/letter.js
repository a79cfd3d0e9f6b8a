// An opened message: shown, saved, answered, destroyed.

import { frameDocument } from "./html.js";
import { Refused } from "./server.js";

const $ = (id) => document.getElementById(id);
/** Octets of a reply's attachments: base64 and the packets around it make a third more. */
const MOST_REPLY = 15_000_000;

export class Letter {
  #crew;
  #server;
  #language;
  #gone;
  #letter = null;

  constructor({ crew, server, language, gone }) {
    this.#crew = crew;
    this.#server = server;
    this.#language = language;
    this.#gone = gone;
    $("as-html").addEventListener("click", () => this.#prefer("html"));
    $("as-text").addEventListener("click", () => this.#prefer("text"));
    $("download").addEventListener("click", () => this.#download());
    $("destroy").addEventListener("click", () => this.#confirm());
    $("confirm").addEventListener("close", () => this.#confirmed());
    $("reply-form").addEventListener("submit", (event) => this.#reply(event));
  }

  show(letter) {
    this.#letter = letter;
    const { mail } = letter;
    $("text").textContent = (mail.text ?? "").trimEnd();
    if (mail.html !== null) this.#frame(mail);
    $("views").hidden = mail.html === null || mail.text === null;
    this.#prefer(mail.html === null ? "text" : "html");
    this.#files(mail.attachments);
    $("reply").hidden = !letter.takesReply;
    $("bound-text").hidden = letter.secret === null;
    $("bound-secret").textContent = letter.secret === null ? "" : `#${letter.secret}`;
    this.say();
    $("status").textContent = this.#language.say("opened", { subject: this.#subject() });
    $("subject").focus();
  }

  /** What depends on the language. */
  say() {
    const { mail, visit } = this.#letter;
    const say = (key, values) => this.#language.say(key, values);
    document.title = this.#subject();
    $("subject").textContent = this.#subject();
    const facts = [
      ["from", mail.from.join(", ")],
      ["to", mail.to.join(", ")],
      ["date", mail.date === null ? "" : this.#language.moment(mail.date)],
    ].filter(([, value]) => value !== "");
    $("facts").replaceChildren(
      ...facts.flatMap(([key, value]) => [element("dt", say(key)), element("dd", value)]),
    );
    $("facts").hidden = facts.length === 0;
    $("resume-text").textContent = say("resume", { time: this.#language.clock(visit.until) });
    $("html").querySelector("iframe")?.setAttribute("title", say("htmlFrame"));
    for (const link of $("files").querySelectorAll("a")) this.#name(link);
  }

  #subject() {
    return this.#letter.mail.subject || this.#language.say("noSubject");
  }

  #frame({ html, attachments }) {
    const { document: content, removed } = frameDocument(html, attachments);
    const frame = document.createElement("iframe");
    // Neither scripts nor the page's origin; links open a window of their own, which knows nothing of this one.
    frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
    frame.setAttribute("referrerpolicy", "no-referrer");
    frame.srcdoc = content;
    $("html").replaceChildren(frame);
    $("removed").hidden = !removed;
  }

  #prefer(view) {
    $("html").hidden = view !== "html";
    $("text").hidden = view !== "text";
    $("as-html").setAttribute("aria-pressed", String(view === "html"));
    $("as-text").setAttribute("aria-pressed", String(view === "text"));
  }

  #files(parts) {
    const rows = parts.map(({ name, octets }) => {
      const link = document.createElement("a");
      link.href = objectUrl(octets);
      link.dataset.name = name ?? "";
      link.dataset.size = String(octets.length);
      link.setAttribute("aria-describedby", "attachments-more");
      link.append(element("span", "", "file-name"), element("span", "", "file-size"));
      const row = document.createElement("li");
      row.append(link);
      return row;
    });
    $("files").replaceChildren(...rows);
    $("attachments").hidden = rows.length === 0;
  }

  #name(link) {
    const name = link.dataset.name || this.#language.say("nameless");
    const size = this.#language.size(Number(link.dataset.size));
    link.download = name;
    link.children[0].textContent = name;
    link.children[1].textContent = size;
  }

  #download() {
    const link = document.createElement("a");
    link.href = objectUrl(this.#letter.message);
    link.download = "sealed-message.pgp";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #confirm() {
    $("confirm").returnValue = "no";
    $("confirm").showModal();
  }

  async #confirmed() {
    if ($("confirm").returnValue !== "yes") return;
    try {
      await this.#server.destroy(this.#letter.visit.reader);
    } catch (error) {
      const gone = error instanceof Refused && /^link\.(burned|destroyed|expired|revoked)$/.test(error.code);
      if (!gone) {
        $("resume-text").textContent = this.#language.say("destroyFailed");
        $("status").textContent = this.#language.say("destroyFailed");
        return;
      }
    }
    for (const link of $("files").querySelectorAll("a")) URL.revokeObjectURL(link.href);
    this.#letter = null;
    this.#gone();
  }

  async #reply(event) {
    event.preventDefault();
    const say = (key, values) => this.#language.say(key, values);
    const button = $("reply-form").querySelector("button");
    const complain = (text) => {
      $("reply-error").textContent = text;
      button.disabled = false;
    };
    const text = $("reply-body").value;
    const chosen = Array.from($("reply-files").files);
    if (text.trim() === "") {
      complain(say("replyEmpty"));
      $("reply-body").focus();
      return;
    }
    if (chosen.reduce((sum, file) => sum + file.size, text.length) > MOST_REPLY) {
      complain(say("replyLarge", { size: this.#language.size(MOST_REPLY) }));
      return;
    }
    button.disabled = true;
    $("reply-error").textContent = "";
    $("status").textContent = say("replyWorking");
    try {
      const files = await Promise.all(
        chosen.map(async (file) => ({
          name: file.name,
          type: file.type,
          octets: new Uint8Array(await file.arrayBuffer()),
        })),
      );
      const subject = /^re:/i.test(this.#subject()) ? this.#subject() : `Re: ${this.#subject()}`;
      // Sealed once: if the answer is lost, the same octets go out again.
      const key = JSON.stringify([text, chosen.map((file) => [file.name, file.size, file.lastModified])]);
      if (this.#letter.sealed?.key !== key) {
        this.#letter.sealed = { key, message: await this.#crew.reply({ subject, text, files }) };
      }
      await this.#server.reply(this.#letter.visit.reader, this.#letter.sealed.message);
    } catch (error) {
      const refused = error instanceof Refused;
      complain(refused ? say("replyRefused", { code: error.code }) : say("replyFailed"));
      return;
    }
    this.#letter.takesReply = false;
    $("reply").hidden = true;
    $("reply-done").hidden = false;
    $("reply-form").reset();
    $("status").textContent = say("replyDone");
    $("reply-done-title").focus();
  }
}

function objectUrl(octets) {
  // Whatever it says it is: it is saved, never shown.
  return URL.createObjectURL(new Blob([octets], { type: "application/octet-stream" }));
}

function element(name, text, className = "") {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}
