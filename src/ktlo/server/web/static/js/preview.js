// A form whose outcome is shown while it is typed in: <form data-preview="/url" data-preview-into="id">.
// The server answers with the inside of that region. Without this script a button of the form shows the same.

const WAIT = 250; // milliseconds after the last key

function follow(form, region) {
  let timer;
  let running;
  const ask = async () => {
    running?.abort();
    running = new AbortController();
    region.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST", body: new URLSearchParams(new FormData(form)), headers: { accept: "text/html" },
        credentials: "same-origin", signal: running.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) region.replaceChildren(...page.body.childNodes);
      else region.textContent = page.querySelector("h1")?.textContent ?? "That cannot be shown.";
      region.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") region.removeAttribute("aria-busy"); // the button still works
    }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
}

export function start(root = document) {
  for (const form of root.querySelectorAll("form[data-preview]")) {
    const region = root.getElementById(form.dataset.previewInto);
    if (region) follow(form, region);
  }
}
