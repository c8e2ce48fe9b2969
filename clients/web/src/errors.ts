import type { ErrorFrame, Problem } from "./frames.ts";

/** Codes of 5xx that asking again does not mend: the operator, or another message, must. */
const LASTING = new Set(["provider_config", "provider_quota", "context_too_long"]);

/** The client's own code: no connection for as long as its patience lasts. The turn goes on at the server. */
export const CONNECTION_LOST = "connection_lost";

/** The client's own code: an answer that is not Coach's, as a proxy's page. */
export const UNEXPECTED_ANSWER = "unexpected_answer";

export interface Trouble {
  message: string;
  /** HTTP's, where the server refused; null for the end of a turn, and where no answer came. */
  status?: number | null;
  retryable: boolean;
  /** Seconds. */
  retryAfter?: number | null;
  /** What was wrong with an input, by field. */
  fields?: Record<string, string[]>;
  turnId?: string | null;
  userMessageId?: string | null;
  messageId?: string | null;
  cause?: unknown;
}

/** All that can go wrong: a refusal, a turn that ended in trouble, a connection that stays lost. docs/api.md has the codes. */
export class CoachError extends Error {
  override readonly name = "CoachError";
  readonly code: string;
  readonly status: number | null;
  /** Whether the same may succeed later, by `turn.retry()` or a new request. */
  readonly retryable: boolean;
  /** Seconds that the server asks to wait, or null. */
  readonly retryAfter: number | null;
  readonly fields: Readonly<Record<string, string[]>>;
  /** The turn that ended so; of `turn_in_progress` the one that runs. */
  readonly turnId: string | null;
  /** Not null: the message was stored, and regenerating on it tries the turn anew. */
  readonly userMessageId: string | null;
  /** The reply as far as it was said, or null where nothing was. */
  readonly messageId: string | null;

  constructor(code: string, trouble: Trouble) {
    super(trouble.message, trouble.cause === undefined ? undefined : { cause: trouble.cause });
    this.code = code;
    this.status = trouble.status ?? null;
    this.retryable = trouble.retryable;
    this.retryAfter = trouble.retryAfter ?? null;
    this.fields = trouble.fields ?? {};
    this.turnId = trouble.turnId ?? null;
    this.userMessageId = trouble.userMessageId ?? null;
    this.messageId = trouble.messageId ?? null;
  }
}

/** What an answer that is not 2xx says; its body is read. */
export async function refusal(response: Response): Promise<CoachError> {
  const { status } = response;
  const retryAfter = seconds(response.headers.get("Retry-After"));
  const problem = problemIn(await response.text().catch(() => ""));
  const code = problem?.error ?? UNEXPECTED_ANSWER;
  return new CoachError(code, {
    message: problem?.message ?? `The server answered ${status} and not as Coach does.`,
    status,
    retryable: status === 429 || (status >= 500 && !LASTING.has(code)),
    retryAfter,
    fields: problem?.fields ?? {},
    turnId: problem?.turn_id ?? null,
  });
}

/** The end of a turn in trouble. */
export function failure(frame: ErrorFrame): CoachError {
  return new CoachError(frame.error, {
    message: frame.message,
    retryable: frame.retryable,
    turnId: frame.turn_id,
    userMessageId: frame.user_message_id,
    messageId: frame.message_id,
  });
}

/** No connection. `cause` is what the platform said. */
export function lost(turnId: string | null, cause: unknown): CoachError {
  const message = "The connection is lost; try again when there is a network.";
  return new CoachError(CONNECTION_LOST, { message, retryable: true, turnId, cause });
}

function problemIn(text: string): Problem | null {
  try {
    const found: unknown = JSON.parse(text);
    const is = typeof found === "object" && found !== null && "error" in found && typeof found.error === "string";
    return is ? (found as Problem) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** `Retry-After`: seconds, or a date. */
function seconds(header: string | null): number | null {
  if (header === null) return null;
  const given = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(given) ? null : Math.max(0, given);
}
