"use strict";

const root = document.documentElement;
const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

// --- theme ---------------------------------------------------------------------------------------------------------------
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice then applies to this page only */ }
  drawn.forEach(draw);
});

// --- filters: a row is shown if it contains the text and has the chosen values ----------------------------------------------
function filterAll() {
  for (const row of document.querySelectorAll("tbody tr, section[data-track]")) row.hidden = false;
  for (const input of document.querySelectorAll("[data-filter]")) {
    const text = input.value.toLowerCase();
    const rows = document.querySelectorAll(`#${input.dataset.filter} tbody tr, table.${input.dataset.filter} tbody tr`);
    for (const row of rows) if (!row.textContent.toLowerCase().includes(text)) row.hidden = true;
  }
  for (const select of document.querySelectorAll("[data-choose]")) {
    const attribute = `[data-${select.dataset.field}]`;
    for (const part of document.querySelectorAll(`#${select.dataset.choose} ${attribute}`)) {
      if (select.value && part.dataset[select.dataset.field] !== select.value) part.hidden = true;
    }
  }
}
document.addEventListener("input", (event) => { if (event.target.matches("[data-filter], [data-choose]")) filterAll(); });

// --- charts: drawn by Plotly when they come into view -----------------------------------------------------------------------
const drawn = new Set();
function draw(place) {
  const { data, layout } = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const ink = isDark() ? "#dddddd" : "#222222";
  const grid = isDark() ? "#444444" : "#e2e2e2";
  const axis = (own) => ({ ...own, gridcolor: grid, zerolinecolor: grid, linecolor: ink });
  for (const trace of data) {
    for (const part of ["line", "marker"]) if (trace[part]?.color === "#000000") trace[part].color = ink;
  }
  Plotly.react(place, data, {
    ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis), font: { color: ink, size: 12 }, autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 65, r: 10, t: 10, b: 45 },
    legend: { orientation: "h", y: -0.25 }, hovermode: "closest",
  }, { responsive: true, displaylogo: false, displayModeBar: false });
  drawn.add(place);
}
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
}, { rootMargin: "200px" });
document.querySelectorAll("[data-chart]").forEach((place) => seen.observe(place));

// --- pictures: truth next to fit, and one zoom for all -----------------------------------------------------------------------
for (const slider of document.querySelectorAll(".slider input")) {
  const show = () => slider.closest("figure").style.setProperty("--cut", `${slider.value}%`);
  slider.addEventListener("input", show);
  show();
}
document.getElementById("errors")?.addEventListener("change", (event) => {
  document.querySelector(".gallery").classList.toggle("errors", event.target.checked);
});
const zooms = [...document.querySelectorAll(".zoomed")].map((place) => Panzoom(place, { maxScale: 32, contain: "outside" }));
let following = false;
zooms.forEach((zoom, number) => {
  const place = document.querySelectorAll(".zoomed")[number];
  place.parentElement.addEventListener("wheel", (event) => { if (event.ctrlKey || event.shiftKey) zoom.zoomWithWheel(event); });
  place.addEventListener("panzoomchange", ({ detail }) => {
    if (following) return;
    following = true;
    zooms.forEach((other) => {
      if (other !== zoom) { other.zoom(detail.scale, { force: true }); other.pan(detail.x, detail.y, { force: true }); }
    });
    requestAnimationFrame(() => { following = false; });
  });
});
document.addEventListener("click", (event) => {
  const way = event.target.dataset?.zoom;
  if (!way) return;
  following = true;
  zooms.forEach((zoom) => ({ in: () => zoom.zoomIn(), out: () => zoom.zoomOut(), reset: () => zoom.reset() })[way]());
  requestAnimationFrame(() => { following = false; });
});

// --- meshes: the viewer and the mesh are loaded on request -------------------------------------------------------------------
const loaded = {};
const load = (source) => loaded[source] ??= new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement("script"), { src: source, onload: resolve, onerror: reject }));
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".open-mesh");
  if (!button) return;
  button.disabled = true;
  await Promise.all([load(button.dataset.viewer), load(button.dataset.script)]);
  const viewer = document.createElement("model-viewer");
  for (const [name, value] of Object.entries({
    src: window.meshes[button.dataset.mesh], alt: button.dataset.alt, "camera-controls": "", "interaction-prompt": "none",
    "shadow-intensity": "0.6", "touch-action": "pan-y",
  })) viewer.setAttribute(name, value);
  button.replaceWith(viewer);
});

// --- copying ----------------------------------------------------------------------------------------------------------------
document.addEventListener("click", async (event) => {
  const source = event.target.dataset?.copy;
  if (!source) return;
  const text = document.getElementById(source);
  try {
    await navigator.clipboard.writeText(text.textContent);
    event.target.textContent = "Copied";
  } catch { // no clipboard: select the text so that the reader can copy it
    getSelection().selectAllChildren(text);
    event.target.textContent = "Selected";
  }
});
