import { createParser } from "eventsource-parser";

import type { components } from "./schema.ts";

export type Schemas = components["schemas"];
export type Frame = Schemas["Frame"];
export type DoneFrame = Schemas["DoneFrame"];
export type ErrorFrame = Schemas["ErrorFrame"];
export type Problem = Schemas["Problem"];

/** Characters; a frame takes at most 4,096, and what exceeds this is no stream of Coach's. */
const LINE_LIMIT = 1 << 20;

/** The body holds what no frame is: a page, a line cut and mended by a proxy. */
export class BrokenFrame extends Error {}

/** Bytes, cut anywhere, to frames: the standard's event stream (WHATWG HTML, 9.2) with a JSON object in each event. */
export class FrameReader {
  /** Comments so far: a sign of life while nothing is said. */
  comments = 0;
  readonly #decoder = new TextDecoder();
  #found: Frame[] = [];
  readonly #parser = createParser({
    maxBufferSize: LINE_LIMIT,
    onComment: () => {
      this.comments += 1;
    },
    onEvent: ({ data }) => {
      const frame = frameOf(data);
      if (frame) this.#found.push(frame);
    },
  });

  /** The frames that these bytes complete; kinds that this client does not know are left out. Throws BrokenFrame. */
  feed(bytes: Uint8Array): Frame[] {
    this.#found = [];
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    return this.#found;
  }
}

function frameOf(data: string): Frame | null {
  let found: unknown;
  try {
    found = JSON.parse(data);
  } catch (cause) {
    throw new BrokenFrame("A frame is no JSON.", { cause });
  }
  if (typeof found !== "object" || found === null) throw new BrokenFrame("A frame is no object.");
  const known =
    ("token" in found && typeof found.token === "string") ||
    ("snapshot" in found && typeof found.snapshot === "string") ||
    ("done" in found && found.done === true) ||
    ("error" in found && typeof found.error === "string");
  return known ? (found as Frame) : null;
}
