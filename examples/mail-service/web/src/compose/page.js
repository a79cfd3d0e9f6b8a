// The page that seals a message: from the form to the link.

import { generate } from "../../../../../crates/symmetric-seal/js/words.mjs";
import { Crew } from "../common/crew.js";
import { Refused, Unreachable } from "../common/server.js";
import { Files } from "./files.js";
import { givenAway, refusal, surelyWeak } from "./password.js";
import { handIn, session } from "./server.js";
import { Language } from "./words.js";

const SECTIONS = ["checking", "unable", "write", "working", "done"];
const FIELDS = ["from", "account", "to", "text", "files", "password", "again", "hint", "days", "views", "form"];
/** Octets of text and attachments: base64 and the packets around it make a third more. */
const MOST = 22_000_000;
const $ = (id) => document.getElementById(id);

const policy = globalThis.trustedTypes?.createPolicy("seal", {
  // The page's own worker, and no other script.
  createScriptURL: (url) => {
    if (url !== WORKER) throw new TypeError("no script of this page");
    return url;
  },
});
const crew = new Crew(policy?.createScriptURL(WORKER) ?? WORKER);
const language = new Language(navigator.languages);
const files = new Files(language);
/** What is said at the moment, to say it again in the other language. */
let said = () => {};
/** What is wrong with which field. */
let complaints = [];
/** Who is logged in on this site; null if nobody is. */
let user = null;
/** The password that was made here; null once another was typed. */
let made = null;
/** Whether the server is asked who is logged in, for a message that is to be sent. */
let isAsking = false;

function show(section) {
  for (const name of SECTIONS) $(name).hidden = name !== section;
}

/** Whoever is logged in needs no password. */
async function recognize() {
  user = await session();
  if (user !== null && $("from").value === "") $("from").value = user.account;
  greet();
}

function greet() {
  $("by-password").hidden = user !== null;
  $("log-in").hidden = user !== null;
  $("logged-in").hidden = user === null;
  $("logged-in").textContent = user === null ? "" : language.say("loggedIn", { account: user.account });
  if (user !== null) calm("account");
}

function translate() {
  language.translate($("language"));
  reveal($("password").type === "text");
  files.say();
  advise();
  bind();
  greet();
  for (const complaint of complaints) complaint();
  said();
}

function reveal(visible) {
  for (const id of ["password", "again"]) $(id).type = visible ? "text" : "password";
  $("reveal").textContent = language.say(visible ? "hide" : "reveal");
  $("reveal").setAttribute("aria-pressed", String(visible));
}

function make() {
  made = generate();
  $("password").value = made;
  $("again").value = made;
  $("made-text").textContent = made;
  $("made").hidden = false;
  $("status").textContent = language.say("madeStatus");
  for (const id of ["password", "again"]) calm(id);
  advise();
}

function typed() {
  made = null;
  $("made").hidden = true;
  advise();
}

/** What can be said of the password while it is typed. */
function advise() {
  const password = $("password").value;
  const key = advice(password);
  $("advice").textContent = key === null ? "" : language.say(key);
}

function advice(password) {
  if (password === "") return null;
  if (password === made) return "adviceWords";
  if (refusal(password) !== null) return null;
  return surelyWeak(password) ? "adviceWeak" : "adviceOwn";
}

function bind() {
  $("send").textContent = language.say($("bind").checked ? "sendBound" : "send");
}

function complain(id, key, values = () => ({})) {
  const complaint = () => ($(`${id}-error`).textContent = language.say(key, values()));
  complaints.push(complaint);
  complaint();
  if (id !== "form") $(id).setAttribute("aria-invalid", "true");
}

function calm(id) {
  $(`${id}-error`).textContent = "";
  $(id).removeAttribute("aria-invalid");
}

/** Whether the form can be sent. If not, the first field that is to blame has the focus. */
function check() {
  complaints = [];
  for (const id of FIELDS) calm(id);
  const value = (id) => $(id).value;
  const wrong = [];
  const must = (is, id, key, values) => {
    if (is || wrong.includes(id)) return;
    wrong.push(id);
    complain(id, key, values);
  };
  const address = (id) => /^[^\s@<>]+@[^\s@<>]+$/u.test(value(id).trim());
  const number = (id) => $(id).validity.valid && value(id) !== "";
  must(address("from"), "from", "fromMissing");
  must(user !== null || value("account") !== "", "account", "accountMissing");
  must(address("to"), "to", "toMissing");
  must(value("text").trim() !== "" || files.list.length > 0, "text", "textMissing");
  must(files.list.length <= 100, "files", "filesMany");
  const octets = files.octets + value("text").length;
  must(octets <= MOST, "files", "filesLarge", () => ({ size: language.size(MOST) }));
  const password = value("password");
  const refused = refusal(password);
  must(refused === null, "password", refused ?? "passwordShort");
  const account = value("account");
  const same = account !== "" && (givenAway(password, [account]) || givenAway(account, [password]));
  must(!same, "password", "passwordAccount");
  must(!givenAway(password, [value("from"), value("to"), value("hint")]), "password", "passwordElsewhere");
  must(password === value("again"), "again", "againDiffers");
  must(!/[\p{Cc}]/u.test(value("hint")), "hint", "hintCharacter");
  must(number("days"), "days", "daysWrong");
  must(number("views"), "views", "viewsWrong");
  if (wrong.length > 0) $(wrong[0]).focus();
  return wrong.length === 0;
}

