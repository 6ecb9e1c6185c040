/* What pages gain from script; every one of them works without it. Listeners sit on the document, because htmx replaces parts of pages. */
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const say = (text) => {
    const live = document.getElementById("live");
    live.textContent = "";
    setTimeout(() => { live.textContent = text; }, 50);
  };

  // Copy buttons are hidden until there is script to serve them.
  const ready = () => document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
  addEventListener("DOMContentLoaded", ready);

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = "Copied";
      say("Copied");
    } catch {
      source.closest("details")?.setAttribute("open", "");
      getSelection().selectAllChildren(source);
      label.textContent = "Selected: copy it now";
      say("Selected. Copy it with the keyboard.");
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2500);
  };

  addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);

    // A preset ticks boxes; without script its button asks the server to.
    const preset = event.target.closest("[data-roles]");
    if (preset) {
      event.preventDefault();
      const wanted = new Set(preset.dataset.roles.split(" ").filter(Boolean));
      const boxes = [...preset.form.querySelectorAll("input[name=roles]:not(:disabled)")];
      boxes.filter((box) => wanted.has(box.value)).forEach((box) => {
        box.checked = true;
        box.closest("details")?.setAttribute("open", "");
      });
      pressed(preset.form);
      boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });

  const pressed = (form) => {
    const ticked = new Set([...form.querySelectorAll("input[name=roles]:checked")].map((box) => box.value));
    form.querySelectorAll(".presets [data-roles]").forEach((preset) => {
      preset.setAttribute("aria-pressed", preset.dataset.roles.split(" ").every((value) => ticked.has(value)));
    });
  };

  addEventListener("change", (event) => {
    const box = event.target;
    if (box.name === "roles" && box.form) pressed(box.form);
    if (box.matches("[data-select-all]")) {
      box.closest("table").querySelectorAll("tbody .tick input").forEach((row) => { row.checked = box.checked; });
    } else if (box.matches("tbody .tick input")) {
      const rows = [...box.closest("tbody").querySelectorAll(".tick input")];
      const all = box.closest("table").querySelector("[data-select-all]");
      all.checked = rows.every((row) => row.checked);
      all.indeterminate = !all.checked && rows.some((row) => row.checked);
    }
    box.closest("[data-submit-on-change]")?.requestSubmit();
  });

  // Search forms leave out what is empty, so that addresses stay short.
  addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-lean]")) return;
    [...event.formData.keys()].forEach((name) => { if (!event.formData.get(name)) event.formData.delete(name); });
  });

  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const search = document.getElementById("q");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  });

  // A one-time secret leaves the page with its reader: Back and the browser's page cache find it gone.
  addEventListener("pagehide", () => {
    document.querySelectorAll("[data-secret]").forEach((value) => { value.textContent = value.dataset.secret || "Gone. Generate a new password if it was not stored."; });
    document.querySelectorAll("input[data-secret-input]").forEach((input) => { input.value = ""; });
    document.querySelectorAll("[data-secret-closes]").forEach((part) => part.remove());
  });
  const closing = () => {
    const page = document.querySelector("[data-close-after]");
    if (page) setTimeout(() => location.replace(page.dataset.closeTo), Number(page.dataset.closeAfter) * 1000);
  };
  addEventListener("DOMContentLoaded", closing);

  // A double click must not send a form twice; the server refuses it too.
  addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.target.matches("[data-download]")) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
    setTimeout(() => { delete event.target.dataset.sent; }, 5000);
  });

  // A fragment that was asked for after the session ended comes back as the sign-in page: go there instead of showing it inside the list.
  addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const asked = new URL(requestConfig.path, location.href).pathname;
    const answered = new URL(xhr.responseURL || location.href).pathname;
    if (answered !== asked) { event.detail.shouldSwap = false; location.assign(xhr.responseURL); }
  });
})();
