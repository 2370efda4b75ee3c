"use strict";
// Solids: the viewer and the mesh are loaded on request, and all viewers of the page turn together.

const loaded = {};
const load = (source) => loaded[source] ??= new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement("script"), { src: source, onload: resolve, onerror: reject }));
});
let turning = false;
function turnTogether(source) {
  if (turning) return;
  turning = true;
  const orbit = source.getCameraOrbit().toString();
  for (const other of document.querySelectorAll("model-viewer")) {
    if (other === source) continue;
    other.cameraOrbit = orbit;
    other.jumpCameraToGoal();
  }
  turning = false;
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest(".open-mesh");
  if (!button) return;
  button.disabled = true;
  await Promise.all([load(button.dataset.viewer), load(button.dataset.script)]);
  const viewer = document.createElement("model-viewer");
  for (const [name, value] of Object.entries({
    src: window.meshes[button.dataset.mesh], alt: button.dataset.alt, "camera-controls": "", "interaction-prompt": "none",
    "shadow-intensity": "1", exposure: "0.8", "touch-action": "pan-y",
  })) viewer.setAttribute(name, value);
  viewer.addEventListener("camera-change", (change) => { if (change.detail.source === "user-interaction") turnTogether(viewer); });
  button.replaceWith(viewer);
});
