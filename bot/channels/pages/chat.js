// The citizen's page.

import { Composer, uploadTo } from "/static/composer.js";
import { newId, toast } from "/static/element.js";
import { Log } from "/static/log.js";
import { Outbox } from "/static/outbox.js";
import { Stream } from "/static/stream.js";
import { bindLanguageButton, currentLanguage, onLanguage, t } from "/static/strings.js";

const status = document.getElementById("status");
const earlier = document.getElementById("earlier");
const presses = new Set();
let hasSession = false;
let state = "connecting";

const page = {
  isMine: (line) => line.direction === "in",
  isInternal: () => false,
  nameOf: () => "",
  find: (key) => log.find(key),
  fileUrl: (file) => `/chat/files/${encodeURIComponent(file.id)}`,
  canReply: () => false,
  canEdit: (line) => line === log.last(page.isMine) && Boolean(line.text) && !line.text.startsWith("/"),
  edit: (line) => composer.setContext({ edit: line.key, words: line.text }),
  retry: (line) => outbox.retry(line.entry),
  drop: (line) => { outbox.drop(line.entry); log.remove(line.key); },
  press,
};

const log = new Log(page);
const composer = new Composer({
  placeholder: () => t("placeholder"),
  upload: async (file) => { await ensureSession(); return uploadTo("/chat/files", file); },
  onSend: (draft) => outbox.add(draft),
});
const outbox = new Outbox("huiying.chat.outbox", {
  url: () => "/chat/messages",
  language: currentLanguage,
  beforeSend: ensureSession,
  onChange: showPending,
  onSent: (entry, key) => { if (!entry.edits) settle(entry, key); },
});
const stream = new Stream("/chat/events", { onLine: take, onState: show, onRefused: comeBack });

function show(next) {
  state = next;
  status.dataset.state = next;
  status.textContent = next === "connected" && !hasSession ? t("ready") : t(next);
}

function take(line) {
  if (line.direction === "notice") {
    if (presses.has(line.press.split(":").at(-1)) && line.text) toast(line.text);
    return;
  }
  dropPendingOf(line.key);
  log.put(line);
  setWelcome();
}

// The server's line takes the place of the one that was waiting.
function dropPendingOf(key) {
  log.remove(`pending:${key.split(":").at(-1)}`);
}

function showPending(entry) {
  if (entry.edits && entry.state === "failed") { toast(t(entry.error)); outbox.drop(entry.id); return; }
  if (entry.edits) return;
  log.put({ key: `pending:${entry.id}`, entry: entry.id, direction: "in", at: entry.at, state: entry.state, error: entry.error, text: entry.text, attachments: entry.files });
  log.toEnd();
  setWelcome();
}

function settle(entry, key) {
  if (log.find(key)) dropPendingOf(key);
  else {
    log.remove(`pending:${entry.id}`);
    log.put({ key, direction: "in", at: entry.at, seq: 0, text: entry.text, attachments: entry.files });
  }
}

function setWelcome() {
  document.getElementById("welcome").classList.toggle("small", log.lines.length > 0);
}

async function session(create) {
  const answer = await fetch("/chat/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ create, language: currentLanguage() }) });
  if (!answer.ok) throw new Error("no session");
  return (await answer.json()).session;
}

async function ensureSession() {
  if (hasSession) return;
  hasSession = await session(true);
  stream.start(0);
}

async function comeBack() {
  try {
    hasSession = await session(false);
    if (!hasSession) show("connected");
    return hasSession;
  } catch {
    return true;
  }
}

async function press(line, button, node) {
  const id = newId();
  presses.add(id);
  log.follows = true; // what the press leads to is said at the end
  node.disabled = true;
  try {
    const answer = await fetch("/chat/press", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id, message: line.key, token: button.token, language: currentLanguage() }) });
    if (!answer.ok) toast(t((await answer.json()).error));
  } catch {
    toast(t("network"));
  }
  node.disabled = false;
}

async function loadHistory(before = "") {
  const answer = await fetch(`/chat/history?before=${encodeURIComponent(before)}`);
  if (!answer.ok) throw new Error("no history");
  const { seq, lines, more } = await answer.json();
  earlier.hidden = !more;
  if (before) log.putBefore(lines);
  else log.put(...lines);
  setWelcome();
  return seq;
}

async function start() {
  try {
    hasSession = await session(false);
    if (hasSession) stream.start(await loadHistory());
    else show("connected");
  } catch {
    show(navigator.onLine ? "reconnecting" : "offline");
    setTimeout(start, 3000);
    return;
  }
  for (const entry of outbox.entries) showPending(entry);
  log.toEnd();
  outbox.flush();
}

for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => outbox.add({ text: button.dataset.say, files: [], reply_to: "", edits: "" }));
}
earlier.addEventListener("click", () => loadHistory(log.lines[0]?.key ?? ""));
onLanguage(() => show(state));
bindLanguageButton();
start();
