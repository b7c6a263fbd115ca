// A panel that counts what this browser knows and takes in a code from a notebook.
(() => {
  const A = globalThis.actlabExercises;
  if (A.importCode) return;
  const STATUS = /^(right|partial|wrong|predicted|shown)$/;

  A.checksum = (text) => {
    let a = 1, b = 0;
    for (const letter of text) {
      a = (a + letter.charCodeAt(0)) % 65521;
      b = (b + a) % 65521;
    }
    return (b * 65536 + a).toString(16).padStart(8, "0");
  };
  const fine = (row) =>
    Array.isArray(row) && /^[0-9]{1,2}\.[0-9A-Z]{1,3}$/.test(row[0]) && STATUS.test(row[1]);
  const rowsOf = (text) => {
    try {
      const rows = A.decode(text.replace(/-/g, "+").replace(/_/g, "/"));
      return Array.isArray(rows) && rows.every(fine) ? rows : null;
    } catch {
      return null;
    }
  };
  const count = (n) => `${n} answer${n === 1 ? "" : "s"}`;

  // What is kept is newer, or right; an import adds to it and never takes away.
  const added = ([id, status, answer]) => {
    const predicted = /[A-Z]/.test(id);
    const key = `actlab.${predicted ? "predict" : "ask"}.${id}`, before = A.load(key);
    if (predicted) {
      if (before || !answer) return false;
      A.save(key, answer);
      return true;
    }
    if (before && (before.status === "right" || status !== "right")) return false;
    const typed = answer ?? (before ? before.answer : null);
    A.save(key, { answer: typed, status, tries: 1 });
    return true;
  };

  // Takes in what `progress()` printed, all of it or the code. Returns {ok, text}; never
  // throws.
  A.importCode = (code) => {
    const all = String(code).replace(/\s/g, ""), at = all.lastIndexOf("actlab1");
    const [, text, sum, more] = all.slice(at).split(".");
    const no = (reason) => ({ ok: false, text: reason });
    if (at < 0)
      return no("This is not a code from progress(): such a code begins with actlab1.");
    if (!text || more !== undefined || A.checksum(text) !== sum)
      return no("The code is incomplete or changed. Copy all of it, to the last letter.");
    const rows = rowsOf(text);
    if (!rows) return no("The code is whole, but this page cannot read it.");
    const taken = rows.filter(added).length, rest = rows.length - taken;
    A.alive.forEach((restore) => restore());
    const kept = rest ? ` ${count(rest)} left as before.` : "";
    return { ok: true, text: `${count(taken)} imported.${kept}` };
  };

  // What this browser knows as such a code; importCode, here or elsewhere, takes it.
  A.exportCode = () => {
    const keys = [];
    try {
      keys.push(...Object.keys(localStorage));
    } catch {}
    const rows = [];
    for (const key of keys.sort()) {
      const id = /^actlab\.(ask|predict)\.(.+)$/.exec(key), kept = id && A.load(key);
      if (!kept) continue;
      const row = id[1] === "ask" ? [id[2], kept.status, kept.answer ?? null] : [id[2], "predicted", kept];
      if (fine(row)) rows.push(row);
    }
    const bytes = new TextEncoder().encode(JSON.stringify(rows));
    const text = btoa(String.fromCharCode(...bytes))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    return `actlab1.${text}.${A.checksum(text)}`;
  };

  A.kinds.progress = (root, data) => {
    const $ = (query) => root.querySelector(query), reply = $("[role=status]");
    const restore = () => {
      $("ul").replaceChildren();
      data.chapters.forEach(([title, exercises, predictions]) => {
        const kept = exercises.map((id) => A.load("actlab.ask." + id)).filter(Boolean);
        const right = kept.filter((entry) => entry.status === "right").length;
        const made = predictions.filter((id) => A.load("actlab.predict." + id)).length;
        A.put($("ul"), "li", `${title}: ${kept.length} of ${exercises.length} exercises ` +
          `answered, ${right} right; ${made} of ${predictions.length} predictions made.`);
      });
    };
    document.addEventListener("actlab:answered", restore);
    document.addEventListener("actlab:reveal", restore);
    const tell = (text, status) => {
      reply.dataset.status = status || "";
      reply.replaceChildren();
      A.put(reply, status ? "strong" : "span", text);
    };
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const result = A.importCode($("input").value);
      tell(result.text, result.ok ? "right" : "wrong");
    });
    let asked = false;
    $("[data-forget]").addEventListener("click", () => {
      asked = !asked;
      if (asked) return tell("This removes all answers kept in this browser. Press again to do it.");
      A.forget();
      restore();
      tell("Forgotten. Reload the page to start afresh.");
    });
    return restore;
  };
})();
