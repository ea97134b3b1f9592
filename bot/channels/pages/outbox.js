// What was written and is not yet stored at the office: kept over a reload, sent in order, retried.

import { newId } from "/static/element.js";

const LONGEST_WAIT_MS = 20000;
const PASSING = new Set([429, 500, 502, 503, 504]);

export class Outbox {
  constructor(storeName, { url, beforeSend, onChange, onSent, language }) {
    this.storeName = storeName;
    this.url = url;
    this.beforeSend = beforeSend;
    this.onChange = onChange;
    this.onSent = onSent;
    this.language = language;
    this.entries = this.load();
    this.busy = false;
    this.wait = 1000;
    addEventListener("online", () => this.flush());
  }

  load() {
    try { return JSON.parse(localStorage.getItem(this.storeName)) ?? []; } catch { return []; }
  }

  save() {
    try { localStorage.setItem(this.storeName, JSON.stringify(this.entries)); } catch { /* full or private */ }
  }

  add(entry) {
    const full = { id: newId(), at: new Date().toISOString(), state: "pending", ...entry };
    this.entries.push(full);
    this.save();
    this.onChange(full);
    this.flush();
  }

  retry(id) {
    const entry = this.entries.find((one) => one.id === id);
    if (!entry) return;
    this.mark(entry, "pending");
    this.flush();
  }

  drop(id) {
    this.entries = this.entries.filter((one) => one.id !== id);
    this.save();
  }

  mark(entry, state, error) {
    Object.assign(entry, { state, error });
    this.save();
    this.onChange(entry);
  }

  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    let entry;
    while ((entry = this.entries.find((one) => one.state === "pending"))) {
      if (!(await this.send(entry))) break;
    }
    this.busy = false;
  }

  async send(entry) {
    let answer;
    try {
      await this.beforeSend();
      answer = await this.post(entry);
    } catch {
      return this.later();
    }
    if (answer.ok) {
      const { key } = await answer.json();
      this.wait = 1000;
      this.drop(entry.id);
      this.onSent(entry, key);
      return true;
    }
    if (PASSING.has(answer.status)) return this.later(Number(answer.headers.get("Retry-After")) * 1000);
    const { error } = await answer.json().catch(() => ({ error: "malformed" }));
    this.mark(entry, "failed", error);
    return true;
  }

  post(entry) {
    const { id, text, files, thread, reply_to, edits } = entry;
    return fetch(this.url(), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ id, text, thread, reply_to, edits, files: files.map((file) => file.id), language: this.language() }),
    });
  }

  later(ms = 0) {
    this.timer = setTimeout(() => this.flush(), Math.max(ms, this.wait));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    return false;
  }
}
