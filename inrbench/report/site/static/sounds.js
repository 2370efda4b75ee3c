"use strict";
// One set of players for all methods: truth, fit and difference of the chosen one. A choice keeps the place, and what plays goes on.

const heard = JSON.parse(document.getElementById("sounds").textContent);
const choice = document.getElementById("sound");
const players = [...document.querySelectorAll("audio[data-sound]")];

// A player that is paused before it starts ends play() with an AbortError, which is no fault.
function unlessPaused(error) { if (error.name !== "AbortError") throw error; }

function listen() {
  for (const player of players) {
    const address = heard.root + heard.sounds[choice.value][player.dataset.sound];
    if (player.getAttribute("src") === address) continue;
    const { currentTime, paused } = player;
    player.src = address;
    player.currentTime = currentTime;
    if (!paused) player.play().catch(unlessPaused);
  }
}
choice.addEventListener("change", listen);

// One sound at a time.
document.addEventListener("play", ({ target }) => { for (const other of players) if (other !== target) other.pause(); }, true);
listen(); // a browser may have kept the choice of an earlier visit
