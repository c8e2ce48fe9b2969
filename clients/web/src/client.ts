import { CoachError, lost, refusal } from "./errors.ts";
import type { Schemas } from "./frames.ts";
import { RECONNECTING, type Reconnecting } from "./reconnecting.ts";
import { Turn, type Way, type Wish } from "./turn.ts";

export type Message = Schemas["MessageShape"];
export type Session = Schemas["SessionDetail"];
export type SessionList = Schemas["SessionList"];
export type Started = Schemas["Started"];
export type Persona = Schemas["PersonaShape"];
export type TurnDetail = Schemas["TurnDetail"];

export interface CoachOptions {
  /** As `https://coach.example`; paths follow it. */
  baseUrl: string;
  /** The bearer token of a request, where the server wants one; asked for each. */
  token?: () => string | null | Promise<string | null>;
  fetch?: typeof fetch;
  reconnecting?: Partial<Reconnecting>;
}

export interface Sending {
  /** The Idempotency-Key; made where it is not given. */
  key?: string;
  /** Leaves, and stops nothing. */
  signal?: AbortSignal;
}

type Query = Record<string, string | number | undefined>;

/** One server, for one user. All methods throw CoachError, and the reason of a signal. */
export class CoachClient {
  readonly #base: string;
  readonly #token: CoachOptions["token"];
  readonly #fetch: typeof fetch;
  readonly #way: Way;

  constructor(options: CoachOptions) {
    this.#base = new URL(options.baseUrl).href.replace(/\/+$/, "");
    this.#token = options.token;
    const given = options.fetch ?? fetch;
    this.#fetch = (...what) => given(...what); // a browser's fetch refuses to be another object's method
    this.#way = {
      reconnecting: { ...RECONNECTING, ...options.reconnecting },
      request: (method, path, signal, body, key) => this.#send(method, path, { signal, body, key }),
      stop: (turnId) => this.stop(turnId),
    };
  }

  /** A new session. The same key gives the same one. */
  start(fields: Partial<Schemas["Start"]> = {}, sending: Sending = {}): Promise<Started> {
    return this.#json("POST", "/chat/start", { body: fields, key: sending.key ?? newKey(), signal: sending.signal });
  }

  /** Send a message; the turn is sent when it is read, and told as events. */
  stream(session: string, message: string, sending: Sending = {}): Turn {
    return this.#turn({ session, message }, sending);
  }

  /** Follow a turn, or come back to it: all of its text so far, then the rest. */
  join(turnId: string, sending: Omit<Sending, "key"> = {}): Turn {
    return this.#turn({ join: turnId }, sending);
  }

  /** Another reply to the same message; the older one is kept beside it. Of a reply's id or of its message's. */
  regenerate(messageId: string, sending: Sending = {}): Turn {
    return this.#turn({ regenerate: messageId }, sending);
  }

  /** Another message in that place, and a reply to it. */
  edit(messageId: string, message: string, sending: Sending = {}): Turn {
    return this.#turn({ edit: messageId, message }, sending);
  }

  /** The same once more: a turn that ended in trouble is tried anew, one that was lost or refused is sent with the same key. */
  retry(turn: Turn, sending: Omit<Sending, "key"> = {}): Turn {
    const failed = turn.error?.userMessageId;
    return failed ? this.regenerate(failed, sending) : this.#turn(turn.wish, { ...sending, key: turn.key });
  }

  /** End a running turn; what was said stays. */
  stop(turnId: string): Promise<{ turn_id: string; status: string }> {
    return this.#json("POST", `/chat/turns/${encodeURIComponent(turnId)}/stop`, {});
  }

  turn(turnId: string): Promise<TurnDetail> {
    return this.#json("GET", `/chat/turns/${encodeURIComponent(turnId)}`, {});
  }

  /** A page of sessions, newest first; its `next` is the `cursor` of the following. `q`: words to find. */
  sessions(query: { user_id?: string; q?: string; cursor?: string; limit?: number } = {}): Promise<SessionList> {
    return this.#json("GET", "/chat/sessions", { query });
  }

  /** A session with a page of its messages, oldest first. */
  session(id: string, query: { cursor?: string; limit?: number; branches?: "all" } = {}): Promise<Session> {
    return this.#json("GET", `/chat/sessions/${encodeURIComponent(id)}`, { query });
  }

  /** All messages of a session's path, oldest first; a reply that is being said is the last. */
  async *messages(session: string): AsyncGenerator<Message, void, undefined> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: Session = await this.session(session, cursor ? { cursor } : {});
      yield* page.messages;
      cursor = page.next;
    }
  }

  change(session: string, fields: Schemas["PatchedSessionChange"]): Promise<Schemas["SessionSummary"]> {
    return this.#json("PATCH", `/chat/sessions/${encodeURIComponent(session)}`, { body: fields });
  }

  remove(session: string): Promise<Schemas["Deleted"]> {
    return this.#json("DELETE", `/chat/sessions/${encodeURIComponent(session)}`, {});
  }

  clear(session: string): Promise<Schemas["Deleted"]> {
    return this.#json("POST", `/chat/sessions/${encodeURIComponent(session)}/clear`, {});
  }

  async personas(): Promise<Persona[]> {
    return (await this.#json<Schemas["PersonaList"]>("GET", "/chat/personas", {})).personas;
  }

  #turn(wish: Wish, sending: Sending): Turn {
    return new Turn(this.#way, wish, sending.key ?? newKey(), sending.signal);
  }

  async #json<T>(method: string, path: string, what: Request & { query?: Query }): Promise<T> {
    let response: Response;
    let answer: unknown;
    try {
      response = await this.#send(method, path + search(what.query), what);
      if (!response.ok) throw await refusal(response);
      answer = await response.json();
    } catch (error) {
      what.signal?.throwIfAborted();
      throw error instanceof CoachError ? error : lost(null, error);
    }
    return answer as T;
  }

  async #send(method: string, path: string, { body, key, signal }: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    const token = await this.#token?.();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key !== undefined) headers["Idempotency-Key"] = key;
    const init: RequestInit = { method, headers, signal: signal ?? null };
    if (body !== undefined) init.body = JSON.stringify(body);
    return this.#fetch(this.#base + path, init);
  }
}

interface Request {
  body?: object | undefined;
  key?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** A key that no other request has. Not `crypto.randomUUID`, which pages without TLS do not have. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function search(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}
