// The words of a page in the language of whoever reads it, and moments and sizes as one writes them there.

export class Language {
  #words;

  /** @param {Record<string, Record<string, string>>} words by language, each with the same keys */
  constructor(words, preferred) {
    this.#words = words;
    const first = preferred.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in words);
    this.code = first ?? "en";
  }

  other() {
    return this.code === "en" ? "de" : "en";
  }

  say(key, values = {}) {
    const text = this.#words[this.code][key];
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** The texts and labels that the document names, and the button that leads to the other language. */
  translate(button) {
    document.documentElement.lang = this.code;
    document.title = this.say("title");
    for (const node of document.querySelectorAll("[data-words]")) {
      node.textContent = this.say(node.dataset.words);
    }
    for (const node of document.querySelectorAll("[data-words-label]")) {
      node.setAttribute("aria-label", this.say(node.dataset.wordsLabel));
    }
    button.textContent = this.code === "en" ? "Deutsch" : "English";
    button.lang = this.other();
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
