"use strict";
// Any two methods: paired differences in the primary metric, over the signals of every table that has both.

const { tables, least, level } = JSON.parse(document.getElementById("scores").textContent);
const first = document.getElementById("first"), second = document.getElementById("second");
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function numberText(table, value) {
  if (!table.log) return value.toFixed(table.digits);
  return (10 ** value).toExponential(2).replace(/e([+-])(\d)$/, "e$10$2"); // as on all other pages: 7.42e-08
}
function differenceText(table, value) {
  if (table.log) return `×${(10 ** value).toPrecision(3)}`;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(table.digits)}`;
}
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Return the pairs of a table, its mean difference, its interval and p; null if the two share no signal.
function compared(table) {
  const [i, j] = [first, second].map((select) => table.labels.indexOf(select.value));
  if (i < 0 || j < 0 || i === j) return null;
  const pairs = table.signals.map((signal, k) => ({ signal, a: table.scores[i][k], b: table.scores[j][k] }))
    .filter(({ a, b }) => a !== null && b !== null);
  if (!pairs.length) return null;
  const differences = pairs.map(({ a, b }) => a - b);
  const [low, high, p] = table.intervals[`${Math.min(i, j)}-${Math.max(i, j)}`] ?? [];
  const interval = low === undefined ? undefined : i < j ? [low, high] : [-high, -low];
  const wins = differences.filter((value) => value !== 0 && (value > 0) === table.higher).length;
  return { pairs, difference: mean(differences), interval, p, wins };
}

// One row of pictures per table: the truth and both methods.
function showPictures(shared) {
  const pairs = document.getElementById("pairs");
  pairs.replaceChildren();
  for (const { task, protocol, track, signals, pictures } of shared) {
    const [left, right] = [first, second].map((select) => pictures?.fits[select.value]);
    if (!left || !right) continue;
    const page = signals.find((signal) => signal.name === pictures.signal)?.page;
    if (!page) continue;
    const both = `${page}?${new URLSearchParams({ left: left[0], right: right[0] })}`;
    const group = document.createElement("figure");
    group.append(element("figcaption", `${pictures.signal}: ${task}, ${protocol}${track === "paper" ? "" : ` (${track})`}`));
    const row = element("div", "", { class: "pair" });
    for (const [name, image] of [...(pictures.truth ? [["truth", pictures.truth]] : []), left, right]) {
      const link = element("a", "", { href: both });
      link.append(element("img", "", { src: image, alt: "", loading: "lazy" }), element("span", name));
      row.append(link);
    }
    group.append(row);
    pairs.append(group);
  }
  document.getElementById("side-by-side").hidden = !pairs.childElementCount;
}

function show() {
  const body = document.querySelector("#differences tbody");
  body.replaceChildren();
  document.getElementById("first-head").textContent = first.value;
  document.getElementById("second-head").textContent = second.value;
  const shared = [];
  for (const table of tables) {
    const found = compared(table);
    if (!found) continue;
    shared.push(table);
    const { pairs, difference, interval, p, wins } = found;
    const row = body.insertRow();
    const better = (difference > 0) === table.higher && difference !== 0;
    const name = row.insertCell();
    name.append(element("a", `${table.task}, ${table.protocol}`, { href: table.page }));
    if (table.track !== "paper") name.append(` (${table.track})`);
    if (table.smoke) name.append(" ", element("span", "smoke test", { class: "tag" }));
    const signals = document.createElement("details");
    signals.append(element("summary", `${pairs.length} signal${pairs.length > 1 ? "s" : ""}`));
    const list = document.createElement("table");
    for (const { signal, a, b } of pairs) {
      const line = list.insertRow();
      line.insertCell().append(element("a", signal.name, { href: signal.page }));
      for (const text of [numberText(table, a), numberText(table, b), differenceText(table, a - b)]) {
        Object.assign(line.insertCell(), { textContent: text, className: "n" });
      }
    }
    signals.append(list);
    name.append(signals);
    const ends = interval ? ` [${interval.map((end) => differenceText(table, end)).join(", ")}]` : "";
    const sure = p < level;
    const cell = row.insertCell();
    cell.className = "n";
    cell.append(element(sure ? "strong" : "span", differenceText(table, difference) + ends));
    cell.append(element("span", pairs.length < least ? `${better ? first.value : second.value} is ahead; too few signals for a test` : sure ? `${better ? first.value : second.value} is better` : interval ? "no clear difference" : "", { class: "caption" }));
    Object.assign(row.insertCell(), { textContent: `${wins} of ${pairs.length}`, className: "n" });
    row.insertCell().textContent = table.metric;
    for (const side of ["a", "b"]) {
      Object.assign(row.insertCell(), { textContent: numberText(table, mean(pairs.map((pair) => pair[side]))), className: "n" });
    }
  }
  showPictures(shared);
  document.getElementById("nothing").hidden = shared.length > 0;
  const quoted = (label) => /^[\w.-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
  document.getElementById("command").textContent = !first.value ? "" : `inrbench compare ${quoted(first.value)} ${quoted(second.value)}`;
  try { history.replaceState(null, "", `${location.pathname}?${new URLSearchParams({ a: first.value, b: second.value })}`); } catch { /* not allowed for this address */ }
}

const asked = new URLSearchParams(location.search);
const known = [...first.options].map((option) => option.value);
for (const [select, key, usual] of [[first, "a", "msa"], [second, "b", "siren"]]) {
  const wanted = asked.get(key) ?? usual;
  if (known.includes(wanted)) select.value = wanted;
  select.addEventListener("change", show);
}
if (first.value === second.value || !asked.get("b")) { // the usual one, or else the method with which it shares most tables
  const shared = (label) => tables.filter((table) => [first.value, label].every((each) => table.labels.includes(each))).length;
  const others = known.filter((label) => label !== first.value);
  if (first.value === second.value || !shared(second.value)) second.value = others.sort((a, b) => shared(b) - shared(a))[0] ?? second.value;
}
show();
