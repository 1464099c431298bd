/** The page's few glyphs, drawn as SVG so that they scale and take the text's colour. */
import type { VNode } from "preact";

const P: Record<string, string> = {
  play: "M5 3.2v9.6l8-4.8z",
  pause: "M4.5 3h2.6v10H4.5zM8.9 3h2.6v10H8.9z",
  step: "M4 3.4v9.2L10.4 8zM11 3.4h1.8v9.2H11z",
  back: "M12 3.4v9.2L5.6 8zM3.2 3.4H5v9.2H3.2z",
  start: "M8 3.6v8.8L2.4 8zM13.6 3.6v8.8L8 8z",
  end: "M8 3.6v8.8L13.6 8zM2.4 3.6v8.8L8 8z",
  crown: "M1.6 12.6h12.8L15 4.8l-3.6 2.9L8 2.6 4.6 7.7 1 4.8z",
};

const LINE: Record<string, string> = {
  power: "M8 2v6M4.6 4.2a5 5 0 1 0 6.8 0",
  plug: "M6 2v3M10 2v3M4.5 5h7v2.5a3.5 3.5 0 0 1-7 0zM8 11v3",
  kill: "M4 4l8 8M12 4l-8 8",
  stop: "M4.5 4.5h7v7h-7z",
  restart: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.6h-2.6",
  wipe: "M3 5h10M6.5 5V3h3v2M4.5 5l.6 8h5.8l.6-8",
  link: "M6.6 9.4 9.4 6.6M7.5 5l1.6-1.6a2.5 2.5 0 0 1 3.5 3.5L11 8.5M8.5 11l-1.6 1.6a2.5 2.5 0 0 1-3.5-3.5L5 7.5",
  cut: "M4.2 4.2l7.4 7.4M4.2 11.8l7.4-7.4M3.6 3.4a1.6 1.6 0 1 1 0 .1M3.6 12.4a1.6 1.6 0 1 1 0 .1",
  slow: "M8 3.5v4.7l3 1.8M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  heal: "M3 8.5l3.2 3.2L13 4.8",
  hand: "M5 8V4.6a1 1 0 0 1 2 0V7m0-.2V3.4a1 1 0 0 1 2 0V7m0-.6a1 1 0 0 1 2 0V10a3.8 3.8 0 0 1-3.8 3.8c-2 0-2.8-.9-4.2-3.4a1 1 0 0 1 1.7-1L5.600 10.600z",
  drop: "M8 2.5v8M4.8 7.6 8 10.8l3.200-3.200M3.500 13.500h9",
  release: "M3 8h9M8.800 4.800 12 8l-3.200 3.200",
  plus: "M8 3v10M3 8h10",
  bolt: "M9 1.800 3.800 9h3.700L7 14.200 12.200 7H8.500z",
  undo: "M5.500 3 2.500 6l3 3M3 6h6.500a3.500 3.500 0 0 1 0 7H6",
  enter: "M13 3.500v4H4.500M7 5 4.300 7.500 7 10",
  x: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.500l3.200 3.200L13 4.800",
  filter: "M2.500 3.500h11L9.300 8.600v4.200l-2.600-1.300V8.600z",
  sun: "M8 1.500v1.600M8 12.900v1.600M1.500 8h1.600M12.900 8h1.600M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M12.600 3.400l-1.100 1.100M4.500 11.500l-1.100 1.100M10.800 8a2.800 2.800 0 1 1-5.600 0 2.800 2.800 0 0 1 5.600 0z",
  moon: "M13.200 9.600A5.600 5.600 0 1 1 6.400 2.800a4.500 4.500 0 0 0 6.800 6.800z",
  auto: "M2.500 3.500h11v7.500h-11zM6 13.500h4",
  dots: "M3.500 8h.01M8 8h.01M12.500 8h.01",
  keys: "M2 4.500h12v7H2zM4.500 7h.01M7 7h.01M9.500 7h.01M12 7h.01M5 9.500h6",
  panel: "M2.500 3h11v10h-11zM10 3v10",
  branch: "M5 3.500v9M5 9.500c0-3 6-1.500 6-5M5 3.500a1 1 0 1 0 .01 0M5 12.500a1 1 0 1 0 .01 0M11 4.500a1 1 0 1 0 .01 0",
  zoomin: "M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM10 10l3.500 3.500M7 5.300v3.400M5.300 7h3.400",
  zoomout: "M7 3a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM10 10l3.500 3.500M5.300 7h3.400",
  snow: "M8 2v12M2.800 5l10.400 6M13.200 5 2.800 11",
};

export function Icon({ name, class: extra }: { name: string; class?: string }): VNode {
  if (name === "crown")
    return (
      <svg class="crown" viewBox="0 0 16 15" aria-hidden="true">
        <path d={P.crown} />
      </svg>
    );
  const solid = P[name];
  return (
    <svg class={`i${solid ? " fill" : ""}${extra ? ` ${extra}` : ""}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={solid ?? LINE[name]} />
    </svg>
  );
}

export function Logo(): VNode {
  const dots = [
    [1, 1.6, "k1"], [1, 6.3, "k1"], [1, 11, "k1"],
    [5.6, 1.6, "k2"], [5.6, 6.3, "k2"], [5.6, 11, "k3"],
  ] as const;
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      {dots.map(([x, y, k]) => (
        <rect key={`${x}/${y}`} x={x} y={y} width="3.4" height="3.4" rx="0.9" fill={`var(--${k})`} />
      ))}
      <rect x="11.4" y="0.8" width="1.6" height="14.4" rx="0.8" fill="var(--hw)" />
    </svg>
  );
}