async function send(event) {
  event.preventDefault();
  // Pressed again before the server has answered: it is one message. Once it is checked, there is nothing to press.
  if (isAsking) return;
  isAsking = true;
  await recognize();
  isAsking = false;
  if (!check()) return;
  const [from, to] = [$("from").value.trim(), $("to").value.trim()];
  const hint = $("hint").value.trim();
  const bound = $("bind").checked;
  show("working");
  step("workingSeal", 0);
  $("working-title").focus();
  try {
    const letter = { from, to, subject: $("subject").value, text: $("text").value, files: files.list };
    const values = { letter, password: $("password").value, bound };
    const sealed = await crew.ask("seal", values, (part) => ($("progress").value = part));
    step("workingSend", 1);
    const terms = {
      from,
      to,
      hint: hint === "" ? null : hint,
      days: Number($("days").value),
      views: Number($("views").value),
      bound,
      proof: sealed.proof,
    };
    const login = user ?? { user: from, password: $("account").value };
    done(await handIn(login, terms, sealed.message), { to, secret: sealed.secret, password: made });
  } catch (error) {
    failed(error);
  }
}

function step(words, part) {
  said = () => {
    $("working-text").textContent = language.say(words);
    $("status").textContent = language.say(words);
  };
  said();
  $("progress").value = part;
}

function done({ link, token, expires, mailed }, { to, secret, password }) {
  const whole = secret === null ? link : `${link}#${secret}`;
  $("done-link").textContent = whole;
  $("done-token").textContent = token;
  $("done-command").textContent = `mail-service link '${whole}' status`;
  $("done-made").hidden = password === null;
  $("done-password").textContent = password ?? "";
  said = () => {
    $("done-title").textContent = language.say(mailed ? "mailedTitle" : "keptTitle");
    $("done-text").textContent = language.say(mailed ? "mailed" : "kept", { to });
    $("done-facts").textContent = language.say("doneFacts", { until: language.moment(expires) });
    $("status").textContent = language.say(mailed ? "mailedTitle" : "keptTitle");
  };
  said();
  empty();
  show("done");
  $("done-title").focus();
}

/** Nothing of the message and no password stays in the form; the sender's address does. */
function empty() {
  const from = $("from").value;
  $("form").reset();
  $("from").value = from;
  files.clear();
  reveal(false);
  typed();
  bind();
}

function failed(error) {
  said = () => {};
  show("write");
  const [id, key, values] = reason(error);
  complain(id, key, () => values);
  $("status").textContent = "";
  $(id === "form" ? "send" : id).focus();
}

/** Where it is said, and how. */
function reason(error) {
  if (error instanceof Unreachable) return ["form", "unreachable", {}];
  const code = error instanceof Refused ? error.code : (error.code ?? "seal.internal");
  switch (code) {
    case "login.refused":
      return ["account", "loginRefused", {}];
    case "login.throttled":
      return ["account", "loginThrottled", {}];
    case "login.second-factor":
      return ["account", "loginSecond", {}];
    case "login.must-change":
      return ["account", "loginMustChange", {}];
    case "login.disabled":
      return ["account", "loginDisabled", {}];
    case "compose.not-yours":
    case "compose.from":
      return ["from", "fromRefused", {}];
    case "compose.to":
      return ["to", "toMissing", {}];
    case "compose.hint":
      return ["hint", "hintCharacter", {}];
    case "compose.terms":
      return ["days", "daysWrong", {}];
    case "web.too-large":
      return ["files", "filesTooLarge", {}];
    case "compose.not-delivered":
      return ["form", "notDelivered", { why: error.why }];
    case "compose.not-taken-back":
      return ["form", "notTakenBack", { why: error.why }];
    case "web.busy":
    case "web.failed":
    case "web.full":
      return ["form", "busy", { code }];
    default:
      return ["form", "refused", { code }];
  }
}

async function copy(event) {
  const node = $(event.currentTarget.dataset.copy);
  try {
    await navigator.clipboard.writeText(node.textContent);
    $("status").textContent = language.say("copied");
    event.target.textContent = language.say("copied");
  } catch {
    // Then it is at least marked.
    getSelection().selectAllChildren(node);
  }
}

async function start() {
  show("checking");
  if (!(await crew.test())) {
    show("unable");
    $("unable-title").focus();
    return;
  }
  await recognize();
  show("write");
  $(user === null ? "from" : "to").focus();
}

// Whoever has logged in meanwhile, in another tab.
addEventListener("focus", recognize);
$("language").addEventListener("click", () => {
  language.code = language.other();
  translate();
});
$("reveal").addEventListener("click", () => reveal($("password").type === "password"));
$("make").addEventListener("click", make);
$("password").addEventListener("input", typed);
$("again").addEventListener("input", () => calm("again"));
$("bind").addEventListener("change", bind);
$("form").addEventListener("submit", send);
$("another").addEventListener("click", () => {
  for (const id of ["done-link", "done-token", "done-command", "done-password"]) $(id).textContent = "";
  translate();
  show("write");
  $("write-title").focus();
});
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", copy);
// A copy of the page that the browser kept would still hold what was written.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

translate();
start();
