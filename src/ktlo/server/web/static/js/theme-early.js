// Before the first paint: the theme a person chose, so that a page never flashes in the other one.
// Loaded as a blocking classic script in <head>; the switch itself is in theme.js.
try {
  const chosen = localStorage.getItem("ktlo-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* storage is forbidden: the system's preference holds */ }
