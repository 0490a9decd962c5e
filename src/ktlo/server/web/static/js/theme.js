// The theme switch: system, light, dark, in turn; remembered in this browser only.

const ORDER = ["system", "light", "dark"];

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("ktlo-theme");
    else localStorage.setItem("ktlo-theme", theme);
  } catch { /* not remembered, still applied */ }
}

function label(button) {
  button.querySelector("[data-theme-name]").textContent = current();
}

export function start(root = document) {
  const button = root.querySelector("[data-theme-switch]");
  if (!button) return;
  button.hidden = false;
  label(button);
  button.addEventListener("click", () => {
    apply(ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length]);
    label(button);
  });
}
