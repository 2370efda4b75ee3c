// Apply the chosen theme before the page is drawn, if storage can be read.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* a page opened from a file may have no storage */ }
