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
  if (at < 0 || held.isConnected) return;
  const name = (each) => each.getAttribute("aria-label") ?? each.textContent;
  const within = (part) => [...(part?.querySelectorAll("a, button:enabled") ?? [])];
  const near = within(place.children[at]);
  ([...near, ...within(place)].find((each) => name(each) === name(held)) ?? near[0] ?? otherwise).focus();
}

const SVG = "http://www.w3.org/2000/svg";

const DRAWN = {
  send: "M12 19V6M6 11.5 12 5.5l6 6",
  stop: "M8 8h8v8H8z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  again: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  why: "M9.5 9.3a2.6 2.6 0 1 1 3.7 2.4c-.8.4-1.2 1-1.2 1.9M12 17h.01M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 0 0-17 0",
  edit: "M4 20h4L19 9l-4-4L4 16z",
  pin: "M12 16v5M8 4h8l-1 6 2.5 4h-11L9 10z",
  remove: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13",
  back: "M14.5 6 8.5 12l6 6",
  forth: "m9.5 6 6 6-6 6",
  columns: "M4 5h7v14H4zM13 5h7v14h-7z",
  done: "m5 12.5 4.5 4.5L19 7.5",
};

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWN[name]);
  drawing.append(path);
  return drawing;
}

/** A coach's picture. The drawing is an operator's data: as an image it can neither run nor load anything. */
export function portrait(persona, size) {
  if (!persona.avatar) return make("span", { class: `portrait ${size}`, "aria-hidden": "true" }, [...persona.name][0] ?? "");
  return make("img", { class: `portrait ${size}`, alt: "", src: `data:image/svg+xml,${encodeURIComponent(persona.avatar)}` });
}

/** Give an element its coach's colour, and the one of black and white that can be read on it. */
export function accent(element, persona) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(persona.accent.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  // Relative luminance of WCAG 2.2; 0.179 is where black and white have the same contrast.
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
  element.style.setProperty("--accent", persona.accent);
  element.style.setProperty("--on-accent", light ? "#000" : "#fff");
}
