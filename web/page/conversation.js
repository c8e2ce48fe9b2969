// One session: what is said in it, the turn that runs, and everything that a user can do there.

import { ask, call, newKey, query, Refused } from "./api.js";
import { History } from "./history.js";
import { outbox, user } from "./keeping.js";
import { untilHeard, watched } from "./network.js";
import { language } from "./texts.js";
import { Turn } from "./turn.js";

const MOST_MESSAGES = 200;

let locals = 0;

/**
 * `told` hears `changed()` (messages or their states), `said(reply)` (a reply has grown), `ended(reply)`,
 * `named(session)` (the session has begun on the server) and `busy(text)` (another tab's turn runs; the text was not sent).
 */
export class Conversation {
  id = null;
  persona;
  title = "";
  history = new History();
  turn = null; // that runs
  #told;
  #starting = null;
  #startKey = newKey();
  #startLost = false; // the network does not carry it now
  #leaving = new AbortController();

  constructor(persona, told) {
    this.persona = persona;
    this.#told = told;
  }

  /** What the server has of a session; a reply that is being said is followed. Throws Refused and Lost. */
  async open(id) {
    this.id = id;
    const messages = [];
    let session;
    for (let cursor = ""; cursor !== null; cursor = session.next) {
      const page = query({ branches: "all", limit: MOST_MESSAGES, cursor });
      session = await call("GET", `/chat/sessions/${id}?${page}`, { signal: this.#leaving.signal });
      messages.push(...session.messages);
    }
    if (this.turn) return;
    this.persona = session.persona;
    this.title = session.title;
    this.history.load(messages, session.head, session.persona);
    const last = this.history.messages.get(this.history.head);
    if (last?.status === "running") this.#follow({ turnId: last.turnId }, last);
    this.#tell("changed");
    this.#sendWhatWaits();
  }

  /** The session on the server, begun with the first key that is typed; asked for until it is there. */
  start() {
    if (this.id) return Promise.resolve(this.id);
    const body = { user_id: user, persona: this.persona, language, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    const post = (signal) => call("POST", "/chat/start", { body, key: this.#startKey, signal });
    const begin = () => watched(post, (isLost) => isLost && lost(), this.#leaving.signal);
    const lost = () => {
      this.#startLost = true;
      const reply = this.history.messages.get(this.history.head);
      if (reply?.status === "running") reply.lost = true;
      this.#tell("changed");
    };
    this.#starting ??= untilHeard(begin, lost, this.#leaving.signal)
      .then((started) => {
        this.id = started.session_id;
        this.#startLost = false;
        if (this.persona !== started.persona) return this.setPersona(this.persona).then(() => this.id);
        return this.id;
      })
      .finally(() => (this.#starting = null));
    return this.#starting;
  }

  async send(text) {
    const message = this.#add("user", text, this.history.head);
    const reply = this.#add("assistant", "", message.id);
    if (!this.id) {
      reply.lost = this.#startLost;
      this.#tell("changed");
      try {
        await this.start();
      } catch (error) {
        if (!this.#leaving.signal.aborted) this.#trouble(reply, error);
        return;
      }
    }
    this.#post("/chat/stream", { session_id: this.id, message: text }, reply, message);
    this.#tell("named", this.id);
    if (reply.stopping) this.turn.stop(); // wished for before there was a turn to stop
  }

  /** Another user message in the place of this one, and a reply to it. */
  edit(message, text) {
    const edited = this.#add("user", text, message.parent);
    const reply = this.#add("assistant", "", edited.id);
    this.#post(`/chat/messages/${message.id}/edit`, { message: text }, reply, edited);
  }

  /** Another reply to the same message; the older one stays beside it. Where none was stored, the same is sent again. */
  regenerate(reply) {
    const asked = this.history.messages.get(reply.parent);
    if (asked.local) {
      this.history.remove(reply);
      this.history.remove(asked);
      return this.send(asked.content);
    }
    if (reply.local) this.history.remove(reply);
    const another = this.#add("assistant", "", reply.parent);
    return this.#post(`/chat/messages/${asked.id}/regenerate`, {}, another, null);
  }

  stop() {
    this.turn?.stop();
    const reply = this.history.messages.get(this.history.head);
    if (reply?.status === "running") {
      reply.stopping = true;
      this.#tell("changed");
    }
  }

  /** Show another version; the server remembers which. */
  async choose(message) {
    const leaf = this.history.leafOf(message);
    this.history.head = leaf.id;
    this.#tell("changed");
    if (!message.local) await call("PATCH", `/chat/sessions/${this.id}`, { body: { head: leaf.local ? leaf.parent : leaf.id } });
  }

  async setPersona(id) {
    this.persona = id;
    this.#tell("changed");
    if (this.id) await call("PATCH", `/chat/sessions/${this.id}`, { body: { persona: id } });
  }

  async clear() {
    await call("POST", `/chat/sessions/${this.id}/clear`);
    this.turn?.leave();
    this.turn = null;
    this.history = new History();
    this.#tell("changed");
  }

  /** Another one is looked at; what runs here goes on at the server. */
  leave() {
    this.#leaving.abort();
    this.turn?.leave();
  }

  #tell(what, about) {
    if (!this.#leaving.signal.aborted) this.#told[what](about);
  }

  #add(role, content, parent) {
    locals += 1;
    const message = {
      id: `local_${locals}`,
      local: true,
      role,
      content,
      parent,
      turnId: null,
      status: null,
      persona: this.persona,
    };
    if (role === "assistant") message.status = "running";
    this.history.add(message);
    return message;
  }

  #post(path, body, reply, message) {
    const key = newKey();
    outbox.put(key, { session: this.id, path, body });
    return this.#follow({ path, body, key }, reply, message);
  }

  /** What was sent before a reload, and may not have arrived: the same key makes sending it twice harmless. */
  #sendWhatWaits() {
    const asked = this.turn && this.history.messages.get(this.history.messages.get(this.history.head).parent);
    for (const [key, { session, path, body }] of Object.entries(outbox.all())) {
      if (session !== this.id) continue;
      if (asked && (body.message ?? asked.content) === asked.content) outbox.take(key); // it is being answered
      if (this.turn) continue;
      const message = body.message ? this.#add("user", body.message, this.history.head) : null;
      const reply = this.#add("assistant", "", this.history.head);
      this.#follow({ path, body, key }, reply, message, true);
    }
  }

  #follow(wish, reply, message = null, again = false) {
    const turn = new Turn(wish, {
      accepted: (turnId) => {
        if (wish.key) outbox.take(wish.key);
        reply.turnId = turnId;
        this.#tell("accepted", turnId);
      },
      text: (text) => {
        reply.content = text;
        this.#tell("said", reply);
      },
      lost: (lost) => {
        if (Boolean(reply.lost) === lost) return;
        reply.lost = lost;
        this.#tell("changed");
      },
      ended: (frame) => this.#ended(turn, wish, frame, reply, message, again),
    });
    this.turn = turn;
    const over = turn.follow(); // the request is on its way while the page is drawn
    this.#tell("changed");
    return over;
  }

  #ended(turn, wish, frame, reply, message, again) {
    if (this.turn === turn) this.turn = null;
    if (wish.key) outbox.take(wish.key);
    reply.lost = reply.stopping = false;
    if (frame.refused) {
      this.#refused(frame.refused, reply, message);
    } else {
      if (message) {
        this.history.rename(message, frame.user_message_id);
        message.local = false;
      }
      this.history.rename(reply, frame.message_id);
      reply.local = !frame.message_id;
      reply.status = frame.done ? frame.status : frame.error;
      reply.trouble = frame.done ? null : { code: frame.error, message: frame.message };
    }
    this.#tell("ended", reply);
    // What was sent before a reload may have been answered then: the server knows which messages there are.
    if (again) this.open(this.id);
  }

  #refused(error, reply, message) {
    if (error.code === "turn_in_progress") {
      this.history.remove(reply);
      if (message) this.history.remove(message);
      this.#tell("busy", message?.content ?? "");
      this.open(this.id);
      return;
    }
    this.#trouble(reply, error);
  }

  #trouble(reply, error) {
    if (!(error instanceof Refused)) throw error;
    reply.status = "failed";
    reply.trouble = { code: error.code, message: error.message };
    this.#tell("changed");
  }
}
