// A session's messages as a tree: all versions, and the path through them that is shown.

/** Messages by id, each `{ id, role, content, parent, turnId, status, persona }`; `head` is where the path ends. */
export class History {
  messages = new Map();
  head = null;

  /**
   * What the server has; a message that was there before stays the same object, and so keeps its place on the page.
   * Two replies are none of the server's path yet: one that is being said, and one whose turn has ended without a word.
   */
  load(messages, head, persona) {
    const before = this.messages;
    this.messages = new Map();
    for (const each of messages) {
      const message = before.get(each.message_id) ?? { id: each.message_id };
      Object.assign(message, { role: each.role, content: each.content, parent: each.parent_id, turnId: each.turn_id });
      this.messages.set(message.id, Object.assign(message, { status: each.status, persona: each.persona, local: false }));
    }
    this.head = [...this.messages.values()].find((each) => each.role === "assistant" && each.status === "running")?.id ?? head;
    const answered = new Set([...this.messages.values()].map((each) => each.parent));
    for (const asked of [...this.messages.values()]) {
      if (asked.role === "user" && !answered.has(asked.id)) this.#addWordless(asked, persona, before);
    }
  }

  /** A reply for a turn that has none: it says how the turn ended, and can be tried again. */
  #addWordless({ id: parent, turnId, status }, persona, before) {
    if (!turnId || status === "running") return;
    const same = [...before.values()].find((each) => each.local && each.role === "assistant" && each.turnId === turnId);
    const reply = same ?? { id: `wordless_${turnId}`, local: true, role: "assistant", content: "", turnId, persona };
    this.messages.set(reply.id, Object.assign(reply, { parent, status }));
    if (this.head === parent) this.head = reply.id;
  }

  /** From the first message to the head. */
  path() {
    const found = [];
    for (let at = this.messages.get(this.head); at; at = this.messages.get(at.parent)) found.unshift(at);
    return found;
  }

  /** A message and those that stand in its place in other branches, oldest first. */
  versions(message) {
    return [...this.messages.values()].filter((each) => each.parent === message.parent && each.role === message.role);
  }

  /** Where a path through this message ends: the newest of what follows. */
  leafOf(message) {
    const next = [...this.messages.values()].findLast((each) => each.parent === message.id);
    return next ? this.leafOf(next) : message;
  }

  add(message) {
    this.messages.set(message.id, message);
    this.head = message.id;
  }

  /** A message that was shown before the server named it. */
  rename(message, id) {
    if (!id || message.id === id) return;
    this.messages.delete(message.id);
    if (this.head === message.id) this.head = id;
    for (const each of this.messages.values()) if (each.parent === message.id) each.parent = id;
    message.id = id;
    this.messages.set(id, message);
  }

  remove(message) {
    this.messages.delete(message.id);
    if (this.head === message.id) this.head = message.parent;
  }
}
