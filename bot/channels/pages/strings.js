// The words of our pages in Chinese and English. What the office says comes from the server.

const WORDS = {
  zh: {
    welcome: "您好，请直接说出您的问题",
    welcomeHow: "用您自己的话说就行。有公开答案的，马上原文答复并附出处和日期；没有的，转给工作人员，并给您编号和查询码。",
    log: "对话记录", topics: "事项列表", earlier: "查看更早的消息", newest: "↓ 最新消息",
    human: "找人工", myCase: "我的办理进度", send: "发送", attach: "添加图片或文件", message: "输入消息",
    placeholder: "说说您的问题…", deskPlaceholder: "回复来访人，// 开头为内部备注", roomPlaceholder: "只有同事看得到；/help 查看命令",
    internal: "内部备注：来访人看不到这条消息", toCitizen: "这条消息会发给来访人",
    connected: "已连接", connecting: "正在连接…", reconnecting: "正在重新连接…", offline: "网络已断开，恢复后自动发送", ready: "随时可以提问",
    pending: "发送中…", failed: "未能发送", retry: "重试", drop: "删除", edited: "已修改", edit: "修改", reply: "回复", cancel: "取消", remove: "移除",
    editing: "修改消息", replyingTo: "回复", you: "您", office: "办公室", uploading: "正在上传…",
    photo: "图片", document: "文件", voice: "语音", audio: "音频", video: "视频", sticker: "贴图", location: "位置", contact: "联系人",
    lost: "此文件无法在这里显示", today: "今天", yesterday: "昨天",
    desk: "工作台", general: "大厅", generalHow: "同事之间；无人认领的事项在这里提醒", find: "查找事项", actingAs: "当前身份", signOut: "退出", back: "返回列表", emptyTopic: "这里还没有消息。", noTopics: "还没有事项。来访人需要人工时会出现在这里。",
    unread: "未读", openImage: "查看大图",
    "malformed": "无法读取，请刷新页面再试。", "no-session": "会话已结束，请刷新页面。", "foreign": "请求来源不符，未被接受。", "gone": "这条内容已不存在。",
    "not-yours": "只能修改自己最后一条消息。", "too-large": "文件太大，最多 20 MB。", "too-long": "文字太长，最多 20,000 字。", "empty": "内容为空。",
    "file-type": "不支持这种文件，请发图片、PDF 或文档。", "too-fast": "操作太快，请稍候再试。", "unavailable": "暂时无法接收，稍后会自动重试。", "network": "网络不通，请稍后再试。",
  },
  en: {
    welcome: "Hello. What is your question?",
    welcomeHow: "Use your own words. If there is a published answer, you get it at once, word for word, with its source and date. If not, an official takes over and you get a case number and a code.",
    log: "Conversation", topics: "Cases", earlier: "Show earlier messages", newest: "↓ Newest",
    human: "Talk to a person", myCase: "My case status", send: "Send", attach: "Add a picture or file", message: "Message",
    placeholder: "Your question…", deskPlaceholder: "Reply to the citizen; // for a note", roomPlaceholder: "Colleagues only; /help lists commands",
    internal: "Internal note: the citizen does not see this", toCitizen: "This goes to the citizen",
    connected: "Connected", connecting: "Connecting…", reconnecting: "Reconnecting…", offline: "Offline; messages go out when you are back", ready: "Ready for your question",
    pending: "Sending…", failed: "Not sent", retry: "Try again", drop: "Delete", edited: "edited", edit: "Edit", reply: "Reply", cancel: "Cancel", remove: "Remove",
    editing: "Editing", replyingTo: "Reply to", you: "You", office: "Office", uploading: "Uploading…",
    photo: "Picture", document: "File", voice: "Voice message", audio: "Audio", video: "Video", sticker: "Sticker", location: "Location", contact: "Contact",
    lost: "This file cannot be shown here", today: "Today", yesterday: "Yesterday",
    desk: "Desk", general: "Main room", generalHow: "For colleagues; unclaimed cases are called out here", find: "Find a case", actingAs: "Acting as", signOut: "Sign out", back: "Back to the list", emptyTopic: "Nothing here yet.", noTopics: "No cases yet. They appear when a citizen needs a person.",
    unread: "unread", openImage: "Open the picture",
    "malformed": "This could not be read; reload the page and try again.", "no-session": "Your session has ended; reload the page.", "foreign": "This request came from another site and was not accepted.", "gone": "This is no longer here.",
    "not-yours": "Only your own last message can be changed.", "too-large": "Too large: at most 20 MB.", "too-long": "Too long: at most 20,000 characters.", "empty": "There is nothing in it.",
    "file-type": "This kind of file is not taken; send a picture, a PDF or a document.", "too-fast": "That was a lot at once; wait a moment and try again.", "unavailable": "We cannot take messages just now; it will be tried again.", "network": "No connection; try again in a moment.",
  },
};

const root = document.documentElement;
const listeners = [];
let language = stored() || root.dataset.language || "zh";

function stored() {
  try { return localStorage.getItem("huiying.language"); } catch { return null; }
}

export function currentLanguage() {
  return language;
}

export function t(key) {
  return WORDS[language][key] ?? WORDS.zh[key] ?? key;
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function setLanguage(next) {
  language = next in WORDS ? next : "zh";
  try { localStorage.setItem("huiying.language", language); } catch { /* private mode */ }
  translate();
}

export function translate(within = document) {
  root.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of within.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of within.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of within.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
  if (within !== document) return;
  const office = language === "zh" ? root.dataset.officeZh : root.dataset.officeEn;
  const emergency = language === "zh" ? root.dataset.emergencyZh : root.dataset.emergencyEn;
  for (const node of document.querySelectorAll("[data-office]")) node.textContent = office;
  for (const node of document.querySelectorAll("[data-emergency]")) node.textContent = emergency;
  const toggle = document.getElementById("language");
  toggle.textContent = language === "zh" ? "EN" : "中文";
  toggle.lang = language === "zh" ? "en" : "zh-CN";
  for (const listener of listeners) listener(language);
}

export function bindLanguageButton() {
  document.getElementById("language").addEventListener("click", () => setLanguage(language === "zh" ? "en" : "zh"));
  translate();
}
