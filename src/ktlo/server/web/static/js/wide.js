// A table that is wider than its box says so above it, where a shadow at its edge alone would be missed.

export function mark(box) {
  box.toggleAttribute("data-wide", box.scrollWidth > box.clientWidth + 4);
}

export function start(root = document) {
  // In a frame of its own: the words above a table change the height of what is watched.
  const watched = new ResizeObserver((entries) => requestAnimationFrame(() => entries.forEach(({ target }) => mark(target))));
  for (const box of root.querySelectorAll(".scroll:has(> table)")) {
    mark(box);
    watched.observe(box);
  }
}
