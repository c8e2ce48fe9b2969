import { StrictMode, useRef } from "react";
import { expect, test } from "vitest";

import { CoachClient, type DoneFrame } from "@coach/client";
import { useCoach } from "@coach/client/react";
import { Chat } from "../examples/Chat.tsx";
import { Talk } from "../examples/Talk.tsx";
import { page, press, type, until } from "./page.ts";
import { bytesOf, cut, DONE, FAILED, hold, json, refuse, say, stub, tokens, TURN, type Answer } from "./stub.ts";

const QUICK = { first: 2, most: 8, patience: 2_000, silence: 2_000 };
const empty = json({ messages: [], next: null });
const said = (messages: object[]): Answer => json({ messages, next: null });
const USER = { message_id: "msg_1", role: "user", content: "Hello", status: null, turn_id: null };

async function talking(...answers: Answer[]) {
  const server = await stub(...answers);
  const client = new CoachClient({ baseUrl: server.url, reconnecting: QUICK });
  const { body, show } = await page();
  await show(<Talk client={client} session="session_1" />);
  const texts = (): (string | null)[] => [...body.querySelectorAll("p")].map((one) => one.textContent);
  return { body, texts, server };
}

test("the hook shows what was said, sends, and shows the reply as it grows", async () => {
  const { body, texts, server } = await talking(said([{ ...USER, message_id: "msg_a" }, { ...USER, message_id: "msg_b", role: "assistant", content: "Hi" }]), say(...tokens("One ", "two"), DONE));
  await press(body, "Ask");
  await until(() => texts().at(-1) === "One two" && body.textContent?.includes("Ask"));
  expect(texts()).toEqual(["Hello", "Hi", "How should I warm up?", "One two"]);
  expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(["GET /chat/sessions/session_1", "POST /chat/stream"]);
});

test("however fast words come, a page renders once a frame", async () => {
  const words = Array.from({ length: 600 }, (_, n) => `w${n} `);
  const server = await stub(empty, async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream", "X-Turn-Id": TURN });
    response.write(bytesOf([]));
    for (const [n, token] of words.entries()) {
      response.write(`data: ${JSON.stringify({ token })}\n\n`);
      if (n % 3 === 0) await new Promise((soon) => setImmediate(soon));
    }
    response.end(`data: ${JSON.stringify(DONE)}\n\n`);
  });
  const client = new CoachClient({ baseUrl: server.url });
  let renders = 0;
  function Counting() {
    const coach = useCoach(client, "session_1");
    const asked = useRef(false);
    renders += 1;
    if (coach.status === "ready" && !asked.current) {
      asked.current = true;
      queueMicrotask(() => coach.send("Go"));
    }
    return <p>{coach.messages.at(-1)?.content}</p>;
  }
  const { body, show } = await page();
  const began = Date.now();
  await show(<Counting />);
  await until(() => body.textContent === words.join(""));
  expect(renders).toBeLessThan((Date.now() - began) / 15 + 6);
});

test("a reply that runs when the page opens is joined", async () => {
  const running = { ...USER, message_id: "msg_2", role: "assistant", content: "One", status: "running", turn_id: TURN };
  const { body, texts, server } = await talking(said([USER, running]), say({ snapshot: "One " }, ...tokens("two"), DONE));
  await until(() => body.textContent?.includes("Ask"));
  expect(texts()).toEqual(["Hello", "One two"]);
  expect(server.seen[1]?.path).toBe(`/chat/turns/${TURN}/stream`);
});

test("stop ends the reply and keeps what was said", async () => {
  let end = (): void => undefined;
  const { body, texts, server } = await talking(
    empty,
    (response, seen) => {
      hold(...tokens("One "))(response, seen);
      const stopped: DoneFrame = { ...DONE, status: "stopped" };
      end = () => void response.end(`data: ${JSON.stringify(stopped)}\n\n`);
    },
    (response, seen) => {
      json({ turn_id: TURN, status: "running" }, 202)(response, seen);
      end();
    },
  );
  await press(body, "Ask");
  await until(() => texts().at(-1) === "One ");
  await press(body, "Stop");
  await until(() => body.textContent?.includes("Ask"));
  expect(texts().at(-1)).toBe("One ");
  expect(server.seen[2]?.path).toBe(`/chat/turns/${TURN}/stop`);
});

test("a failed turn is told, and tried again without a second message", async () => {
  const { body, texts, server } = await talking(empty, say(FAILED), say(...tokens("Hi"), DONE));
  await press(body, "Ask");
  await press(body, "Try again");
  await until(() => texts().at(-1) === "Hi" && body.textContent?.includes("Ask"));
  expect(texts()).toEqual(["How should I warm up?", "Hi"]);
  expect(body.textContent).not.toContain("busy");
  expect(server.seen[2]?.path).toBe("/chat/messages/msg_1/regenerate");
});

test("a message that was refused is sent again with its key", async () => {
  const { body, texts, server } = await talking(empty, refuse(503, { error: "server_busy", message: "Full." }), say(...tokens("Hi"), DONE));
  await press(body, "Ask");
  await press(body, "Try again");
  await until(() => texts().at(-1) === "Hi");
  expect(texts()).toEqual(["How should I warm up?", "Hi"]);
  expect(server.seen[2]?.key).toBe(server.seen[1]?.key);
});

test("a page that comes back from a lost connection shows one text", async () => {
  const { body, texts } = await talking(empty, cut(...tokens("One ")), say({ snapshot: "One two " }, ...tokens("three"), DONE));
  await press(body, "Ask");
  await until(() => texts().at(-1) === "One two three");
});

test("the guide's component, in strict mode: one session, a question, its answer", async () => {
  const started = json({ session_id: "session_1", persona: "fitness_coach", persona_description: "", available_personas: [] });
  const answers: Record<string, Answer> = {
    "/chat/start": started,
    "/chat/personas": json({ personas: [{ id: "fitness_coach", name: "Fitness coach" }, { id: "calm_coach", name: "Calm coach" }] }),
    "/chat/sessions/session_1": empty,
    "/chat/stream": say(...tokens("Start ", "light"), DONE),
  };
  const server = await stub(...Array<Answer>(12).fill((response, seen) => answers[seen.path]?.(response, seen)));
  const { body, show } = await page();
  const client = new CoachClient({ baseUrl: server.url });
  await show(<StrictMode><Chat client={client} user="kari" /></StrictMode>);
  await until(() => body.querySelectorAll("option").length === 2 && body.textContent?.includes("Send"));
  await type(body, "How should I warm up?");
  await press(body, "Send");
  await until(() => body.querySelector(".assistant")?.textContent === "Start light");
  expect([...body.querySelectorAll(".message")].map((one) => one.textContent)).toEqual(["How should I warm up?", "Start light"]);
  expect(body.querySelector("input")?.value).toBe("");
  const starts = server.seen.filter(({ path }) => path === "/chat/start");
  expect(new Set(starts.map(({ key }) => key)).size).toBe(1);
});
