// Server-sent events, as the HTML standard defines their lines (section 9.2.6), over fetch: EventSource can't POST.

/** Text in pieces of any size in, whole frames (parsed JSON) out. */
export class FrameReader {
  #rest = "";
  #data = [];
  #afterReturn = false;

  /** All frames that end in this piece. Throws SyntaxError for one that is no JSON. */
  push(piece) {
    // A line may end in CR LF, and the piece between the two.
    if (this.#afterReturn && piece.startsWith("\n")) piece = piece.slice(1);
    if (!piece) return [];
    this.#afterReturn = piece.endsWith("\r");
    const lines = (this.#rest + piece).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    const frames = [];
    for (const line of lines) {
      if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      } else if (!line && this.#data.length) {
        frames.push(JSON.parse(this.#data.join("\n")));
        this.#data = [];
      }
    }
    return frames;
  }
}

/** Reads a body to its end: `hear(frame)` for each frame, `alive()` for whatever comes, pings too. */
export async function readFrames(body, hear, alive) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // not a TextDecoderStream, which takes a task of its own for each piece
  const frames = new FrameReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    for (const frame of frames.push(decoder.decode(value, { stream: true }))) hear(frame);
  }
}
