// A field whose suggestions are asked for while one types, because there may be more names than a page can hold.

const WAIT = 150;

export function start(root) {
  for (const input of root.querySelectorAll("input[data-suggest][list]")) suggest(input);
}

function suggest(input) {
  const list = input.list;
  if (!list) return;
  let timer = 0;
  let asked = 0;

  const ask = async () => {
    const mine = ++asked;
    const query = new URLSearchParams({ text: input.value });
    for (const name of ["since", "until"]) {
      const field = input.form?.elements.namedItem(name);
      if (field?.value) query.set(name, field.value);
    }
    const answer = await fetch(`${input.dataset.suggest}?${query}`).catch(() => null);
    if (!answer?.ok || mine !== asked) return;
    const names = await answer.json();
    list.replaceChildren(
      ...names.map((name) => {
        const option = document.createElement("option");
        option.value = name;
        return option;
      }),
    );
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
}
