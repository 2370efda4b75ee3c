// Before the page is drawn: the theme that was chosen, if storage may be read at all.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* a page opened from a file may have no storage */ }
