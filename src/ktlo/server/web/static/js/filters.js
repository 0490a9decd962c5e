// Filters apply when they change, and leave empty ones out of the URL, so that links stay short.
// Without this script the form has its button.

export function start(root = document) {
  for (const form of root.querySelectorAll("form.filters")) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    });
    form.addEventListener("change", (event) => {
      if (event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
    });
  }
  // Coming back by history must not find the fields still disabled.
  addEventListener("pageshow", () => {
    for (const field of root.querySelectorAll("form.filters [disabled]:not([data-fixed])")) field.disabled = false;
  });
}
