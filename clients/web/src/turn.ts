import { CoachError, failure, lost, refusal } from "./errors.ts";
import { FrameReader, type DoneFrame, type Frame } from "./frames.ts";
import { Backoff, Lost, pause, Watch, type Reconnecting } from "./reconnecting.ts";

export type TurnEvent =
  /** The server has the turn: from here on it is finished, whatever becomes of this client. Once. */
  | { type: "begun"; turn_id: string; session_id: string | null }
  /** The reply grows: by `delta`, to `text`. */
  | { type: "text"; delta: string; text: string }
  /** What was told is not what is kept, as after the death of a worker: show `text` in its place. */
  | { type: "replaced"; text: string }
  /** The connection is lost; the client comes back by itself after `wait` milliseconds, for the `attempt`th time. */
  | { type: "lost"; attempt: number; wait: number }
  /** The reply is stored. The last event; trouble is thrown in its place. */
  | ({ type: "done" } & DoneFrame);

export type Wish = { message: string; session: string } | { regenerate: string } | { edit: string; message: string } | { join: string };

/** What a turn needs of its client. */
export interface Way {
  readonly reconnecting: Reconnecting;
  request(method: "GET" | "POST", path: string, signal: AbortSignal, body?: object, key?: string): Promise<Response>;
  stop(turnId: string): Promise<unknown>;
}

/**
 * A message and the reply to it, as events: `for await (const event of turn)`.
 *
 * It is sent when it is first read. A lost connection is sought again, and the text goes on where it was. Leaving, by `break` or
 * by the signal, stops nothing at the server. Throws CoachError, and the signal's reason.
 */
export class Turn implements AsyncIterable<TurnEvent> {
  /** Null until the server has the turn. */
  id: string | null;
  /** The reply so far. */
  text = "";
  /** The Idempotency-Key: the same key never makes a second turn. */
  readonly key: string;
  readonly wish: Wish;
  /** How it ended in trouble, if it did. */
  error: CoachError | null = null;
  readonly #way: Way;
  readonly #signal: AbortSignal | undefined;
  readonly #backoff: Backoff;
  #read = false;
  #begun = false;
  #over = false;
  /** Who waits for the turn to begin, or to be over, to stop it. */
  #stopping: (() => void)[] = [];
  #heard: string | null = null;

  constructor(way: Way, wish: Wish, key: string, signal?: AbortSignal) {
    this.id = "join" in wish ? wish.join : null;
    this.wish = wish;
    this.key = key;
    this.#way = way;
    this.#signal = signal;
    this.#backoff = new Backoff(way.reconnecting);
  }

