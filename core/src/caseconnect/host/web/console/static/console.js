// When something changed, the main part is fetched anew and put in place: focus, open details and what is typed stay.
const told = document.getElementById("told");
let busy = false;
let again = false;

function nameOf(details) {
  const near = details.closest("[id]");
  return (near ? near.id : "") + "|" + (details.querySelector("summary")?.textContent ?? "");
}

function typing() {
  const at = document.activeElement;
  return at && at.closest("#main") && at.matches("input, select, textarea");
}

function placeOf(element, root) {
  const path = [];
  for (let at = element; at && at !== root; at = at.parentElement) {
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  return path;
}

function atPlace(path, root) {
  return path.reduce((at, index) => at?.children[index], root);
}

function lasting(root) {
  const copy = root.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.remove();
  return copy.textContent;
}

async function refresh() {
  if (busy || typing() || document.hidden) {
    again = true;
    return;
  }
  busy = true;
  again = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html", "x-by-itself": "1" }, credentials: "same-origin" });
    if (answer.status === 401 || answer.redirected) {
      told.textContent = "You are signed out. Reload the page to sign in.";
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    const main = document.getElementById("main");
    if (!fresh || typing()) {
      again = true;
      return;
    }
    if (fresh.innerHTML === main.innerHTML) return;
    const news = lasting(fresh) !== lasting(main);
    const open = new Map([...main.querySelectorAll("details")].map((one) => [nameOf(one), one.open]));
    const focus = main.contains(document.activeElement) ? document.activeElement : null;
    const path = focus && focus !== main ? placeOf(focus, main) : null;
    const mark = focus?.id;
    const words = focus?.textContent;
    for (const one of fresh.querySelectorAll("details")) {
      const was = open.get(nameOf(one));
      if (was !== undefined) one.open = was;
    }
    main.replaceChildren(...fresh.childNodes);
    if (path) {
      const same = (mark && document.getElementById(mark)) || atPlace(path, main);
      if (same && same.textContent === words) same.focus({ preventScroll: true });
      else main.focus({ preventScroll: true });
    }
    if (news) told.textContent = "This page was brought up to date.";
  } catch {
    told.textContent = "Connect does not answer.";
  } finally {
    busy = false;
  }
}

if (document.body.dataset.live && window.EventSource) {
  const source = new EventSource(document.body.dataset.live);
  source.addEventListener("changed", refresh);
  const late = () => again && refresh();
  document.addEventListener("visibilitychange", late);
  document.addEventListener("focusout", () => setTimeout(late, 50));
  window.addEventListener("pagehide", () => source.close());
}
