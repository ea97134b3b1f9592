// Listening to the server: events with resume, a watch on silence, and the state for the status line.

const SILENCE_MS = 45000;
const LONGEST_WAIT_MS = 15000;

export class Stream {
  constructor(url, { onLine, onState, onRefused }) {
    this.url = url;
    this.seq = 0;
    this.wait = 1000;
    this.on = { line: onLine, state: onState, refused: onRefused };
    addEventListener("online", () => this.source && this.open());
    addEventListener("offline", () => this.on.state("offline"));
  }

  start(seq) {
    this.seq = seq;
    this.open();
  }

  stop() {
    clearTimeout(this.watch);
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  open() {
    this.stop();
    const mark = this.url.includes("?") ? "&" : "?";
    const source = new EventSource(`${this.url}${mark}after=${this.seq}`);
    this.source = source;
    source.onopen = () => this.heard();
    source.onmessage = (event) => this.take(event);
    source.addEventListener("beat", () => this.heard());
    source.onerror = () => this.lost(source);
    this.listenOn();
  }

  take(event) {
    const line = JSON.parse(event.data);
    this.seq = Math.max(this.seq, line.seq);
    this.heard();
    this.on.line(line);
  }

  heard() {
    this.wait = 1000;
    this.on.state("connected");
    this.listenOn();
  }

  listenOn() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.open(), SILENCE_MS);
  }

  // The browser reconnects by itself after a cut; after a refusal it gives up, and we come back.
  lost(source) {
    this.on.state(navigator.onLine ? "reconnecting" : "offline");
    if (source.readyState !== EventSource.CLOSED) return;
    this.stop();
    this.timer = setTimeout(() => this.comeBack(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  async comeBack() {
    if (await this.on.refused()) this.open();
  }
}
