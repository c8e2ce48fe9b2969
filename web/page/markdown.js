// A reply as it grows: blocks that are finished are drawn once, and only the last one again.

/* global marked, DOMPurify */

const TAGS = "p,br,strong,em,del,code,pre,ul,ol,li,blockquote,h3,h4,h5,h6,hr,a,table,thead,tbody,tr,th,td,input".split(",");
const ATTRIBUTES = ["href", "align", "start", "type", "checked", "disabled"];
const MEANING = /[\n\\`*_~[\]<>&;|@]|\/\/|www/i; // what can mean something to Markdown in the middle of a line
const SAFE_LINK = /^(https?:|mailto:)/i;

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const reader = new marked.Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text }) => escaped(text),
    // Nothing is loaded from another host: a picture is told by its words.
    image: ({ text, href }) => escaped(text || href),
    // The page has one h1 and the coach's name is an h2.
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 2);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
  },
});

/** Markdown as a fragment of harmless elements. */
function drawn(text) {
  const fragment = DOMPurify.sanitize(reader.parse(text), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) {
    if (SAFE_LINK.test(link.getAttribute("href") ?? "")) {
      link.target = "_blank";
      link.rel = "noopener noreferrer nofollow";
    } else {
      link.replaceWith(...link.childNodes);
    }
  }
  for (const wide of fragment.querySelectorAll("table, pre")) {
    const frame = document.createElement("div");
    frame.className = "wide";
    frame.tabIndex = 0; // what scrolls can be scrolled by keys
    wide.replaceWith(frame);
    frame.append(wide);
  }
  for (const box of fragment.querySelectorAll("input")) box.setAttribute("aria-hidden", "true");
  return fragment;
}

/** The last block as it would be if it ended here: what is open is closed, what can't be told yet is held back. */
export function mended(raw) {
  if (/^ {0,3}(```|~~~)/.test(raw)) return raw.replace(/\n {0,3}(`{1,2}|~{1,2})$/, ""); // half of its end
  if (/^ {0,3}\|/.test(raw)) return heldTable(raw);
  let text = raw.replace(/!?\[([^\]\n]*)(\]\([^)\n]*|\])?$/, "$1"); // a link whose address is still coming
  text = text.replace(/(^|\s)[*_~`]+$/, "$1").replace(/(\n|^)\s*(?:[-+#]+|\d+[.)]?)\s*$/, "$1");
  const last = text.slice(text.lastIndexOf("\n") + 1);
  const open = [];
  // Code spans first: inside of one nothing else counts.
  for (const [mark] of last.replace(/^\s*[*+-] /, "").matchAll(/`[^`]*`|`|\*\*|\*(?=\S)|(?<=\S)\*|~~/g)) {
    if (mark.length > 2 || (mark[0] === "`" && mark.length === 2)) continue;
    const at = open.lastIndexOf(mark);
    if (at < 0) open.push(mark);
    else open.splice(at);
    if (mark === "`") break;
  }
  const [mark, half] = open.slice(-2);
  if (half && mark === half + half && text.endsWith(half)) text = text.slice(0, -open.pop().length); // of `**`, half of its end
  if (open.at(-1) === "~~" && /[^~]~$/.test(text)) text = text.slice(0, -1);
  return text.trimEnd() + open.reverse().join("");
}

/** A table is shown from its second row on, and whole rows of it only: its columns would jump. */
function heldTable(raw) {
  const rows = raw
    .slice(0, raw.lastIndexOf("\n") + 1)
    .trimEnd()
    .split("\n");
  return rows.length > 2 ? rows.join("\n") : "";
}

/** One reply's text in one element. `update` as often as there is more, `finish` once. */
export class Rendering {
  #element;
  #settled = 0; // characters whose blocks are drawn for good
  #seen = "";
  #growing = null;
  #tail = null; // where plain words can simply be added

  constructor(element) {
    this.#element = element;
  }

  update(text) {
    const whole = text.replace(/\r\n?/g, "\n");
    if (!whole.startsWith(this.#seen.slice(0, this.#settled))) this.#reset();
    const more = whole.slice(this.#seen.length);
    const goesOn = whole.length > this.#seen.length && this.#seen.length >= this.#settled;
    this.#seen = whole;
    if (goesOn && this.#tail && !MEANING.test(this.#tail.data.slice(-3) + more)) this.#tail.appendData(more);
    else this.#draw();
  }

  finish(text) {
    this.#seen = text.replace(/\r\n?/g, "\n");
    if (this.#growing) this.#growing.remove();
    this.#growing = this.#tail = null;
    for (const { raw } of reader.lexer(this.#seen.slice(this.#settled))) this.#add(raw); // the same blocks as while it grew
    this.#settled = this.#seen.length;
  }

  #reset() {
    this.#element.replaceChildren();
    this.#settled = 0;
    this.#growing = this.#tail = null;
  }

  #draw() {
    const tokens = reader.lexer(this.#seen.slice(this.#settled));
    let last = tokens.length - 1;
    while (last > 0 && tokens[last].type === "space") last -= 1;
    for (const token of tokens.slice(0, Math.max(0, last))) {
      this.#growing?.remove();
      this.#growing = null;
      if (token.type !== "space") this.#add(token.raw);
      this.#settled += token.raw.length;
    }
    const raw = this.#seen.slice(this.#settled);
    const shown = mended(raw);
    this.#growing ??= this.#block();
    this.#growing.replaceChildren(drawn(shown));
    this.#tail = shown === raw.trimEnd() && tokens[last]?.type !== "code" ? this.#end(raw) : null;
  }

  #add(raw) {
    if (raw.trim()) this.#block().append(drawn(raw));
  }

  #block() {
    const block = document.createElement("div");
    block.className = "block";
    this.#element.append(block);
    return block;
  }

  /** The text node at the very end, if what comes next belongs into it. */
  #end(raw) {
    if (/[\n\\]$|(\/\/|www|@)\S*$/i.test(raw)) return null; // an address may go on
    let node = this.#growing;
    while (node && !(node instanceof Text)) {
      node = node.lastChild;
      while (node instanceof Text && !node.data.trim()) node = node.previousSibling; // lines between the tags
    }
    if (!node) return null;
    if (!/^(P|LI|H[3-6])$/.test(node.parentNode.nodeName) || !raw.trimEnd().endsWith(node.data.trimEnd().slice(-8))) return null;
    node.data = node.data.trimEnd() + raw.slice(raw.trimEnd().length); // the spaces that Markdown takes off a line's end
    return node;
  }
}
