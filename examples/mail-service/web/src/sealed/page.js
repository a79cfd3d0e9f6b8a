// The page of a sealed message: from the link to the message, and to what can be done with it.

import { fromBase64Url } from "../seal/bytes.js";
import { Crew } from "./crew.js";
import { Letter } from "./letter.js";
import { Refused, Server, Unreachable } from "./server.js";
import { Visit } from "./visit.js";
import { Language } from "./words.js";

const SECTIONS = ["checking", "told", "ask", "working", "message"];
const $ = (id) => document.getElementById(id);

const [, id] = /^\/s\/([A-Za-z0-9_-]{22})$/.exec(location.pathname) ?? [];
const secret = fragment();
const language = new Language(navigator.languages);
const server = new Server(id);
const crew = new Crew();
const letter = new Letter({ crew, server, language, gone: destroyed });
let storage = null;
try {
  storage = sessionStorage;
} catch {
  // Forbidden by a setting.
}
const visit = new Visit(id, storage);
/** What is said at the moment, to say it again in the other language. */
let said = () => {};
let challenge = null;

/** The secret of the link, which leaves the address bar at once. */
function fragment() {
  const text = location.hash.slice(1);
  if (text !== "") history.replaceState(null, "", location.pathname);
  return fromBase64Url(text, 16) === null ? null : text;
}

function show(section) {
  for (const name of SECTIONS) $(name).hidden = name !== section;
}

function translate() {
  language.translate($("language"));
  reveal($("password").type === "text");
}

function reveal(visible) {
  $("password").type = visible ? "text" : "password";
  $("reveal").textContent = language.say(visible ? "hide" : "reveal");
  $("reveal").setAttribute("aria-pressed", String(visible));
}

/** Instead of a message: a sentence, and what to do. */
function tell(what, values = () => ({}), { more = null, again = false, announce = true } = {}) {
  said = () => {
    $("told-title").textContent = language.say(`${what}Title`);
    $("told-text").textContent = language.say(what, values());
    $("told-more").textContent = more === null ? "" : language.say(more);
    document.title = language.say(`${what}Title`);
  };
  said();
  $("told-again").hidden = !again;
  show("told");
  if (announce) $("told-title").focus();
}

/** Why there is no message, from what the server calls it. */
function tellRefusal(code, at) {
  const time = () => ({ time: language.moment(at) });
  const ends = { more: "askSender" };
  switch (code) {
    case "link.expired":
      return tell("expired", time, ends);
    case "link.revoked":
      return tell("revoked", time, ends);
    case "link.burned":
      return tell("burned", time, ends);
    case "link.destroyed":
      return tell("destroyed", time, ends);
    case "link.views-used":
    case "link.resume-over":
      return tell("viewsUsed", undefined, ends);
    case "link.pending":
      return tell("pending", undefined, { again: true });
    case "link.unknown":
      return tell("unknown");
    case "web.busy":
      return tell("busy", undefined, { again: true });
    default:
      return tell("failed", undefined, { again: true });
  }
}

async function start() {
  show("checking");
  if (!(await crew.test())) {
    tell("noWasm", undefined, { more: "noWasmMore" });
    return;
  }
  if (id === undefined) {
    tell("unknown");
    return;
  }
  try {
    challenge = await server.challenge();
  } catch (error) {
    tellRefusal(error instanceof Refused ? error.code : "", error.at);
    return;
  }
  if (challenge.salt === null) challenge = { ...challenge, ...visit.challenge };
  if (!challenge.salt) tellRefusal("link.views-used");
  else if (challenge.bound && secret === null) tell("cut", undefined, { more: "cutMore" });
  else ask();
}

function ask() {
  said = () => {
    const until = language.moment(challenge.expires);
    const left = challenge.views_left;
    // How often is not told while the link waits.
    const often = left === null ? "factsUntil" : left === 1 ? "factsOnce" : "factsMany";
    const facts = visit.until > 0 ? "factsResume" : often;
    $("ask-facts").textContent = language.say(facts, { left, until });
    $("hint").hidden = !challenge.hint;
    $("hint-text").textContent = challenge.hint ?? "";
  };
  said();
  show("ask");
  if (challenge.locked_until) wait("locked", challenge.locked_until);
  else $("password").focus();
}

function complain(key, values) {
  const facts = said;
  said = () => {
    facts();
    $("ask-error").textContent = language.say(key, values?.());
  };
  said();
  $("password").setAttribute("aria-invalid", "true");
}

/** Nothing can be tried before that moment: the button says so, and comes back by itself. */
function wait(key, until) {
  complain(key, () => ({ time: language.clock(until) }));
  $("open").disabled = true;
  const left = Math.max(0, until * 1000 - Date.now());
  // A timer's longest time is 24.8 days; whoever waits that long loads the page again.
  setTimeout(() => {
    $("open").disabled = false;
    $("ask-error").textContent = "";
  }, Math.min(left + 500, 2 ** 31 - 1));
}

async function open(event) {
  event.preventDefault();
  const text = $("password").value;
  if (text === "") {
    complain("emptyPassword");
    $("password").focus();
    return;
  }
  $("ask-error").textContent = "";
  $("password").removeAttribute("aria-invalid");
  show("working");
  step("workingKey", 0);
  $("working-title").focus();
  try {
    const { salt, passes, lanes, memory_exponent: memoryExponent } = challenge;
    const bound = challenge.bound ? secret : null;
    const values = { text, secret: bound, salt, passes, lanes, memoryExponent };
    const proof = await crew.derive(values, (part) => progress(part));
    step("workingFetch", 1);
    const { message, resumeUntil } = await server.release(proof, visit.reader);
    visit.released({ salt, passes, lanes, memory_exponent: memoryExponent }, resumeUntil);
    step("workingOpen", 1);
    const mail = await crew.open(message);
    $("password").value = "";
    reveal(false);
    said = () => letter.say();
    show("message");
    letter.show({ mail, message, secret: bound, visit, takesReply: challenge.takes_reply });
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (error instanceof Refused && (error.code === "link.wrong-proof" || error.code === "link.locked")) {
    ask();
    if (error.code === "link.locked") wait("locked", error.at);
    else if (error.at !== null) wait("wrongWait", error.at);
    else complain("wrong");
    $("password").focus();
    $("password").select();
  } else if (error instanceof Refused) {
    tellRefusal(error.code, error.at);
  } else if (error instanceof Unreachable) {
    tell("failed", undefined, { again: true });
  } else {
    tell("damaged", () => ({ code: error.code ?? "seal.internal" }));
  }
}

function step(words, part) {
  said = () => {
    $("working-text").textContent = language.say(words);
    $("status").textContent = language.say(words);
  };
  said();
  progress(part);
}

function progress(part) {
  $("progress").value = part;
}

function destroyed() {
  visit.forget();
  crew.end();
  $("message").replaceChildren();
  tell("destroyedNow");
}

$("language").addEventListener("click", () => {
  language.code = language.other();
  translate();
  said();
});
$("reveal").addEventListener("click", () => reveal($("password").type === "password"));
$("ask-form").addEventListener("submit", open);
$("told-again").addEventListener("click", start);
// A copy of the page that the browser kept would show what was destroyed or has expired since.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

translate();
start();