  [Symbol.asyncIterator](): AsyncGenerator<TurnEvent, void, undefined> {
    if (this.#read) throw new TypeError("A turn is read once; client.join(turn.id) reads it again.");
    this.#read = true;
    return this.#events();
  }

  /** End the reply: what was said stays. Before the server has told the turn's id: as soon as it does. Throws CoachError. */
  async stop(): Promise<void> {
    if (this.id === null && !this.#over) await new Promise<void>((begun) => this.#stopping.push(begun));
    if (this.id !== null && !this.#over) await this.#way.stop(this.id);
  }

  #stopNow(): void {
    for (const begun of this.#stopping.splice(0)) begun();
  }

  async *#events(): AsyncGenerator<TurnEvent, void, undefined> {
    try {
      while (!this.#over) yield* this.#attempt();
    } finally {
      this.#over = true;
      this.#stopNow();
    }
  }

  /** One connection; where it is lost, the wait before the next. */
  async *#attempt(): AsyncGenerator<TurnEvent, void, undefined> {
    try {
      yield* this.#connection();
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!(error instanceof Lost)) throw (this.error = error as CoachError);
      const wait = this.#backoff.next(error.retryAfter);
      if (wait === null) throw (this.error = lost(this.id, error.cause));
      yield { type: "lost", attempt: this.#backoff.attempt, wait };
      await pause(wait, this.#signal);
    }
  }

  /** One connection, to the turn's end. Throws Lost where it ends before that. */
  async *#connection(): AsyncGenerator<TurnEvent, void, undefined> {
    const connection = new AbortController();
    const leave = (): void => connection.abort(this.#signal?.reason);
    this.#signal?.addEventListener("abort", leave);
    if (this.#signal?.aborted) leave();
    const watch = new Watch(this.#way.reconnecting.silence, () => connection.abort());
    try {
      const response = await this.#connect(connection.signal);
      watch.touch();
      yield* this.#begin(response);
      yield* this.#frames(response, watch);
    } catch (error) {
      throw error instanceof Lost || error instanceof CoachError ? error : new Lost(error);
    } finally {
      watch.end();
      this.#signal?.removeEventListener("abort", leave);
      if (!this.#over) connection.abort();
    }
  }

  async #connect(signal: AbortSignal): Promise<Response> {
    const response = await this.#ask(signal);
    if (!response.ok) {
      const refused = await refusal(response);
      // The first answer is the caller's to judge; one in the middle, as of a server that starts again, is waited out.
      if (this.#backoff.attempt > 0 && refused.retryable) throw new Lost(refused, refused.retryAfter);
      throw refused;
    }
    const type = response.headers.get("Content-Type") ?? "";
    if (!type.startsWith("text/event-stream") || !response.body) throw new Lost(new Error(`An answer of type ${type}.`));
    return response;
  }

  #ask(signal: AbortSignal): Promise<Response> {
    const { wish, key } = this;
    const post = (path: string, body: object): Promise<Response> => this.#way.request("POST", path, signal, body, key);
    if (this.id !== null) return this.#way.request("GET", `/chat/turns/${encodeURIComponent(this.id)}/stream`, signal);
    if ("session" in wish) return post("/chat/stream", { session_id: wish.session, message: wish.message });
    if ("edit" in wish) return post(`/chat/messages/${encodeURIComponent(wish.edit)}/edit`, { message: wish.message });
    if ("regenerate" in wish) return post(`/chat/messages/${encodeURIComponent(wish.regenerate)}/regenerate`, {});
    throw new TypeError("A turn to join has an id.");
  }

  *#begin(response: Response): Generator<TurnEvent, void, undefined> {
    const told = response.headers.get("X-Turn-Id");
    // Whatever this connection says is compared with what was told before, until it has caught up.
    this.#heard = this.text === "" ? null : "";
    if (told === null || this.#begun) return;
    this.#begun = true;
    this.id = told;
    this.#stopNow();
    yield { type: "begun", turn_id: told, session_id: response.headers.get("X-Session-Id") };
  }

  async *#frames(response: Response, watch: Watch): AsyncGenerator<TurnEvent, void, undefined> {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const frames = new FrameReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Lost(new Error("The body ended before the turn."));
      watch.touch();
      const comments = frames.comments;
      for (const frame of frames.feed(value)) {
        yield* this.#hear(frame);
        if (this.#over) {
          reader.read().catch(() => undefined); // the body's end, so that the connection can be used again
          return;
        }
      }
      // A ping is a sign of life; the comment at the beginning is not, a connection may end behind it again and again.
      if (comments > 0 && frames.comments > comments) this.#backoff.reset();
    }
  }

  *#hear(frame: Frame): Generator<TurnEvent, void, undefined> {
    if ("token" in frame) yield* this.#grow(frame.token);
    else if ("snapshot" in frame) yield* this.#grow(frame.snapshot);
    else {
      if (this.#heard !== null && this.#heard !== this.text) yield { type: "replaced", text: (this.text = this.#heard) };
      this.#over = true;
      this.id = frame.turn_id;
      if ("error" in frame) throw failure(frame);
      yield { type: "done", ...frame };
    }
  }

  /** What the connection says: passed over as far as it was told before. */
  *#grow(piece: string): Generator<TurnEvent, void, undefined> {
    if (this.#heard === null) {
      if (piece) yield* this.#tell(piece);
      return;
    }
    this.#heard += piece;
    if (this.#heard.length < this.text.length && this.text.startsWith(this.#heard)) return;
    const heard = this.#heard;
    this.#heard = null;
    if (!heard.startsWith(this.text)) {
      this.#backoff.reset();
      yield { type: "replaced", text: (this.text = heard) };
    } else if (heard.length > this.text.length) yield* this.#tell(heard.slice(this.text.length));
  }

  *#tell(delta: string): Generator<TurnEvent, void, undefined> {
    this.#backoff.reset();
    this.text += delta;
    yield { type: "text", delta, text: this.text };
  }
}
