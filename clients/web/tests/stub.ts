import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

import type { DoneFrame, ErrorFrame, Frame } from "../src/index.ts";

export interface Seen {
  method: string;
  path: string;
  key: string | undefined;
  token: string | undefined;
  body: unknown;
  /** Settled when the client ended the connection before the answer was whole. */
  left: Promise<void>;
}

export type Answer = (response: ServerResponse, seen: Seen) => void | Promise<void>;

export const TURN = "turn_1";
export const OPENING = `:${" ".repeat(1022)}\n\n`;
export const DONE: DoneFrame = {
  done: true,
  message_id: "msg_2",
  user_message_id: "msg_1",
  turn_id: TURN,
  status: "complete",
  brain: "config",
  fallback: false,
  usage: { input_tokens: 1, output_tokens: 2 },
};
export const FAILED: ErrorFrame = {
  error: "provider_busy",
  message: "The coach's brain is busy; try again in a moment.",
  retryable: true,
  message_id: null,
  user_message_id: "msg_1",
  turn_id: TURN,
};

/** A server that answers what it is told to, one answer a request, and notes what it was asked. */
export class Stub {
  url = "";
  readonly seen: Seen[] = [];
  readonly #answers: Answer[];

  constructor(answers: Answer[]) {
    this.#answers = answers;
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request) text += part;
    const { "idempotency-key": key, authorization: token } = request.headers;
    const seen: Seen = {
      method: request.method ?? "",
      path: request.url ?? "",
      key: key as string | undefined,
      token,
      body: text ? JSON.parse(text) : null,
      left: new Promise((resolve) => response.on("close", () => !response.writableFinished && resolve())),
    };
    this.seen.push(seen);
    const answer = this.#answers[this.seen.length - 1] ?? refuse(500, { error: "internal", message: "No answer is left." });
    await answer(response, seen);
  }
}

/** One for this test, on a port of its own. */
export async function stub(...answers: Answer[]): Promise<Stub> {
  const made = new Stub(answers);
  const server = createServer((request, response) => void made.take(request, response));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return made;
}

export function json(body: object, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function refuse(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return json(body, status, headers);
}

/** Ends the connection before any answer. */
export const drop: Answer = (response) => void response.destroy();

export function bytesOf(frames: readonly (Frame | string)[]): string {
  const lines = frames.map((frame) => (typeof frame === "string" ? frame : `data: ${JSON.stringify(frame)}\n\n`));
  return OPENING + lines.join("");
}

function head(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "X-Turn-Id": TURN, "X-Session-Id": "session_1" });
}

/** A whole stream. */
export function say(...frames: (Frame | string)[]): Answer {
  return (response) => {
    head(response);
    response.end(bytesOf(frames));
  };
}

/** A stream that is cut off behind these frames. */
export function cut(...frames: (Frame | string)[]): Answer {
  return (response) => {
    head(response);
    response.write(bytesOf(frames), () => setImmediate(() => response.destroy()));
  };
}

/** A stream that says no more and stays open. */
export function hold(...frames: (Frame | string)[]): Answer {
  return (response) => {
    head(response);
    response.write(bytesOf(frames));
  };
}

export const tokens = (...texts: string[]): Frame[] => texts.map((token) => ({ token }));
