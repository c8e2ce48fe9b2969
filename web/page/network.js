// Whether the server can be reached: asked when there is a doubt, and waited for when it can't.

import { ask, Lost } from "./api.js";

const PROBE = "/health/live";
const LEAST_PATIENCE = 700;
const WAITS = [200, 400, 800, 1500, 3000, 5000];

let usual = 100; // ms that a probe takes here, about

/** Whether the server answers within some ms: four times the usual, for a slow network is not a lost one. */
export async function reachable(patience = Math.min(5000, Math.max(LEAST_PATIENCE, 4 * usual))) {
  if (!navigator.onLine) return false;
  const begun = performance.now();
  try {
    await ask("GET", PROBE, { signal: AbortSignal.timeout(patience) });
  } catch {
    return false; // whatever the reason, it did not answer
  }
  usual += (performance.now() - begun - usual) / 4;
  return true;
}

/** Waits until the server answers again; asks at growing intervals, and at once when something has changed. */
export async function back(signal) {
  for (let attempt = 0; !signal?.aborted; attempt += 1) {
    await pause(WAITS[Math.min(attempt, WAITS.length - 1)] * (0.75 + Math.random() / 2), signal);
    if (!signal?.aborted && (await reachable(3000))) return;
  }
}

/** Ends early when the network is there again, or the page is looked at again. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const events = new AbortController();
    const end = () => {
      clearTimeout(timer);
      events.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    const seen = () => document.visibilityState === "visible" && end();
    window.addEventListener("online", end, events);
    window.addEventListener("pageshow", end, events);
    document.addEventListener("visibilitychange", seen, events);
    signal?.addEventListener("abort", end, events);
  });
}

/** Does it until the network carries it; `lost` is called before each wait. Throws what else goes wrong. */
export async function untilHeard(what, lost, signal) {
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof Lost) || signal?.aborted) throw error;
    }
    lost();
    await back(signal);
  }
}

/** Looks after a stream: after half a second of silence the server is asked whether it is still there. */
class Watch {
  #heard = performance.now();
  #asking = false;
  #doubted = false;
  #timer;
  #told;

  /** `doubt()`: no answer; `trust()`: there is again, from the stream itself; `broken()`: the server answers, the stream does not. */
  constructor(told) {
    this.#told = told;
    this.#timer = setInterval(() => this.#look(), 250);
    window.addEventListener("offline", this.#offline);
  }

  alive() {
    this.#heard = performance.now();
    if (this.#doubted) {
      this.#doubted = false;
      this.#told.trust();
    }
  }

  end() {
    clearInterval(this.#timer);
    window.removeEventListener("offline", this.#offline);
  }

  #offline = () => this.#doubt();

  #doubt() {
    if (this.#doubted) return;
    this.#doubted = true;
    this.#told.doubt();
  }

  async #look() {
    const silent = performance.now() - this.#heard;
    // The longer nothing comes, the rarer the question: a brain may think for a minute.
    if (this.#asking || document.visibilityState === "hidden" || silent < 500) return;
    this.#asking = true;
    const asked = performance.now();
    const answers = await reachable();
    if (this.#heard < asked) {
      if (!answers) this.#doubt();
      else if (this.#doubted) this.#told.broken();
    }
    setTimeout(() => (this.#asking = false), this.#doubted ? 200 : Math.min(3000, silent / 2));
  }
}

/** Does `what(signal, watch)` under a watch; `told` hears whether it is lost. Throws Lost where the server is there and it is not. */
export async function watched(what, told, signal) {
  const broken = new AbortController();
  const watch = new Watch({ doubt: () => told(true), trust: () => told(false), broken: () => broken.abort() });
  try {
    return await what(AbortSignal.any([signal, broken.signal]), watch);
  } catch (error) {
    if (broken.signal.aborted) throw new Lost("The answer does not come, the server is there.");
    throw error;
  } finally {
    watch.end();
  }
}
