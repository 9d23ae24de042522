// A live connection that a phone can lose: it comes back by itself, catches up, and says when it cannot.

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
const SILENT_BEATS = 2.5;

export class LiveConnection {
  #socket = null;
  #cursor = null;
  #isNew = true;
  #attempts = 0;
  #timer = 0;
  #watch = 0;
  #heardAt = 0;
  #silenceMs = 60_000;
  #options;

  // options: url, topics, token, onMessage(message), onRefetch(), onState("connecting" | "live" | "offline")
  constructor(options) {
    this.#options = options;
    // A phone that was asleep has a socket that looks alive: on waking up, ask, and believe only an answer.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    addEventListener("online", () => this.#wake());
    addEventListener("offline", () => this.#rest());
  }

  connect() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    const { url, token, topics, onState } = this.#options;
    onState("connecting");
    const socket = new WebSocket(url);
    this.#drop();
    this.#socket = socket;
    this.#expectWithin(10_000);
    socket.onopen = () => {
      if (token) socket.send(JSON.stringify({ type: "auth", token }));
      socket.send(JSON.stringify({ type: "subscribe", topics, since: this.#cursor }));
    };
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = () => this.#lost();
  }

  #hear(message) {
    this.#attempts = 0;
    if (message.seq) this.#cursor = message.seq;
    switch (message.type) {
      case "welcome":
        this.#silenceMs = message.heartbeat_s * 1000 * SILENT_BEATS;
        break;
      case "up-to-date":
        // What was read before the first subscription may be older than the stream's beginning.
        if (this.#isNew) this.#options.onRefetch();
        this.#isNew = false;
        this.#options.onState("live");
        break;
      case "must-refetch":
        this.#isNew = false;
        this.#options.onRefetch();
        this.#options.onState("live");
        break;
      default:
        if (message.topic) this.#options.onMessage(message);
    }
    this.#expectWithin(this.#silenceMs);
  }

  #wake() {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send('{"type":"ping"}');
      this.#expectWithin(4000);
    } else {
      this.#attempts = 0;
      this.connect();
    }
  }

  #rest() {
    clearTimeout(this.#watch);
    clearTimeout(this.#timer);
    this.#drop();
    this.#options.onState("offline");
  }

  #expectWithin(ms) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lost(), ms);
  }

  #lost() {
    clearTimeout(this.#watch);
    clearTimeout(this.#timer);
    this.#drop();
    if (!navigator.onLine) {
      this.#rest(); // The event "online" ends it.
      return;
    }
    this.#options.onState("connecting");
    // Spread over time: a server that starts again must not be met by all phones at once.
    const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  #drop() {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
