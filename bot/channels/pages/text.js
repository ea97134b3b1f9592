// A message's text: formatting spans and links, built from text nodes only.

import { isWebLink, make } from "/static/element.js";

// A link ends before white space, CJK text and closing punctuation.
const LINK = /https?:\/\/[^\s<>"'“”‘’「」『』（）【】《》，。；：！？、\u3000-\u9fff]+/gu;
const TRAILING = /[.,;:!?)\]}'"]+$/;
const TAGS = { bold: "strong", italic: "em", code: "code" };

export function renderText(text, spans = []) {
  const fragment = document.createDocumentFragment();
  const characters = Array.from(text); // spans count characters, not UTF-16 units
  let at = 0;
  for (const span of [...spans].sort((a, b) => a.offset - b.offset)) {
    if (span.offset < at) continue;
    const before = characters.slice(at, span.offset).join("");
    at = span.offset + span.length;
    // A quotation stands on lines of its own: the line ends around it would leave gaps.
    const quote = span.kind === "quote";
    fragment.append(...withLinks(quote ? before.replace(/\n$/, "") : before));
    fragment.append(spanNode(span, characters.slice(span.offset, at).join("")));
    if (quote && characters[at] === "\n") at += 1;
  }
  fragment.append(...withLinks(characters.slice(at).join("")));
  return fragment;
}

function spanNode(span, text) {
  if (span.kind === "link" && isWebLink(span.url)) return link(span.url, text);
  const node = make(TAGS[span.kind] ?? "span", { class: `span-${span.kind}` });
  node.append(...(span.kind === "code" ? [text] : withLinks(text)));
  return node;
}

function withLinks(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const url = match[0].replace(TRAILING, "");
    if (!isWebLink(url)) continue;
    nodes.push(text.slice(at, match.index), link(url, url));
    at = match.index + url.length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

export function link(url, text) {
  return make("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text);
}
