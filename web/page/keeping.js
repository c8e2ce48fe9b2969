// What this browser keeps: who the user is, drafts, messages that the server may not have yet, the look.

import { newKey } from "./api.js";
import { loggedIn } from "./texts.js";

function read(name) {
  try {
    return localStorage.getItem(`coach.${name}`);
  } catch {
    return null; // storage is forbidden: the page works, and forgets
  }
}

function write(name, value) {
  try {
    if (value) localStorage.setItem(`coach.${name}`, value);
    else localStorage.removeItem(`coach.${name}`);
  } catch {
    return; // as above, or full
  }
}

let guest = read("user");
if (!guest) {
  guest = `guest-${newKey()}`;
  write("user", guest);
}

/** Whose sessions these are: a guest of this browser; nobody is named where the server knows who has logged in. */
export const user = loggedIn ? undefined : guest;

export const drafts = {
  of: (session) => read(`draft.${session ?? "new"}`) ?? "",
  keep: (session, text) => write(`draft.${session ?? "new"}`, text),
};

/** Messages by key, from before they are sent until the server has them: what a reload in between would lose. */
export const outbox = {
  all: () => JSON.parse(read("outbox") ?? "{}"),
  put(key, message) {
    write("outbox", JSON.stringify({ ...outbox.all(), [key]: message }));
  },
  take(key) {
    const { [key]: _, ...rest } = outbox.all();
    write("outbox", Object.keys(rest).length ? JSON.stringify(rest) : "");
  },
};

/** For a year, on this site: the server draws the page by it. */
export function keepCookie(name, value) {
  document.cookie = `coach_${name}=${value}; path=/; max-age=31536000; samesite=lax`;
}

export const lastPersona = {
  get: () => read("persona"),
  set: (id) => write("persona", id),
};
