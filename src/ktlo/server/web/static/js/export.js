// A chart as a file: SVG with the variables' present values inlined, or PNG at twice its size; and the
// page's link to the clipboard. Made in the browser from what is on the page; nothing is sent.

import { say } from "./toast.js";

const SCALE = 2;

function shown(figure) {
  return [...figure.querySelectorAll(".picture svg")].find((svg) => svg.getClientRects().length > 0);
}

export function inlined(svg) {
  const values = getComputedStyle(document.documentElement);
  const copy = svg.cloneNode(true);
  copy.querySelectorAll(".dot.quiet").forEach((dot) => dot.remove());
  for (const node of [copy, ...copy.querySelectorAll("*")]) {
    for (const { name, value } of [...node.attributes]) {
      if (value.includes("var(")) {
        node.setAttribute(name, value.replace(/var\((--[\w-]+)\)/g, (_, v) => values.getPropertyValue(v).trim()));
      }
    }
    node.removeAttribute("tabindex");
    if (node.localName === "a") node.removeAttribute("href"); // relative links lead nowhere from a file
  }
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", values.getPropertyValue("--paper").trim());
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function png(svg) {
  const text = inlined(svg);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const { width, height } = svg.viewBox.baseVal;
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function act(button) {
  const figure = button.closest("figure");
  const what = button.dataset.export;
  if (what === "link") {
    await navigator.clipboard.writeText(new URL(`#${figure.id}`, location.href).href);
    say("Link copied");
    return;
  }
  const svg = shown(figure);
  if (what === "svg") save(new Blob([inlined(svg)], { type: "image/svg+xml" }), `${figure.id}.svg`);
  if (what === "png") save(await png(svg), `${figure.id}.png`);
}

export function start(root = document) {
  for (const button of root.querySelectorAll("[data-export]")) button.hidden = false;
  root.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-export]");
    if (button) act(button).catch((error) => say(`That did not work: ${error.message}`));
  });
}
