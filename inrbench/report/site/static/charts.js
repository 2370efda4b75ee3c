"use strict";
// Charts, drawn by uPlot when they come into view: names at the lines, one highlight for the whole page, pictures to save.

const charts = [];
const FONT = "12px system-ui, sans-serif";
const LINE_HEIGHT = 13;
const ink = () => isDark() ? "#dddddd" : "#222222";
const gridColour = () => isDark() ? "#3a3a3a" : "#e4e4e4";
const colourOf = (series) => series.colour === "#000000" ? ink() : series.colour;
const textColourOf = (series) => `color-mix(in srgb, ${colourOf(series)} 45%, ${ink()})`; // the colours of lines are too light for text

function tickText(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(value.toPrecision(1) == value ? 0 : 1).replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}

// Keep the ticks of a log axis at whole powers of ten, as many as have room; at 1, 2 and 5 times them on a short axis.
function decades(plot, ticks, number) {
  const length = number === 0 ? plot.bbox.width / 48 : plot.bbox.height / 22;
  const room = Math.max(2, length / devicePixelRatio);
  const digit = (tick) => {
    const lead = tick === null ? NaN : tick / 10 ** Math.floor(Math.log10(tick) + 1e-9);
    return Math.abs(lead - Math.round(lead)) < 1e-6 ? Math.round(lead) : null;
  };
  const power = (tick) => Math.round(Math.log10(tick));
  const powers = ticks.filter((tick) => digit(tick) === 1);
  if (powers.length < 3) return ticks.map((tick) => [1, 2, 5].includes(digit(tick)) ? tick : null);
  const every = Math.ceil(powers.length / room);
  return ticks.map((tick) => digit(tick) === 1 && power(tick) % every === 0 ? tick : null);
}

