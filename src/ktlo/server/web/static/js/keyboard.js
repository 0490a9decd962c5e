// `/` goes to the search or first filter, `g` then a letter to a page, `?` lists them.
// Pages are the links of the navigation that carry data-key, so that a new page needs no change here.

const PATIENCE = 1500; // milliseconds in which the second key must follow

function typing(target) {
  return target.matches?.("input, select, textarea, [contenteditable]") ?? false;
}

export function start(root = document) {
  const dialog = root.querySelector("dialog[data-shortcuts]");
  const links = new Map([...root.querySelectorAll("[data-key][href]")].map((a) => [a.dataset.key, a]));
  let waiting = 0;
  const show = () => {
    if (!dialog) return;
    dialog.showModal();
    dialog.scrollTop = 0; // the button that has the focus stands at its end
  };
  for (const opener of root.querySelectorAll("[data-open-shortcuts]")) {
    opener.hidden = false;
    opener.addEventListener("click", show);
  }
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog?.open) return;
    if (waiting > Date.now() && links.has(event.key)) {
      waiting = 0;
      event.preventDefault();
      links.get(event.key).click();
      return;
    }
    waiting = event.key === "g" ? Date.now() + PATIENCE : 0;
    if (event.key === "/") {
      const field = root.querySelector("[data-search]") ?? root.querySelector(".filters input, .filters select");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    } else if (event.key === "?") {
      event.preventDefault();
      show();
    }
  });
}
