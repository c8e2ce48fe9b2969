// "Why this answer": what a reply's prompt was made of; and the versions of a reply side by side.

import { call, query, Refused } from "./api.js";
import { accent, find, make } from "./elements.js";
import { user } from "./keeping.js";
import { Rendering } from "./markdown.js";
import { show } from "./menus.js";
import { personaOf, say } from "./texts.js";

function line(name, value) {
  return [make("dt", {}, name), make("dd", { dir: "auto" }, value)];
}

async function factOf(id) {
  try {
    return (await call("GET", `/memory/${id}?${query({ user_id: user })}`)).text;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return say("forgotten");
    throw error;
  }
}

export async function showWhy(reply) {
  const place = find("#why-list");
  place.replaceChildren();
  show(find("#why"));
  const told = await call("GET", `/chat/turns/${reply.turnId}/manifest`);
  const persona = personaOf(told.persona);
  const facts = await Promise.all((told.used.facts ?? []).map(factOf));
  const usage = told.usage ?? {};
  const list = (texts) => make("ul", {}, ...texts.map((text) => make("li", {}, text)));
  place.replaceChildren(
    ...line(say("why_coach"), say("why_version", { name: persona.name, version: told.persona_version })),
    ...line(say("why_brain"), [told.brain, told.model].filter(Boolean).join(" · ")),
    ...line(say("why_history"), say("why_turns", { count: told.history_turns })),
    ...line(say("why_facts"), facts.length ? list(facts) : say("why_none")),
    ...line(say("why_recalled"), say("why_quotes", { count: (told.used.recalled ?? []).length })),
    ...(told.summary ? line(say("why_summary"), say("why_yes")) : []),
    ...line(say("why_tokens"), `${usage.input_tokens ?? "–"} → ${usage.output_tokens ?? "–"}`),
  );
}

/** All versions of a reply, in columns; one can be chosen. */
export function showVersions(versions, current, choose) {
  const dialog = find("#versions");
  find(".columns", dialog).replaceChildren(
    ...versions.map((version, at) => {
      const words = make("div", { class: "words", dir: "auto" });
      new Rendering(words).finish(version.content);
      const chosen = version === current;
      const use = () => {
        dialog.close();
        choose(version);
      };
      const section = make(
        "section",
        { "aria-label": say("version_of", { number: at + 1, count: versions.length }) },
        make("h3", {}, `${at + 1}/${versions.length} · ${personaOf(version.persona).name}`),
        words,
        make(
          "button",
          { type: "button", class: "plain", disabled: chosen, onclick: use },
          say(chosen ? "version_shown" : "version_use"),
        ),
      );
      accent(section, personaOf(version.persona));
      return section;
    }),
  );
  show(dialog);
}
