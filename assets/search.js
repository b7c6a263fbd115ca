/* The search page. Served, it asks Pagefind (index: tools/site_search.py); opened from
   a file, where Pagefind cannot run, it starts Sphinx's own search. Either way nothing
   is asked of another host. */
(() => {
  "use strict";
  const SHOWN = 25;
  const SECTIONS = 3;
  // Words that say nothing about the topic; without them more pages fit.
  const EMPTY = new Set(
    ("a an and are be by can could do does for from get how i in is it its me my of on or " +
     "should that the their them there this to use using was what when where which who " +
     "why will with without work works you your").split(" "));
  // The pages are written in British English.
  const AMERICAN =
    /\b((?:de|re|un)?(?:general|initial|maxim|minim|normal|optim|penal|random|regular))iz(\w+)/g;
  const base = new URL(document.documentElement.dataset.content_root || "./", location.href);

  // --- the query, written as the index is ------------------------------------------

  // Each Chinese character is a word of the index.
  const words = (typed) =>
    typed
      .toLowerCase()
      .replace(AMERICAN, "$1is$2")
      .replace(/[\u3400-\u9fff]+/g, (run) => ` ${[...run].join(" ")} `)
      .match(/"[^"]*"|[^\s"]+/g) ?? []; // a phrase in quotes is left as it is

  const telling = (all) => {
    const kept = all.filter((word) => !EMPTY.has(word.replace(/[?!.,]+$/, "")));
    return kept.length > 1 ? kept : all;
  };

  // --- Pagefind --------------------------------------------------------------------

  let loading = null;
  const pagefind = () => {
    loading ??= import(new URL("pagefind/pagefind.js", base)).then(async (found) => {
      await found.options({
        baseUrl: "/",
        excerptLength: 26,
        ranking: {
          pageLength: 0.1, termFrequency: 0.8, termSimilarity: 6,
          metaWeights: { title: 1, kind: 0, place: 0 },
        },
      });
      await found.init();
      return found;
    });
    return loading;
  };

  const score = (part) =>
    part.weighted_locations.reduce((sum, place) => sum + place.balanced_score, 0);

  // Chinese without the spaces that the index has.
  const joined = (text) => {
    let before;
    do {
      before = text;
      text = text
        .replace(/([\u3400-\u9fff](?:<\/mark>)?) (?=(?:<mark>)?[\u3400-\u9fff])/g, "$1")
        .replace(/<\/mark><mark>/g, "");
    } while (text !== before);
    return text;
  };

  // Without the topics of a page, which stand between brackets and are no sentence.
  const LEAST = 40;
  const plain = (text) =>
    text.replace(/⟦[^⟧]*⟧/g, " ").replace(/^[^⟧]*⟧/, "").replace(/⟦.*$/s, "").trim();

  const excerpt = (data, part, title) => {
    const found = plain(part.excerpt);
    if (found.length >= LEAST) return joined(found);
    const start = Math.max(0, data.content.indexOf(title));
    const text = plain(data.content.slice(start)).replace(title, "").replace(/^[.?!\s]+/, "");
    return joined(text.split(/\s+/).slice(0, 26).join(" "));
  };

  // How many different words of the query an excerpt marks.
  const marked = (text) =>
    new Set(text.toLowerCase().match(/(?<=<mark>)[^<]+/g) ?? []).size;

  /* A result as the page shows it: where it leads, what it is, what stands there. The
     sections of a page come with it, the one that fits best first. */
  const shown = async (result) => {
    const data = await result.data();
    const { title, kind, place } = data.meta;
    const parts = data.sub_results
      .filter((part) => part.anchor)
      .map((part) => ({
        address: `${place}#${part.anchor.id}`,
        title: part.title,
        excerpt: excerpt(data, part, part.title),
        words: marked(part.excerpt),
        score: score(part),
      }))
      .sort((one, other) => other.words - one.words || other.score - one.score);
    return { address: place, title, kind, excerpt: excerpt(data, data, title), parts };
  };

  // First every word that tells something; if no page has them all, as many as may be.
  const results = async (found, typed) => {
    const wanted = telling(words(typed));
    const all = await found.search(wanted.join(" "));
    if (all.results.length || wanted.length < 2) return all.results;
    const scores = new Map();
    for (const word of wanted) {
      for (const result of (await found.search(word)).results) {
        const before = scores.get(result.id) ?? { result, hits: 0, score: 0 };
        before.hits += 1;
        before.score += result.score;
        scores.set(result.id, before);
      }
    }
    return [...scores.values()]
      .sort((one, other) => other.hits - one.hits || other.score - one.score)
      .map((entry) => entry.result);
  };

  const search = async (typed, most = SHOWN) => {
    if (!typed.trim()) return { total: 0, list: [] };
    const found = await results(await pagefind(), typed);
    return { total: found.length, list: await Promise.all(found.slice(0, most).map(shown)) };
  };

  // --- the page --------------------------------------------------------------------

  const link = (address, text) => {
    const made = document.createElement("a");
    made.href = new URL(address, base);
    made.textContent = text;
    return made;
  };

  const entry = (result) => {
    const item = document.createElement("li");
    const kind = document.createElement("span");
    kind.className = "actlab-kind";
    kind.textContent = result.kind;
    const head = document.createElement("p");
    head.className = "actlab-found";
    head.append(kind, " ", link(result.address, result.title));
    const excerpt = document.createElement("p");
    const best = result.parts[0];
    excerpt.innerHTML = (best ?? result).excerpt; // from our own index, escaped there
    item.append(head, excerpt);
    if (result.parts.length) {
      const places = document.createElement("p");
      places.className = "actlab-places";
      for (const part of result.parts.slice(0, SECTIONS)) {
        places.append(link(part.address, part.title));
      }
      item.append(places);
    }
    return item;
  };

  const start = () => {
    const field = document.querySelector(".actlab-search input");
    const status = document.getElementById("search-status");
    const place = document.getElementById("search-results");
    let latest = "";

    const show = async () => {
      const typed = field.value;
      latest = typed;
      const { total, list } = await search(typed);
      if (latest !== typed) return; // something newer was typed meanwhile
      const made = document.createElement("ol");
      made.append(...list.map(entry));
      place.replaceChildren(made);
      const more = total > list.length ? `, the first ${list.length} shown` : "";
      const count = total === 1 ? "1 result" : `${total} results`;
      status.textContent = typed.trim() ? count + more : "";
    };

    let waiting = 0;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const address = new URL(location.href);
        address.searchParams.set("q", field.value);
        history.replaceState(null, "", address);
        show();
      }, 150);
    });
    field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      show();
    });
    field.value = new URLSearchParams(location.search).get("q") ?? "";
    field.focus();
    show();
  };

  // --- from a file -----------------------------------------------------------------

  const sphinx = () => {
    const field = document.querySelector(".actlab-search input");
    field.value = new URLSearchParams(location.search).get("q") ?? "";
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; // a file may not read another
    const scripts = ["_static/language_data.js", "_static/searchtools.js", "searchindex.js"];
    for (const name of scripts) {
      const script = document.createElement("script");
      script.src = new URL(name, base);
      script.async = false; // in this order
      document.head.append(script);
    }
  };

  window.actlabSearch = search; // for the table of queries that the tests hold it to
  if (location.protocol === "file:") sphinx();
  else start();
})();
