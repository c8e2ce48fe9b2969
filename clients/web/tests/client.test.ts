import { describe, expect, test } from "vitest";

import { CoachClient, CoachError, type Turn, type TurnEvent } from "../src/index.ts";
import { bytesOf, cut, DONE, drop, FAILED, hold, json, OPENING, refuse, say, stub, tokens, TURN, type Answer, type Stub } from "./stub.ts";

const QUICK = { first: 2, most: 8, patience: 2_000, silence: 2_000 };

async function made(...answers: Answer[]): Promise<[CoachClient, Stub]> {
  const server = await stub(...answers);
  return [new CoachClient({ baseUrl: server.url, reconnecting: QUICK }), server];
}

async function events(turn: Turn): Promise<TurnEvent[]> {
  const told: TurnEvent[] = [];
  for await (const event of turn) told.push(event);
  return told;
}

async function trouble(promise: Promise<unknown>): Promise<CoachError> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(CoachError);
  return error as CoachError;
}

/** The text that a page would show that only adds what it is told. */
function shown(told: TurnEvent[]): string {
  let text = "";
  for (const event of told) {
    if (event.type === "text") text += event.delta;
    if (event.type === "replaced") text = event.text;
    if (event.type === "text") expect(text).toBe(event.text);
  }
  return text;
}

const kinds = (told: TurnEvent[]): string => told.map((event) => event.type).join(" ");

describe("a turn", () => {
  test("is told as typed events, and sent with a key", async () => {
    const [client, server] = await made(say(...tokens("Hi", " there"), DONE));
    const turn = client.stream("session_1", "Hello");
    expect(server.seen).toEqual([]);
    const told = await events(turn);
    expect(told).toEqual([
      { type: "begun", turn_id: TURN, session_id: "session_1" },
      { type: "text", delta: "Hi", text: "Hi" },
      { type: "text", delta: " there", text: "Hi there" },
      { type: "done", ...DONE },
    ]);
    expect(server.seen).toMatchObject([
      { method: "POST", path: "/chat/stream", body: { session_id: "session_1", message: "Hello" }, key: turn.key },
    ]);
    expect(turn.key).toMatch(/^[0-9a-f]{32}$/);
    expect(() => turn[Symbol.asyncIterator]()).toThrow("read once");
  });

  test("comes in pieces of any size", async () => {
    const bytes = Buffer.from(bytesOf([...tokens("Å 💪", " ja"), ": ping\n\n", DONE]));
    const [client] = await made((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream", "X-Turn-Id": TURN });
      for (const byte of bytes) response.write(Uint8Array.of(byte));
      response.end();
    });
    expect(shown(await events(client.stream("session_1", "Hei")))).toBe("Å 💪 ja");
  });

  test("of another kind takes its own path", async () => {
    const [client, server] = await made(say(DONE), say(DONE), say({ snapshot: "Hi" }, DONE));
    await events(client.regenerate("msg_2"));
    await events(client.edit("msg_1", "Better"));
    expect(shown(await events(client.join(TURN)))).toBe("Hi");
    expect(server.seen.map(({ method, path, body }) => [method, path, body])).toEqual([
      ["POST", "/chat/messages/msg_2/regenerate", {}],
      ["POST", "/chat/messages/msg_1/edit", { message: "Better" }],
      ["GET", `/chat/turns/${TURN}/stream`, null],
    ]);
  });

  test("that is left goes on: nothing is stopped, the connection ends", async () => {
    const [client, server] = await made(hold(...tokens("Hi")), hold(...tokens("Hi")));
    const leaving = new AbortController();
    const reading = events(client.stream("session_1", "Hello", { signal: leaving.signal }));
    await new Promise((soon) => setTimeout(soon, 50));
    leaving.abort(new Error("gone"));
    await expect(reading).rejects.toThrow("gone");
    await server.seen[0]?.left;
    for await (const event of client.stream("session_1", "Hello")) if (event.type === "text") break;
    await server.seen[1]?.left;
    expect(server.seen.map(({ path }) => path)).toEqual(["/chat/stream", "/chat/stream"]);
  });

  test("is stopped by its id, also when that is not known yet", async () => {
    let go = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (go = resolve));
    const [client, server] = await made(
      async (response, seen) => {
        hold(...tokens("Hi"))(response, seen);
        await stopped;
        response.end(`data: ${JSON.stringify({ ...DONE, status: "stopped" })}\n\n`);
      },
      (response, seen) => {
        json({ turn_id: TURN, status: "running" }, 202)(response, seen);
        go();
      },
    );
    const turn = client.stream("session_1", "Hello");
    const stopping = turn.stop();
    expect((await events(turn)).at(-1)).toMatchObject({ type: "done", status: "stopped" });
    await stopping;
    expect(server.seen[1]).toMatchObject({ method: "POST", path: `/chat/turns/${TURN}/stop` });
    await turn.stop();
    expect(server.seen.length).toBe(2);
  });
});

