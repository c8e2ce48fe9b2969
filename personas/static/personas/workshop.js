// The rehearsal beside a persona's form: sends the form's words as they stand, with what was said so far, and shows the
// reply as it comes. What was said is in this page alone.
"use strict";
{
    const box = document.querySelector(".rehearsal");
    const form = box && document.getElementById(box.dataset.form);
    const part = selector => box.querySelector(selector);
    const log = part("ol");
    const message = part("[name=message]");
    const send = part("[data-do=send]");
    let history = [];
    let running = null;

    const show = (kind, text) => {
        const line = Object.assign(document.createElement("li"), {className: kind, textContent: text});
        line.dir = "auto";
        log.append(line);
        log.scrollTop = log.scrollHeight;
        return line;
    };
    const busy = controller => {
        running = controller;
        send.textContent = controller ? "Stop" : "Send";
    };
    const told = end => [
        end.model && end.model !== end.brain ? `${end.brain} · ${end.model}` : end.brain,
        end.first_token == null ? null : `first token ${end.first_token.toFixed(2)} s`,
        `took ${end.seconds.toFixed(2)} s`,
        end.input_tokens == null ? null : `${end.input_tokens} tokens in${end.cache_read_tokens ? ` (${end.cache_read_tokens} cached)` : ""}, ${end.output_tokens} out`,
        end.cost == null ? "cost unknown" : `$${Number(end.cost)}`,
        end.status === "complete" ? null : end.status,
    ].filter(Boolean).join(" · ");

    // The frames of a stream: each is one line `data: {…}`.
    async function* frames(response) {
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
            const {done, value} = await reader.read();
            if (done) {
                return;
            }
            const lines = (rest + value).split("\n");
            rest = lines.pop();
            for (const line of lines) {
                if (line.startsWith("data: ")) {
                    yield JSON.parse(line.slice(6));
                }
            }
        }
    }

    const body = text => {
        const fields = new FormData();
        for (const name of ["instructions", "script"]) {
            fields.set(name, form.elements[name]?.value ?? "");
        }
        fields.set("brain", part("[name=brain]").value || form.elements.brain?.value || "");
        fields.set("language", part("[name=language]").value);
        fields.set("history", JSON.stringify(history));
        fields.set("message", text);
        return fields;
    };

    async function ask(text) {
        const controller = new AbortController();
        busy(controller);
        show("user", text);
        const reply = show("assistant speaking", "");
        let end = null;
        try {
            const response = await fetch(box.dataset.url, {
                method: "POST",
                body: body(text),
                headers: {"X-CSRFToken": form.elements.csrfmiddlewaretoken.value},
                signal: controller.signal,
            });
            if (response.redirected) {
                throw new Error("You are logged out. Log in again in another tab, then send once more.");
            }
            if (!response.ok) {
                const problem = await response.json().catch(() => ({message: `The server answered ${response.status}.`}));
                const fields = Object.entries(problem.fields ?? {}).map(([name, sentences]) => `${name}: ${sentences.join(" ")}`);
                throw new Error([problem.message, ...fields].join("\n"));
            }
            for await (const frame of frames(response)) {
                if (frame.token) {
                    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
                    reply.append(frame.token);
                    if (follows) {
                        log.scrollTop = log.scrollHeight;
                    }
                } else if (frame.error) {
                    throw new Error(frame.message);
                } else {
                    end = frame;
                }
            }
            show("note", end ? told(end) : "The stream ended too soon.");
        } catch (error) {
            show(controller.signal.aborted ? "note" : "note bad", controller.signal.aborted ? "Stopped." : error.message);
        }
        reply.classList.remove("speaking");
        if (reply.textContent.trim()) {
            history.push(["user", text], ["assistant", reply.textContent]);
        } else {
            reply.remove();
        }
        busy(null);
    }

    const go = () => {
        if (running) {
            running.abort();
            return;
        }
        const text = message.value.trim();
        if (text) {
            message.value = "";
            ask(text);
        }
    };
    if (form) {
        send.addEventListener("click", go);
        message.addEventListener("keydown", event => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !running) {
                event.preventDefault();
                go();
            }
            if (event.key === "Escape" && running) {
                running.abort();
            }
        });
        part("[data-do=clear]").addEventListener("click", () => {
            running?.abort();
            history = [];
            log.replaceChildren();
        });
    }
}
