// The column of messages, and the scrolling that follows but never steals.

import { find, keepingFocus } from "./elements.js";
import { Answer, Question } from "./messages.js";

const NEAR = 48; // px from the end within which it is followed again

export class Transcript {
  #column = find("#messages");
  #scroller = find("#scroller");
  #toEnd = find("#to-end");
  #shown = new Map();
  #doing;
  #follows = true;
  #top = 0; // where it was last seen

  constructor(doing) {
    this.#doing = doing;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#toEnd.addEventListener("click", () => this.toEnd());
    // The window, the keyboard of a phone, a growing composer: the end stays in sight.
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
  }

  /** Draw a path; what was there keeps its element. */
  show(history, busy) {
    keepingFocus(this.#column, () => this.#draw(history, busy), find("#field"));
    this.#follow();
  }

  #draw(history, busy) {
    this.#column.classList.toggle("busy", busy); // meanwhile nothing else is asked
    const path = history.path();
    const views = path.map((message) => {
      const view = this.#shown.get(message) ?? new (message.role === "user" ? Question : Answer)(message, this.#doing);
      view.show(history.versions(message));
      return view;
    });
    this.#shown = new Map(views.map((view) => [view.message, view]));
    const elements = views.map((view) => view.element);
    if (elements.length !== this.#column.children.length || elements.some((each, at) => each !== this.#column.children[at])) {
      this.#column.replaceChildren(...elements);
    }
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
    this.#scrolled();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    // Only the user moves up from the end, by however little; the end itself moves away below.
    this.#follows = scrollTop < this.#top - 1 ? below < 2 : this.#follows || below < NEAR;
    this.#top = scrollTop;
    this.#toEnd.hidden = this.#follows;
  }
}
