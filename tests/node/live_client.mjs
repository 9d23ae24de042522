// A client of live push as a mobile app has one: the package `ws`, a cursor per topic, and a reconnect that misses nothing.
// Arguments: URL, API token, topics as JSON. Each line it prints is a JSON object: what a user of the app would see.
import WebSocket from "ws";

const [url, token, topics] = process.argv.slice(2);
const cursors = Object.fromEntries(JSON.parse(topics).map((topic) => [topic, null]));
let isFresh = true;
const show = (what) => process.stdout.write(JSON.stringify(what) + "\n");

function connect() {
  const socket = new WebSocket(url);
  socket.on("open", () => socket.send(JSON.stringify({ type: "auth", token })));
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    if (message.topic in cursors && message.seq) {
      cursors[message.topic] = message.seq;
      show(message);
    } else if (message.type === "welcome") {
      isFresh = Object.values(cursors).includes(null);
      socket.send(JSON.stringify({ type: "subscribe", topics: cursors }));
    } else if (message.type === "must-refetch" || message.type === "up-to-date") {
      for (const topic of message.topics) cursors[topic] = message.seq;
      if (message.type === "must-refetch" || isFresh) show({ type: "fetch", reason: message.reason ?? "first" });
      isFresh = false;
    } else if (message.type === "heartbeat" && message.seq) {
      for (const topic of Object.keys(cursors)) cursors[topic] = message.seq;
    }
  });
  socket.on("error", () => {});
  socket.on("close", (code) => {
    show({ type: "closed", code });
    setTimeout(connect, 50);
  });
}

connect();
