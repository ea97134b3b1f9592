// The list of topics: liveliest first, unread marks, the last words.

import { make } from "/static/element.js";
import { clock, day } from "/static/line.js";
import { onLanguage, t } from "/static/strings.js";

const MAIN_ROOM = "";

export class Topics {
  constructor({ onOpen, isMine }) {
    this.node = document.getElementById("topics");
    this.find = document.getElementById("find");
    this.onOpen = onOpen;
    this.isMine = isMine;
    this.entries = new Map([[MAIN_ROOM, { thread: MAIN_ROOM, unread: 0 }]]);
    this.current = null;
    this.read = this.loadRead();
    this.find.addEventListener("input", () => this.draw());
    onLanguage(() => this.draw());
  }

  loadRead() {
    try { return JSON.parse(localStorage.getItem("huiying.desk.read")) ?? {}; } catch { return {}; }
  }

  titleOf(thread) {
    return thread === MAIN_ROOM ? t("general") : this.entries.get(thread)?.title ?? thread;
  }

  load(pairs, general) {
    this.entries.get(MAIN_ROOM).last = general;
    for (const { topic, last } of pairs) {
      const unread = last.seq > (this.read[topic.thread] ?? 0) && !this.isMine(last) ? 1 : 0;
      this.entries.set(topic.thread, { thread: topic.thread, title: topic.title, last, unread });
    }
    this.draw();
  }

  take(line) {
    const entry = this.entries.get(line.thread) ?? { thread: line.thread, unread: 0 };
    this.entries.set(line.thread, entry);
    if (line.direction === "topic") entry.title = line.title;
    if (!entry.last || line.at >= entry.last.at) entry.last = line;
    const seen = line.thread === this.current && !document.hidden;
    if (seen) this.markRead(line.thread, line.seq);
    else if (!line.edited && line.direction !== "topic" && !this.isMine(line)) entry.unread += 1;
    this.draw();
  }

  open(thread) {
    this.current = thread;
    const entry = this.entries.get(thread);
    if (entry) this.markRead(thread, entry.last?.seq ?? 0);
    this.draw();
  }

  markRead(thread, seq) {
    const entry = this.entries.get(thread);
    if (entry) entry.unread = 0;
    this.read[thread] = Math.max(this.read[thread] ?? 0, seq);
    try { localStorage.setItem("huiying.desk.read", JSON.stringify(this.read)); } catch { /* private mode */ }
  }

  unread() {
    return Array.from(this.entries.values()).reduce((sum, entry) => sum + entry.unread, 0);
  }

  draw() {
    const wanted = this.find.value.trim().toLowerCase();
    const shown = Array.from(this.entries.values())
      .filter((entry) => this.titleOf(entry.thread).toLowerCase().includes(wanted))
      .sort((a, b) => (b.last?.at ?? "").localeCompare(a.last?.at ?? ""));
    const items = shown.map((entry) => make("li", {}, this.button(entry)));
    if (this.entries.size === 1) items.push(make("li", { class: "empty" }, t("noTopics")));
    const focused = document.activeElement?.closest?.(".entry")?.dataset.thread;
    this.node.replaceChildren(...items);
    if (focused !== undefined) this.node.querySelector(`[data-thread="${CSS.escape(focused)}"]`)?.focus();
    document.title = document.title.replace(/^\(\d+\) /, "");
    if (this.unread()) document.title = `(${this.unread()}) ${document.title}`;
  }

  button(entry) {
    const current = entry.thread === this.current;
    const last = entry.last;
    return make("button", { type: "button", class: "entry", "data-thread": entry.thread, "aria-current": current ? "true" : "false", onclick: () => this.onOpen(entry.thread) },
      make("span", { class: "entry-title" }, this.titleOf(entry.thread)),
      last ? make("time", { datetime: last.at }, when(last.at)) : make("span"),
      make("span", { class: "entry-last" }, words(last) || (entry.thread === MAIN_ROOM ? t("generalHow") : "")),
      entry.unread ? make("span", { class: "badge", "aria-label": `${entry.unread} ${t("unread")}` }, String(entry.unread)) : make("span"));
  }
}

function when(at) {
  const name = day(at);
  return name === t("today") ? clock(at) : name;
}

function words(line) {
  if (!line || line.direction === "topic") return "";
  const text = line.text || line.attachments?.map((file) => file.name || t(file.kind)).join(" ") || "";
  const first = text.replace(/\s+/g, " ").slice(0, 80);
  return line.name ? `${line.name}：${first}` : first;
}
