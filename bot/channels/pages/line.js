// One line of the conversation as an element.

import { isWebLink, make } from "/static/element.js";
import { currentLanguage, t } from "/static/strings.js";
import { link, renderText } from "/static/text.js";

// Commands that have a button show the button's words.
const SAID = { "/human": "human", "/status": "myCase", "/start": "start" };
const ICONS = { photo: "🖼", document: "📄", voice: "🎤", audio: "🎵", video: "🎬", sticker: "🙂", location: "📍", contact: "👤" };

export function lineElement(line, page) {
  const mine = page.isMine(line);
  const bubble = make("div", { class: "bubble" });
  const head = page.nameOf(line);
  if (head) bubble.append(make("p", { class: "author" }, head));
  if (line.reply_to) bubble.append(...quote(line.reply_to, page));
  const text = SAID[line.text] && mine ? t(SAID[line.text]) : line.text;
  if (text) bubble.append(make("div", { class: "text", dir: "auto" }, renderText(text, line.spans)));
  for (const file of line.attachments ?? []) bubble.append(attachmentElement(file, page));
  const node = make("article", { class: "line", "data-side": mine ? "mine" : "theirs", "data-key": line.key, "data-state": line.state ?? "sent" }, bubble);
  if (page.isInternal(line)) node.dataset.internal = "";
  if (line.card) node.dataset.card = "";
  if (line.buttons?.length) node.append(buttonRows(line, page));
  node.append(footer(line, mine, page));
  return node;
}

function quote(key, page) {
  const original = page.find(key);
  if (!original?.text) return [];
  const words = original.text.length > 80 ? `${original.text.slice(0, 80)}…` : original.text;
  return [make("p", { class: "quote" }, words)];
}

function buttonRows(line, page) {
  const rows = make("div", { class: "choices" });
  for (const row of line.buttons) {
    const node = make("div", { class: "choice-row" });
    for (const button of row) node.append(choice(line, button, page));
    rows.append(node);
  }
  return rows;
}

function choice(line, button, page) {
  if (button.url) {
    if (!isWebLink(button.url)) return make("span", { class: "choice" }, button.label);
    const node = link(button.url, button.label);
    node.className = "choice";
    return node;
  }
  const pressed = line.pressed === button.token;
  const node = make("button", { type: "button", class: "choice", "aria-pressed": pressed ? "true" : "false" }, button.label);
  node.addEventListener("click", () => page.press(line, button, node));
  return node;
}

function attachmentElement(file, page) {
  const label = file.name || t(file.kind);
  if (file.kind === "location") return make("p", { class: "file" }, `${ICONS.location} ${file.data?.latitude ?? ""}, ${file.data?.longitude ?? ""}`);
  if (file.kind === "contact") return make("p", { class: "file" }, `${ICONS.contact} ${file.data?.name ?? ""} ${file.data?.phone ?? ""}`);
  if (!file.id || file.lost) return make("p", { class: "file lost" }, `${ICONS[file.kind] ?? ""} ${label} · ${t("lost")}`);
  const url = page.fileUrl(file);
  if (file.mime?.startsWith("image/")) {
    const image = make("img", { src: url, alt: label, loading: "lazy", class: "picture" });
    return make("a", { href: url, target: "_blank", rel: "noopener", "aria-label": `${t("openImage")}: ${label}` }, image);
  }
  if (file.mime?.startsWith("audio/")) return make("audio", { src: url, controls: true, preload: "none", "aria-label": label });
  if (file.mime?.startsWith("video/")) return make("video", { src: url, controls: true, preload: "metadata", class: "picture", "aria-label": label });
  return make("a", { href: url, class: "file", download: file.name }, `${ICONS.document} ${label}`, make("small", {}, ` ${size(file.size)}`));
}

function size(bytes) {
  if (!bytes) return "";
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

function footer(line, mine, page) {
  const node = make("footer", { class: "meta" });
  if (line.state === "pending") node.append(make("span", {}, t("pending")));
  else if (line.state === "failed") node.append(...failure(line, page));
  else {
    node.append(make("time", { datetime: line.at, title: new Date(line.at).toLocaleString(locale()) }, clock(line.at)));
    if (line.edited && !line.card) node.append(make("span", {}, t("edited")));
    node.append(...actions(line, mine, page));
  }
  return node;
}

function failure(line, page) {
  return [
    make("span", { class: "error" }, `${t("failed")}：${t(line.error ?? "network")}`),
    make("button", { type: "button", class: "action", onclick: () => page.retry(line) }, t("retry")),
    make("button", { type: "button", class: "action", onclick: () => page.drop(line) }, t("drop")),
  ];
}

function actions(line, mine, page) {
  const found = [];
  if (page.canReply(line)) found.push(make("button", { type: "button", class: "action", onclick: () => page.reply(line) }, t("reply")));
  if (mine && page.canEdit(line)) found.push(make("button", { type: "button", class: "action", onclick: () => page.edit(line) }, t("edit")));
  return found;
}

export function locale() {
  return currentLanguage() === "zh" ? "zh-CN" : "en-GB";
}

export function clock(at) {
  return new Date(at).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit" });
}

export function day(at) {
  const date = new Date(at);
  const age = (new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86400000;
  if (age < 0.5) return t("today");
  if (age < 1.5) return t("yesterday");
  return date.toLocaleDateString(locale(), { year: "numeric", month: "long", day: "numeric" });
}
