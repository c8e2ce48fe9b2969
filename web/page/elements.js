// Elements without markup: nothing that anyone wrote is ever parsed as HTML here.

/** `make("button", { class: "round", onclick: send, "aria-label": "Send" }, "…")`; null and false are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function find(selector, inside = document) {
  return inside.querySelector(selector);
}

/** Draws `place` anew; the focus, if it was in there, goes to what has the same name and stands about where that was, else to `otherwise`. */
export function keepingFocus(place, draw, otherwise) {
  const held = document.activeElement;
  const at = [...place.children].findIndex((each) => each.contains(held));
  draw();
  if (at < 0 || held.checkVisibility()) return;
  const name = (each) => each.getAttribute("aria-label") ?? each.textContent;
  const within = (part) => [...(part?.querySelectorAll("a, button:enabled") ?? [])].filter((each) => each.checkVisibility());
  const near = within(place.children[at]);
  ([...near, ...within(place)].find((each) => name(each) === name(held)) ?? near[0] ?? otherwise).focus();
}

const icons = find("#icons").content;

/** A drawing by its name: of the template in the document. */
export function icon(name) {
  return find(`[data-icon~=${name}]`, icons).cloneNode(true);
}

/** A button that shows a drawing alone. */
export function small(name, label, onclick, more) {
  return make("button", { class: "action small", type: "button", "aria-label": label, onclick, ...more }, icon(name));
}

/** A coach's picture. The drawing is an operator's data: as an image it can neither run nor load anything. */
export function portrait(persona, size) {
  if (!persona.avatar) return make("span", { class: `portrait ${size}`, "aria-hidden": "true" }, [...persona.name][0] ?? "");
  return make("img", { class: `portrait ${size}`, alt: "", src: `data:image/svg+xml,${encodeURIComponent(persona.avatar)}` });
}

/** Give an element its coach's colour. */
export function accent(element, persona) {
  element.style.setProperty("--accent", persona.accent);
}
