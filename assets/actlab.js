/* What the site adds to the pages: results that wait for a prediction, solutions that
   wait for an answer, figures that enlarge. Without JavaScript everything is visible.

   Events, sent by the elements of course.exercises on document:
     actlab:reveal    {id}  a prediction was committed, or "show me" was chosen
     actlab:answered  {id}  an exercise was answered
   Browser storage, where it is allowed: actlab.predict.ID, actlab.ask.ID. */
(() => {
  "use strict";
  document.documentElement.classList.add("actlab-js");

  const stored = (key) => {
    try {
      return window.localStorage.getItem(key);
    } catch {
      return null; // storage can be switched off
    }
  };

  const element = (kind, id) =>
    document.getElementById(`actlab-${kind}-${id.replace(".", "-")}`);

  // Elements that remember their answers say so when they wake.
  const settled = { predict: new Set(), ask: new Set() };
  const isOpen = (kind, id) =>
    !element(kind, id) || settled[kind].has(id) || stored(`actlab.${kind}.${id}`) !== null;

  // --- predictions ---------------------------------------------------------------

  const reveal = (id) => {
    settled.predict.add(id);
    document.querySelectorAll(".actlab-reveal").forEach((part) => {
      if (part.dataset.reveal === id) part.classList.remove("actlab-closed");
    });
    document.querySelectorAll(".actlab-waiting").forEach((note) => {
      if (note.dataset.reveal === id) note.remove();
    });
  };

  const waitingNote = (id) => {
    const note = document.createElement("p");
    note.className = "actlab-waiting";
    note.dataset.reveal = id;
    note.append("The result waits for your prediction ");
    const link = document.createElement("a");
    link.textContent = id;
    link.href = "#";
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const target = element("predict", id);
      layOut();
      wake(target);
      target.scrollIntoView({ block: "center" });
      const first = target.querySelector("input, select, button");
      if (first) first.focus({ preventScroll: true });
    });
    note.append(link, ".");
    return note;
  };

  const closeReveals = () => {
    let previous = null;
    document.querySelectorAll(".actlab-reveal").forEach((part) => {
      const id = part.dataset.reveal;
      // With no element to commit on, nothing would ever open it again.
      if (isOpen("predict", id)) return;
      part.classList.add("actlab-closed");
      const follows = part.previousElementSibling === previous && previous !== null;
      if (!(follows && previous.dataset.reveal === id)) part.before(waitingNote(id));
      previous = part;
    });
  };

  document.addEventListener("actlab:reveal", (event) => reveal(event.detail.id));

  // --- solutions -----------------------------------------------------------------

  const openSolution = (id) => {
    settled.ask.add(id);
    document.querySelectorAll("details.actlab-gated").forEach((details) => {
      if (details.dataset.solution !== id) return;
      details.classList.remove("actlab-gated");
      details.querySelectorAll(":scope > .actlab-stuck").forEach((b) => b.remove());
    });
  };

  const gateSolutions = () => {
    document.querySelectorAll("details[data-solution]").forEach((details) => {
      const id = details.dataset.solution;
      if (isOpen("ask", id)) return;
      details.classList.add("actlab-gated");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "actlab-stuck btn btn-sm btn-outline-primary";
      button.textContent = "I am stuck: show the solution";
      button.addEventListener("click", () => {
        openSolution(id);
        details.querySelector("summary").focus();
      });
      details.querySelector("summary").after(button);
    });
  };

  document.addEventListener("actlab:answered", (event) => openSolution(event.detail.id));

  // --- figures -------------------------------------------------------------------

  const enlarge = (image) => {
    const dialog = document.createElement("dialog");
    dialog.className = "actlab-figure";
    dialog.setAttribute("aria-label", "Enlarged figure");
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-sm btn-outline-primary";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    const copy = image.cloneNode();
    copy.addEventListener("click", () => dialog.close());
    dialog.append(close, copy);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  const makeFiguresEnlarge = () => {
    document.querySelectorAll(".cell_output img").forEach((image) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "actlab-enlarge";
      button.title = "Enlarge";
      image.replaceWith(button);
      button.append(image);
      button.addEventListener("click", () => enlarge(image));
    });
  };

  // Do something with one after the other, whenever the browser has nothing else to do.
  const meanwhile = (all, what) => {
    const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 50));
    const left = [...all];
    const next = () => {
      if (!left.length) return;
      what(left.shift());
      idle(next);
    };
    idle(next);
  };

  // --- explorers and exercises start when they come near ------------------------------

  const SLEEPERS = ".actlab-explorer, [data-actlab]";

  const startScript = (waiting) => {
    const script = document.createElement("script");
    script.textContent = waiting.textContent;
    waiting.replaceWith(script);
  };

  const wake = (box) => {
    box.querySelectorAll("script.actlab-later").forEach(startScript);
    if (box.dataset.ready !== "later") return;
    box.removeAttribute("data-ready");
    globalThis.actlabExercises.mount();
  };

  const wakeAll = (kind) => document.querySelectorAll(kind).forEach(wake);

  const wakeOnSight = () => {
    const sight = new IntersectionObserver(
      (entries) => {
        for (const entry of entries.filter((each) => each.isIntersecting)) {
          sight.unobserve(entry.target);
          wake(entry.target);
        }
      },
      { rootMargin: "500px 0px" },
    );
    document.querySelectorAll(SLEEPERS).forEach((box) => {
      if (box.dataset.actlab) box.dataset.ready = "later";
      sight.observe(box);
    });
    // What sleeps cannot be reached by keyboard: who uses one finds all awake. So does,
    // soon after the first scroll, who is led to a box without having it in sight.
    window.addEventListener("keydown", () => wakeAll(SLEEPERS), { once: true, capture: true });
    window.addEventListener("scroll", () => meanwhile(document.querySelectorAll(SLEEPERS), wake),
      { once: true, passive: true });
  };

  // --- sections are laid out when they come near, all once somebody does something -----

  // Who presses a key or a link may be led anywhere: every place must be known by then.
  const layOut = () => document.documentElement.classList.remove("actlab-swift");

  // Who scrolls goes on while the browser does one section after the other.
  const layOutMeanwhile = () =>
    meanwhile(
      document.querySelectorAll(".actlab-swift :is(.actlab-sections > section, .actlab-claim)"),
      (part) => {
        part.style.contentVisibility = "visible";
      },
    );

  window.addEventListener("keydown", layOut, { once: true, capture: true });
  window.addEventListener("scroll", layOutMeanwhile, { once: true, passive: true });
  window.addEventListener("pointerdown", ({ target }) => target.closest?.("a, button") && layOut(),
    { capture: true, passive: true });

  // --- what scrolls sideways can be reached by keyboard ----------------------------

  const SCROLLERS =
    ".cell_output, .cell_output .output, .pst-scrollable-table-container, " +
    "pre, div.math";

  // All widths are asked for before anything is changed: the page is laid out once.
  const markScrollers = (boxes) => {
    const wide = boxes.map(
      (box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight,
    );
    boxes.forEach((box, at) => {
      if (wide[at]) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    });
  };

  // Each when it comes near, and all for who uses the keyboard.
  const markOnSight = () => {
    const boxes = [...document.querySelectorAll(SCROLLERS)];
    const seen = new Set();
    const look = (found) => {
      found.forEach((box) => seen.add(box));
      markScrollers(found);
    };
    const sight = new IntersectionObserver(
      (entries) => {
        const near = entries.filter((each) => each.isIntersecting).map((each) => each.target);
        near.forEach((box) => sight.unobserve(box));
        look(near);
      },
      { rootMargin: "500px 0px" },
    );
    boxes.forEach((box) => sight.observe(box));
    window.addEventListener("keydown", () => look(boxes), { once: true, capture: true });
    window.addEventListener("resize", () => markScrollers([...seen]));
  };

  // --- on paper ----------------------------------------------------------------------

  const UNFOLDED = "article details:not([open]):not(.above-input)";

  const loadFigures = () => {
    document.querySelectorAll("img[loading=lazy]").forEach((image) => {
      image.loading = "eager";
    });
  };

  // Who reads on gets the other figures meanwhile: on paper none may be missing, and
  // printing does not wait for them.
  const loadLater = () => setTimeout(loadFigures, 1500);
  for (const kind of ["scroll", "keydown", "pointerdown"]) {
    window.addEventListener(kind, loadLater, { once: true, passive: true });
  }

  // Hints, solutions and answers go to the end of a printed chapter, where they give
  // nothing away; afterwards each is put back in its place.
  const ANSWERS =
    "#exercises details:not(.above-input), #interview-questions details, " +
    "section:has(> h1) > details:not(.actlab-head)";
  const lent = [];

  const headingOf = (details) => {
    const heading = details.closest("section")?.querySelector(":scope > :is(h2, h3)");
    return heading ? heading.firstChild.textContent : "Ask again";
  };

  const answersAtTheEnd = () => {
    const chapter = document.querySelector("#exercises")?.parentElement;
    if (!chapter || lent.length) return;
    const end = document.createElement("section");
    end.className = "actlab-answers";
    const title = document.createElement("h2");
    title.textContent = "Hints, solutions and answers";
    end.append(title);
    let last = "";
    for (const details of chapter.querySelectorAll(ANSWERS)) {
      const name = headingOf(details);
      if (name !== last) {
        const heading = document.createElement("h3");
        heading.textContent = name;
        end.append(heading);
        last = name;
      }
      const place = document.createElement("p");
      const question = details.querySelector("summary");
      if (!/^(Hint|Solution)/.test(question.textContent)) {
        place.className = "actlab-question";
        place.append(...[...question.childNodes].map((node) => node.cloneNode(true)));
      } else place.hidden = true;
      details.replaceWith(place);
      lent.push([place, details]);
      end.append(details);
    }
    chapter.append(end);
  };

  const answersBack = () => {
    for (const [place, details] of lent.splice(0)) place.replaceWith(details);
    document.querySelector(".actlab-answers")?.remove();
  };

  const unfold = () => {
    wakeAll("[data-actlab]"); // a curve to draw has no picture before
    answersAtTheEnd();
    document.querySelectorAll(UNFOLDED).forEach((details) => {
      details.open = true;
      details.dataset.printed = "";
    });
    loadFigures();
  };

  const foldAgain = () => {
    answersBack();
    document.querySelectorAll("details[data-printed]").forEach((details) => {
      details.open = false;
      delete details.dataset.printed;
    });
  };

  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", foldAgain);

  document.addEventListener("DOMContentLoaded", () => {
    closeReveals();
    document.documentElement.classList.add("actlab-ready");
    gateSolutions();
    makeFiguresEnlarge();
    wakeOnSight();
    document.fonts.ready.then(markOnSight); // formulas have their width by then
  });
})();
