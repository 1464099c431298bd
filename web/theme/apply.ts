/** Keeps the page's theme, language and width in step with the signals. */
import { effect } from "@preact/signals";
import { lang, preferredLang, t, type Lang } from "../i18n";
import * as store from "../model/store";

const KEY = "offsetscope";

interface Kept {
  theme?: store.ThemeChoice;
  lang?: Lang;
}

/** Storage throws in a sandboxed frame: then nothing is remembered. */
function read(): Kept {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

function write(kept: Kept): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // nothing is remembered
  }
}

export function applyPreferences(): void {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const slim = window.matchMedia("(max-width: 759px)");
  const drawer = window.matchMedia("(max-width: 1279px)");
  const sync = (): void => {
    store.systemDark.value = dark.matches;
    store.reducedMotion.value = still.matches;
    store.narrow.value = slim.matches;
  };
  sync();
  for (const m of [dark, still, slim]) m.addEventListener("change", sync);
  store.inspectorOpen.value = !drawer.matches;
  const kept = read();
  const q = new URLSearchParams(location.hash.slice(1));
  const asked = q.get("lang");
  lang.value = asked === "ko" || asked === "en" ? asked : (kept.lang ?? preferredLang(navigator.languages ?? [navigator.language]));
  const theme = q.get("theme");
  store.theme.value = theme === "dark" || theme === "light" ? theme : (kept.theme ?? "system");
  effect(() => {
    document.documentElement.dataset.theme = store.effectiveTheme.value;
  });
  effect(() => {
    document.documentElement.lang = lang.value;
    document.title = `${t.value.app.title} – ${t.value.app.tagline}`;
  });
  effect(() => write({ theme: store.theme.value, lang: lang.value }));
}
