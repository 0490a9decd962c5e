// The page that is shown is in sight in the navigation, which scrolls by itself on low and on narrow screens.

function scroller(of) {
  for (let box = of.parentElement; box && box !== document.body; box = box.parentElement) {
    const { overflowX, overflowY } = getComputedStyle(box);
    const down = /auto|scroll/.test(overflowY) && box.scrollHeight > box.clientHeight;
    const aside = /auto|scroll/.test(overflowX) && box.scrollWidth > box.clientWidth;
    if (down || aside) return box;
  }
  return null;
}

export function start(root = document) {
  const current = root.querySelector('.pages [aria-current="page"]');
  const box = current && scroller(current);
  if (!box) return;
  // Not scrollIntoView: that would move the page as well, away from where a link with # leads.
  const [seen, all] = [current.getBoundingClientRect(), box.getBoundingClientRect()];
  box.scrollLeft += seen.left + seen.width / 2 - (all.left + all.width / 2);
  box.scrollTop += seen.top + seen.height / 2 - (all.top + all.height / 2);
}
