import { CoachClient, CoachError } from "@coach/client";

export async function talk(baseUrl: string, show: (text: string) => void): Promise<void> {
  const client = new CoachClient({ baseUrl });
  const { session_id } = await client.start({ user_id: "kari", persona: "fitness_coach" });
  try {
    for await (const event of client.stream(session_id, "How should I warm up?")) {
      if (event.type === "text" || event.type === "replaced") show(event.text);
    }
  } catch (error) {
    if (error instanceof CoachError) show(`${error.message} ${error.retryable ? "Try again." : ""}`);
  }
}
