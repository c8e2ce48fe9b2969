// Against the real server, which tests/clients/test_web.py starts: COACH_URL answers in words, COACH_VENDOR_URL has a stub vendor.
import { describe, expect, test } from "vitest";

import { CoachClient, CoachError, type Message, type Turn, type TurnEvent } from "@coach/client";
import { Chat } from "../examples/Chat.tsx";
import { talk } from "../examples/talk.ts";
import { page, press, type, until } from "./page.ts";

const url = process.env.COACH_URL ?? "";
const QUICK = { first: 20, most: 100 };

/** A fetch that breaks the nth stream after so many reads, as a network does. */
function breaking(reads: number[]): typeof fetch {
  const left = [...reads];
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || !response.body) return response;
    const most = left.shift();
    if (most === undefined) return response;
    if (most < 0) throw new TypeError("The network is gone.");
    const reader = response.body.getReader();
    let seen = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        controller.enqueue(value);
        seen += 1;
        if (seen >= most) {
          await reader.cancel();
          controller.error(new TypeError("The network is gone."));
        }
      },
    });
    return new Response(body, response);
  };
}

async function read(turn: Turn): Promise<TurnEvent[]> {
  const told: TurnEvent[] = [];
  for await (const event of turn) told.push(event);
  return told;
}

describe.skipIf(!url)("the real server", () => {
  test("tells the ten lines of the documentation the whole reply", async () => {
    const shown: string[] = [];
    await talk(url, (text) => shown.push(text));
    expect(shown.length).toBeGreaterThan(1);
    expect(shown.at(-1)?.length).toBeGreaterThan(40);
  });

  test("is come back to in each phase: one message, one reply, one text", async () => {
    const client = new CoachClient({ baseUrl: url, fetch: breaking([-1, 1, 2, 5]), reconnecting: QUICK });
    const { session_id } = await client.start({ user_id: "breaking" });
    const turn = client.stream(session_id, "How should I warm up?");
    const told = await read(turn);
    const messages: Message[] = [];
    for await (const message of client.messages(session_id)) messages.push(message);
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(turn.text).toBe(messages[1]?.content);
    expect(told.flatMap((event) => (event.type === "text" ? event.delta : [])).join("")).toBe(turn.text);
    expect(told.filter(({ type }) => type === "lost").length).toBeGreaterThanOrEqual(2);
    expect(told.at(-1)).toMatchObject({ type: "done", status: "complete", message_id: messages[1]?.message_id });
  });

  test("lets a client leave and another join, which hears all of it", async () => {
    const client = new CoachClient({ baseUrl: url });
    const { session_id } = await client.start({ user_id: "leaving" });
    const turn = client.stream(session_id, "How do I stretch?");
    for await (const event of turn) if (event.type === "text") break;
    const joined = client.join(turn.id ?? "");
    for await (const event of joined) expect(event.type).not.toBe("lost");
    expect(joined.text).toBe((await client.session(session_id)).messages[1]?.content);
    expect(joined.text.startsWith(turn.text)).toBe(true);
  });

  test("refuses in its own words", async () => {
    const client = new CoachClient({ baseUrl: url });
    const refused = await client.start({ persona: "nobody" }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CoachError);
    expect(refused).toMatchObject({ code: "unknown_persona", status: 400, retryable: false });
    expect((refused as CoachError).fields).toHaveProperty("persona");
  });

  test("regenerates, edits, lists, changes and removes", async () => {
    const client = new CoachClient({ baseUrl: url });
    const { session_id } = await client.start({ user_id: "listing", title: "Mine" });
    const turn = client.stream(session_id, "Hi");
    const end = (await read(turn)).at(-1);
    if (end?.type !== "done") throw new Error("The turn did not end.");
    await read(client.regenerate(end.user_message_id));
    await read(client.edit(end.user_message_id, "Hello!"));
    const found = await client.sessions({ user_id: "listing" });
    expect(found.sessions.map((one) => [one.session_id, one.title, one.message_count])).toEqual([[session_id, "Mine", 2]]);
    expect((await client.session(session_id, { branches: "all" })).messages.length).toBe(5);
    expect((await client.change(session_id, { title: "Ours" })).title).toBe("Ours");
    expect((await client.personas()).map(({ id }) => id)).toContain("calm_coach");
    expect((await client.clear(session_id)).success).toBe(true);
    expect((await client.remove(session_id)).success).toBe(true);
    await expect(client.session(session_id)).rejects.toMatchObject({ code: "not_found" });
  });

  test("serves the guide's component", async () => {
    const { body, show } = await page();
    const client = new CoachClient({ baseUrl: url, fetch: breaking([4]), reconnecting: QUICK });
    await show(<Chat client={client} user="page" />);
    await until(() => body.textContent?.includes("Send"));
    await type(body, "How should I warm up?");
    await press(body, "Send");
    const answer = await until(() => body.querySelector(".assistant.complete"));
    const [listed] = (await client.sessions({ user_id: "page" })).sessions;
    expect(answer.textContent).toBe((await client.session(listed?.session_id ?? "")).messages[1]?.content);
  });
});

describe.skipIf(!process.env.COACH_VENDOR_URL)("the real server with a vendor that does what a message says", () => {
  const client = new CoachClient({ baseUrl: process.env.COACH_VENDOR_URL ?? "http://localhost" });

  test("a failed turn is thrown with its code, and retry regenerates it", async () => {
    const { session_id } = await client.start({ user_id: "failing" });
    const turn = client.stream(session_id, "[[status=401]]");
    await expect(read(turn)).rejects.toMatchObject({ code: "provider_config", retryable: false });
    expect(turn.error?.turnId).toBe(turn.id);
    expect(turn.error?.userMessageId).toMatch(/^msg_/);
    const again = client.retry(turn);
    await expect(read(again)).rejects.toBeInstanceOf(CoachError);
    expect((await client.session(session_id)).messages.filter(({ role }) => role === "user").length).toBe(1);
  });

  test("a stopped turn keeps what was said", async () => {
    const { session_id } = await client.start({ user_id: "stopping" });
    const turn = client.stream(session_id, "[[pace=0.05 words=600]]");
    const told: TurnEvent[] = [];
    for await (const event of turn) {
      if (event.type === "text" && told.length === 3) await turn.stop();
      told.push(event);
    }
    expect(told.at(-1)).toMatchObject({ type: "done", status: "stopped" });
    expect((await client.session(session_id)).messages[1]).toMatchObject({ content: turn.text, status: "stopped" });
    expect((await client.turn(turn.id ?? "")).status).toBe("stopped");
  });

  test("any text at any pace comes whole", async () => {
    const { session_id } = await client.start({ user_id: "tricky" });
    const turn = client.stream(session_id, "[[pace=0.001 words=300 odd=pings]]");
    for await (const event of turn) expect(event.type).not.toBe("lost");
    expect(turn.text).toBe((await client.session(session_id)).messages[1]?.content);
    expect(turn.text.split(" ").length).toBe(301);
  });
});
