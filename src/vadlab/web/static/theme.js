// Loaded first, as a plain script: sets the chosen theme before anything is drawn.
"use strict";
(function () {
  let theme = null;
  try { theme = localStorage.getItem("vadlab-theme"); } catch { /* storage may be switched off */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
