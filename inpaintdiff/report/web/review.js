"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const make = (tag, text, props) => Object.assign(document.createElement(tag), { textContent: text }, props || {});
let order = [], current = null;
const player = new Player(
  (i) => { $("slider").value = i; $("frame").textContent = `${i + 1} of ${current.frames}`; },
  (text) => { $("problem").textContent = text; });

const value = (clip, method, score) => {
  const v = (clip.scores[method] || {})[score];
  return v === null || v === undefined ? NaN : v === "inf" ? Infinity : v;
};
const shown = (v, score) => Number.isNaN(v) ? "-" : v.toFixed(score.digits);
// "A" sorts by A's own score, "A minus B" by how far A is ahead of B
const measure = (clip, which, score) => {
  const [ours, theirs] = JSON.parse(which);
  return theirs === undefined ? value(clip, ours, score.name) : value(clip, ours, score.name) - value(clip, theirs, score.name);
};
const scoreOf = (name) => data.scores.find((s) => s.name === name);

function arrange() {
  const score = scoreOf($("sort").value), which = $("method").value, sign = score.lower ? -1 : 1;
  const key = (clip) => { const v = measure(clip, which, score); return Number.isNaN(v) ? Infinity : sign * v; };
  order = [...data.videos].sort((a, b) => { const x = key(a), y = key(b); return x < y ? -1 : x > y ? 1 : 0; });
  $("clips").replaceChildren(...order.map((clip) => {
    const b = make("button", "", { type: "button", onclick: () => show(clip) });
    b.append(make("span", clip.name), make("span", shown(measure(clip, which, score), score)));
    b.setAttribute("aria-current", String(clip === current));
    return b;
  }));
}
function around(clip) {
  if ($("region").value === "picture") return [0, 0, 1, 1];
  const [l, t, r, b] = clip.hole, mx = 0.15 * (r - l), my = 0.15 * (b - t);
  return [Math.max(0, l - mx), Math.max(0, t - my), Math.min(1, r + mx), Math.min(1, b + my)];
}
function size(clip) {
  const [l, t, r, b] = around(clip);
  clip.tiles.forEach(([, , w, h], k) => {
    const wide = (r - l) * w, high = (b - t) * h;
    const chosen = Number($("zoom").value) || Math.max(0.25, Math.min(290 / wide, 290 / high));
    const canvas = player.canvases[k];
    canvas.style.width = `${Math.round(wide * chosen)}px`; canvas.style.height = `${Math.round(high * chosen)}px`;
  });
}
function show(clip) {
  current = clip;
  $("name").textContent = clip.name;
  $("slider").max = clip.frames - 1;
  const canvases = [];
  $("tiles").replaceChildren(...clip.labels.map(([label, kind]) => {
    const figure = make("figure", "", { className: kind }), canvas = document.createElement("canvas");
    canvases.push(canvas);
    figure.append(canvas, make("figcaption", label));
    return figure;
  }));
  const table = make("table", ""), head = make("tr", "");
  head.append(make("th", ""), ...data.methods.map((m) => make("th", m)));
  table.append(make("caption", "scores of this video"), head, ...data.scores.map((s) => {
    const row = make("tr", ""), values = data.methods.map((m) => value(clip, m, s.name));
    row.append(make("td", `${s.title} ${s.arrow}`), ...values.map((v) => make("td", shown(v, s))));
    return row;
  }));
  $("clipscores").replaceChildren(table);
  const playing = player.playing;
  player.open(clip, canvases, around(clip)).then(() => { if (playing) start(); });
  size(clip);
  arrange();
}
function start() { player.play(); $("play").textContent = "stop"; }
function stop() { player.stop(); $("play").textContent = "play"; }
function step(n) { stop(); player.seek(player.at + n); }
function neighbour(n) { const at = order.indexOf(current) + n; if (order[at]) { show(order[at]); } }

$("sort").append(...data.scores.map((s) => make("option", s.title, { value: s.name })));
$("sort").value = data.sort;
$("method").append(
  ...data.methods.map((m) => make("option", m, { value: JSON.stringify([m]) })),
  ...data.methods.slice(1).map((m) => make("option", `${data.methods[0]} minus ${m}`, { value: JSON.stringify([data.methods[0], m]) })));
$("zoom").append(make("option", "fit", { value: "" }), ...[1, 2, 3, 4, 6, 8].map((z) => make("option", `${z}x`, { value: z })));
$("sort").onchange = $("method").onchange = () => { arrange(); if (order[0]) show(order[0]); };
$("region").onchange = () => { size(current); player.resize(around(current)); };
$("zoom").onchange = () => size(current);
$("play").onclick = () => (player.playing ? stop() : start());
$("back").onclick = () => step(-1);
$("forth").onclick = () => step(1);
$("slider").oninput = () => { stop(); player.seek(Number($("slider").value)); };
$("speed").onchange = () => { player.speed = Number($("speed").value); };
document.addEventListener("keydown", (e) => {
  if (e.target.tagName === "SELECT" || e.ctrlKey || e.metaKey || e.altKey) return;
  const act = { " ": () => $("play").click(), ArrowLeft: () => step(-1), ArrowRight: () => step(1), j: () => neighbour(1), k: () => neighbour(-1) }[e.key];
  if (act) { e.preventDefault(); act(); }
});
arrange();
if (order[0]) show(order[0]);
