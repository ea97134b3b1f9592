// The officials' page.

import { Composer, uploadTo } from "/static/composer.js";
import { make, newId, toast } from "/static/element.js";
import { Log } from "/static/log.js";
import { Outbox } from "/static/outbox.js";
import { Stream } from "/static/stream.js";
import { bindLanguageButton, currentLanguage, onLanguage, t } from "/static/strings.js";
import { Topics } from "/static/topics.js";

const status = document.getElementById("status");
const earlier = document.getElementById("earlier");
const who = document.getElementById("who");
const presses = new Set();
let me = justSignedIn() ? "" : sessionStorage.getItem("huiying.desk.as") ?? "";
let thread = null;
let state = "connecting";

const as = (path) => `${path}?as=${encodeURIComponent(me)}`;
const page = {
  isMine: (line) => line.direction === "in" && (line.author === me || Boolean(line.entry)),
  isInternal: (line) => line.direction === "in" && (line.text ?? "").startsWith("//"),
  nameOf: (line) => (line.direction === "in" && line.author !== me ? line.name : ""),
  find: (key) => log.find(key),
  fileUrl: (file) => as(`/desk/files/${encodeURIComponent(file.id)}`),
  canReply: (line) => !line.state,
  canEdit: (line) => line === log.last(page.isMine) && Boolean(line.text) && !/^\/(?!\/)/.test(line.text),
  reply: (line) => composer.setContext({ reply: line.key, words: line.text ?? "" }),
  edit: (line) => composer.setContext({ edit: line.key, words: line.text }),
  retry: (line) => outbox.retry(line.entry),
  drop: (line) => { outbox.drop(line.entry); log.remove(line.key); },
  press,
};

const log = new Log(page);
const topics = new Topics({ onOpen: open, isMine: page.isMine });
const composer = new Composer({
  placeholder: () => t(thread === "" ? "roomPlaceholder" : "deskPlaceholder"),
  upload: (file) => uploadTo(as("/desk/files"), file),
  onSend: (draft) => outbox.add({ ...draft, thread }),
  onInput: showMode,
});
const outbox = new Outbox("huiying.desk.outbox", {
  url: () => as("/desk/messages"),
  language: currentLanguage,
  beforeSend: async () => {},
  onChange: showPending,
  onSent: (entry, key) => { if (!entry.edits) settle(entry, key); },
});
const stream = new Stream(as("/desk/events"), { onLine: take, onState: show, onRefused: comeBack });

// Who has just signed in acts now, whoever acted in this tab before.
function justSignedIn() {
  const fresh = location.hash === "#new";
  if (fresh) history.replaceState(null, "", location.pathname);
  return fresh;
}

function show(next) {
  state = next;
  status.dataset.state = next;
  status.textContent = t(next);
}

function take(line) {
  if (line.direction === "notice") {
    if (presses.has(line.press.split(":").at(-1)) && line.text) toast(line.text);
    return;
  }
  topics.take(line);
  if (line.thread !== thread || line.direction === "topic") return;
  log.remove(`pending:${line.key.split(":").at(-1)}`);
  log.put(line);
  showEmpty();
}

function showPending(entry) {
  if (entry.edits) {
    if (entry.state === "failed") { toast(t(entry.error)); outbox.drop(entry.id); }
    return;
  }
  if (entry.thread !== thread) return;
  log.put({ key: `pending:${entry.id}`, entry: entry.id, direction: "in", at: entry.at, state: entry.state, error: entry.error, text: entry.text, attachments: entry.files, reply_to: entry.reply_to });
  log.toEnd();
  showEmpty();
}

function settle(entry, key) {
  log.remove(`pending:${entry.id}`);
  if (entry.thread !== thread || log.find(key)) return;
  log.put({ key, direction: "in", author: me, at: entry.at, seq: 0, text: entry.text, attachments: entry.files, reply_to: entry.reply_to });
}

// Internal notes look different while they are written: a slip would reach the citizen.
function showMode(text) {
  const form = document.getElementById("composer");
  const internal = text.trimStart().startsWith("//");
  form.dataset.mode = internal ? "internal" : "public";
  let mode = form.querySelector(".mode");
  if (!mode) form.prepend(mode = make("p", { class: "mode", "aria-live": "polite" }));
  mode.hidden = !text.trim() || thread === "";
  mode.textContent = t(internal ? "internal" : "toCitizen");
}

function showEmpty() {
  document.getElementById("empty").hidden = log.lines.length > 0;
}

async function open(next, screen = "topic") {
  thread = next;
  topics.open(next);
  document.getElementById("topic-title").textContent = topics.titleOf(next);
  document.body.dataset.screen = screen;
  composer.setContext(null);
  composer.label();
  showMode("");
  log.clear();
  earlier.hidden = true;
  await loadHistory();
  for (const entry of outbox.entries) showPending(entry);
  log.toEnd();
  if (screen === "topic" && matchMedia("(pointer: fine)").matches) composer.input.focus();
}

async function loadHistory(before = "") {
  const wanted = thread;
  const answer = await fetch(`${as("/desk/history")}&thread=${encodeURIComponent(wanted)}&before=${encodeURIComponent(before)}`);
  if (!answer.ok || wanted !== thread) return;
  const { lines, more } = await answer.json();
  const shown = lines.filter((line) => line.direction !== "topic");
  earlier.hidden = !more;
  if (before) log.putBefore(shown);
  else log.put(...shown);
  showEmpty();
}

async function press(line, button, node) {
  const id = newId();
  presses.add(id);
  log.follows = true; // what the press leads to is said at the end
  node.disabled = true;
  try {
    const answer = await fetch(as("/desk/press"), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ id, message: line.key, token: button.token, language: currentLanguage() }) });
    if (!answer.ok) toast(t((await answer.json()).error));
  } catch {
    toast(t("network"));
  }
  node.disabled = false;
}

function showOfficials(officials) {
  if (!officials.some((one) => one.user === me)) me = officials.at(-1).user;
  who.replaceChildren(...officials.map((one) => make("option", { value: one.user, selected: one.user === me }, one.name || one.user)));
  sessionStorage.setItem("huiying.desk.as", me);
  stream.url = as("/desk/events");
}

async function loadState() {
  const answer = await fetch("/desk/state");
  if (answer.status === 401) { location.reload(); throw new Error("signed out"); }
  if (!answer.ok) throw new Error("no state");
  const desk = await answer.json();
  showOfficials(desk.officials);
  topics.load(desk.topics, desk.general);
  return desk;
}

async function comeBack() {
  try { await loadState(); } catch { return navigator.onLine; }
  return true;
}

async function start() {
  try {
    const desk = await loadState();
    stream.start(desk.seq);
    const wide = !matchMedia("(max-width: 760px)").matches;
    if (wide) await open(desk.topics[0]?.topic.thread ?? "", "list");
    outbox.flush();
  } catch {
    show(navigator.onLine ? "reconnecting" : "offline");
    setTimeout(start, 3000);
  }
}

who.addEventListener("change", () => {
  me = who.value;
  sessionStorage.setItem("huiying.desk.as", me);
  location.reload();
});
document.getElementById("sign-out").addEventListener("click", async () => {
  await fetch("/desk/sign-out", { method: "POST" });
  location.reload();
});
document.getElementById("back").addEventListener("click", () => {
  document.body.dataset.screen = "list";
  topics.open(null);
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) topics.open(topics.current); });
earlier.addEventListener("click", () => loadHistory(log.lines[0]?.key ?? ""));
onLanguage(() => { show(state); if (thread !== null) document.getElementById("topic-title").textContent = topics.titleOf(thread); });
bindLanguageButton();
start();
