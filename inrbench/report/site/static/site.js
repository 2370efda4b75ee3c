"use strict";
// Every page: the theme, filters, sorting by default in the useful direction, views in the address, and copying.

const root = document.documentElement;
const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

// --- theme ---------------------------------------------------------------------------------------------------------------
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice then applies to this page only */ }
  document.dispatchEvent(new Event("themechange"));
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
  for (const note of document.querySelectorAll(".no-rows")) {
    note.hidden = Boolean(note.previousElementSibling.querySelector("tbody tr:not([hidden])"));
  }
}

// --- the view in the address: filters, and the column and direction of the sorted tables --------------------------------------
const controls = () => [...document.querySelectorAll("[data-filter], [data-choose]")];
const nameOf = (control) => control.dataset.field ?? "filter";
function sortedTables() {
  return [...document.querySelectorAll("table.sortable")].flatMap((table, number) => {
    const column = [...table.querySelectorAll("thead th")].findIndex((head) => head.hasAttribute("aria-sort"));
    return column < 0 ? [] : [[`sort${number}`, `${column}.${table.querySelectorAll("thead th")[column].getAttribute("aria-sort")}`]];
  });
}
function keepView() {
  const view = new URLSearchParams(controls().filter((control) => control.value).map((control) => [nameOf(control), control.value]));
  for (const [name, value] of sortedTables()) view.set(name, value);
  const query = view.toString();
  try { history.replaceState(null, "", location.pathname + (query ? `?${query}` : "") + location.hash); } catch { /* not allowed for this address */ }
}
function restoreView() {
  const view = new URLSearchParams(location.search);
  for (const control of controls()) control.value = view.get(nameOf(control)) ?? "";
  filterAll();
  document.querySelectorAll("table.sortable").forEach((table, number) => {
    const [column, direction] = (view.get(`sort${number}`) ?? "").split(".");
    const head = table.querySelectorAll("thead th")[column];
    if (!head || !direction) return;
    for (let i = 0; i < 2 && head.getAttribute("aria-sort") !== direction; i += 1) head.click();
  });
}
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-filter], [data-choose]")) { filterAll(); keepView(); }
});

// Text begins at A, as small numbers do where they are better (data-sort-asc of the page): the first click sorts upwards.
for (const head of document.querySelectorAll("table.sortable thead th")) {
  const column = head.cellIndex, body = head.closest("table").tBodies[0];
  const numbers = body?.rows[0]?.cells[column]?.classList.contains("n");
  if (!numbers || head.textContent.includes("↓")) head.setAttribute("data-sort-asc", "");
}
document.addEventListener("click", (event) => {
  const head = event.target.closest?.("table.sortable th");
  head?.closest("table").classList.toggle("asc", head.hasAttribute("data-sort-asc"));
}, true); // before the click reaches the script that sorts
document.addEventListener("sort-end", keepView);
addEventListener("DOMContentLoaded", restoreView);

// --- copying ----------------------------------------------------------------------------------------------------------------
async function copy(text, button, fallback) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch { // no clipboard: select the text so that the reader can copy it
    if (fallback) getSelection().selectAllChildren(fallback);
    button.textContent = fallback ? "Selected" : "Copy the address of this page";
  }
  setTimeout(() => { button.textContent = before; }, 2000);
}
document.addEventListener("click", (event) => {
  const source = document.getElementById(event.target.dataset?.copy ?? "");
  if (source) copy(source.textContent, event.target, source);
  if (event.target.id === "permalink") copy(location.href, event.target, null);
});