describe("trouble", () => {
  test("before the stream is a refusal, and is not tried again", async () => {
    const problem = { error: "turn_in_progress", message: "Wait.", turn_id: "turn_9" };
    const [client, server] = await made(refuse(409, problem), refuse(503, { error: "server_busy", message: "Full." }, { "Retry-After": "5" }));
    const refused = await trouble(events(client.stream("session_1", "Hello")));
    expect(refused).toMatchObject({ code: "turn_in_progress", status: 409, retryable: false, turnId: "turn_9", message: "Wait." });
    const busy = await trouble(events(client.stream("session_1", "Hello")));
    expect(busy).toMatchObject({ code: "server_busy", retryable: true, retryAfter: 5 });
    expect(server.seen.length).toBe(2);
  });

  test("of an input names the fields", async () => {
    const [client] = await made(refuse(400, { error: "invalid", message: "See fields.", fields: { message: ["Too long."] } }));
    expect(await trouble(events(client.stream("s", "x")))).toMatchObject({ code: "invalid", fields: { message: ["Too long."] }, retryable: false });
  });

  test("that is no JSON is told as unexpected", async () => {
    const [client] = await made((response) => void response.writeHead(502).end("<html>Bad gateway"));
    expect(await trouble(client.sessions())).toMatchObject({ code: "unexpected_answer", status: 502, retryable: true });
  });

  test("within the stream is the turn's end", async () => {
    const [client, server] = await made(say(...tokens("Hi"), { ...FAILED, message_id: "msg_2" }));
    const turn = client.stream("session_1", "Hello");
    const failed = await trouble(events(turn));
    expect(failed).toMatchObject({ code: "provider_busy", status: null, retryable: true, turnId: TURN, userMessageId: "msg_1", messageId: "msg_2" });
    expect([turn.error, turn.text, server.seen.length]).toEqual([failed, "Hi", 1]);
  });

  test("of a plain request without a connection is retryable", async () => {
    const [client] = await made(drop);
    expect(await trouble(client.start())).toMatchObject({ code: "connection_lost", retryable: true });
  });
});

