// The client of docs/live.md on the package `ws`. Arguments: its file, URL, API token, topics as JSON.
// Each line that it prints is a JSON object: what a user of the app would see.
import WebSocket from "ws";

const [file, url, token, topics] = process.argv.slice(2);
const { listen } = await import(file);
const show = (what) => process.stdout.write(JSON.stringify(what) + "\n");

class Watched extends WebSocket {
  constructor(...options) {
    super(...options);
    this.on("close", (code) => show({ type: "closed", code }));
  }
}

listen({
  url,
  token,
  topics: JSON.parse(topics),
  onMessage: show,
  refetch: (lost) => show({ type: "fetch", topics: lost }),
  longestWaitMs: 500,
  WebSocket: Watched,
});
