// The files that are to be attached: chosen in one go or in several, each can be left out again.

const $ = (id) => document.getElementById(id);

export class Files {
  #language;
  #list = [];

  constructor(language) {
    this.#language = language;
    $("files").addEventListener("change", () => this.#add(Array.from($("files").files)));
  }

  get list() {
    return this.#list;
  }

  get octets() {
    return this.#list.reduce((sum, file) => sum + file.size, 0);
  }

  clear() {
    this.#list = [];
    $("files").value = "";
    this.say();
  }

  /** The list, in the language of the moment. */
  say() {
    const rows = this.#list.map((file) => {
      const leave = element("button", this.#language.say("leaveOut"), "quiet");
      leave.type = "button";
      leave.setAttribute("aria-label", this.#language.say("leaveOutFile", { name: file.name }));
      leave.addEventListener("click", () => this.#leaveOut(file));
      const row = document.createElement("li");
      const size = this.#language.size(file.size);
      row.append(element("span", file.name, "file-name"), element("span", size, "file-size"), leave);
      return row;
    });
    $("chosen").replaceChildren(...rows);
    $("chosen").hidden = rows.length === 0;
  }

  #add(files) {
    const alike = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
    this.#list.push(...files.filter((file) => !this.#list.some((other) => alike(file, other))));
    // The list below says what is attached; the next choice adds to it.
    $("files").value = "";
    this.say();
  }

  #leaveOut(file) {
    this.#list = this.#list.filter((other) => other !== file);
    this.say();
    $("files").focus();
  }
}

function element(name, text, className) {
  const node = document.createElement(name);
  node.textContent = text;
  node.className = className;
  return node;
}
