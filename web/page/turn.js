// One turn, followed to its end over any number of connections.

import { ask, Lost, Refused } from "./api.js";
import { readFrames } from "./frames.js";
import { back, watched } from "./network.js";

const MOST_REFUSALS = 5;

/**
 * `wish` is `{ path, body, key }`, what is sent with an Idempotency-Key until it is heard, or `{ turnId }`, what is joined.
 * `told` hears `accepted(turnId)`, `text(text)`, `lost(isLost)` and, once, `ended(frame)`: a terminal frame of the server,
 * or `{ refused }` where the turn never began.
 */
export class Turn {
  id;
  text = "";
  #wish;
  #told;
  #leaving = new AbortController();
  #over = false;
  #stopWanted = false;

  constructor(wish, told) {
    this.#wish = wish;
    this.#told = told;
    this.id = wish.turnId ?? null;
  }

  /** Follows until the end; never throws for what the network does. */
  async follow() {
    for (let refusals = 0; !this.#over && !this.#leaving.signal.aborted;) {
      try {
        await this.#connect();
        if (!this.#over) throw new Lost("The stream ended early.");
      } catch (error) {
        if (this.#leaving.signal.aborted) return;
        if (error instanceof Refused) {
          refusals += 1;
          if (!error.retryable || refusals >= MOST_REFUSALS || (this.#stopWanted && !this.id))
            return this.#end({ refused: error });
          await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(error.after || refusals, 10)));
        } else if (error instanceof Lost || error instanceof TypeError) {
          // A TypeError is how fetch tells of a body that broke off.
          this.#told.lost(true);
          await back(this.#leaving.signal);
        } else {
          throw error;
        }
      }
    }
  }

  /** Ends it on the server, however often the network has to be asked; at once where it has not begun. */
  async stop() {
    this.#stopWanted = true;
    if (!this.id) return;
    try {
      await ask("POST", `/chat/turns/${this.id}/stop`);
    } catch (error) {
      if (error instanceof Lost) await back(this.#leaving.signal).then(() => !this.#over && this.stop());
      else if (!(error instanceof Refused)) throw error;
    }
  }

  /** Follows no longer; the server goes on with it. */
  leave() {
    this.#leaving.abort();
  }

  #connect() {
    const told = (lost) => this.#told.lost(lost);
    const follow = async (signal, watch) => {
      const response = await this.#request(signal);
      watch.alive();
      told(false);
      this.#accept(response.headers.get("X-Turn-Id"));
      await readFrames(
        response.body,
        (frame) => this.#hear(frame),
        () => watch.alive(),
      );
    };
    return watched(follow, told, this.#leaving.signal);
  }

  #request(signal) {
    if (this.id) return ask("GET", `/chat/turns/${this.id}/stream`, { signal });
    this.text = ""; // the same key is told the same turn from its first word on
    const { path, body, key } = this.#wish;
    return ask("POST", path, { body, key, signal });
  }

  #accept(turnId) {
    if (!turnId || this.id === turnId) return;
    this.id = turnId;
    this.#told.accepted(turnId);
    if (this.#stopWanted) this.stop();
  }

  #hear(frame) {
    if (frame.token !== undefined) this.text += frame.token;
    else if (frame.snapshot !== undefined) this.text = frame.snapshot;
    else return this.#end(frame);
    this.#told.text(this.text);
  }

  #end(frame) {
    if (this.#over) return;
    this.#over = true;
    this.#told.ended(frame);
  }
}
