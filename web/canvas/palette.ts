/** Colours of the theme in force, read once from the page's tokens; a painter asks by role. */

const ROLES = [
  "bg", "panel", "card", "raised", "hover", "line", "line2", "grid", "t1", "t2", "t3",
  "accent", "accent-t", "accent-g", "on-accent", "hw", "hw-g", "on-hw", "lso", "lso-g", "on-lso",
  "warn", "warn-g", "bad", "bad-g", "kt", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
] as const;

export interface Palette {
  readonly of: (role: string) => string;
  readonly sans: string;
  readonly mono: string;
  /** Key cells have an edge of their own colour mixed into ink (light theme). */
  readonly edged: boolean;
}

export function readPalette(el: Element): Palette {
  const css = getComputedStyle(el);
  const map = new Map<string, string>();
  for (const r of ROLES) map.set(r, css.getPropertyValue(`--${r}`).trim());
  const edged = css.getPropertyValue("--key-edge").trim() !== "0%";
  const ink = map.get("kt") ?? "#000000";
  for (let i = 0; i <= 7; i++) map.set(`e${i}`, mix(map.get(`k${i}`) ?? "#888888", ink, 0.58));
  return {
    of: (role) => map.get(role) ?? role,
    sans: css.getPropertyValue("--sans").trim(),
    mono: css.getPropertyValue("--mono").trim(),
    edged,
  };
}

/** `share` of b mixed into a; both are `#rrggbb`. */
function mix(a: string, b: string, share: number): string {
  const p = (s: string, i: number): number => parseInt(s.slice(1 + i * 2, 3 + i * 2), 16);
  const c = [0, 1, 2].map((i) => Math.round(p(a, i) * (1 - share) + p(b, i) * share).toString(16).padStart(2, "0"));
  return `#${c.join("")}`;
}
