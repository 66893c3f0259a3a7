"use strict";
// One pair: what was asked, both responses side by side, and the judgments that decided. All of it as text.

/** Characters of a text that are shown at once, and with each step further. */
const FIRST_SHOWN = 20000;
const MORE_SHOWN = 200000;
/** Characters of both responses after which their words are not compared. */
const MOST_COMPARED = 400000;
/** The share of common words below which marks would cover all. */
const ALIKE = 0.25;
/** Judgments that are shown before the others are asked for. */
const FIRST_JUDGMENTS = 12;
/** Characters of a value that stands in a line, and steps that a row behind a pair is moved in at most. */
const SHORT = 100;
const DEEPEST = 8;
const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };

const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;

const SPELT = { 8: "\\b", 12: "\\f", 13: "\\r" };

/** Text as it can be shown: control characters, and marks that turn text round, as JSON spells them. */
function visible(text) {
  const unit = (code) => SPELT[code] ?? `\\u${code.toString(16).padStart(4, "0")}`;
  const spelt = (found) => Array.from({ length: found.length }, (_, place) => unit(found.charCodeAt(place))).join("");
  return String(text ?? "").replaceAll("\r\n", "\n").replace(UNSEEN, spelt);
}

/** A part of a text, one longer where it would end within a character or within the end of a line. */
function part(text, start, length) {
  const end = start + length;
  const within = /[\ud800-\udbff]/.test(text[end - 1] ?? "") || (text[end - 1] === "\r" && text[end] === "\n");
  return text.slice(start, within ? end + 1 : end);
}

function count(n) {
  return Number(n).toLocaleString("en-US");
}

function score(n) {
  return isNumber(n) ? String(Math.round(n * 1000) / 1000) : "";
}

function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Pieces as text, those that are marked in an element; a long text as far as FIRST_SHOWN, with a button for more. */
function shownText(pieces, tag) {
  const box = make("div", { class: "text", dir: "auto" });
  const whole = pieces.reduce((sum, one) => sum + one.text.length, 0);
  let [place, inner, shown] = [0, 0, 0];
  const show = (most) => {
    for (let left = most; left > 0 && place < pieces.length;) {
      const { text, marked } = pieces[place];
      const some = part(text, inner, left);
      box.append(marked ? make(tag, {}, visible(some)) : visible(some));
      [left, shown, inner] = [left - some.length, shown + some.length, inner + some.length];
      if (inner >= text.length) [place, inner] = [place + 1, 0];
    }
  };
  show(FIRST_SHOWN);
  if (shown >= whole) return [box];
  const more = make("button", { type: "button", class: "more" });
  const say = () => { more.textContent = `Show more: ${count(whole - shown)} characters are left`; };
  more.addEventListener("click", () => {
    show(MORE_SHOWN);
    if (shown >= whole) more.remove();
    else say();
  });
  say();
  return [box, more];
}

function plainText(text) {
  return shownText([{ text: String(text ?? ""), marked: false }], "span");
}

function cutNote(row, name, text) {
  const whole = row.cut?.[name];
  return whole ? make("p", { class: "note" }, `Cut here: ${count(text.length)} of ${count(whole)} characters.`) : null;
}

// --- prompt and responses --------------------------------------------------------------------

function promptOf(row) {
  const turns = row.prompt.map((turn) => make("div", { class: "turn" },
    make("h4", {}, ROLES[turn.role] ?? visible(turn.role)), plainText(turn.content)));
  return make("section", { class: "prompt" }, make("h3", {}, "Prompt"), turns, cutNote(row, "prompt", row.prompt.map((one) => one.content).join("")));
}

function sideOf(row, side, pieces, tag) {
  const about = [row[`${side}_model`] && visible(row[`${side}_model`]), isNumber(row[`${side}_score`]) && `score ${score(row[`${side}_score`])}`,
    plural(row.cut?.[side] ?? row[side].length, "character")];
  return make("section", { class: `side ${side}` },
    make("header", {}, make("h3", {}, side === "chosen" ? "Chosen" : "Rejected"), make("p", { class: "note", dir: "auto" }, about.filter(Boolean).join(" \u00b7 "))),
    shownText(pieces, tag), cutNote(row, side, row[side]));
}

/** Both responses with a switch that marks their differences; marks are on where the texts are alike. */
function sidesOf(row, wanted, remember) {
  const short = row.chosen.length + row.rejected.length <= MOST_COMPARED;
  const told = short ? Diff.compare(row.chosen, row.rejected) : null;
  const marks = Boolean(told) && (wanted ?? told.share >= ALIKE);
  const whole = (text) => [{ text, marked: false }];
  const sides = make("div", { class: "sides" });
  const draw = (on) => sides.replaceChildren(
    sideOf(row, "chosen", on ? told.left : whole(row.chosen), "ins"),
    sideOf(row, "rejected", on ? told.right : whole(row.rejected), "del"));
  draw(marks);
  const box = make("input", { type: "checkbox", id: "pf-differences", checked: marks, disabled: !told });
  box.addEventListener("change", () => { remember(box.checked); draw(box.checked); });
  const said = told ? `${Math.round(told.share * 100)} % of their words in common` : "too long to compare word by word";
  return [make("p", { class: "compared" }, make("label", { for: "pf-differences" }, box, " Mark differences"), make("span", { class: "note" }, said)), sides];
}

