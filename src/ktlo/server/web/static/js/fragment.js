// Fragments that refresh themselves while something is under way: <div data-refresh="/url" data-every="2">.
// The server answers with the fragment's inner HTML; a data-done element in it ends the refreshing, and
// then the page is loaded anew if data-then="reload", unless somebody typed something into it: then that is offered.
// Without this script a reload shows the same.

const SLOWEST = 30; // seconds between attempts when the server does not answer

function announce(region, words) {
  const line = region.parentElement.querySelector(":scope > [data-announce]");
  if (line && words && line.textContent !== words) line.textContent = words;
}

function isTyped(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type === "select-multiple") return [...field.options].some((one) => one.selected !== one.defaultSelected);
  if (field.type === "select-one") {
    const first = [...field.options].findLastIndex((one) => one.defaultSelected);
    return field.selectedIndex !== Math.max(first, 0);
  }
  return field.type !== "hidden" && field.value !== field.defaultValue;
}

function offer(region) {
  const [line, link] = [document.createElement("p"), document.createElement("a")];
  link.href = location.href.split("#")[0];
  link.textContent = "Load the page anew";
  line.append("Done. ", link, " to see what is new; what was typed into it is lost then.");
  region.replaceChildren(line);
  announce(region, "Done. The page was not loaded anew, since something was typed into it.");
}

async function refresh(region) {
  const answer = await fetch(region.dataset.refresh, { headers: { accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const held = region.contains(document.activeElement);
  if (!held && region.innerHTML.trim() !== page.body.innerHTML.trim()) region.replaceChildren(...page.body.childNodes);
  announce(region, region.querySelector("[data-said]")?.dataset.said);
  return region.querySelector("[data-done]") !== null;
}

function keep(region) {
  const every = Math.max(Number(region.dataset.every) || 2, 0.5);
  let wait = every;
  const again = async () => {
    if (!region.isConnected) return;
    if (document.hidden) { setTimeout(again, every * 1000); return; }
    try {
      if (await refresh(region)) {
        if (region.dataset.then !== "reload") return;
        if ([...document.querySelectorAll("form input, form textarea, form select")].some(isTyped)) offer(region);
        else location.reload();
        return;
      }
      wait = every;
    } catch {
      wait = Math.min(wait * 2, SLOWEST);
    }
    setTimeout(again, wait * 1000);
  };
  setTimeout(again, every * 1000);
}

export function start(root = document) {
  for (const region of root.querySelectorAll("[data-refresh]")) keep(region);
}
