// How a message looks: a question in its bubble, an answer bare, with what can be done about it.

import { accent, icon, make, portrait, small } from "./elements.js";
import { Rendering } from "./markdown.js";
import { complaint, personaOf, say } from "./texts.js";

const BETWEEN_PAINTS = 20; // ms: of sixty frames a second every second one, which reads as well and costs half

const NOTES = { stopped: "stopped", interrupted: "interrupted", truncated: "truncated", refused: "declined", failed: "failed" };

/** A button that does `doing[name](message)`; its text and its drawing have the same name. */
function action(name, message, doing) {
  return make(
    "button",
    { class: "action", type: "button", "data-does": name, onclick: (event) => doing[name](message, event.currentTarget) },
    icon(name),
    make("span", {}, say(name)),
  );
}

function versions(message, all, doing) {
  if (all.length < 2) return null;
  const at = all.indexOf(message);
  const step = (name, to) => small(name, say(name), () => doing.choose(to), { disabled: !to });
  return make(
    "span",
    { class: "versions", role: "group", "aria-label": say("versions") },
    step("version_before", all[at - 1]),
    make("span", { class: "count" }, `${at + 1}/${all.length}`),
    step("version_after", all[at + 1]),
    message.role === "assistant" && action("compare", message, doing),
  );
}

/** `doing` is what the buttons do: `copy`, `edit`, `regenerate`, `retry`, `choose`, `compare`, `why`. */
class Said {
  actions = make("div", { class: "actions" });
  #acts = "";

  constructor(message, doing) {
    this.message = message;
    this.doing = doing;
  }

  /** Its buttons, made anew only where they are others than before: a long chat has hundreds. */
  act(all, names) {
    const acts = [...names, ...all.map(({ id }) => id)].join();
    if (this.#acts === acts) return;
    this.#acts = acts;
    const { message, doing } = this;
    const buttons = names.filter(Boolean).map((name) => action(name, message, doing));
    this.actions.replaceChildren(...[names.length && versions(message, all, doing), ...buttons].filter(Boolean));
  }
}

/** A question of the user. */
export class Question extends Said {
  bubble = make("div", { class: "bubble", dir: "auto" });
  element = make("article", { class: "turn question", "aria-label": say("you_said") }, this.bubble, this.actions);

  show(all) {
    const { id, content, local } = this.message;
    if (this.bubble.textContent !== content) this.bubble.textContent = content;
    this.element.dataset.id = id;
    this.act(all, [!local && "edit", "copy"]);
  }
}

/** An answer, from before its first word to what can be done with the whole. */
export class Answer extends Said {
  who = make("h2", { class: "who" });
  words = make("div", { class: "words", dir: "auto" });
  note = make("p", { class: "note", hidden: true });
  element = make("article", { class: "turn answer" }, this.who, this.words, this.note, this.actions);
  rendering = new Rendering(this.words);
  #coach = null;
  #drawn = null;
  #wanted = false;
  #paintedAt = 0;

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

  show(all) {
    if (this.#coach !== this.message.persona) this.#introduce(this.message.persona);
    this.element.dataset.id = this.message.id;
    const going = this.running && !this.message.lost && !this.message.stopping; // no dot pretends
    this.element.classList.toggle("running", going);
    this.element.classList.toggle("thinking", going && !this.message.content);
    this.element.setAttribute("aria-busy", String(this.running));
    this.#text();
    this.#say();
    const { content, local, status, trouble, turnId } = this.message;
    const again = trouble || status === "failed" ? "retry" : "regenerate";
    this.act(all, this.running ? [] : [content !== "" && "copy", again, Boolean(turnId) && !local && "why"]);
  }

  #introduce(coach) {
    const persona = personaOf(coach);
    this.#coach = coach;
    accent(this.element, persona);
    this.who.replaceChildren(portrait(persona, "tiny"), persona.name);
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
}