// --- judgments -------------------------------------------------------------------------------

function verdictOf(one) {
  if (one.unreadable) return `could not be read (${visible(one.unreadable)})`;
  const said = { chosen: "prefers the chosen one", rejected: "prefers the rejected one", tie: "calls it a tie" }[one.verdict];
  const given = one.of && isNumber(one.score) ? `gives the ${one.of} one ${score(one.score)}` : isNumber(one.score) ? `scores ${score(one.score)}` : null;
  return [said, given].filter(Boolean).join(", ") || (one.of ? `on the ${one.of} one` : "says no verdict");
}

function judgmentOf(one) {
  const order = one.first ? `shown first: the ${one.first} one` : null;
  const about = [visible(one.table ?? ""), order].filter(Boolean).join(" \u00b7 ");
  const kind = one.unreadable ? "unreadable" : one.verdict ?? one.of ?? "";
  const head = [make("span", { class: `dot ${kind}`, "aria-hidden": "true" }), make("span", { class: "judge", dir: "auto" }, visible(one.judge ?? "a judge")),
    " ", make("span", { class: "verdict" }, verdictOf(one)), " ", make("span", { class: "note" }, about)];
  if (!one.text) return make("li", { class: "judgment" }, make("p", { class: "said" }, head));
  const fold = make("details", {}, make("summary", {}, head));
  fold.addEventListener("toggle", () => { if (fold.children.length === 1) fold.append(...plainText(one.text)); });
  return make("li", { class: "judgment" }, fold);
}

function judgmentsOf(row) {
  const all = row.judgments ?? [];
  if (!all.length) return null;
  const list = make("ol", {}, all.slice(0, FIRST_JUDGMENTS).map(judgmentOf));
  const rest = all.slice(FIRST_JUDGMENTS);
  const more = rest.length ? make("button", { type: "button", class: "more" }, `Show ${count(rest.length)} more judgments`) : null;
  more?.addEventListener("click", () => { list.append(...rest.map(judgmentOf)); more.remove(); });
  return make("section", { class: "judgments" }, make("h3", {}, `${plural(all.length, "judgment")} that decided`), list, more);
}

// --- the head, and what is behind it ----------------------------------------------------------

function stateOf(row) {
  if (row.state === "kept") return [make("strong", { class: "kept" }, "Kept")];
  const by = row.step ? ` by ${visible(row.step)}` : "";
  return [make("strong", { class: "dropped" }, "Dropped"), by, row.reason ? `: ${visible(row.reason)}` : ""];
}

function headOf(row) {
  const facts = [row.category && ["category", visible(row.category)], isNumber(row.gap) && ["score gap", score(row.gap)],
    row.disagreement && ["judges", "disagree"], ["id", visible(row.id)]].filter(Boolean);
  return make("div", { class: "about-pair" }, make("p", { class: "state", dir: "auto" }, stateOf(row)),
    make("dl", {}, facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { dir: "auto" }, value)))));
}

/** A value in a line where it is short, else folded with its length said. */
function foldOf(name, text) {
  if (text.length <= SHORT && !text.includes("\n")) return make("p", {}, make("span", { class: "note" }, `${visible(name)} `), make("span", { dir: "auto" }, visible(text)));
  const fold = make("details", {}, make("summary", {}, visible(name), make("span", { class: "note" }, ` ${plural(text.length, "character")}`)));
  fold.addEventListener("toggle", () => { if (fold.children.length === 1) fold.append(...plainText(text)); });
  return fold;
}

/** A reply: who wrote it, for how much, and its words. */
function replyOf({ line, text }) {
  const head = make("span", { class: "note", dir: "auto" }, visible(line));
  if (!text) return make("p", {}, "reply ", head);
  const fold = make("details", {}, make("summary", {}, "reply ", head));
  fold.addEventListener("toggle", () => { if (fold.children.length === 1) fold.append(...plainText(text)); });
  return fold;
}

/** The rows behind a pair, those that one was made of below it and further in. */
function lineageOf(lineage) {
  if (!lineage?.length) return null;
  const rows = lineage.map((one) => {
    const item = make("li", {}, make("p", { class: "row" }, make("strong", {}, visible(one.table)), make("span", { class: "note" }, one.verb ? ` by ${visible(one.verb)} ` : " "), make("code", {}, visible(one.id))),
      Object.entries(one.added ?? {}).map(([name, text]) => foldOf(name, text)), (one.replies ?? []).map(replyOf),
      one.more ? make("p", { class: "note" }, `and ${plural(one.more, "row")} more`) : null);
    item.style.marginInlineStart = `${Math.min(one.depth ?? 0, DEEPEST)}rem`;
    return item;
  });
  return make("details", { class: "lineage" }, make("summary", {}, `Where it comes from: ${plural(lineage.length, "row")}`), make("ol", {}, rows));
}
