// The page: its parts and who tells whom.

import { ask, Refused } from "./api.js";
import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { find } from "./elements.js";
import { keepCookie, lastPersona } from "./keeping.js";
import { Memory } from "./memory.js";
import { confirmed, watchMenus } from "./menus.js";
import { Sidebar } from "./sidebar.js";
import { complaint, personaOf, personas, say, usualPersona } from "./texts.js";
import { Transcript } from "./transcript.js";
import { showCoaches, showWelcome } from "./welcome.js";
import { showVersions, showWhy } from "./why.js";

const tabs = new BroadcastChannel("coach"); // of this browser: each tells the others what it has changed
const announcer = new Announcer();
let conversation;

const transcript = new Transcript({
  copy,
  edit: (message) => composer.edit(message),
  regenerate: again,
  retry: again,
  choose: (message) => trying(() => conversation.choose(message).then(tellTabs)),
  compare: (message) =>
    showVersions(conversation.history.versions(message), message, (chosen) => trying(() => conversation.choose(chosen))),
  why: (message) => trying(() => showWhy(message)),
});

function again(reply) {
  conversation.regenerate(reply);
}

const composer = new Composer({
  typing: () => trying(() => conversation.start()),
  send(text) {
    conversation.send(text);
    transcript.toEnd();
  },
  edit: (message, text) => conversation.edit(message, text),
  stop: () => conversation.stop(),
  editLast() {
    const last = conversation.history.path().findLast((each) => each.role === "user" && !each.local);
    if (last && !conversation.turn) composer.edit(last);
  },
});

const sidebar = new Sidebar({
  open: go,
  removed(id) {
    tabs.postMessage({ session: id, removed: true });
    if (conversation.id === id) go(null);
  },
  renamed(id, title) {
    if (conversation.id === id) conversation.title = title;
    draw();
    tellTabs();
  },
});

const memory = new Memory(go);

function draw() {
  const empty = conversation.history.messages.size === 0;
  const running =
    Boolean(conversation.turn) || conversation.history.messages.get(conversation.history.head)?.status === "running";
  document.body.classList.toggle("empty", empty);
  if (empty) showWelcome(conversation.persona, (text) => composer.put(text));
  showCoaches(conversation.persona, choosePersona);
  transcript.show(conversation.history, running);
  composer.running = running;
  document.title = conversation.title ? `${conversation.title} · Coach` : "Coach";
  find("#title").textContent = document.title; // an empty page has its coach's name as its h1
  find("#title").hidden = empty;
  for (const item of document.querySelectorAll("[data-needs-session]")) item.hidden = empty || !conversation.id;
  for (const format of ["markdown", "json"]) {
    find(`#export-${format}`).href = conversation.id ? `/chat/sessions/${conversation.id}/export?format=${format}` : "#";
  }
}

const told = {
  changed: draw,
  said(reply) {
    transcript.grow(reply);
    announcer.grow(reply);
  },
  accepted() {
    tellTabs();
    sidebar.soon();
  },
  ended(reply) {
    draw();
    announcer.end(reply);
    if (reply.trouble) announcer.say(complaint(reply.trouble.code, reply.trouble.message));
    told.accepted();
  },
  named(id) {
    composer.named(id);
    sidebar.current = id;
    if (location.hash !== `#${id}`) history.replaceState(null, "", `#${id}`);
  },
  busy(text) {
    composer.put(text);
    notice(complaint("turn_in_progress"));
  },
};

/** Another session, or a new one for null; what runs in the one before goes on at the server. */
function go(id, { push = true, keep = false } = {}) {
  conversation?.leave();
  const last = personas.find((each) => each.id === lastPersona.get());
  conversation = new Conversation(last?.id ?? usualPersona, told);
  if (push && location.hash.slice(1) !== (id ?? "")) history.pushState(null, "", id ? `#${id}` : "/");
  sidebar.current = id;
  composer.open(id, { keep });
  transcript.toEnd();
  draw();
  if (matchMedia("(pointer: fine)").matches) composer.field.focus();
  if (id)
    trying(
      () => conversation.open(id),
      () => go(null),
    );
}

function choosePersona(id) {
  lastPersona.set(id);
  trying(() => conversation.setPersona(id).then(tellTabs));
  announcer.say(say("coach_is", { name: personaOf(id).name }));
  composer.field.focus();
}

/** Does it; what the server refuses or the network loses is said in a line that goes away again. */
async function trying(what, otherwise = () => undefined) {
  try {
    await what();
  } catch (error) {
    if (error.name === "AbortError") return;
    notice(error instanceof Refused ? complaint(error.code, error.message) : say("offline"));
    if (error instanceof Refused && error.status === 404) otherwise();
  }
}

let noticeTimer;

function notice(text) {
  const place = find("#notice");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (place.hidden = true), 6000);
}

async function copy(message, button) {
  await navigator.clipboard.writeText(message.content);
  const label = find("span", button);
  label.textContent = say("copied");
  setTimeout(() => (label.textContent = say("copy")), 1500);
}

function tellTabs() {
  if (conversation.id) tabs.postMessage({ session: conversation.id });
}

/** See what has become of the session: other tabs, other devices, a night in a pocket. */
function refresh() {
  if (conversation.id && !conversation.turn && conversation.history.messages.size)
    trying(
      () => conversation.open(conversation.id),
      () => go(null),
    );
}

tabs.onmessage = ({ data }) => {
  sidebar.soon();
  if (data.session !== conversation.id) return;
  if (data.removed) go(null);
  else refresh();
};

// --- Keys ---------------------------------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  const command = event.metaKey || event.ctrlKey;
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
    if (sidebar.isOpen) sidebar.close();
    else conversation.stop();
  } else if (command && event.key.toLowerCase() === "k") {
    event.preventDefault();
    sidebar.search();
  } else if (command && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    go(null);
  }
});

// --- What the document has buttons for ----------------------------------------------------------------------------
watchMenus();
find("#new").addEventListener("click", () => {
  sidebar.close();
  go(null);
});
find("#open-memory").addEventListener("click", () => trying(() => memory.show()));
find("#log-out")?.addEventListener("click", () => trying(() => ask("POST", "/logout").then(() => location.assign("/login"))));
find("#clear").addEventListener("click", async () => {
  if (await confirmed(say("clear_question"), say("clear"))) trying(() => conversation.clear().then(tellTabs));
});
find("#theme").addEventListener("change", (event) => {
  document.documentElement.dataset.theme = event.target.value;
  keepCookie("theme", event.target.value);
});
find("#theme").value = document.documentElement.dataset.theme;
find("#language").addEventListener("change", (event) => {
  keepCookie("language", event.target.value);
  location.reload();
});

// --- Begin --------------------------------------------------------------------------------------------------------
const opened = () => (/^#session_[0-9a-f]{32}$/.test(location.hash) ? location.hash.slice(1) : null);
window.addEventListener("popstate", () => go(opened(), { push: false }));
window.addEventListener("pageshow", (event) => event.persisted && refresh());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
window.addEventListener("offline", () => notice(say("offline")));
go(opened(), { push: false, keep: Boolean(composer.field.value) });
sidebar.load();
