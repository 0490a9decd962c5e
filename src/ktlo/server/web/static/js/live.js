// Logs as they arrive: <ol data-live="/url" data-live-after="place">. Asks every second for what came
// after the place and puts it on top; the answer's header x-next is the next place. Without this script the page reloads.

const EVERY = 1000;
const SLOWEST = 30_000; // milliseconds between attempts when the server does not answer
const MOST = 1000; // rows that are kept

function tail(list) {
  const said = document.querySelector("[data-live-said]");
  const pause = document.querySelector("[data-live-pause]");
  let after = list.dataset.liveAfter;
  let paused = false;
  let wait = EVERY;
  let came = 0;
  const tell = (words) => { if (said.textContent !== words) said.textContent = words; };
  const once = async () => {
    const asked = new URL(list.dataset.live, location.href);
    asked.searchParams.set("after", after);
    const answer = await fetch(asked, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const rows = [...new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("ol > li")];
    after = answer.headers.get("x-next");
    list.prepend(...rows);
    while (list.children.length > MOST) list.lastElementChild.remove();
    came += rows.length;
    tell(`Following: ${came} came since this page was opened.`);
    return rows.length;
  };
  const again = async () => {
    if (!list.isConnected) return;
    if (!paused && !document.hidden) {
      try {
        while (await once() >= 200);
        wait = EVERY;
      } catch {
        wait = Math.min(wait * 2, SLOWEST);
        tell("ktlo does not answer; trying again.");
      }
    }
    setTimeout(again, wait);
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) tell("Paused; what arrives meanwhile is shown afterwards.");
  });
  tell("Following.");
  setTimeout(again, EVERY);
}

export function start(root = document) {
  for (const list of root.querySelectorAll("[data-live]")) tail(list);
}
