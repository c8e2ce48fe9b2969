// What the server has put into the document: texts in the user's language, and the coaches.

const given = JSON.parse(document.getElementById("data").textContent);

export const language = given.language;
export const personas = given.personas;
export const loggedIn = given.user; // empty where nobody has to

/** A text by its key; `{name}` in it stands for a value. */
export function say(key, values = {}) {
  const text = given.texts[key];
  if (text === undefined) throw new Error(`There is no text "${key}".`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The friendly sentence for an error's code; an unknown code has the server's own sentence. */
export function complaint(code, message) {
  return given.texts[`error_${code}`] ?? message ?? given.texts.error_internal;
}

/** A coach by id, also one that is no longer published. */
export function personaOf(id) {
  return (
    personas.find((each) => each.id === id) ?? {
      id,
      name: say("coach"),
      style: "",
      example: "",
      starters: [],
      avatar: "",
      accent: "#57606a",
    }
  );
}

export const usualPersona = personas.some((each) => each.id === given.persona)
  ? given.persona
  : (personas[0]?.id ?? given.persona);

const dates = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

export function dateOf(text) {
  return dates.format(new Date(text));
}
