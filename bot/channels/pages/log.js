// The log: lines in order, each once, however often the server tells of them.

import { make } from "/static/element.js";
import { day, lineElement } from "/static/line.js";
import { onLanguage } from "/static/strings.js";

const NEAR_END = 120;

export class Log {
  constructor(page) {
    this.page = page;
    this.node = document.getElementById("log");
    this.scroller = document.getElementById("scroll");
    this.newest = document.getElementById("newest");
    this.lines = [];
    this.byKey = new Map();
    this.follows = true;
    this.height = 0;
    this.scroller.addEventListener("scroll", () => this.onScroll(), { passive: true });
    // A picture that arrives late, or a keyboard that opens, must not hide the last words.
    const watch = new ResizeObserver(() => { if (this.follows) this.toEnd(); });
    watch.observe(this.node);
    watch.observe(this.scroller);
    this.newest.addEventListener("click", () => this.toEnd());
    onLanguage(() => this.redraw());
  }

  find(key) {
    return this.byKey.get(key);
  }

  last(test) {
    return this.lines.findLast(test);
  }

  clear() {
    this.lines = [];
    this.byKey.clear();
    this.node.replaceChildren();
  }

  // Take lines the server told of, or that wait to be sent; a known key is replaced in place.
  put(...lines) {
    const follow = this.follows;
    const redraw = lines.length > 3;
    for (const line of lines) this.place(line, !redraw);
    if (redraw) this.redraw();
    if (follow) this.toEnd();
    else if (lines.some((line) => !line.edited)) this.newest.hidden = false;
  }

  // Lines from before the first one: what is looked at stays where it is.
  putBefore(lines) {
    this.follows = false;
    const height = this.scroller.scrollHeight - this.scroller.scrollTop;
    for (const line of lines) this.place(line, false);
    this.redraw();
    this.scroller.scrollTop = this.scroller.scrollHeight - height;
  }

  remove(key) {
    const line = this.byKey.get(key);
    if (!line) return;
    this.byKey.delete(key);
    this.lines.splice(this.lines.indexOf(line), 1);
    const node = this.elementOf(key);
    const [before, after] = [node?.previousElementSibling, node?.nextElementSibling];
    node?.remove();
    if (before?.matches(".day") && !after?.matches(".line")) before.remove();
  }

  place(line, draw) {
    const known = this.byKey.get(line.key);
    if (known && (known.seq ?? 0) > (line.seq ?? Infinity)) return;
    this.byKey.set(line.key, line);
    if (known) {
      this.lines[this.lines.indexOf(known)] = line;
      if (draw) this.elementOf(line.key)?.replaceWith(lineElement(line, this.page));
      return;
    }
    let at = this.lines.length;
    while (at > 0 && this.lines[at - 1].at > line.at) at -= 1;
    this.lines.splice(at, 0, line);
    if (draw && at === this.lines.length - 1) this.append(line, this.lines[at - 1]);
    else if (draw) this.redraw();
  }

  append(line, before) {
    this.draw(line, before);
    // Actions such as "edit" belong to the last own line only.
    if (before && this.page.isMine(line)) this.refreshActions(line);
  }

  draw(line, before) {
    if (!before || day(before.at) !== day(line.at)) this.node.append(make("p", { class: "day" }, day(line.at)));
    this.node.append(lineElement(line, this.page));
  }

  refreshActions(latest) {
    for (const line of this.lines.slice(-12)) {
      if (line !== latest && this.page.isMine(line)) this.elementOf(line.key)?.replaceWith(lineElement(line, this.page));
    }
  }

  redraw() {
    const end = this.follows;
    this.node.setAttribute("aria-busy", "true");
    this.node.replaceChildren();
    this.lines.forEach((line, index) => this.draw(line, this.lines[index - 1]));
    this.node.removeAttribute("aria-busy");
    if (end) this.toEnd();
  }

  elementOf(key) {
    return this.node.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  isAtEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR_END;
  }

  toEnd() {
    this.follows = true;
    this.height = this.scroller.scrollHeight;
    this.scroller.scrollTop = this.height;
    this.newest.hidden = true;
  }

  onScroll() {
    // What grew or shrank by itself since we were at the end is no wish to read further up.
    if (this.follows && this.scroller.scrollHeight !== this.height) return;
    this.follows = this.isAtEnd();
    if (this.follows) this.newest.hidden = true;
  }
}
