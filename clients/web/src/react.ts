import { useEffect, useMemo, useSyncExternalStore } from "react";

import type { CoachClient } from "./client.ts";
import { Conversation, NOTHING, type ConversationState } from "./conversation.ts";

export interface Coach extends ConversationState {
  send(text: string): void;
  stop(): void;
  retry(): void;
  regenerate(id?: string): void;
}

const silent = (): (() => void) => () => undefined;

/**
 * A session, live: its messages, and what can be done. Renders at most once a frame, however fast the words come.
 *
 * Keep `client` out of the render (a module's constant, or useMemo). `session`: null until there is one. A reply that runs
 * when the page opens is joined; one that runs when it closes goes on at the server.
 */
export function useCoach(client: CoachClient, session: string | null): Coach {
  const conversation = useMemo(() => (session ? new Conversation(client, session) : null), [client, session]);
  useEffect(() => {
    void conversation?.open();
    return () => conversation?.close();
  }, [conversation]);
  const state = useSyncExternalStore(
    conversation?.subscribe ?? silent,
    () => conversation?.state ?? NOTHING,
    () => NOTHING,
  );
  return useMemo(
    () => ({
      ...state,
      send: (text) => void conversation?.send(text),
      stop: () => void conversation?.stop(),
      retry: () => void conversation?.retry(),
      regenerate: (id) => void conversation?.regenerate(id),
    }),
    [conversation, state],
  );
}
