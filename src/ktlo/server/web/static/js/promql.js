// Completion of PromQL while it is typed: metrics, labels, values, functions. The page works without: Enter asks.

const WAIT = 120;

export function start(root) {
  for (const input of root.querySelectorAll("input[data-promql]")) complete(input);
}

function complete(input) {
  input.removeAttribute("list");
  const list = document.createElement("ul");
  list.className = "completions";
  list.id = `completions-${Math.random().toString(36).slice(2)}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  let found = null;
  let chosen = -1;
  let timer = 0;
  let asked = 0;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const choose = (index) => {
    chosen = index;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    if (index >= 0) {
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  };

  const put = (index) => {
    const { text, kind } = found.candidates[index];
    const tail = kind === "function" || kind === "aggregation" ? "(" : "";
    input.setRangeText(text + tail, found.start, found.end, "end");
    close();
    input.focus();
  };

  const ask = async () => {
    const mine = ++asked;
    const place = input.selectionStart ?? input.value.length;
    const query = new URLSearchParams({ text: input.value, at: String(place) });
    const answer = await fetch(`/metrics/complete.json?${query}`).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    found = await answer.json();
    list.replaceChildren(
      ...found.candidates.map(({ text, kind }, at) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${at}`;
        item.setAttribute("role", "option");
        const word = document.createElement("span");
        word.textContent = text;
        const what = document.createElement("small");
        what.textContent = kind;
        item.append(word, what);
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          put(at);
        });
        return item;
      }),
    );
    chosen = -1;
    list.hidden = found.candidates.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      ask();
    }
    if (list.hidden) return;
    const last = list.children.length - 1;
    if (event.key === "ArrowDown") choose(chosen < last ? chosen + 1 : 0);
    else if (event.key === "ArrowUp") choose(chosen > 0 ? chosen - 1 : last);
    else if (event.key === "Escape") close();
    else if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) put(Math.max(chosen, 0));
    else return;
    event.preventDefault();
  });
}
