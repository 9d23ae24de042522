// A phone in Node: the npm package ws, reconnecting with catch-up. It tells what it shows, a line of JSON each.
import { createRequire } from "node:module";

const [modules, ...servers] = process.argv.slice(2);
const WebSocket = createRequire(`${modules}/`)("ws");
const shown = new Map();
let cursor = null;
let isNew = true;
let attempts = 0;

const tell = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);

function show(bin, from) {
  shown.set(bin.item_code, bin.projected_qty);
  tell({ shown: bin.item_code, left: bin.projected_qty, from });
}

// What is pushed while the answer is on its way is newer than the answer.
async function refetch(server, pushed) {
  for (;;) {
    try {
      const answer = await fetch(`${server}/api/stock`);
      const { success, stale, stock } = await answer.json();
      if (success && !stale) {
        for (const bin of stock) {
          if (!pushed.has(bin.item_code) && shown.get(bin.item_code) !== bin.projected_qty) show(bin, "fetch");
        }
        tell({ fetched: true });
        return;
      }
    } catch {
      // The server is away: so is the socket, which begins anew.
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function connect() {
  const server = servers[attempts % servers.length];
  const socket = new WebSocket(`${server.replace("http", "ws")}/ws`, { handshakeTimeout: 5000 });
  const pushed = new Set();
  let isOver = false;
  const again = () => {
    if (isOver) return;
    isOver = true;
    attempts += 1;
    setTimeout(connect, 50 + Math.random() * 100);
  };
  socket.on("open", () => socket.send(JSON.stringify({ type: "subscribe", topics: ["stock"], since: cursor })));
  socket.on("error", again);
  socket.on("close", again);
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    if (message.seq) cursor = message.seq;
    if (message.type === "stock_update") {
      pushed.add(message.item_code);
      show(message, "push");
    } else if (message.type === "must-refetch") {
      tell({ refetch: message.reason });
      pushed.clear();
      isNew = false;
      refetch(server, pushed);
    } else if (message.type === "up-to-date") {
      tell({ upToDate: server, cursor });
      if (isNew) refetch(server, pushed);
      isNew = false;
    }
  });
}

process.stdin.on("end", () => process.exit(0)).resume();
connect();
