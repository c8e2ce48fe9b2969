// Beside the page, for the operator's side: replies that stand in a document as Markdown are drawn as on the page.

import { Rendering } from "./markdown.js";

for (const place of document.querySelectorAll("[data-markdown]")) {
  const text = place.textContent;
  place.replaceChildren();
  new Rendering(place).finish(text);
  place.dataset.markdown = "drawn";
}
