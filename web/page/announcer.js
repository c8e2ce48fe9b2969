// What a screen reader hears of an answer: whole sentences, when they are finished, and never a single word.

import { find } from "./elements.js";
import { language } from "./texts.js";

const sentences = new Intl.Segmenter(language, { granularity: "sentence" });
const MARKS = /[*_`#>|~]|\[(?=[^\]]*\]\()|\]\([^)]*\)/g;

export class Announcer {
  #region = find("#spoken");
  #reply = null;
  #told = 0;
  #timer = null;

  /** A reply has grown: its new whole sentences are said, a second's worth at a time. */
  grow(reply) {
    if (this.#reply !== reply) {
      this.#reply = reply;
      this.#told = 0;
      this.#region.replaceChildren();
    }
    this.#timer ??= setTimeout(() => this.#speak(false), 1000);
  }

  end(reply) {
    if (this.#reply === reply) this.#speak(true);
  }

  say(text) {
    this.#add(text);
  }

  #speak(whole) {
    clearTimeout(this.#timer);
    this.#timer = null;
    const rest = this.#reply.content.slice(this.#told);
    const found = [...sentences.segment(rest)];
    if (!whole) found.pop(); // it may go on
    const text = found.map(({ segment }) => segment).join("");
    this.#told += text.length;
    if (text.trim()) this.#add(text.replace(MARKS, "").trim());
  }

  #add(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.#region.append(line);
    while (this.#region.children.length > 8) this.#region.firstChild.remove();
  }
}
