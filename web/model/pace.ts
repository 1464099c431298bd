/**
 * The monotone map between virtual time and screen time. Knots come from the engine; this only interpolates. On a plateau
 * (a change that is given time to be seen) screen time passes and virtual time stands.
 */
import type { KnotCard } from "../engine/generated";

/** Virtual µs at a place of the screen's clock; beyond the last knot, the last knot's. */
export function virtualAt(knots: readonly KnotCard[], screenMs: number): number {
  if (knots.length === 0) return 0;
  const i = lastWith(knots, (k) => k.screen_ms <= screenMs);
  if (i < 0) return knots[0].at_us;
  const a = knots[i];
  const b = knots[i + 1];
  if (!b) return a.at_us;
  const span = b.screen_ms - a.screen_ms;
  const share = span > 0 ? (screenMs - a.screen_ms) / span : 1;
  return a.at_us + (b.at_us - a.at_us) * share;
}

/** Screen ms of a virtual instant: the end of its plateau, so that playing on does not show it again. */
export function screenAt(knots: readonly KnotCard[], us: number): number {
  if (knots.length === 0) return 0;
  const i = lastWith(knots, (k) => k.at_us <= us);
  if (i < 0) return knots[0].screen_ms;
  const a = knots[i];
  const b = knots[i + 1];
  if (!b || b.at_us <= a.at_us) return a.screen_ms;
  return a.screen_ms + ((us - a.at_us) / (b.at_us - a.at_us)) * (b.screen_ms - a.screen_ms);
}

/** The folded stretch in which a place of the screen's clock lies, in virtual µs. */
export function foldAt(knots: readonly KnotCard[], screenMs: number): number | null {
  const i = lastWith(knots, (k) => k.screen_ms <= screenMs);
  const b = knots[i + 1];
  return i >= 0 && b?.folded ? b.at_us - knots[i].at_us : null;
}

/** Index of the last knot for which `holds`, −1 if none; knots are sorted so that it holds for a prefix. */
function lastWith(knots: readonly KnotCard[], holds: (k: KnotCard) => boolean): number {
  let low = 0;
  let high = knots.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (holds(knots[mid])) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}
