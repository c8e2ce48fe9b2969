// How a message looks: a question in its bubble, an answer bare, with what can be done about it.

import { accent, icon, make, portrait } from "./elements.js";
import { Rendering } from "./markdown.js";
import { complaint, personaOf, say } from "./texts.js";

const BETWEEN_PAINTS = 20; // ms: of sixty frames a second every second one, which reads as well and costs half

const NOTES = { stopped: "stopped", interrupted: "interrupted", truncated: "truncated", refused: "declined", failed: "failed" };

function action(name, label, onclick) {
  return make("button", { class: "action", type: "button", onclick }, icon(name), make("span", {}, label));
}

/** `doing` is what the buttons do: `copy`, `edit`, `regenerate`, `choose`, `compare`, `why`. */
function versions(message, all, doing) {
  if (all.length < 2) return null;
  const at = all.indexOf(message);
  const step = (name, label, to) =>
    make(
      "button",
      { class: "action small", type: "button", "aria-label": label, disabled: !to, onclick: () => doing.choose(to) },
      icon(name),
    );
  return make(
    "span",
    { class: "versions", role: "group", "aria-label": say("versions") },
    step("back", say("version_before"), all[at - 1]),
    make("span", { class: "count" }, `${at + 1}/${all.length}`),
    step("forth", say("version_after"), all[at + 1]),
    message.role === "assistant" && action("columns", say("compare"), () => doing.compare(message)),
  );
}

/** A question of the user. */
export class Question {
  constructor(message, doing) {
    this.message = message;
    this.doing = doing;
    this.actions = make("div", { class: "actions" });
    this.bubble = make("div", { class: "bubble", dir: "auto" });
    this.element = make("article", { class: "turn question", "aria-label": say("you_said") }, this.bubble, this.actions);
  }

  show(all, busy) {
    this.bubble.textContent = this.message.content;
    this.element.dataset.id = this.message.id;
    this.actions.replaceChildren(
      ...[
        versions(this.message, all, this.doing),
        !busy && !this.message.local && action("edit", say("edit"), () => this.doing.edit(this.message)),
        action("copy", say("copy"), (event) => this.doing.copy(this.message, event.currentTarget)),
      ].filter(Boolean),
    );
  }
}

/** An answer, from before its first word to what can be done with the whole. */
export class Answer {
  #drawn = null;
  #wanted = false;
  #paintedAt = 0;

  constructor(message, doing) {
    this.message = message;
    this.doing = doing;
    this.words = make("div", { class: "words", dir: "auto" });
    this.rendering = new Rendering(this.words);
    this.note = make("p", { class: "note", hidden: true });
    this.actions = make("div", { class: "actions" });
    this.who = make("h2", { class: "who" });
    this.element = make("article", { class: "turn answer" }, this.who, this.words, this.note, this.actions);
  }

  get running() {
    return this.message.status === "running";
  }

  /** There is more of it: drawn with the next frame, however many times this is called before. */
  grow(painted) {
    if (this.#wanted) return;
    this.#wanted = true;
    const draw = (at) => {
      this.#wanted = false;
      this.#paintedAt = at;
      if (!this.running) return;
      this.#text();
      painted();
    };
    const early = this.#paintedAt + BETWEEN_PAINTS - performance.now();
    if (early > 0) setTimeout(() => requestAnimationFrame(draw), early);
    else requestAnimationFrame(draw);
  }

  show(all, busy) {
    const persona = personaOf(this.message.persona);
    accent(this.element, persona);
    this.element.dataset.id = this.message.id;
    this.element.classList.toggle("running", this.running && !this.message.lost && !this.message.stopping);
    this.element.classList.toggle("thinking", this.running && !this.message.content);
    this.element.setAttribute("aria-busy", String(this.running));
    if (this.who.textContent !== persona.name) this.who.replaceChildren(portrait(persona, "tiny"), persona.name);
    this.#text();
    this.#say();
    this.#act(all, busy);
  }

  #text() {
    const { content } = this.message;
    if (this.running) {
      if (content !== this.#drawn) this.rendering.update(content);
      this.#drawn = content;
      if (content) this.element.classList.remove("thinking");
    } else if (this.#drawn !== `${content}\0`) {
      this.rendering.finish(content);
      this.#drawn = `${content}\0`; // whole: nothing is to be drawn again
    }
  }

  #say() {
    const { lost, status, stopping, trouble } = this.message;
    let text = "";
    if (lost) text = say(navigator.onLine ? "reconnecting" : "offline");
    else if (stopping) text = say("stopping");
    else if (trouble) text = complaint(trouble.code, trouble.message);
    else if (NOTES[status]) text = say(NOTES[status]);
    this.note.hidden = !text;
    if (this.note.textContent !== text) this.note.textContent = text;
    this.note.classList.toggle("wrong", !lost && Boolean(trouble || status === "failed"));
  }

  #act(all, busy) {
    if (this.running) return this.actions.replaceChildren();
    const failed = this.message.trouble || this.message.status === "failed";
    this.actions.replaceChildren(
      ...[
        versions(this.message, all, this.doing),
        this.message.content && action("copy", say("copy"), (event) => this.doing.copy(this.message, event.currentTarget)),
        !busy && action("again", say(failed ? "retry" : "regenerate"), () => this.doing.regenerate(this.message)),
        this.message.turnId && !this.message.local && action("why", say("why"), () => this.doing.why(this.message)),
      ].filter(Boolean),
    );
  }
}
