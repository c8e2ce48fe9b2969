// Requests to the server, and the two ways in which they fail.

/** The server said no. `code` and `message` are its words; `retryable` where the same may do later. */
export class Refused extends Error {
  constructor(status, body, after) {
    super(body.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.error ?? "internal";
    this.turnId = body.turn_id ?? null;
    this.after = after;
  }

  get retryable() {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer, or half of one: the network, or a server that is away. */
export class Lost extends Error {}

/** The response, if it is a good one. Throws Refused, Lost, and what `signal` was aborted with. */
export async function ask(method, path, { body, key, signal, keepalive = false } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  const token = /(?:^|; )csrftoken=(\w+)/.exec(document.cookie); // for those who have logged in
  if (token) headers["X-CSRFToken"] = token[1];
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, keepalive });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Lost(error.message, { cause: error });
  }
  if (response.ok) return response;
  if (response.status === 401) location.assign("/login");
  const after = Number(response.headers.get("Retry-After")) || 0;
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told, after);
}

/** The JSON of a good response. */
export async function call(method, path, options) {
  const response = await ask(method, path, options);
  try {
    return await response.json();
  } catch (error) {
    options?.signal?.throwIfAborted();
    throw new Lost(error.message, { cause: error });
  }
}

/** A key that no other request has; `crypto.randomUUID` is missing on pages without TLS. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function query(values) {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
}
