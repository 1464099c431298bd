/** The language in force. Everything that shows words reads `t.value`, so that a switch shows at once. */
import { computed, signal } from "@preact/signals";
import { en, type Words } from "./en";
import { ko } from "./ko";

export type Lang = "en" | "ko";

const DICTIONARIES: Record<Lang, Words> = { en, ko };

export const lang = signal<Lang>("en");
export const t = computed<Words>(() => DICTIONARIES[lang.value]);

export function preferredLang(languages: readonly string[]): Lang {
  for (const l of languages) {
    if (l.toLowerCase().startsWith("ko")) return "ko";
    if (l.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export type { Words };
