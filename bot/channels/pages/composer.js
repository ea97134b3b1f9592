// Where one writes: long text, input methods, pasted pictures, files, replies, changes.

import { make, toast } from "/static/element.js";
import { onLanguage, t } from "/static/strings.js";

const MOST_FILES = 10;
const MAX_BYTES = 20 * 2 ** 20;
const MAX_TEXT = 20000;
const ACCEPT = "image/jpeg,image/png,image/gif,image/webp,application/pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.odt,.ods,.rtf,.txt,.csv,audio/*,video/mp4,video/webm";

export class Composer {
  constructor({ upload, onSend, placeholder, onInput }) {
    this.upload = upload;
    this.onSend = onSend;
    this.placeholder = placeholder;
    this.onInput = onInput ?? (() => {});
    this.files = [];
    this.about = null;
    this.build();
    onLanguage(() => this.label());
  }

  build() {
    this.form = document.getElementById("composer");
    this.context = make("div", { class: "context", hidden: true });
    this.tray = make("div", { class: "tray", hidden: true });
    this.picker = make("input", { type: "file", multiple: true, accept: ACCEPT, hidden: true, tabindex: "-1" });
    this.attach = make("button", { type: "button", class: "round", onclick: () => this.picker.click() }, "＋");
    this.input = make("textarea", { rows: "1", enterkeyhint: "send", id: "message" });
    this.button = make("button", { type: "submit", class: "primary" });
    this.form.append(this.context, this.tray, make("div", { class: "write" }, this.attach, this.picker, this.input, this.button));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("input", () => this.grow());
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    this.picker.addEventListener("change", () => { this.take(this.picker.files); this.picker.value = ""; });
    this.form.addEventListener("dragover", (event) => event.preventDefault());
    this.form.addEventListener("drop", (event) => { event.preventDefault(); this.take(event.dataTransfer.files); });
  }

  label() {
    this.attach.setAttribute("aria-label", t("attach"));
    this.input.setAttribute("aria-label", t("message"));
    this.input.placeholder = this.placeholder();
    this.button.textContent = t("send");
    this.showContext();
    this.showFiles();
  }

  // Enter sends, unless an input method is still composing or the device has a touch keyboard only.
  onKey(event) {
    if (event.key === "Escape" && this.about) this.setContext(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (matchMedia("(pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches) return;
    event.preventDefault();
    this.submit();
  }

  onPaste(event) {
    const files = event.clipboardData?.files ?? [];
    if (files.length === 0) return;
    event.preventDefault();
    this.take(files);
  }

  grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 160)}px`;
    this.onInput(this.input.value);
  }

  submit() {
    const text = this.input.value.trim();
    if (this.files.some((file) => !file.id)) { toast(t("uploading")); return; }
    if (!text && this.files.length === 0) { this.input.focus(); return; }
    if (text.length > MAX_TEXT) { toast(t("too-long")); return; }
    const about = this.about ?? {};
    this.onSend({ text, files: this.files.map((file) => file.view), reply_to: about.reply ?? "", edits: about.edit ?? "" });
    this.files = [];
    this.input.value = "";
    this.setContext(null);
    this.showFiles();
    this.grow();
    this.input.focus();
  }

  // {reply: key} or {edit: key}, with the words it is about
  setContext(about) {
    if (about?.edit) this.input.value = about.words;
    else if (this.about?.edit) this.input.value = "";
    this.about = about;
    this.showContext();
    this.grow();
    if (about) this.input.focus();
  }

  showContext() {
    this.context.hidden = !this.about;
    if (!this.about) { this.context.replaceChildren(); return; }
    const label = this.about.edit ? t("editing") : t("replyingTo");
    this.context.replaceChildren(
      make("span", { class: "context-text" }, `${label}：${this.about.words.slice(0, 100)}`),
      make("button", { type: "button", class: "action", onclick: () => this.setContext(null) }, t("cancel")),
    );
  }

  async take(list) {
    for (const file of Array.from(list).slice(0, MOST_FILES - this.files.length)) {
      if (file.size > MAX_BYTES) { toast(t("too-large")); continue; }
      const entry = { name: file.name || t("photo"), url: file.type.startsWith("image/") ? URL.createObjectURL(file) : "" };
      this.files.push(entry);
      this.showFiles();
      await this.send(file, entry);
    }
  }

  async send(file, entry) {
    try {
      entry.view = await this.upload(file);
      entry.id = entry.view.id;
    } catch (error) {
      toast(t(error.code ?? "network"));
      this.files = this.files.filter((one) => one !== entry);
    }
    this.showFiles();
  }

  showFiles() {
    this.tray.hidden = this.files.length === 0;
    this.tray.replaceChildren(...this.files.map((entry) => this.fileChip(entry)));
  }

  fileChip(entry) {
    const remove = () => { this.files = this.files.filter((one) => one !== entry); this.showFiles(); };
    return make("div", { class: "tray-file", "aria-busy": entry.id ? "false" : "true" },
      entry.url ? make("img", { src: entry.url, alt: "" }) : make("span", { "aria-hidden": "true" }, "📄"),
      make("span", { class: "tray-name" }, entry.id ? entry.name : `${entry.name} · ${t("uploading")}`),
      make("button", { type: "button", class: "action", "aria-label": `${t("remove")} ${entry.name}`, onclick: remove }, "✕"));
  }
}

export async function uploadTo(url, file) {
  const answer = await fetch(url, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(file.name || "") } });
  if (answer.ok) return answer.json();
  const { error } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error("upload refused"), { code: error ?? "network" });
}
