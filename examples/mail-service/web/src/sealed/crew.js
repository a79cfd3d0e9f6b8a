// What the page of a sealed message asks its worker for.

import { Crew as Workers } from "../common/crew.js";
import { workerUrl } from "./html.js";

export class Crew extends Workers {
  constructor() {
    super(workerUrl());
  }

  derive(values, report) {
    return this.ask("derive", values, report);
  }

  open(message) {
    return this.ask("open", { message });
  }

  reply(values, report) {
    return this.ask("reply", values, report);
  }
}
