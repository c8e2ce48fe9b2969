// The list of sessions: to open, find, rename and delete.

import { ask, call, query, Refused } from "./api.js";
import { find, keepingFocus, make, portrait, small } from "./elements.js";
import { user } from "./keeping.js";
import { confirmed } from "./menus.js";
import { untilHeard } from "./network.js";
import { personaOf, say } from "./texts.js";

const narrow = matchMedia("(max-width: 860px)");

export class Sidebar {
  #list = find("#sessions");
  #search = find("#search");
  #more = find("#more");
  #panel = find("#sidebar");
  #cover = find("#cover");
  #current = null;
  #next = null;
  #asked = 0;
  #soon;
  #told;

  /** `told` hears `open(id)`, `removed(id)` and `renamed(id, title)`. */
  constructor(told) {
    this.#told = told;
    this.#search.addEventListener("input", () => this.soon());
    this.#more.addEventListener("click", () => this.#load(this.#next));
    this.#cover.addEventListener("click", () => this.close());
    for (const button of document.querySelectorAll("[data-sidebar]")) button.addEventListener("click", () => this.toggle());
    narrow.addEventListener("change", () => this.close());
    this.close();
  }

  /** The newest page; the first load keeps asking until the network carries it. */
  load() {
    return this.#load("");
  }

  /** For what is no hurry: a word that is being typed, a turn, whose answer goes first. */
  soon() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.load(), 200);
  }

  set current(id) {
    this.#current = id;
    for (const row of this.#list.children) find("a", row).toggleAttribute("aria-current", row.dataset.id === id);
  }

  search() {
    if (narrow.matches) this.toggle(true);
    this.#search.focus();
  }

  toggle(open = !this.#panel.classList.contains("open")) {
    this.#panel.classList.toggle("open", open);
    this.#cover.hidden = !open;
    this.#panel.inert = narrow.matches && !open;
    if (open) find("#new").focus();
  }

  close() {
    this.toggle(false);
  }

  get isOpen() {
    return !this.#cover.hidden;
  }

  async #load(cursor) {
    const asked = (this.#asked += 1);
    const words = this.#search.value.trim();
    const path = `/chat/sessions?${query({ user_id: user, q: words, limit: 50, cursor })}`;
    const page = await untilHeard(
      () => call("GET", path),
      () => undefined,
    );
    if (asked !== this.#asked || find(".rename", this.#list)) return; // a newer question is on its way; a name is being written
    const rows = page.sessions.filter((each) => each.message_count).map((each) => this.#row(each));
    if (cursor) this.#list.append(...rows);
    else keepingFocus(this.#list, () => this.#list.replaceChildren(...rows), this.#search);
    this.#next = page.next;
    this.#more.hidden = !page.next;
    find("#nothing").hidden = this.#list.children.length > 0;
    find("#nothing").textContent = say(words ? "nothing_found" : "no_sessions");
    this.current = this.#current;
  }

  #row(session) {
    const title = session.title || session.last_message || say("untitled");
    const link = make(
      "a",
      { href: `#${session.session_id}`, onclick: (event) => this.#open(event, session.session_id) },
      portrait(personaOf(session.persona), "tiny"),
      make("span", { class: "title", dir: "auto" }, title),
    );
    const row = make("li", { "data-id": session.session_id }, link);
    row.append(
      small("edit", say("rename_of", { title }), () => this.#rename(row, session, title)),
      small("remove", say("delete_of", { title }), () => this.#remove(session.session_id, title)),
    );
    return row;
  }

  #open(event, id) {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    if (narrow.matches) this.close();
    this.#told.open(id);
  }

  #rename(row, session, title) {
    const field = make("input", { class: "rename", value: title, maxlength: 200, "aria-label": say("rename"), dir: "auto" });
    const end = async (keep) => {
      field.onblur = null;
      const name = field.value.trim();
      if (keep && name && name !== title) {
        await call("PATCH", `/chat/sessions/${session.session_id}`, { body: { title: name } });
        this.#told.renamed(session.session_id, name);
      }
      const renamed = this.#row({ ...session, title: keep && name ? name : session.title });
      const back = document.activeElement === field;
      row.replaceWith(renamed);
      if (back) find("button", renamed).focus();
      this.current = this.#current;
    };
    field.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.stopPropagation();
      end(event.key === "Enter");
    };
    field.onblur = () => end(true);
    row.replaceChildren(field);
    field.select();
  }

  async #remove(id, title) {
    if (!(await confirmed(say("delete_question", { title }), say("delete")))) return;
    try {
      await ask("DELETE", `/chat/sessions/${id}`);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error; // another tab was faster
    }
    this.#told.removed(id);
    await this.load();
  }
}
