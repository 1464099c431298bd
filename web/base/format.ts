/** Numbers, durations, clocks and bytes as text. Units are Kafka's and SI's; words come from the dictionaries. */

/** Virtual clock: `00:41.409`, hours when there are any. */
export function clock(us: number): string {
  const neg = us < 0;
  const ms = Math.floor(Math.abs(us) / 1000);
  const s = Math.floor(ms / 1000);
  const h = Math.floor(s / 3600);
  const two = (n: number): string => String(n).padStart(2, "0");
  const body = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, "0")}`;
  return (neg ? "−" : "") + (h > 0 ? `${h}:${body}` : body);
}

/** Short clock for lists: `41.408`, `1:02.408`. */
export function stamp(us: number): string {
  const ms = Math.floor(Math.abs(us) / 1000);
  const s = Math.floor(ms / 1000);
  const m = Math.floor(s / 60);
  const frac = String(ms % 1000).padStart(3, "0");
  const body = m > 0 ? `${m}:${String(s % 60).padStart(2, "0")}.${frac}` : `${s}.${frac}`;
  return us < 0 ? `−${body}` : body;
}

/** Axis label: `0:04.20`. */
export function axis(us: number): string {
  const cs = Math.floor(us / 10_000);
  const s = Math.floor(cs / 100);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}.${String(cs % 100).padStart(2, "0")}`;
}

/** A length of time in at most three digits: `38 ms`, `2.9 ms`, `5.1 s`, `4:59.9`, `7 d`. `gap` is put before the unit. */
export function duration(us: number, gap = " "): string {
  const a = Math.max(0, us);
  if (a < 1000) return `${Math.round(a)}${gap}µs`;
  if (a < 10_000) return `${trim(a / 1000, 1)}${gap}ms`;
  if (a < 1_000_000) return `${Math.round(a / 1000)}${gap}ms`;
  if (a < 60_000_000) return `${trim(a / 1e6, 1)}${gap}s`;
  if (a < 3_600_000_000) {
    const tenths = Math.floor(a / 100_000);
    return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
  }
  if (a < 86_400_000_000) return `${trim(a / 3.6e9, 1)}${gap}h`;
  return `${trim(a / 8.64e10, 1)}${gap}d`;
}

/** What is left of a timer: seconds always with one decimal so that a draining number keeps its width. */
export function remaining(us: number): string {
  const tenths = Math.max(0, Math.ceil(us / 100_000));
  if (tenths < 600) return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${trim(n / 1024, 1)} KiB`;
  if (n < 1024 ** 3) return `${trim(n / 1024 ** 2, 1)} MiB`;
  return `${trim(n / 1024 ** 3, 1)} GiB`;
}

/** Thousands grouped: `1,284`; both languages of the page write it so. */
export function count(n: number): string {
  return String(Math.trunc(n)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A segment's file name, shortened as the rows show it: `0000…0006.log`. */
export function segmentName(base: number, full = false): string {
  const digits = String(base).padStart(20, "0");
  return full ? `${digits}.log` : `0000…${digits.slice(16)}.log`;
}

function trim(v: number, decimals: number): string {
  return v.toFixed(decimals).replace(/\.0+$/, "");
}