describe("a lost connection", () => {
  test("before the headers: the same request with the same key", async () => {
    const [client, server] = await made(drop, drop, say(...tokens("Hi"), DONE));
    const told = await events(client.stream("session_1", "Hello"));
    expect(kinds(told)).toBe("lost lost begun text done");
    expect(new Set(server.seen.map(({ key, path, body }) => JSON.stringify([key, path, body]))).size).toBe(1);
  });

  test("in mid-stream: joins, and the text goes on where it was", async () => {
    const [client, server] = await made(
      cut(...tokens("One ", "two ")),
      cut({ snapshot: "One two three " }),
      say({ snapshot: "One two three " }, ...tokens("four"), DONE),
    );
    const told = await events(client.stream("session_1", "Count"));
    expect(kinds(told)).toBe("begun text text lost text lost text done");
    expect(shown(told)).toBe("One two three four");
    expect(server.seen.map(({ path }) => path)).toEqual(["/chat/stream", ...Array<string>(2).fill(`/chat/turns/${TURN}/stream`)]);
  });

  test("before the terminal frame, by a whole body even", async () => {
    const [client] = await made(say(...tokens("All of it")), say({ snapshot: "All of it" }, DONE));
    const told = await events(client.stream("session_1", "Hello"));
    expect(kinds(told)).toBe("begun text lost done");
  });

  test("in the middle of a frame", async () => {
    const [client] = await made(cut(...tokens("On"), 'data: {"token": "e tw'), say({ snapshot: "One two" }, DONE));
    expect(shown(await events(client.stream("session_1", "Count")))).toBe("One two");
  });

  test("before the id was told, where a proxy takes headers off: replays by the key", async () => {
    const bare: Answer = (response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write(bytesOf(tokens("One ", "two ")), () => setImmediate(() => response.destroy()));
    };
    const [client, server] = await made(bare, say(...tokens("One ", "two ", "three"), DONE));
    const told = await events(client.stream("session_1", "Count"));
    expect(kinds(told)).toBe("text text lost begun text done");
    expect(shown(told)).toBe("One two three");
    expect(server.seen[0]?.key).toBe(server.seen[1]?.key);
  });

  test("to a worker that is behind: nothing is told twice, nothing goes back", async () => {
    const [client] = await made(cut(...tokens("One two three")), say({ snapshot: "One " }, ...tokens("two ", "three ", "four"), DONE));
    const told = await events(client.stream("session_1", "Count"));
    expect(kinds(told)).toBe("begun text lost text text done");
    expect(shown(told)).toBe("One two three four");
  });

  test("whose worker died: what is kept is shown", async () => {
    const [client] = await made(cut(...tokens("One two three")), say({ snapshot: "One two" }, { ...FAILED, error: "server_restarted", message_id: "msg_2" }));
    const turn = client.stream("session_1", "Count");
    expect(await trouble(events(turn))).toMatchObject({ code: "server_restarted", userMessageId: "msg_1" });
    expect(turn.text).toBe("One two");
  });

  test("while the server starts again: refusals are waited out, for as long as it says", async () => {
    const busy = refuse(503, { error: "server_stopping", message: "Soon." }, { "Retry-After": "0" });
    const [client, server] = await made(cut(...tokens("One ")), busy, refuse(502, {}), say({ snapshot: "One two" }, DONE));
    expect(shown(await events(client.stream("session_1", "Count")))).toBe("One two");
    expect(server.seen.length).toBe(4);
  });

  test("to a turn that is gone is told", async () => {
    const [client] = await made(cut(...tokens("One ")), refuse(404, { error: "not_found", message: "Gone." }));
    expect(await trouble(events(client.stream("session_1", "Count")))).toMatchObject({ code: "not_found" });
  });

  test.each<[string, Answer]>([
    ["a page in its place", (response) => void response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>Log in")],
    ["a broken frame", say("data: <html>\n\n")],
  ])("%s counts as one", async (_, answer) => {
    const [client] = await made(answer, say(...tokens("Hi"), DONE));
    expect(shown(await events(client.stream("session_1", "Hello")))).toBe("Hi");
  });

  test("that nobody told of is found by its silence", async () => {
    const server = await stub(hold(...tokens("One ")), say({ snapshot: "One two" }, DONE));
    const client = new CoachClient({ baseUrl: server.url, reconnecting: { ...QUICK, silence: 60 } });
    expect(shown(await events(client.stream("session_1", "Count")))).toBe("One two");
  });

  test("for good is told after all patience, and retry sends the same key", async () => {
    const server = await stub(cut(...tokens("One ")), ...Array<Answer>(200).fill(drop));
    const client = new CoachClient({ baseUrl: server.url, reconnecting: { ...QUICK, patience: 60 } });
    const turn = client.stream("session_1", "Count");
    expect(await trouble(events(turn))).toMatchObject({ code: "connection_lost", retryable: true, turnId: TURN });
    const again = await stub(say(...tokens("One ", "two"), DONE));
    const retried = new CoachClient({ baseUrl: again.url }).retry(turn);
    expect(shown(await events(retried))).toBe("One two");
    expect(again.seen[0]).toMatchObject({ key: turn.key, body: server.seen[0]?.body });
  });

  test("does not hold who leaves while it waits", async () => {
    const server = await stub(drop);
    const client = new CoachClient({ baseUrl: server.url, reconnecting: { first: 60_000 } });
    const leaving = new AbortController();
    const reading = (async () => {
      for await (const { type } of client.stream("s", "x", { signal: leaving.signal })) {
        expect(type).toBe("lost");
        setTimeout(() => leaving.abort(new Error("gone")), 5);
      }
    })();
    await expect(reading).rejects.toThrow("gone");
  });
});

describe("retry", () => {
  test("of a failed turn regenerates on its message", async () => {
    const [client, server] = await made(say(FAILED), say(...tokens("Hi"), DONE));
    const turn = client.stream("session_1", "Hello");
    await trouble(events(turn));
    const again = client.retry(turn);
    expect(shown(await events(again))).toBe("Hi");
    expect(server.seen[1]).toMatchObject({ path: "/chat/messages/msg_1/regenerate", key: again.key });
    expect(again.key).not.toBe(turn.key);
  });

  test("of a refused one sends the same with the same key", async () => {
    const [client, server] = await made(refuse(429, { error: "too_many_turns", message: "Wait." }, { "Retry-After": "1" }), say(DONE));
    const turn = client.stream("session_1", "Hello");
    expect(await trouble(events(turn))).toMatchObject({ retryable: true, retryAfter: 1 });
    await events(client.retry(turn));
    expect(server.seen[1]?.key).toBe(server.seen[0]?.key);
  });
});

test("a fetch that is given is called as a function, as browsers demand", async () => {
  const server = await stub(json({ sessions: [], next: null }));
  async function mine(this: unknown, ...given: Parameters<typeof fetch>): Promise<Response> {
    expect(this).toBeUndefined();
    return fetch(...given);
  }
  expect(await new CoachClient({ baseUrl: server.url, fetch: mine }).sessions()).toEqual({ sessions: [], next: null });
});

test("a token is asked for each request", async () => {
  let asked = 0;
  const server = await stub(json({ sessions: [], next: null }), json({ sessions: [], next: null }));
  const client = new CoachClient({ baseUrl: `${server.url}/`, token: async () => `t${++asked}` });
  await client.sessions({ user_id: "kari", limit: 2 });
  await client.sessions();
  expect(server.seen.map(({ path, token }) => [path, token])).toEqual([
    ["/chat/sessions?user_id=kari&limit=2", "Bearer t1"],
    ["/chat/sessions", "Bearer t2"],
  ]);
  expect(OPENING.length).toBeGreaterThanOrEqual(512);
});