// Move labels apart: they keep their order, and are at least a line apart if there is room, as near to their lines as possible
// (isotonic regression of the places without the gaps between them, by pooling neighbours).
function spread(places, low, high) {
  if (!places.length) return;
  places.sort((a, b) => a.y - b.y);
  const step = Math.min(LINE_HEIGHT, (high - low) / Math.max(places.length - 1, 1));
  const pools = [];
  places.forEach((place, i) => {
    pools.push({ sum: place.y - i * step, count: 1 });
    while (pools.length > 1) {
      const [before, last] = pools.slice(-2);
      if (before.sum / before.count <= last.sum / last.count) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  });
  const near = pools.flatMap(({ sum, count }) => Array(count).fill(sum / count));
  places.forEach((place, i) => { place.at = Math.min(Math.max(near[i], low), high - (places.length - 1) * step) + i * step; });
}

function labelLines(plot, chart) {
  const { ctx, bbox } = plot, ratio = devicePixelRatio;
  const places = chart.series.map((series, number) => {
    const values = plot.data[number + 1];
    let last = values.length - 1;
    while (last >= 0 && values[last] == null) last -= 1;
    if (last < 0) return null;
    const y = plot.valToPos(values[last], "y", true), x = plot.valToPos(plot.data[0][last], "x", true);
    return Number.isFinite(y) ? { series, number, x, y: Math.min(Math.max(y, bbox.top), bbox.top + bbox.height) } : null;
  }).filter(Boolean);
  places.forEach((place) => { place.y /= ratio; });
  spread(places, bbox.top / ratio, (bbox.top + bbox.height) / ratio);
  ctx.save();
  ctx.font = FONT.replace("12px", `${12 * ratio}px`);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const right = bbox.left + bbox.width;
  for (const { series, number, x, y, at } of places) {
    ctx.globalAlpha = plot.series[number + 1].alpha ?? 1;
    ctx.strokeStyle = ctx.fillStyle = colourOf(series);
    ctx.beginPath();
    ctx.moveTo(Math.min(x, right), y * ratio);
    ctx.lineTo(right + 8 * ratio, at * ratio);
    ctx.lineWidth = 0.7 * ratio;
    ctx.stroke();
    ctx.fillStyle = textColourOf(series);
    ctx.fillText(series.label, right + 11 * ratio, at * ratio);
  }
  ctx.restore();
}

function labelPoints(plot, chart) {
  const { ctx, bbox } = plot, ratio = devicePixelRatio;
  ctx.save();
  if (chart.front?.x.length > 1) {
    ctx.strokeStyle = "#999999";
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    chart.front.x.forEach((x, i) => {
      const at = [plot.valToPos(x, "x", true), plot.valToPos(chart.front.y[i], "y", true)];
      if (i) ctx.lineTo(...at); else ctx.moveTo(...at);
    });
    ctx.stroke();
    ctx.setLineDash([]);
  }
  ctx.font = FONT.replace("12px", `${12 * ratio}px`);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const taken = [];
  chart.series.forEach((series, number) => {
    if (series.x[0] === null || series.y[0] === null) return;
    if ((chart.x.log && series.x[0] <= 0) || (chart.y.log && series.y[0] <= 0)) return;
    const x = plot.valToPos(series.x[0], "x", true), y = plot.valToPos(series.y[0], "y", true);
    const width = ctx.measureText(series.label).width, height = LINE_HEIGHT * ratio;
    const left = x + width + 9 * ratio < bbox.left + bbox.width ? x + 9 * ratio : x - width - 9 * ratio;
    const free = (top) => taken.every((box) => box.left > left + width || box.left + box.width < left || Math.abs(box.top - top) >= height);
    const offsets = [0, 1, -1, 2, -2, 3, -3, 4, -4].map((n) => y + n * height);
    const top = offsets.find((each) => free(each) && each > bbox.top && each < bbox.top + bbox.height) ?? y;
    taken.push({ left, top, width });
    ctx.globalAlpha = plot.series[number + 1].alpha ?? 1;
    ctx.fillStyle = ctx.strokeStyle = colourOf(series);
    if (Math.abs(top - y) > height / 2) {
      ctx.lineWidth = 0.7 * ratio;
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(left < x ? left + width : left, top);
      ctx.stroke();
    }
    ctx.fillStyle = textColourOf(series);
    ctx.fillText(series.label, left, top);
  });
  ctx.restore();
}

function showValue(plot, chart, tip) {
  const number = plot.cursor.idx == null ? -1 : plot.series.findIndex((series, i) => i > 0 && series._focus);
  const value = number > 0 ? plot.data[number][plot.cursor.idx] : null;
  tip.textContent = value == null ? "" : `${chart.series[number - 1].label}: ${tickText(value)} at ${tickText(plot.data[0][plot.cursor.idx])}`;
}

function drawChart(place) {
  const chart = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const points = chart.kind === "points";
  const tables = chart.series.map((series) => [series.x, series.y]);
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = FONT;
  const room = points ? 12 : 16 + Math.max(0, ...chart.series.map((series) => measure.measureText(series.label).width));
  const tip = document.createElement("output");
  tip.className = "chart-value";
  const lines = (own) => ({ stroke: gridColour, width: 1, filter: own.log ? decades : (plot, ticks) => ticks });
  const axis = (own) => ({
    label: own.label, stroke: ink, labelFont: FONT, font: FONT, labelSize: 20,
    grid: lines(own), ticks: lines(own), ...(own.log ? { filter: decades } : {}),
    values: (plot, ticks) => ticks.map(tickText),
  });
  // A range that holds every value, with some room: uPlot's own range of a log scale goes to whole powers of ten.
  const range = (own) => (plot, low, high) => {
    if (low == null || high == null) return [own.log ? 0.1 : 0, 1];
    if (own.log) {
      const share = Math.max((high / low) ** 0.04, 1.05);
      return [low / share, high * share];
    }
    const more = 0.05 * (high - low) || 0.05 * Math.abs(high) || 1;
    return [low - more, high + more];
  };
  const options = {
    width: place.clientWidth, height: place.clientHeight, padding: [10, room, 0, 0], legend: { show: false },
    scales: {
      x: { time: false, distr: chart.x.log ? 3 : 1, range: range(chart.x) },
      y: { distr: chart.y.log ? 3 : 1, range: range(chart.y) },
    },
    axes: [axis(chart.x), { ...axis(chart.y), size: 64 }],
    focus: { alpha: 0.2 },
    cursor: { focus: { prox: 24 }, drag: { x: false, y: false }, points: { show: !points }, x: false, y: false },
    series: [{}, ...chart.series.map((series) => ({
      label: series.label, stroke: () => colourOf(series), width: 2, dash: series.dash, spanGaps: true,
      points: { show: points, size: 10, fill: () => colourOf(series) }, ...(points ? { paths: () => null } : {}),
    }))],
    hooks: {
      draw: [(plot) => (points ? labelPoints : labelLines)(plot, chart)],
      setSeries: [(plot, number) => { if (!highlighting) highlight(number == null ? null : chart.series[number - 1]?.label ?? null, plot); }],
      setCursor: [(plot) => showValue(plot, chart, tip)],
    },
  };
  const drawable = (value, own) => value !== null && (!own.log || value > 0);
  const data = uPlot.join(tables.map(([x, y]) => {
    const kept = x.map((_, i) => i).filter((i) => drawable(x[i], chart.x));
    return [kept.map((i) => x[i]), kept.map((i) => drawable(y[i], chart.y) ? y[i] : null)];
  }));
  const plot = new uPlot(options, data, place);
  place.after(tip);
  place.closest("figure").querySelector("[data-save]")?.removeAttribute("hidden");
  charts.push({ plot, place, chart });
}

// --- one highlight for all charts and tables of the page ---------------------------------------------------------------------
let highlighting = false;
function highlight(label, source) {
  highlighting = true;
  for (const { plot, chart } of charts) {
    if (plot === source) continue;
    const number = chart.series.findIndex((series) => series.label === label);
    plot.setSeries(number < 0 ? null : number + 1, { focus: true }, false);
  }
  for (const row of document.querySelectorAll("tr[data-label]")) row.classList.toggle("highlight", row.dataset.label === label);
  highlighting = false;
}
document.addEventListener("pointerover", (event) => {
  const row = event.target.closest?.("tr[data-label]");
  if (row && charts.length) highlight(row.dataset.label, null);
});
document.addEventListener("pointerout", (event) => {
  if (event.target.closest?.("tr[data-label]") && charts.length) highlight(null, null);
});

// --- saving, the theme, and the width of the window ----------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const name = event.target.dataset?.save;
  if (!name) return;
  const { plot } = charts.find(({ place }) => place.dataset.chart === name);
  const { canvas } = plot.ctx;
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d");
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, copy.width, copy.height);
  context.drawImage(canvas, 0, 0);
  Object.assign(document.createElement("a"), { href: copy.toDataURL("image/png"), download: `${name}.png` }).click();
});
document.addEventListener("themechange", () => charts.forEach(({ plot }) => plot.redraw(false, true)));
new ResizeObserver(() => {
  for (const { plot, place } of charts) {
    if (place.clientWidth && place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
  }
}).observe(document.body);

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); drawChart(entry.target); }
}, { rootMargin: "200px" });
document.querySelectorAll("[data-chart]").forEach((place) => seen.observe(place));
