// An empty page: who the coach is, who else there is, and a few first sentences.

import { accent, find, make, portrait } from "./elements.js";
import { personaOf, personas, say } from "./texts.js";

/** `starter(text)` hears which of its sentences was chosen. */
export function showWelcome(id, starter) {
  const place = find("#welcome");
  const persona = personaOf(id);
  accent(place, persona);
  place.replaceChildren(
    portrait(persona, "large"),
    make("h1", {}, persona.name),
    make("p", { class: "voice" }, persona.description || persona.style),
    persona.example && make("blockquote", { dir: "auto" }, persona.example),
  );
  find("#starters").replaceChildren(
    ...persona.starters.slice(0, 4).map((text) => {
      const [, headline, rest] = /^(.*?[.?!…])\s+(.+)$/s.exec(text) ?? [text, text, ""]; // two lines, where it has two sentences
      const button = { type: "button", dir: "auto", onclick: () => starter(text) };
      return make("li", {}, make("button", button, make("strong", {}, headline), " ", rest));
    }),
  );
}

/** The switcher in the head of the page; the one in use is marked. */
export function showCoaches(current, choose) {
  const head = find("#coach");
  if (head.dataset.coach === current) return;
  head.dataset.coach = current;
  const persona = personaOf(current);
  accent(find("#stage"), persona);
  find("summary", head).replaceChildren(portrait(persona, "small"), make("span", { class: "name" }, persona.name));
  find("summary", head).setAttribute("aria-label", say("coach_is", { name: persona.name }));
  find("ul", head).replaceChildren(
    ...personas.map((each) => {
      const button = make(
        "button",
        { type: "button", "data-closes": true, "aria-pressed": String(each.id === current), onclick: () => choose(each.id) },
        portrait(each, "small"),
        make("span", {}, make("strong", {}, each.name), make("small", {}, each.description)),
      );
      accent(button, each);
      return make("li", {}, button);
    }),
  );
}
