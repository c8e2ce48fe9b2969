import { useEffect, useState } from "react";

import { CoachClient, newKey, type Persona } from "@coach/client";
import { useCoach } from "@coach/client/react";

/** A chat with a coach: bubbles, a cursor while words come, send and stop, what went wrong, and another coach at will. */
export function Chat({ client, user }: { client: CoachClient; user: string }) {
  const [session, setSession] = useState<string | null>(null);
  const [personas, setPersonas] = useState<Persona[]>([]);
  const [persona, setPersona] = useState("fitness_coach");
  const [draft, setDraft] = useState("");
  const [once] = useState(newKey); // React may mount twice; the same key makes one session
  const [trouble, setTrouble] = useState("");
  const coach = useCoach(client, session);

  useEffect(() => {
    let here = true;
    const told = (error: Error): void => setTrouble(error.message);
    client.start({ user_id: user, persona: "fitness_coach" }, { key: once }).then((made) => here && setSession(made.session_id), told);
    client.personas().then((found) => here && setPersonas(found), told);
    return () => {
      here = false;
    };
  }, [client, user, once]);

  const choose = (id: string): void => {
    setPersona(id);
    if (session) client.change(session, { persona: id }).catch((error: Error) => setTrouble(error.message));
  };
  const ready = coach.status === "ready";
  const replying = !ready && coach.status !== "loading";
  const send = (): void => {
    if (!ready || !draft.trim()) return;
    coach.send(draft);
    setDraft("");
  };

  return (
    <div className="chat">
      <select aria-label="Coach" value={persona} onChange={(event) => choose(event.target.value)}>
        {personas.map(({ id, name }) => (
          <option key={id} value={id}>{name}</option>
        ))}
      </select>
      <div className="messages" role="log">
        {coach.messages.map(({ key, role, content, status }) => (
          <div key={key} className={`message ${role} ${status ?? ""}`}>
            {content}
            {status === "running" && <span className="cursor" aria-hidden="true">|</span>}
            {status === "stopped" && <em> (stopped)</em>}
          </div>
        ))}
      </div>
      {coach.status === "reconnecting" && <p role="status">The connection is lost. Coming back …</p>}
      {(coach.error ?? trouble) && (
        <p role="alert">
          {coach.error?.message ?? trouble}
          {coach.error?.retryable && <button onClick={coach.retry}>Try again</button>}
        </p>
      )}
      <form onSubmit={(event) => { event.preventDefault(); send(); }}>
        <input aria-label="Message" value={draft} placeholder="Type your message…" onChange={(event) => setDraft(event.target.value)} />
        {replying ? <button type="button" onClick={coach.stop}>Stop</button> : <button type="submit" disabled={!ready}>Send</button>}
      </form>
    </div>
  );
}
