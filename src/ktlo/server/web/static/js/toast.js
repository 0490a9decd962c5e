// One short message at the bottom of the page, said aloud as well.

let box;

export function say(words) {
  if (!box) {
    box = document.createElement("div");
    box.className = "toast";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
  box.textContent = words;
  setTimeout(() => { if (box.textContent === words) box.textContent = ""; }, 4000);
}
