// The column of messages, and the scrolling that follows but never steals.

import { find } from "./elements.js";
import { Answer, Question } from "./messages.js";

const NEAR = 48; // px from the end within which the end is followed

export class Transcript {
  #column = find("#messages");
  #scroller = find("#scroller");
  #toEnd = find("#to-end");
  #shown = new Map();
  #doing;
  #follows = true;
  #height = 0;

  constructor(doing) {
    this.#doing = doing;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#toEnd.addEventListener("click", () => this.toEnd());
    // The window, the keyboard of a phone, a growing composer: the end stays in sight.
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
  }

  /** Draw a path; what was there keeps its element. */
  show(history, busy) {
    const path = history.path();
    const views = path.map((message) => {
      const view = this.#shown.get(message) ?? new (message.role === "user" ? Question : Answer)(message, this.#doing);
      view.show(history.versions(message), busy);
      return view;
    });
    this.#shown = new Map(views.map((view) => [view.message, view]));
    const elements = views.map((view) => view.element);
    if (elements.length !== this.#column.children.length || elements.some((each, at) => each !== this.#column.children[at])) {
      this.#column.replaceChildren(...elements);
    }
    this.#follow();
  }

  grow(reply) {
    this.#shown.get(reply)?.grow(() => this.#follow());
  }

  /** Go to the end, and stay there while it grows. */
  toEnd() {
    this.#follows = true;
    this.#follow();
  }

  #follow() {
    if (this.#follows) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else this.#scrolled();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    // Only the user's own scrolling counts, not the end that has moved away below.
    if (scrollHeight === this.#height || this.#follows === false) this.#follows = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#height = scrollHeight;
    this.#toEnd.hidden = this.#follows;
  }
}
