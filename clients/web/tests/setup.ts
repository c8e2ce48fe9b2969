import { afterEach, beforeEach, expect, vi } from "vitest";

// What React complains about fails the test.
beforeEach(() => {
  vi.spyOn(console, "error");
});
afterEach(() => {
  expect(console.error).not.toHaveBeenCalled();
});
