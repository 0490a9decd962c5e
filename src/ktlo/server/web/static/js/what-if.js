// Sliders of a what-if: they move the numbers beside them, and the answer above follows. The address follows too,
// so that what is seen can be sent. Without this script the form has its button and the numbers do the same.

const WAIT = 90; // milliseconds after the last movement

function rounded(value) {
  if (value === 0) return 0;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 1);
  return Math.round(value / step) * step;
}

// A slider over prices is logarithmic: its left end is "unknown", then come two figures of every decade.
function toNumber(slider, most) {
  const at = Number(slider.value);
  if (slider.dataset.scale !== "log") return String(at);
  return at === 0 ? "" : String(rounded(10 ** ((at / 100) * Math.log10(most))));
}

function toSlider(slider, text, most) {
  const value = text === "" ? slider.dataset.base : text;
  if (slider.dataset.scale !== "log") return value === "" ? slider.min : value;
  return value === "" || Number(value) < 1 ? 0 : (100 * Math.log10(Number(value))) / Math.log10(most);
}

function pair(form, slider, changed) {
  const number = form.querySelector(`#${slider.dataset.for}`);
  const most = Number(slider.max);
  if (slider.dataset.scale === "log") { slider.min = 0; slider.max = 100; slider.step = 1; }
  const follow = () => { slider.value = toSlider(slider, number.value, most); };
  slider.hidden = false;
  follow();
  slider.addEventListener("input", () => {
    const value = toNumber(slider, most);
    number.value = value === slider.dataset.base ? "" : value;
    changed();
  });
  number.addEventListener("input", () => { follow(); changed(); });
  form.addEventListener("reset", () => setTimeout(follow));
}

function asked(form) {
  const given = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value !== "" && name !== "name" && name !== "note") given.append(name, value);
  }
  return given;
}

function follow(form) {
  const region = document.querySelector("[data-what-if-answer]");
  const said = document.querySelector("[data-what-if-said]");
  let timer;
  let running;
  const ask = async () => {
    running?.abort();
    running = new AbortController();
    const given = asked(form);
    const query = given.size ? `?${given}` : "";
    history.replaceState(null, "", `${form.getAttribute("action")}${query}`);
    region.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${form.dataset.whatIf}${query}`, {
        headers: { accept: "text/html" }, credentials: "same-origin", signal: running.signal,
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok) {
        region.replaceChildren(...page.body.childNodes);
        said.textContent = region.querySelector(".said")?.textContent ?? "";
      } else {
        said.textContent = page.querySelector("h1")?.textContent ?? "That cannot be planned.";
      }
      region.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name !== "AbortError") region.removeAttribute("aria-busy"); // the button still works
    }
  };
  return () => {
    clearTimeout(timer);
    if (form.checkValidity()) timer = setTimeout(ask, WAIT);
  };
}

export function start(root = document) {
  for (const form of root.querySelectorAll("form[data-what-if]")) {
    const changed = follow(form);
    for (const slider of form.querySelectorAll("input[type=range][data-for]")) pair(form, slider, changed);
    for (const choice of form.querySelectorAll("select")) choice.addEventListener("change", changed);
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && field.value === "" && field.name !== "name") field.disabled = true;
    });
    addEventListener("pageshow", () => {
      for (const field of form.querySelectorAll("[disabled]")) field.disabled = false;
    });
  }
}
