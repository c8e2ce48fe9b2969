// Where the user writes: one field, and one round button that turns from send to stop in place.

import { find, icon } from "./elements.js";
import { drafts } from "./keeping.js";
import { say } from "./texts.js";

export class Composer {
  field = find("#field");
  #button = find("#send");
  #hint = find("#editing");
  #session = null;
  #running = false;
  #editing = null;
  #told;

  /** `told` hears `send(text)`, `edit(message, text)`, `stop()`, `typing()` and `editLast()`. */
  constructor(told) {
    this.#told = told;
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.#button.addEventListener("click", () => (this.#running && !this.field.value.trim() ? told.stop() : this.#send()));
    find("#editing-cancel").addEventListener("click", () => this.cancelEdit());
    this.#draw();
  }

  /** Another session: its draft. What was typed before the page was ready stays. */
  open(session, { keep = false } = {}) {
    this.cancelEdit();
    this.#session = session;
    if (!keep) this.field.value = drafts.of(session);
    this.#fit();
    this.#draw();
  }

  /** The session has got its name: the draft goes with it. */
  named(session) {
    if (this.#session === session) return;
    drafts.keep(this.#session, "");
    this.#session = session;
    this.#keep();
  }

  set running(running) {
    this.#running = running;
    this.#draw();
  }

  put(text) {
    this.field.value = text;
    this.#typed();
    this.field.focus();
  }

  edit(message) {
    this.#editing = message;
    this.#hint.hidden = false;
    this.field.value = message.content;
    this.#fit();
    this.#draw();
    this.field.focus();
  }

  /** Whether there was an edit to end. */
  cancelEdit() {
    if (!this.#editing) return false;
    this.#editing = null;
    this.#hint.hidden = true;
    this.field.value = drafts.of(this.#session);
    this.#fit();
    this.#draw();
    return true;
  }

  #typed() {
    this.#keep();
    this.#fit();
    this.#draw();
    if (this.field.value) this.#told.typing();
  }

  #keep() {
    if (!this.#editing) drafts.keep(this.#session, this.field.value);
  }

  #key(event) {
    if (event.isComposing) return;
    const touch = matchMedia("(pointer: coarse)").matches; // there Enter is a new line, and the button sends
    if (event.key === "Enter" && !event.shiftKey && !touch) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && !this.field.value) {
      event.preventDefault();
      this.#told.editLast();
    } else if (event.key === "Escape" && this.cancelEdit()) {
      event.stopPropagation();
    }
  }

  #send() {
    const text = this.field.value.trim();
    if (!text || this.#running) return;
    const message = this.#editing;
    this.#editing = null;
    this.#hint.hidden = true;
    this.field.value = "";
    this.#keep();
    this.#fit();
    if (message) this.#told.edit(message, text);
    else this.#told.send(text);
  }

  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #draw() {
    const stops = this.#running;
    if (this.#button.dataset.does !== (stops ? "stop" : "send")) {
      this.#button.dataset.does = stops ? "stop" : "send";
      this.#button.setAttribute("aria-label", say(stops ? "stop" : "send"));
      this.#button.title = say(stops ? "stop" : "send");
      this.#button.replaceChildren(icon(stops ? "stop" : "send"));
    }
    this.#button.disabled = !stops && !this.field.value.trim();
  }
}
