// What the coach remembers: facts with their sources, to correct, pin and erase; and what may be remembered at all.

import { call, query, Refused } from "./api.js";
import { find, keepingFocus, make, small } from "./elements.js";
import { user } from "./keeping.js";
import { confirmed, show } from "./menus.js";
import { complaint, dateOf, say } from "./texts.js";

const whose = () => query({ user_id: user });
const send = (method, path, body) => call(method, `${path}?${whose()}`, { body });

export class Memory {
  #dialog = find("#memory");
  #facts = find("#facts");
  #about = find("#memory-about");
  #open;

  /** `open(session)` goes to where something was said. */
  constructor(open) {
    this.#open = open;
    find("#memory-pause").addEventListener("change", (event) =>
      this.#do("POST", event.target.checked ? "/memory/pause" : "/memory/resume"),
    );
    find("#memory-health").addEventListener("change", (event) => this.#health(event.target));
    find("#memory-forget").addEventListener("click", () => this.#forget());
    find("#memory-add").addEventListener("submit", (event) => this.#add(event));
    find("#memory-export").href = `/memory/export?${whose()}`;
  }

  async show() {
    show(this.#dialog);
    await this.#load();
  }

  async #load() {
    const facts = [];
    let page;
    for (let cursor = ""; cursor !== null; cursor = page.next) {
      page = await call("GET", `/memory?${query({ user_id: user, limit: 100, cursor })}`);
      facts.push(...page.facts);
    }
    find("#memory-pause").checked = page.paused;
    find("#memory-health").checked = page.consent.health;
    this.#about.textContent = say(page.paused ? "memory_paused" : facts.length ? "memory_is" : "memory_empty");
    facts.sort((one, other) => Number(other.pinned) - Number(one.pinned)); // the rest stays newest first
    keepingFocus(this.#facts, () => this.#facts.replaceChildren(...facts.map((fact) => this.#row(fact))), find("#memory-title"));
  }

  async #do(method, path, body = {}) {
    find("#memory-wrong").textContent = "";
    try {
      await send(method, path, body);
    } catch (error) {
      find("#memory-wrong").textContent = error instanceof Refused ? complaint(error.code, error.message) : say("offline");
    }
    await this.#load();
  }

  #row(fact) {
    const source = fact.source;
    const path = `/memory/${fact.fact_id}`;
    const button = (name, label, onclick, pressed) =>
      small(name, `${label}: ${fact.text}`, onclick, { title: label, "aria-pressed": pressed });
    const text = make("p", { class: "fact", dir: "auto" }, fact.text);
    const row = make(
      "li",
      { "data-id": fact.fact_id },
      make("span", { class: "kind" }, say(`kind_${fact.kind}`)),
      text,
      make(
        "p",
        { class: "source" },
        source
          ? make(
              "a",
              { href: `#${source.session_id}`, onclick: () => this.#dialog.close() || this.#open(source.session_id) },
              `“${source.quote}”`,
            )
          : say("told_here"),
        ` · ${dateOf(fact.valid_from)}`,
      ),
      make(
        "span",
        { class: "actions" },
        button("pin", say("pin"), () => this.#do("PATCH", path, { pinned: !fact.pinned }), String(fact.pinned)),
        button("edit", say("correct"), () => this.#correct(text, fact, path)),
        button("remove", say("erase"), () => this.#do("DELETE", path)),
      ),
    );
    return row;
  }

  #correct(text, fact, path) {
    const field = make("textarea", { class: "correct", rows: 2, maxlength: 500, "aria-label": say("correct"), dir: "auto" });
    field.value = fact.text;
    field.onkeydown = (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        field.replaceWith(text);
      } else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        field.onblur = null;
        if (field.value.trim() && field.value !== fact.text) this.#do("PATCH", path, { text: field.value.trim() });
        else field.replaceWith(text);
      }
    };
    text.replaceWith(field);
    field.focus();
  }

  async #add(event) {
    event.preventDefault();
    const form = event.target;
    await this.#do("POST", "/memory", { kind: form.elements.kind.value, text: form.elements.text.value.trim() });
    if (!find("#memory-wrong").textContent) form.elements.text.value = "";
  }

  async #health(box) {
    // To withdraw the consent deletes what rests on it.
    if (!box.checked && !(await confirmed(say("health_question"), say("erase")))) box.checked = true;
    else await this.#do("PATCH", "/memory/consent", { health: box.checked });
  }

  async #forget() {
    const topic = find("#memory-topic");
    const words = topic.value.trim();
    const text = words ? say("forget_question", { topic: words }) : say("forget_all_question");
    if (!(await confirmed(text, say("forget")))) return;
    await this.#do("POST", "/memory/forget", words ? { topic: words } : { all: true });
    topic.value = "";
  }
}
