import { CoachClient } from "@coach/client";
import { useCoach } from "@coach/client/react";

export function Talk({ client, session }: { client: CoachClient; session: string }) {
  const coach = useCoach(client, session);
  return (
    <>
      {coach.messages.map(({ key, content }) => <p key={key}>{content}</p>)}
      {coach.error?.retryable && <button onClick={coach.retry}>{coach.error.message} Try again</button>}
      {coach.status === "ready"
        ? <button onClick={() => coach.send("How should I warm up?")}>Ask</button>
        : <button onClick={coach.stop}>Stop</button>}
    </>
  );
}
