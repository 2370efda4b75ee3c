"use strict";
// Two pictures under one slider: the truth or any method on the left, any method on the right, with one zoom.

const facts = JSON.parse(document.getElementById("pictures").textContent);
const stage = document.querySelector(".zoomed");
const sides = ["left", "right"].map((side) => ({
  select: document.getElementById(side),
  picture: document.getElementById(`${side}-picture`),
  name: document.getElementById(`${side}-name`),
}));
const errors = document.getElementById("errors"); // none without a truth

function showPictures() {
  for (const { select, picture, name } of sides) {
    const chosen = facts.pictures[select.value] ?? null; // null: the truth, or the given data
    picture.src = facts.root + (chosen ? (errors?.checked ? chosen.error ?? chosen.image : chosen.image) : facts[select.value]);
    const what = { truth: `ground truth of ${facts.signal}`, given: `given data of ${facts.signal}` };
    picture.alt = chosen ? `${errors?.checked && chosen.error ? "absolute error of " : ""}${facts.signal} by ${chosen.name}` : what[select.value];
    name.textContent = chosen ? chosen.name : { truth: "truth", given: "given data" }[select.value];
  }
  for (const thumb of document.querySelectorAll("[data-picture]")) {
    thumb.setAttribute("aria-pressed", String(thumb.dataset.picture === sides[1].select.value));
    thumb.querySelector("img").src = facts.root + (errors?.checked && facts.pictures[thumb.dataset.picture].error || facts.pictures[thumb.dataset.picture].image);
  }
}
sides.forEach(({ select }) => select.addEventListener("change", showPictures));
errors?.addEventListener("change", showPictures);
document.addEventListener("click", (event) => {
  const thumb = event.target.closest("[data-picture]");
  if (!thumb) return;
  sides[1].select.value = thumb.dataset.picture;
  showPictures();
});

// A link may choose the pictures by name: ?left=siren&right=msa
const wanted = new URLSearchParams(location.search);
for (const [side, key] of [[sides[0], "left"], [sides[1], "right"]]) {
  const place = facts.pictures.findIndex((picture) => picture.name === wanted.get(key));
  if (place >= 0) side.select.value = String(place);
}

const slider = document.querySelector(".slider input");
const cut = () => stage.style.setProperty("--cut", `${slider.value}%`);
slider.addEventListener("input", cut);
cut();
showPictures();

const zoom = Panzoom(stage, { maxScale: 32, contain: "outside", touchAction: "pan-y", panOnlyWhenZoomed: true });
stage.parentElement.addEventListener("wheel", (event) => { if (event.ctrlKey || event.shiftKey) zoom.zoomWithWheel(event); });
// A finger scrolls the page until the picture is zoomed.
stage.addEventListener("panzoomchange", ({ detail }) => { stage.style.touchAction = detail.scale > 1 ? "none" : "pan-y"; });
document.addEventListener("click", (event) => {
  ({ in: () => zoom.zoomIn(), out: () => zoom.zoomOut(), reset: () => zoom.reset() })[event.target.dataset?.zoom]?.();
});
