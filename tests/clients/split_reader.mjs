// Reads a stream as the guide's web client does: each read's text by itself, split on empty lines, `data: ` cut off,
// parsed. It has no buffer: a frame that comes in two reads would break it.
const [base, message] = process.argv.slice(2);
const post = (path, body) =>
  fetch(base + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const { session_id } = await (await post("/chat/start", { user_id: "web_user", persona: "fitness_coach" })).json();
const response = await post("/chat/stream", { session_id, message });
const reader = response.body.getReader();
const decoder = new TextDecoder();
let text = "";
let done = 0;
while (true) {
  const read = await reader.read();
  if (read.done) break;
  for (const part of decoder.decode(read.value).split("\n\n")) {
    if (!part.startsWith("data: ")) continue;
    const data = JSON.parse(part.substring(6));
    if (data.token) text += data.token;
    if (data.done) done += 1;
  }
}
console.log(JSON.stringify({ session_id, text, done }));
