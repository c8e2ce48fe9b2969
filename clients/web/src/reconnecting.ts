/** How a lost connection is sought again; all in milliseconds. */
export interface Reconnecting {
  /** The first wait, at most; each further one is twice as long. */
  first: number;
  /** The longest wait. */
  most: number;
  /** How long nothing new may be heard before the client gives up. */
  patience: number;
  /** A connection that brings no byte for so long is a dead one; the server sends a comment every 15 s. */
  silence: number;
}

export const RECONNECTING: Reconnecting = { first: 500, most: 15_000, patience: 120_000, silence: 40_000 };

/** A connection ended without the turn's end, or there was none. */
export class Lost extends Error {
  /** Seconds that the server asked to wait. */
  readonly retryAfter: number | null;

  constructor(cause: unknown, retryAfter: number | null = null) {
    super("The connection is lost.", { cause });
    this.retryAfter = retryAfter;
  }
}

/** Growing waits, with chance in them so that many clients do not come back in one moment. */
export class Backoff {
  attempt = 0;
  #since: number | null = null;
  readonly #how: Reconnecting;

  constructor(how: Reconnecting) {
    this.#how = how;
  }

  /** Something new was heard. */
  reset(): void {
    this.attempt = 0;
    this.#since = null;
  }

  /** How long to wait now; null where patience is at its end. */
  next(retryAfter: number | null): number | null {
    const now = Date.now();
    this.#since ??= now;
    if (now - this.#since >= this.#how.patience) return null;
    this.attempt += 1;
    const longest = Math.min(this.#how.most, this.#how.first * 2 ** (this.attempt - 1));
    return Math.max(longest * (0.5 + Math.random() / 2), (retryAfter ?? 0) * 1000);
  }
}

/** Wait; shorter where the browser says that it is online again. Throws the signal's reason. */
export function pause(wait: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const browser: Partial<EventTarget> = globalThis;
    const clean = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", left);
      browser.removeEventListener?.("online", over);
    };
    const over = (): void => {
      clean();
      resolve();
    };
    const left = (): void => {
      clean();
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(over, wait);
    signal?.addEventListener("abort", left);
    browser.addEventListener?.("online", over);
    if (signal?.aborted) left();
  });
}

/** Calls `silent` when `touch` was not called for so many milliseconds. */
export class Watch {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #wait: number;
  readonly #silent: () => void;

  constructor(wait: number, silent: () => void) {
    this.#wait = wait;
    this.#silent = silent;
    this.touch();
  }

  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#silent, this.#wait);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
