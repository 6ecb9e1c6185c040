/* The boxes that Django's admin draws in place of a long select have no name for screen readers: they get the one of their label. */
"use strict";

// Django's own scripts draw them when the page is ready; what is registered after them runs after them.
window.django?.jQuery?.(() => {
  document.querySelectorAll(".select2-container").forEach((box) => {
    const label = document.querySelector(`label[for="${box.previousElementSibling?.id}"]`);
    if (!label) return;
    const name = label.textContent.replace(/:\s*$/, "");
    box.querySelectorAll(".select2-selection, .select2-selection__rendered, .select2-search__field").forEach((part) => {
      part.removeAttribute("aria-labelledby");
      part.setAttribute("aria-label", name);
    });
  });
});
