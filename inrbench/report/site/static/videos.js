"use strict";
// Videos of a page play in step: playing, pausing or seeking one does the same to the others.

const videos = [...document.querySelectorAll("video")];
const expected = new Map(videos.map((video) => [video, new Set()])); // events that this script causes itself

function follow(event) {
  const own = expected.get(event.target);
  if (!own || own.delete(event.type)) return;
  for (const [other, causes] of expected) {
    if (other === event.target) continue;
    causes.add("seeked");
    other.currentTime = event.target.currentTime;
    if (event.type === "play" && other.paused) {
      causes.add("play");
      other.play().catch((error) => { if (error.name !== "AbortError") throw error; }); // paused before it starts: no fault
    }
    if (event.type === "pause" && !other.paused) {
      causes.add("pause");
      other.pause();
    }
  }
}
for (const name of ["play", "pause", "seeked"]) document.addEventListener(name, follow, true);
