// The one script of the pages of the account: it asks the browser for a passkey, and hands what it says to the form that
// the page has anyway. Without it everything but passkeys works.

import { login, register, supported } from "../../../../../crates/twofactor/js/passkey.mjs";

const ASK = { get: login, create: register };

async function ask(form) {
  const body = new URLSearchParams({ form: form.elements.form.value });
  // Exactly as a form says it.
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await fetch(form.dataset.options, { method: "POST", headers, body, redirect: "error" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const { challenge, options } = await answer.json();
  form.elements.response.value = await ASK[form.dataset.passkey](options);
  form.elements.challenge.value = challenge;
}

function prepare(form) {
  const button = form.querySelector("button");
  const complaint = form.querySelector(".error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    complaint.textContent = "";
    button.disabled = true;
    try {
      await ask(form);
      // Not by the button again: this one sends.
      form.submit();
    } catch {
      complaint.textContent = form.dataset.failed;
      button.disabled = false;
      button.focus();
    }
  });
  button.disabled = !supported();
  if (!supported()) complaint.textContent = form.dataset.failed;
}

for (const form of document.querySelectorAll("form[data-passkey]")) prepare(form);
for (const button of document.querySelectorAll("button[data-print]")) button.addEventListener("click", () => print());
// A copy of the page that the browser kept would still hold what was sent.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
