// Reads a stream by the standard: bytes into a buffer, lines out of it, an event at each empty line.
const [base, message] = process.argv.slice(2);
const post = (path, body) =>
  fetch(base + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const { session_id } = await (await post("/chat/start", { user_id: "line_reader" })).json();
const response = await post("/chat/stream", { session_id, message });
let buffer = "";
let data = [];
let text = "";
let done = 0;
const decoder = new TextDecoder("utf-8", { fatal: true });
for await (const bytes of response.body) {
  buffer += decoder.decode(bytes, { stream: true });
  const lines = buffer.split("\n");
  buffer = lines.pop();
  for (const line of lines) {
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    if (line !== "" || data.length === 0) continue;
    const event = JSON.parse(data.join("\n"));
    data = [];
    if (event.token) text += event.token;
    if (event.done) done += 1;
  }
}
console.log(JSON.stringify({ session_id, text, done }));
