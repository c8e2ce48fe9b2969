import { newKey, type CoachClient } from "./client.ts";
import { CoachError, lost } from "./errors.ts";
import type { Turn } from "./turn.ts";

/** A message as a page shows it. */
export interface Said {
  /** The server's id; before it is known one that begins with `local_`. */
  readonly id: string;
  /** The same for as long as the message is shown, also when its id becomes known. */
  readonly key: string;
  readonly role: "user" | "assistant";
  readonly content: string;
  /** Of a reply: `running` or how its turn ended; of a message that the server does not have: `unsent`; else null. */
  readonly status: string | null;
}

export interface ConversationState {
  readonly messages: readonly Said[];
  readonly status: "loading" | "ready" | "sending" | "streaming" | "reconnecting";
  /** What the last attempt met, until the next. */
  readonly error: CoachError | null;
}

export const NOTHING: ConversationState = { messages: [], status: "loading", error: null };

/** One session as a page shows it: its messages, the turn that runs, and what can be done. Tells of changes once a frame. */
export class Conversation {
  /** As it was told last: the same object until it changes. */
  state: ConversationState = NOTHING;
  readonly #client: CoachClient;
  readonly #session: string;
  readonly #listeners = new Set<() => void>();
  #messages: readonly Said[] = [];
  #status: ConversationState["status"] = "loading";
  #error: CoachError | null = null;
  #turn: Turn | null = null;
  #last: Turn | null = null;
  #leaving = new AbortController();
  #told = true;

  constructor(client: CoachClient, session: string) {
    this.#client = client;
    this.#session = session;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Load what was said, and go on with a turn that runs. */
  readonly open = async (): Promise<void> => {
    this.#leaving.abort();
    const { signal } = (this.#leaving = new AbortController());
    try {
      const messages: Said[] = [];
      let running: string | null = null;
      for await (const { message_id: id, role, content, status, turn_id } of this.#client.messages(this.#session)) {
        messages.push({ id, key: id, role, content, status: role === "user" ? null : status });
        running = status === "running" ? turn_id : null;
      }
      if (signal.aborted) return;
      this.#change(messages, "ready");
      if (running) await this.#follow(this.#client.join(running, { signal }), messages.slice(0, -1), messages.at(-1)?.content);
    } catch (error) {
      if (!signal.aborted) this.#change(this.#messages, "ready", troubleOf(error));
    }
  };

  /** Leave. A turn that runs goes on at the server. */
  readonly close = (): void => {
    this.#leaving.abort();
    this.#turn = null;
  };

  /** Say something. Nothing happens while a reply is being said. */
  readonly send = async (text: string): Promise<void> => {
    if (this.#turn || !text.trim()) return;
    const key = newKey();
    const mine: Said = { id: `local_${key}`, key, role: "user", content: text, status: "unsent" };
    const before = [...this.#messages.filter((one) => one.status !== "unsent"), mine];
    await this.#follow(this.#client.stream(this.#session, text, { key, signal: this.#leaving.signal }), before);
  };

  /** End the reply that is being said. */
  readonly stop = async (): Promise<void> => {
    try {
      await this.#turn?.stop();
    } catch (error) {
      this.#change(this.#messages, this.#status, troubleOf(error));
    }
  };

  /** The last attempt once more, without a second message. */
  readonly retry = async (): Promise<void> => {
    const last = this.#last;
    if (this.#turn) return;
    if (!last && this.#error) await this.open();
    if (!last?.error) return;
    await this.#follow(this.#client.retry(last, { signal: this.#leaving.signal }), upToLastQuestion(this.#messages));
  };

  /** Another reply to the last message, or to that of the reply `id`. */
  readonly regenerate = async (id?: string): Promise<void> => {
    const at = id ? this.#messages.findIndex((one) => one.id === id) : this.#messages.length - 1;
    const message = this.#messages[at];
    if (this.#turn || !message || message.id.startsWith("local_")) return;
    const turn = this.#client.regenerate(message.id, { signal: this.#leaving.signal });
    await this.#follow(turn, upToLastQuestion(this.#messages.slice(0, at + 1)));
  };

  /** Read a turn to its end; `before`: the messages above its reply, `text`: what is known of that. */
  async #follow(turn: Turn, before: readonly Said[], text = ""): Promise<void> {
    const { signal } = this.#leaving;
    const prior = this.#messages;
    const shown = (text: string): readonly Said[] => [...before, reply(turn, text, "running")];
    this.#turn = this.#last = turn;
    this.#change(shown(text), "sending");
    try {
      for await (const event of turn) {
        if (event.type === "begun") before = before.map(sent);
        if (event.type === "text" || event.type === "replaced") this.#change(shown(event.text), "streaming");
        if (event.type === "lost") this.#change(this.#messages, "reconnecting");
        if (event.type !== "done") continue;
        const said = event.message_id ? [{ ...reply(turn, turn.text, event.status), id: event.message_id }] : [];
        this.#turn = null;
        this.#change([...named(before, event.user_message_id), ...said], "ready");
      }
    } catch (error) {
      if (signal.aborted) return;
      const trouble = troubleOf(error);
      const ended = trouble.userMessageId !== null;
      const half = { ...reply(turn, turn.text, ended ? "interrupted" : "lost"), ...(trouble.messageId && { id: trouble.messageId }) };
      this.#turn = null;
      // Another reply that fails without a word leaves the older one in its place; so does the server.
      const silent = turn.text === "" && "regenerate" in turn.wish;
      this.#change(silent ? prior : [...named(before, trouble.userMessageId), ...(turn.text ? [half] : [])], "ready", trouble);
    }
  }

  #change(messages: readonly Said[], status: ConversationState["status"], error: CoachError | null = null): void {
    this.#messages = messages;
    this.#status = status;
    this.#error = error;
    if (!this.#told) return;
    this.#told = false;
    nextFrame(() => {
      this.#told = true;
      this.state = { messages: this.#messages, status: this.#status, error: this.#error };
      for (const listener of this.#listeners) listener();
    });
  }
}

function reply(turn: Turn, content: string, status: string): Said {
  return { id: `local_reply_${turn.key}`, key: `reply_${turn.key}`, role: "assistant", content, status };
}

function sent(message: Said): Said {
  return message.status === "unsent" ? { ...message, status: null } : message;
}

/** The last of the messages with the id that the server gave it. */
function named(messages: readonly Said[], id: string | null): readonly Said[] {
  const last = messages.at(-1);
  return id && last?.role === "user" ? [...messages.slice(0, -1), { ...last, id, status: null }] : messages;
}

function upToLastQuestion(messages: readonly Said[]): readonly Said[] {
  return messages.slice(0, messages.findLastIndex((one) => one.role === "user") + 1);
}

function troubleOf(error: unknown): CoachError {
  return error instanceof CoachError ? error : lost(null, error);
}

/** Before the next paint; a page in the background paints nothing, and is told a little later. */
function nextFrame(tell: () => void): void {
  const paints = typeof document !== "undefined" && document.visibilityState === "visible";
  if (paints) requestAnimationFrame(tell);
  else setTimeout(tell, 50);
}
