"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const player = new Player(() => {}, (text) => { $("problem").textContent = text; });
const canvases = ["left", "right"].map((side) => $(side).querySelector("canvas"));
let answers = [], rater = "", since = 0, ready = false;

// so that a page that was closed can be opened again; where that is not allowed, it begins anew
const kept = () => { try { return window.localStorage; } catch { return null; } };
const place = () => `inpaintdiff-study-${data.study}-${rater}`;
function remember() { try { kept()?.setItem(place(), JSON.stringify(answers)); } catch { /* full or forbidden */ } }

function begin() {
  rater = $("rater").value.trim() || "anonymous";
  try { answers = JSON.parse(kept()?.getItem(place()) || "[]"); } catch { answers = []; }
  $("intro").hidden = true;
  next();
}
async function next() {
  ready = false;
  player.stop();
  const k = answers.length;
  $("trial").hidden = k >= data.trials.length;
  $("end").hidden = k < data.trials.length;
  if (k >= data.trials.length) return finish();
  const trial = data.trials[k];
  $("count").textContent = `pair ${k + 1} of ${data.trials.length}`;
  $("undo").disabled = k === 0;
  player.at = 0;
  await player.open(trial, canvases);
  trial.tiles.forEach(([, , w, h], side) => {
    const zoom = Math.max(0.25, Math.min(440 / w, 440 / h));
    canvases[side].style.width = `${Math.round(w * zoom)}px`; canvases[side].style.height = `${Math.round(h * zoom)}px`;
  });
  since = performance.now();
  ready = true;
  player.play();
}
function choose(side) {
  if (!ready) return;
  const trial = data.trials[answers.length];
  answers.push({ trial: trial.trial, side, seconds: Math.round(performance.now() - since) / 1000 });
  remember();
  next();
}
function finish() {
  const text = JSON.stringify({ schema: "inpaintdiff.answers/1", study: data.study, seed: data.seed, rater, answers }, null, 1) + "\n";
  const link = $("save");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `answers-${data.study}-${rater.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.json`;
  link.dataset.answers = text;
}
$("begin").onclick = begin;
$("rater").onkeydown = (e) => { if (e.key === "Enter") begin(); };
for (const side of ["left", "right"]) {
  $(side).onclick = () => choose(side);
  $(side).onkeydown = (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(side); } };
}
$("undo").onclick = () => { answers.pop(); remember(); next(); };
document.addEventListener("keydown", (e) => {
  if ($("trial").hidden || e.repeat || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "ArrowLeft") choose("left");
  if (e.key === "ArrowRight") choose("right");
});
