import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { BrokenFrame, FrameReader, type Frame } from "../src/index.ts";
import { refusal } from "../src/errors.ts";

const GOLDEN = new URL("../../golden/", import.meta.url);
const names = readdirSync(GOLDEN).filter((name) => name.endsWith(".sse"));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, GOLDEN), "utf-8"));

function framesOf(...pieces: Uint8Array[]): Frame[] {
  const reader = new FrameReader();
  return pieces.flatMap((piece) => reader.feed(piece));
}

describe.each(names)("%s", (name) => {
  const bytes = new Uint8Array(readFileSync(new URL(name, GOLDEN)));
  const expected = read(name.replace(".sse", ".json")) as { text: string; frames: Frame[] };

  test("is read as a whole, and byte by byte", () => {
    expect(framesOf(bytes)).toEqual(expected.frames);
    expect(framesOf(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected.frames);
  });

  test("is read the same wherever it is cut in two", () => {
    const wanted = JSON.stringify(expected.frames);
    const wrong = Array.from(bytes.keys()).filter(
      (at) => JSON.stringify(framesOf(bytes.subarray(0, at), bytes.subarray(at))) !== wanted,
    );
    expect(wrong).toEqual([]);
  });
});

test("comments are counted and are no frames", () => {
  const reader = new FrameReader();
  expect(reader.feed(new TextEncoder().encode(`:${" ".repeat(600)}\n\n: ping\n\n: pi`))).toEqual([]);
  expect(reader.comments).toBe(2);
});

test.each(["<html>", "[", "7", "null"])("a frame that holds %s is broken", (data) => {
  expect(() => framesOf(new TextEncoder().encode(`data: ${data}\n\n`))).toThrow(BrokenFrame);
});

test.each(Object.entries(read("codes.json") as Record<string, { status: number; retryable: boolean }>))(
  "a refusal with %s says whether the same may succeed later",
  async (code, { status, retryable }) => {
    const refused = await refusal(Response.json({ error: code, message: "No." }, { status }));
    expect(refused).toMatchObject({ code, status, message: "No.", retryable: status === 429 || retryable });
  },
);
