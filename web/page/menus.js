// Menus that open under their button, and dialogs: both are the browser's own elements.

import { find } from "./elements.js";

/** Menus (details.menu) close when something else is pressed, on Esc, and when something in them was chosen. */
export function watchMenus() {
  const open = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) {
      const inside = menu.contains(event.target);
      if (!inside || event.target.closest("[data-closes]")) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      find("summary", menu).focus();
      event.preventDefault();
    }
  });
}

/** Opens a dialog; a press beside it closes it. */
export function show(dialog) {
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close(); // no value is returned: false would cancel what a button does
  };
  if (!dialog.open) dialog.showModal();
}

const question = () => find("#question");

/** Asks yes or no; true for yes. */
export function confirmed(text, yes) {
  const dialog = question();
  find("p", dialog).textContent = text;
  find("[value=yes]", dialog).textContent = yes;
  dialog.returnValue = "";
  show(dialog);
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
