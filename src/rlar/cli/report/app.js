"use strict";
// Shows the item list and the item pages. Text of strangers reaches the page as text nodes only: never as markup.
(() => {
  const items = JSON.parse(document.getElementById("data").textContent).items;
  const byNumber = new Map(items.map((item) => [String(item.n), item]));
  const overview = document.getElementById("overview");
  const view = document.getElementById("item");
  const KINDS = {
    fault: "faults", fooled: "odd but rewarded", label: "against the label", disagreement: "tools disagree", gap: "no tool", odd: "odd responses",
    outlier: "outliers", flat: "flat groups", slow: "slow", sample: "samples",
  };
  const filter = { kind: "", task: "", text: "" };
  let place = 0; // where the overview was scrolled to when an item was opened

  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "on") made.addEventListener("click", value);
      else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // Text with its hidden characters shown by their codes.
  function reveal(text) {
    const out = document.createDocumentFragment();
    let last = 0;
    for (const match of text.matchAll(HIDDEN)) {
      if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
      out.append(text.slice(last, match.index));
      const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      out.append(el("span", { class: "hid", title: "a character that cannot be seen" }, "U+" + code));
      last = match.index + match[0].length;
    }
    out.append(text.slice(last));
    return out;
  }

  function whole(text) {
    return typeof text === "string" ? text : text.head;
  }

  // Prose in the page's own type, code in a fixed one. White space is kept in both.
  function block(text, task) {
    if (text === "") return el("p", { class: "empty" }, "empty");
    const code = task === "code" || /```|^\s*[[{<]|^(def|class|import|from|SELECT) |[;{]$/m.test(whole(text).slice(0, 4000));
    const kind = { dir: "auto", class: code ? "code" : "prose" };
    if (typeof text === "string") return el("pre", kind, reveal(text));
    const cut = el("span", { class: "cut" }, text.left_out.toLocaleString("en") + " characters left out");
    return el("pre", kind, reveal(text.head), cut, reveal(text.tail));
  }

  function inline(text) {
    return typeof text === "string" ? reveal(text) : reveal(text.head + " … " + text.tail);
  }

  function share(value) {
    return Math.max(0, Math.min(1, value)) * 100;
  }

  function pip(response) {
    const says = response.reward === null ? "no reward" : String(+response.reward.toFixed(3));
    if (response.reward === null) {
      return el("span", { class: response.faults.length ? "pip fault" : "pip none", title: says });
    }
    const fill = el("i");
    fill.style.height = share(response.reward) + "%";
    return el("span", { class: "pip", title: says }, fill);
  }

  function tags(item) {
    return item.tags.map(([kind, why]) => el("span", { class: "tag " + kind }, reveal(why)));
  }

  function chosen() {
    const text = filter.text.toLowerCase();
    return items.filter((item) =>
      (!filter.kind || item.tags.some(([kind]) => kind === filter.kind)) &&
      (!filter.task || item.task.label === filter.task) &&
      (!text || searchable(item).includes(text)));
  }

  function searchable(item) {
    if (item.search === undefined) {
      const texts = [item.id, ...item.prompt.map((turn) => turn.text), ...item.responses.map((r) => r.text)];
      item.search = texts.map(whole).join("\n").toLowerCase();
    }
    return item.search;
  }

  const list = el("ul", { class: "list" });
  const count = el("p", { class: "note" });
  const search = el("input", { type: "search", placeholder: "search prompts, responses, ids", "aria-label": "search" });
  const buttons = [];

  function button(label, field, value) {
    const made = el("button", {
      type: "button",
      on: () => {
        filter[field] = filter[field] === value ? "" : value;
        drawList();
      },
    }, label);
    buttons.push([made, field, value]);
    return made;
  }

  function buildList() {
    const kinds = Object.keys(KINDS).filter((kind) => items.some((item) => item.tags.some(([k]) => k === kind)));
    const tasks = [...new Set(items.map((item) => item.task.label))].sort();
    const filters = el("div", { class: "filters" }, ...kinds.map((kind) => button(KINDS[kind], "kind", kind)));
    const more = el("div", { class: "filters" }, ...tasks.map((task) => button(reveal(task), "task", task)), search);
    search.addEventListener("input", () => {
      filter.text = search.value;
      drawList();
    });
    document.getElementById("items").append(filters, more, list, count);
    drawList();
  }

  function drawList() {
    const now = chosen();
    for (const [made, field, value] of buttons) made.setAttribute("aria-pressed", String(filter[field] === value));
    list.replaceChildren(...now.map((item) => {
      const question = whole(item.prompt[item.prompt.length - 1].text).slice(0, 300).replace(/\s+/g, " ");
      const first = whole(item.known.length ? item.known[0][1] : "").slice(0, 120);
      return el("li", null, el("a", { href: "#item=" + item.n },
        el("span", { class: "line" }, el("span", { class: "q", dir: "auto" }, question
          ? reveal(question)
          : el("span", { class: "empty" }, reveal(first ? "no prompt; " + first : "no prompt"))),
        el("span", { class: "rs" }, ...item.responses.map(pip))),
        el("span", { class: "line" }, el("span", { class: "id" }, reveal(whole(item.id)), " · ", reveal(item.task.label)),
          el("span", { class: "tags" }, ...tags(item).slice(0, 3)))));
    }));
    count.textContent = now.length === items.length ? items.length + " items" : now.length + " of " + items.length + " items";
  }

  function fact(name, ...value) {
    return [el("dt", null, name), el("dd", null, ...value)];
  }

  function drawItem(item) {
    const order = chosen().includes(item) ? chosen() : items;
    const at = order.indexOf(item);
    const go = (to) => () => { location.hash = "item=" + to.n; };
    const before = order[at - 1];
    const after = order[at + 1];
    const nav = el("nav", null,
      el("button", { type: "button", on: close }, "← overview"),
      el("button", { type: "button", disabled: !before, on: before && go(before) }, "previous"),
      el("button", { type: "button", disabled: !after, on: after && go(after) }, "next"),
      el("span", { class: "where" }, (at + 1) + " of " + order.length));
    const checks = item.task.checks.length ? " by " + item.task.checks.join(", ") : "";
    const facts = el("dl", { class: "facts" },
      ...fact("task", reveal(item.task.label + checks), el("span", { class: "small" },
        " " + item.task.language + ", confidence " + item.task.confidence)),
      ...fact("tools", item.parts.length
        ? reveal(item.parts.map((part) => part.tool + (part.role === "correctness" ? "" : " (" + part.role + ")")).join(", "))
        : "none"),
      ...(item.gap === null ? [] : fact("gap", inline(item.gap))),
      ...(item.decision.length ? fact("why", ...item.decision.map((why) => el("div", null, inline(why)))) : []),
      ...fact("from", reveal(item.place)));
    const prompt = item.prompt.map((turn) => el("div", { class: "turn" },
      turn.role ? el("p", { class: "role" }, reveal(turn.role)) : null, block(turn.text, "")));
    const known = item.known.map(([name, text]) => el("div", { class: "turn" }, el("p", { class: "role" }, name), block(text, name === "tests" ? "code" : "")));
    const hiddenOnes = item.total - item.responses.length;
    view.replaceChildren(...[nav,
      el("header", null, el("div", null, el("p", { class: "kicker" }, "item " + item.n),
        el("h1", { dir: "auto" }, inline(item.id)), el("p", { class: "meta" }, ...tags(item)))),
      el("section", null, facts),
      el("section", null, el("h2", null, "Prompt"), ...prompt),
      known.length ? el("section", null, el("h2", null, "What is known of a right answer"), ...known) : null,
      el("section", null,
        el("h2", null, "Responses ", el("span", { class: "small" }, hiddenOnes ? item.responses.length + " of " + item.total + " shown" : "")),
        item.total ? null : el("p", { class: "empty" }, "none"),
        ...item.responses.map((response) => drawResponse(response, item.task.label))),
    ].filter((part) => part !== null));
    document.title = whole(item.id);
  }

  function drawResponse(response, task) {
    const top = el("div", { class: "top" });
    if (response.reward === null) {
      top.append(el("span", { class: "reward none" }, "no reward"));
    } else {
      const fill = el("i");
      fill.style.width = share(response.reward) + "%";
      top.append(el("span", { class: "reward" }, String(+response.reward.toFixed(4))), el("span", { class: "meter" }, fill));
    }
    top.append(el("span", { class: "parts" }, "#" + (response.i + 1)));
    const parts = Object.entries(response.parts);
    if (parts.length > 1) {
      top.append(el("span", { class: "parts" }, reveal(parts.map(([tool, value]) => tool + " " + +value.toFixed(3)).join(" · "))));
    }
    if (response.label !== null) top.append(el("span", { class: "parts" }, "label " + response.label));
    top.append(...response.odd.map((odd) => el("span", { class: "tag odd" }, reveal(odd))));
    return el("article", { class: "response" }, top, block(response.text, task),
      whole(response.why) ? el("p", { class: "why", dir: "auto" }, inline(response.why)) : null,
      ...response.faults.map((fault) => el("p", { class: "why fault", dir: "auto" },
        reveal(fault.tool + ": " + fault.fault + ": "), inline(fault.why))));
  }

  function close() {
    location.hash = "";
  }

  function show() {
    const [name, value] = location.hash.slice(1).split("=");
    const item = name === "item" ? byNumber.get(value) : undefined;
    if (item) {
      if (!overview.hidden) place = scrollY;
      drawItem(item);
      overview.hidden = true;
      view.hidden = false;
      scrollTo(0, 0);
      return;
    }
    const wasOpen = overview.hidden;
    overview.hidden = false;
    view.hidden = true;
    document.title = title;
    if (name === "list" || name === "task") {
      filter.kind = name === "list" ? value : "";
      filter.task = name === "task" ? value : "";
      filter.text = search.value = "";
      drawList();
      document.getElementById("items").scrollIntoView();
    } else if (wasOpen) {
      scrollTo(0, place);
    }
  }

  function theme() {
    const button = document.getElementById("theme");
    const root = document.documentElement;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
    });
  }

  const title = document.title;
  buildList();
  theme();
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (view.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const [, previous, next] = view.querySelectorAll("nav button");
    if (event.key === "Escape") close();
    else if (event.key === "ArrowLeft" && !previous.disabled) previous.click();
    else if (event.key === "ArrowRight" && !next.disabled) next.click();
  });
  show();
})();
