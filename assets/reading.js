/* What helps while reading: previews of where links lead, what this reader has done in the
   side bar, keys, and a link at each heading that opens a filled-in report.

   Nothing is fetched: previews lie in the page (tools/site_reading.py), answers in this
   browser's storage. Without JavaScript the links are links. */
(() => {
  "use strict";
  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const base = new URL(document.documentElement.dataset.content_root || "./", location.href);
  const A = globalThis.actlabExercises;

  // --- previews --------------------------------------------------------------------------

  const data = () => {
    try {
      return JSON.parse(document.getElementById("actlab-previews").textContent);
    } catch {
      return {}; // no link of this page has one
    }
  };

  const previews = () => {
    const known = data();
    const box = make("div", { class: "actlab-preview", id: "actlab-preview", role: "tooltip" });
    box.hidden = true;
    (document.querySelector("main") ?? document.body).append(box);
    let link = null, timer = 0;

    // A formula of this page is shown as it stands there.
    const own = (address) => {
      if (!/^#equation-\d+-\d+$/.test(address)) return null;
      const formula = document.getElementById(address.slice(1))?.cloneNode(true);
      formula?.removeAttribute("id");
      formula?.removeAttribute("tabindex");
      return formula ?? null;
    };

    const filled = (address) => {
      const formula = own(address);
      if (formula) return [formula];
      const found = known[address];
      if (!found) return null;
      const text = make("div");
      text.innerHTML = found[1]; // written by the build
      return [make("strong", {}, found[0]), text];
    };

    const place = () => {
      const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
      const wide = document.documentElement.clientWidth;
      const left = Math.max(8, Math.min(at.left, wide - box.offsetWidth - 8));
      const below = at.bottom + box.offsetHeight + 10 < innerHeight || at.top < box.offsetHeight + 10;
      const top = below ? at.bottom + 4 : at.top - box.offsetHeight - 4;
      const origin = (box.offsetParent ?? document.documentElement).getBoundingClientRect();
      box.style.left = `${left - origin.left}px`;
      box.style.top = `${top - origin.top}px`;
    };

    const close = () => {
      clearTimeout(timer);
      box.hidden = true;
      link?.removeAttribute("aria-describedby");
      link = null;
    };

    const open = (at) => {
      const inside = filled(at.getAttribute("href"));
      if (!inside) return;
      close();
      link = at;
      box.replaceChildren(...inside);
      box.hidden = false;
      place();
      link.setAttribute("aria-describedby", box.id);
    };

    const soon = (work, wait) => {
      clearTimeout(timer);
      timer = setTimeout(work, wait);
    };

    const linkOf = (event) => event.target.closest?.("article.bd-article a[href]");
    document.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const at = linkOf(event);
      if (at && at !== link) soon(() => open(at), 250);
      else if (at || box.contains(event.target)) clearTimeout(timer);
      else soon(close, 200);
    });
    document.addEventListener("focusin", (event) => {
      const at = linkOf(event);
      if (at?.matches(":focus-visible")) open(at);
      else if (!box.contains(event.target)) close();
    });
    document.addEventListener("focusout", (event) => event.target === link && close());
    document.addEventListener("keydown", (event) => event.key === "Escape" && close());
    document.addEventListener("click", (event) => box.contains(event.target) || close());
  };

  // --- what this reader has done -----------------------------------------------------------

  const done = () =>
    (globalThis.actlabCourse ?? []).map(([title, exercises, predictions]) => {
      const kept = exercises.map((id) => A.load(`actlab.ask.${id}`)).filter(Boolean);
      return {
        number: title.match(/\d\d/)?.[0] ?? "",
        of: exercises.length + predictions.length,
        answered: kept.length + predictions.filter((id) => A.load(`actlab.predict.${id}`)).length,
        right: kept.filter((entry) => entry.status === "right").length,
      };
    });

  const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);

  const progress = () => {
    const bar = document.querySelector("#pst-primary-sidebar .sidebar-primary-items__end");
    if (!bar || !A || !globalThis.actlabCourse) return;
    const status = make("p", { role: "status" });
    const code = make("input", { autocomplete: "off", spellcheck: "false" });
    const summary = make("summary", {});
    const told = make("p", {});

    const show = () => {
      const rows = done();
      const answered = sum(rows, "answered");
      summary.textContent = `Your progress: ${answered} of ${sum(rows, "of")}`;
      told.textContent = answered
        ? `Exercises and predictions answered: ${answered}. Exercises right: ${sum(rows, "right")}. Kept in this browser alone.`
        : "What you answer is counted here, and kept in this browser alone.";
      document.querySelectorAll(".actlab-done").forEach((mark) => mark.remove());
      for (const link of document.querySelectorAll("#pst-primary-sidebar .bd-sidenav a")) {
        const row = rows.find((one) => one.number && link.textContent.startsWith(`${one.number} ·`));
        if (!row?.answered) continue;
        const spoken = `, ${row.answered} of ${row.of} answered`;
        link.append(make("span", { class: "actlab-done" },
          make("span", { "aria-hidden": "true" }, `${row.answered}/${row.of}`),
          make("span", { class: "visually-hidden" }, spoken)));
      }
    };

    const exported = async () => {
      code.value = A.exportCode();
      code.select();
      try {
        await navigator.clipboard.writeText(code.value);
        status.textContent = "Copied. Import it in another browser.";
      } catch {
        status.textContent = "This is your code: copy it, and import it elsewhere.";
      }
    };
    let asked = false;
    const erase = () => {
      asked = !asked;
      if (asked) {
        status.textContent = "This removes all answers kept in this browser. Press again to do it.";
        return;
      }
      A.forget();
      show();
      status.textContent = "Erased. Reload the page to start afresh.";
    };
    const form = make("form", {
      onsubmit: (event) => {
        event.preventDefault();
        status.textContent = A.importCode(code.value).text;
        show();
      },
    },
      make("label", {}, "Code ", code),
      make("button", { type: "button", onclick: exported }, "Export"),
      make("button", { type: "submit" }, "Import"),
      make("button", { type: "button", onclick: erase }, "Erase"));
    bar.append(
      make("details", { class: "actlab-mine" }, summary, told, form, status),
      make("button", { type: "button", class: "actlab-keys", onclick: help }, "Keyboard shortcuts"));
    for (const name of ["actlab:answered", "actlab:reveal"]) document.addEventListener(name, show);
    show();
  };

  // --- keys --------------------------------------------------------------------------------

  const OFF = "actlab.keys.off";
  const off = (value) => {
    try {
      if (value !== undefined) localStorage.setItem(OFF, value ? "1" : "");
      return localStorage.getItem(OFF) === "1";
    } catch {
      return false;
    }
  };

  const visit = (address) => location.assign(new URL(address, base));
  const follow = (selector) => document.querySelector(selector)?.click();
  const press = (selector) =>
    [...document.querySelectorAll(selector)].find((one) => one.offsetParent)?.click();

  const search = () => {
    const box = document.getElementById("pst-search-dialog");
    const field = document.querySelector(".actlab-search input") ?? box?.querySelector("input");
    if (box?.contains(field)) box.showModal();
    field?.focus();
  };

  // To the next heading, or to the one before: its address, so that "back" works.
  const heading = (step) => {
    const all = [...document.querySelectorAll("article.bd-article section[id]:not([hidden])")]
      .filter((one) => one.getClientRects().length);
    const edge = 90;
    const tops = all.map((one) => one.getBoundingClientRect().top);
    const at = step > 0
      ? tops.findIndex((top) => top > edge + 8)
      : tops.findLastIndex((top) => top < edge - 60);
    if (all[at]) location.hash = all[at].id;
  };

  const KEYS = [
    ["?", "this list", () => help()],
    ["/", "search", () => search()],
    ["n", "next page", () => follow(".prev-next-area a.right-next")],
    ["p", "previous page", () => follow(".prev-next-area a.left-prev")],
    ["j", "next heading", () => heading(1)],
    ["k", "heading before", () => heading(-1)],
    ["c", "catalogue", () => visit("reference/catalogue.html")],
    ["g", "glossary", () => visit("reference/glossary.html")],
    ["l", "the lab", () => visit("lab.html")],
    ["d", "light, dark or as the system", () => press(".theme-switch-button")],
  ];

  let dialog = null;
  const help = () => {
    if (!dialog) {
      const box = make("input", { type: "checkbox", onchange: () => off(!box.checked) });
      box.checked = !off();
      const rows = KEYS.map(([key, words]) =>
        make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)));
      dialog = make("dialog", { class: "actlab-help", "aria-labelledby": "actlab-help-title" },
        make("h2", { id: "actlab-help-title" }, "Keyboard shortcuts"),
        make("dl", {}, ...rows),
        make("label", {}, box, " Shortcuts are on (the question mark always is)"),
        make("button", { type: "button", onclick: () => dialog.close() }, "Close"));
      document.body.append(dialog);
    }
    dialog.showModal();
  };

  const typing = (target) =>
    target.isContentEditable ||
    target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [role=textbox]");

  const keys = () => {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.isComposing || typing(event.target) || document.querySelector("dialog[open]")) return;
      const entry = KEYS.find(([key]) => key === event.key);
      if (!entry || (off() && entry[0] !== "?")) return;
      event.preventDefault();
      entry[2]();
    }, true); // before Sphinx, which would take the stroke for a field that is hidden
  };

  // --- a report from each heading ----------------------------------------------------------

  const feedback = () => {
    const repository = document.querySelector("meta[name=actlab-repository]")?.content;
    if (!repository) return;
    const page = document.querySelector("meta[name=actlab-page]")?.content;
    for (const link of document.querySelectorAll("article.bd-article :is(h1, h2, h3) > a.headerlink")) {
      const title = [...link.parentElement.childNodes]
        .filter((node) => node !== link)
        .map((node) => node.textContent)
        .join("")
        .trim();
      const address = new URL("issues/new", `${repository}/`);
      const fields = { template: "chapter.yml", title: `${page}: ${title}`, page, heading: title, place: "The site" };
      for (const [key, value] of Object.entries(fields)) address.searchParams.set(key, value);
      link.after(make("a", {
        class: "headerlink actlab-feedback", href: address.href, rel: "noopener",
        title: "Report a mistake here", "aria-label": `Report a mistake in: ${title}`,
      }, "✎"));
    }
  };

  keys();
  document.addEventListener("DOMContentLoaded", () => {
    previews();
    progress();
    feedback();
  });
})();
