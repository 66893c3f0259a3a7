"use strict";
// The page itself: its colours, its contents, its tables. Everything works without it, but for the pairs.

/** An element with attributes and children; whatever is text becomes a text node, and never markup. */
function make(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (value === true) found.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) found.setAttribute(name, value);
  }
  found.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return found;
}

/** What a person chose before, where the browser remembers it. */
const memory = {
  get(name) { try { return localStorage.getItem(`prefgen.${name}`); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(`prefgen.${name}`, value); } catch { /* it is for this time only */ } },
};

// --- colours --------------------------------------------------------------------------------

const SCHEMES = ["automatic", "light", "dark"];

function wear(scheme) {
  if (scheme === "light" || scheme === "dark") document.documentElement.dataset.scheme = scheme;
  else delete document.documentElement.dataset.scheme;
}

function offerSchemes() {
  const button = document.getElementById("pf-scheme");
  let now = SCHEMES.includes(memory.get("scheme")) ? memory.get("scheme") : SCHEMES[0];
  const say = () => { button.querySelector("span").textContent = now; };
  button.addEventListener("click", () => {
    now = SCHEMES[(SCHEMES.indexOf(now) + 1) % SCHEMES.length];
    memory.set("scheme", now);
    wear(now);
    say();
  });
  say();
  button.hidden = false;
}

// --- contents -------------------------------------------------------------------------------

function followContents() {
  const nav = document.querySelector(".contents");
  if (!nav) return;
  const details = nav.querySelector("details");
  const wide = matchMedia("(min-width: 64rem)");
  const fit = () => { details.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  const links = [...nav.querySelectorAll("a")];
  for (const link of links) link.addEventListener("click", () => { if (!wide.matches) details.open = false; });
  const sections = links.map((link) => document.getElementById(link.hash.slice(1)));
  const mark = () => {
    const seen = sections.filter((one) => one && one.getBoundingClientRect().top < innerHeight / 3).length;
    const atEnd = seen && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const current = atEnd ? links.length - 1 : seen - 1;
    links.forEach((link, place) => {
      if (place === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  let asked = 0;
  addEventListener("scroll", () => { asked ||= requestAnimationFrame(() => { asked = 0; mark(); }); }, { passive: true });
  mark();
}

// --- tables ---------------------------------------------------------------------------------

/** The first number in a text, as people write it: "1,204", "53 %", "−0.2 (0.1 to 0.4)"; null where there is none. */
function numberIn(text) {
  const found = /[-\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?/i.exec(text);
  return found ? Number(found[0].replaceAll(",", "").replace("\u2212", "-")) : null;
}

function sortBy(table, place, head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const isNumber = head.classList.contains("number");
  const keyed = [...table.tBodies[0].rows].map((row) => {
    const text = row.cells[place] ? row.cells[place].textContent : "";
    return { row, key: isNumber ? numberIn(text) : text };
  });
  const order = (a, b) => isNumber ? a - b : a.localeCompare(b, undefined, { numeric: true });
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return down ? order(b.key, a.key) : order(a.key, b.key);
  });
  table.tBodies[0].append(...keyed.map((one) => one.row));
}

function offerSorting() {
  for (const table of document.querySelectorAll("main table")) {
    if (!table.tHead || table.tBodies[0].rows.length < 3) continue;
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const button = make("button", { type: "button", onclick: () => sortBy(table, place, head) }, head.textContent);
      head.replaceChildren(button);
    });
  }
}

/** Only what scrolls needs to be reached by the keyboard. */
function reachWhatScrolls() {
  const scrolls = (box) => box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  const fit = (box) => { if (scrolls(box)) box.tabIndex = 0; else box.removeAttribute("tabindex"); };
  const seen = new ResizeObserver((told) => told.forEach((one) => fit(one.target)));
  document.querySelectorAll(".scroll, blockquote").forEach((box) => seen.observe(box));
}

wear(memory.get("scheme"));
addEventListener("DOMContentLoaded", () => {
  offerSchemes();
  followContents();
  offerSorting();
  reachWhatScrolls();
});
