// Read-outs of chart marks on hover and focus, and arrow keys from mark to mark.
// A drawing is one stop in the tab order; within it ←/→ (↑/↓), Home and End move. Without this
// script the marks' <title> gives the browser's own tooltip and the table twin has every link.

let tip;

function box() {
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("aria-hidden", "true"); // the mark's own name is what a screen reader says
    document.body.append(tip);
  }
  return tip;
}

function quietTitle(mark) {
  // The browser's tooltip would cover ours; its text becomes the mark's name instead.
  const title = mark.querySelector(":scope > title");
  if (title) {
    if (!mark.hasAttribute("aria-label")) mark.setAttribute("aria-label", title.textContent);
    title.remove();
  }
}

function place(x, y) {
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, x + 12), document.documentElement.clientWidth - width - 8);
  const above = y - height - 12;
  tip.style.left = `${Math.max(8, left)}px`; // CSSOM, which a style-src policy allows
  tip.style.top = `${above > 8 ? above : y + 16}px`;
}

function show(mark, x, y) {
  quietTitle(mark);
  box().textContent = mark.dataset.tip;
  tip.hidden = false;
  place(x, y);
}

function showAt(mark) {
  const r = mark.getBoundingClientRect();
  show(mark, r.left + r.width / 2, r.top);
}

function hide() {
  if (tip) tip.hidden = true;
}

function move(from, key) {
  const marks = [...from.closest("svg").querySelectorAll(".mark")];
  const at = marks.indexOf(from);
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: marks.length - 1 }[key];
  const next = marks[Math.min(Math.max(to, 0), marks.length - 1)];
  from.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

export function start(root = document) {
  const markOf = (event) => event.target.closest?.(".mark[data-tip]");
  root.addEventListener("pointermove", (event) => {
    const mark = markOf(event);
    if (mark) show(mark, event.clientX, event.clientY);
    else if (!document.activeElement?.matches?.(".mark")) hide();
  });
  root.addEventListener("focusin", (event) => {
    const mark = markOf(event);
    if (!mark) return hide();
    showAt(mark);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const mark = markOf(event);
    if (!mark || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      move(mark, event.key);
    }
  });
  root.addEventListener("scroll", () => {
    // Focus by keyboard scrolls the mark into view: its read-out goes along.
    const mark = document.activeElement?.closest?.(".mark[data-tip]");
    if (mark) showAt(mark);
    else hide();
  }, { capture: true, passive: true });
}
