import { act, createElement, type ReactElement } from "react";
import type { Root } from "react-dom/client";
import { Window } from "happy-dom";
import { onTestFinished } from "vitest";

/** A page to render in: React's needs of a browser, and no more, so that `fetch` stays node's. */
export async function page(): Promise<{ body: HTMLElement; show(element: ReactElement): Promise<void> }> {
  const window = new Window({ url: "http://localhost/" });
  Object.assign(globalThis, {
    window,
    document: window.document,
    requestAnimationFrame: (tell: () => void) => setTimeout(tell, 16),
    IS_REACT_ACT_ENVIRONMENT: true,
  });
  const { createRoot } = await import("react-dom/client");
  const place = window.document.createElement("div");
  window.document.body.append(place);
  const root: Root = createRoot(place as unknown as Element);
  onTestFinished(async () => {
    await act(async () => root.unmount());
    await window.happyDOM.close();
  });
  return {
    body: place as unknown as HTMLElement,
    show: (element) => act(async () => root.render(createElement("div", null, element))),
  };
}

/** Once `found` gives something; each look within React's `act`, so that the page has painted. */
export async function until<T>(found: () => T | null | undefined | false, patience = 10_000): Promise<T> {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    const is = found();
    if (is) return is;
    await act(async () => new Promise((soon) => setTimeout(soon, 5)));
  }
  throw new Error("That did not come.");
}

/** A click on the button that says so. */
export async function press(body: HTMLElement, name: string): Promise<void> {
  const button = await until(() => [...body.querySelectorAll<HTMLButtonElement>("button:not([disabled])")].find((one) => one.textContent?.includes(name)));
  await act(async () => button.click());
}

/** Text into the field, as a person's typing tells React of it. */
export async function type(body: HTMLElement, text: string): Promise<void> {
  const field = await until(() => body.querySelector("input"));
  await act(async () => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value")?.set?.call(field, text);
    field.dispatchEvent(new (window as unknown as { Event: typeof Event }).Event("input", { bubbles: true }));
  });
}
