// Keys in a waterfall: j and k go to the next and the previous line, n and p to errors, h folds what is below a line and l
// unfolds it. Lines say their level (data-d); folding hides the lines that follow until one of the same level or above.

function typing(target) {
  return target.matches?.("input, select, textarea, [contenteditable]") ?? false;
}

export function start(root = document) {
  const waterfall = root.querySelector("[data-waterfall]");
  if (!waterfall) return;
  const lines = [...waterfall.querySelectorAll("[data-d]")];
  const level = (line) => Number(line.dataset.d);
  const help = root.querySelector("[data-waterfall-keys]");
  if (help) help.hidden = false;
  let at = lines.findIndex((line) => line.matches(".is-chosen, :target"));

  const go = (to) => {
    if (to < 0 || to >= lines.length) return;
    at = to;
    lines[to].querySelector("a").focus({ preventScroll: true });
    lines[to].scrollIntoView({ block: "nearest" });
  };
  const next = (step, wanted) => {
    for (let to = at + step; to >= 0 && to < lines.length; to += step) {
      if (!lines[to].hidden && wanted(lines[to])) return go(to);
    }
  };
  const unfolded = (to) => {
    let depth = level(lines[to]);
    for (let above = to - 1; above >= 0 && depth > 0; above -= 1) {
      if (level(lines[above]) >= depth) continue;
      depth = level(lines[above]);
      if ("folded" in lines[above].dataset) fold(above, false);
    }
  };
  const fold = (from, hide) => {
    if (hide) lines[from].dataset.folded = ""; else delete lines[from].dataset.folded;
    let under = Infinity; // level of a line below which everything stays folded
    for (let to = from + 1; to < lines.length && level(lines[to]) > level(lines[from]); to += 1) {
      const depth = level(lines[to]);
      if (depth <= under) under = Infinity;
      lines[to].hidden = hide || under < Infinity;
      if (under === Infinity && "folded" in lines[to].dataset) under = depth;
    }
  };
  const error = (step) => {
    for (let to = at + step; to >= 0 && to < lines.length; to += step) {
      if (lines[to].classList.contains("is-error")) { unfolded(to); return go(to); }
    }
  };
  const close = () => {
    const told = waterfall.querySelector(":scope > .span-detail");
    const rest = told?.nextElementSibling;
    if (rest?.matches(".spans") && told.previousElementSibling?.matches(".spans")) {
      told.previousElementSibling.append(...rest.children);
      rest.remove();
    }
    told?.remove();
    waterfall.querySelector(".is-chosen")?.classList.remove("is-chosen");
  };
  // What is told of a span is put below its line (or beside, where there is room); the line stays where it was clicked.
  const tell = async (link) => {
    const line = link.closest("[data-d]");
    const answer = await fetch(link.href, { credentials: "same-origin" }).catch(() => null);
    const told = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".span-detail");
    if (!told) { location.assign(link.href); return; }
    const before = line.getBoundingClientRect().top;
    close();
    const rest = line.parentElement.cloneNode(false);
    while (line.nextElementSibling) rest.append(line.nextElementSibling);
    line.parentElement.after(document.adoptNode(told));
    if (rest.children.length) told.after(rest);
    line.classList.add("is-chosen");
    history.replaceState(null, "", link.href);
    window.scrollBy(0, line.getBoundingClientRect().top - before);
  };
  waterfall.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[data-detail], a[data-close-detail]");
    if (!link) return;
    event.preventDefault();
    if (link.matches("[data-detail]")) { tell(link); return; }
    history.replaceState(null, "", link.href);
    close();
  });
  const keys = {
    j: () => next(1, () => true), k: () => next(-1, () => true),
    n: () => error(1), p: () => error(-1),
    h: () => at >= 0 && fold(at, true), l: () => at >= 0 && fold(at, false),
  };
  waterfall.addEventListener("focusin", (event) => {
    const line = event.target.closest("[data-d]");
    if (line) at = lines.indexOf(line);
  });
  let after = 0; // when g was pressed: the letter that follows goes to a page
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (root.querySelector("dialog[open]")) return;
    const goes = after > Date.now();
    after = event.key === "g" ? Date.now() + 1500 : 0;
    if (goes || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
}
