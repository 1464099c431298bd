/**
 * Where everything on the stage stands: pure geometry from a scene, the measured columns and the motion of the moment.
 * Coordinates are CSS pixels of the scene area (broker strip and stage together); nothing here knows a colour.
 */
import { FLIGHT, FLIGHT_KIND, type Frame, type PartitionCard, type ReplicaCard } from "../engine/generated";
import type { Scene } from "../model/scene";
import { gridOf, type Grid, type Zoom } from "./zoom";

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Boxes that the page's own layout decides; measured, then handed in. */
export interface Boxes {
  readonly width: number;
  readonly height: number;
  /** Visible part of the stage, so that what has scrolled away is clipped. */
  readonly clip: Rect;
  /** By place of the partition. */
  readonly blocks: readonly (Rect | undefined)[];
  /** Cards of brokers, controllers, producers and members, by actor name. */
  readonly actors: ReadonlyMap<string, Rect>;
  readonly labelWidth: number;
}

/** Values that glide: made by the motion model, equal to the scene's own when nothing moves. */
export interface Motion {
  hw(place: number, to: number): number;
  followerHw(place: number, broker: number, to: number): number;
  pin(key: string, to: number): number;
  /** 0 … 1 while a cell arrives; 1 afterwards. */
  born(place: number, broker: number, offset: number): number;
  rowShift(place: number, broker: number, row: number): number;
}

export const STILL: Motion = {
  hw: (_p, to) => to,
  followerHw: (_p, _b, to) => to,
  pin: (_k, to) => to,
  born: () => 1,
  rowShift: (_p, _b, row) => row,
};

export interface RowLayout {
  readonly card: ReplicaCard;
  readonly y: number;
  readonly index: number;
}

export interface PinLayout {
  readonly offset: number;
  readonly x: number;
  readonly kind: "committed" | "position" | "both";
  readonly group: string;
  readonly member: string;
  /** Which lane under the rows. */
  readonly lane: number;
  /** Where its words stand: left of the triangle or right of it. */
  readonly side: "left" | "right";
}

export interface BlockLayout extends Rect {
  readonly place: number;
  readonly card: PartitionCard;
  readonly grid: Grid;
  readonly cellX: number;
  readonly slots: number;
  readonly first: number;
  readonly rows: readonly RowLayout[];
  readonly rowsTop: number;
  readonly rowsBottom: number;
  readonly hwX: number;
  readonly lsoX: number | null;
  readonly hwTop: number;
  readonly hwBottom: number;
  readonly pins: readonly PinLayout[];
  readonly pinY: number;
  readonly segmentY: number;
  readonly visible: boolean;
}

export interface FlightLayout {
  readonly index: number;
  readonly id: number;
  readonly kind: number;
  readonly state: number;
  readonly x: number;
  readonly y: number;
  /** 0 … 1 between send and arrival. */
  readonly u: number;
  /** Polyline it travels on: x0,y0,x1,y1,… */
  readonly path: readonly number[];
  readonly place: number;
  readonly key: number;
  readonly records: number;
  readonly firstOffset: number;
  readonly error: number;
}

export interface StageLayout {
  readonly zoom: Zoom;
  readonly blocks: readonly BlockLayout[];
  readonly flights: readonly FlightLayout[];
  readonly clip: Rect;
}

export const HEADER = 30;
export const FLAG_LANE = 27;
export const PIN_LANE = 17;
export const SEGMENT_LANE = 19;

/** Height of a block: header, flags, rows, pins, segment bars. */
export function blockHeight(p: PartitionCard, zoom: Zoom): number {
  const g = gridOf(zoom);
  const n = Math.max(1, p.replicas.length);
  return HEADER + FLAG_LANE + (n - 1) * g.row + g.ch + 4 + pinLanes(p) * PIN_LANE + SEGMENT_LANE;
}

function pinLanes(p: PartitionCard): number {
  const groups = new Set(p.pins.map((x) => x.group));
  return Math.max(1, Math.min(3, groups.size));
}

export function slotsOf(width: number, labelWidth: number, zoom: Zoom): number {
  return Math.max(1, Math.floor((width - labelWidth - 24) / gridOf(zoom).pitch));
}

/** First offset in view: follows the tail with two empty slots ahead, unless the reader scrolled away by `back` cells. */
export function firstOffset(p: PartitionCard, slots: number, back: number): number {
  const end = Math.max(p.leo, ...p.replicas.map((r) => r.leo), 0);
  const tail = Math.max(0, end + 2 - slots);
  return Math.max(0, Math.min(tail, tail - back));
}

export function layoutStage(scene: Scene, boxes: Boxes, zoom: Zoom, back: number, nowUs: number, motion: Motion): StageLayout {
  const blocks: BlockLayout[] = [];
  scene.frame.partitions.forEach((card, place) => {
    const box = boxes.blocks[place];
    if (box) blocks.push(layoutBlock(card, place, box, boxes, zoom, back, motion));
  });
  const at: (BlockLayout | undefined)[] = [];
  for (const b of blocks) at[b.place] = b;
  return { zoom, blocks, flights: layoutFlights(scene, boxes, at, nowUs), clip: boxes.clip };
}

function layoutBlock(
  card: PartitionCard,
  place: number,
  box: Rect,
  boxes: Boxes,
  zoom: Zoom,
  back: number,
  motion: Motion,
): BlockLayout {
  const grid = gridOf(zoom);
  const slots = slotsOf(box.w, boxes.labelWidth, zoom);
  const first = firstOffset(card, slots, back);
  const cellX = Math.round(box.x + boxes.labelWidth);
  const rowsTop = Math.round(box.y + HEADER + FLAG_LANE);
  const rows = card.replicas.map((r, i) => ({
    card: r,
    index: i,
    y: rowsTop + motion.rowShift(place, r.broker, i) * grid.row,
  }));
  const n = Math.max(1, rows.length);
  const rowsBottom = rowsTop + (n - 1) * grid.row + grid.ch;
  const clampX = (offset: number): number => {
    const o = Math.max(first, Math.min(first + slots, offset));
    return cellX + (o - first) * grid.pitch - (grid.pitch - grid.cw) / 2;
  };
  const counting = rows.filter((r) => r.card.counts || r.card.role === "leader");
  const lastCounting = counting.reduce((m, r) => Math.max(m, r.index), 0);
  const pinY = rowsBottom + 4;
  return {
    x: box.x,
    y: box.y,
    w: box.w,
    h: box.h,
    place,
    card,
    grid,
    cellX,
    slots,
    first,
    rows,
    rowsTop,
    rowsBottom,
    hwX: clampX(motion.hw(place, card.hw)),
    lsoX: card.lso < card.hw ? clampX(card.lso) : null,
    hwTop: rowsTop - FLAG_LANE + 4,
    hwBottom: rowsTop + lastCounting * grid.row + grid.ch + 3,
    pins: layoutPins(card, place, first, slots, clampX, motion),
    pinY,
    segmentY: pinY + pinLanes(card) * PIN_LANE,
    visible: box.y + box.h > boxes.clip.y && box.y < boxes.clip.y + boxes.clip.h,
  };
}

function layoutPins(
  card: PartitionCard,
  place: number,
  first: number,
  slots: number,
  xOf: (offset: number) => number,
  motion: Motion,
): PinLayout[] {
  const groups = [...new Set(card.pins.map((p) => p.group))];
  const out: PinLayout[] = [];
  for (const group of groups) {
    const lane = Math.min(2, groups.indexOf(group));
    const committed = card.pins.find((p) => p.group === group && p.kind === "committed");
    const position = card.pins.find((p) => p.group === group && p.kind === "position");
    const add = (kind: PinLayout["kind"], offset: number, member: string, side: PinLayout["side"]): void => {
      if (offset < first || offset > first + slots) return;
      const at = motion.pin(`${place}/${group}/${kind === "both" ? "position" : kind}`, offset);
      out.push({ offset, x: xOf(at), kind, group, member, lane, side });
    };
    if (committed && position && committed.offset === position.offset) {
      const roomLeft = committed.offset - first > slots / 2;
      add("both", committed.offset, position.member || committed.member, roomLeft ? "left" : "right");
      continue;
    }
    if (committed) add("committed", committed.offset, committed.member, committed.offset - first >= 4 || !!position ? "left" : "right");
    if (position) add("position", position.offset, position.member, "right");
  }
  return out;
}

function layoutFlights(scene: Scene, boxes: Boxes, at: readonly (BlockLayout | undefined)[], nowUs: number): FlightLayout[] {
  const out: FlightLayout[] = [];
  const f = scene.flights;
  for (let i = 0; i + FLIGHT.stride <= f.length; i += FLIGHT.stride) {
    const kind = f[i + FLIGHT.kind];
    const sent = f[i + FLIGHT.sentUs];
    const arrives = f[i + FLIGHT.arrivesUs];
    const state = f[i + FLIGHT.state];
    const span = Math.max(1, arrives - sent);
    const u = state === 4 ? 1 : state === 1 || arrives < 0 ? 0.5 : Math.max(0, Math.min(1, (nowUs - sent) / span));
    const block = at[f[i + FLIGHT.place]];
    const from = scene.actors[f[i + FLIGHT.from]];
    const to = scene.actors[f[i + FLIGHT.to]];
    const path = flightPath(kind, block, from, to, f[i + FLIGHT.firstOffset], boxes, scene.frame);
    if (!path) continue;
    const [x, y] = along(path, u);
    out.push({
      index: i / FLIGHT.stride,
      id: f[i + FLIGHT.id],
      kind,
      state,
      x,
      y,
      u,
      path,
      place: f[i + FLIGHT.place],
      key: f[i + FLIGHT.key],
      records: f[i + FLIGHT.records],
      firstOffset: f[i + FLIGHT.firstOffset],
      error: f[i + FLIGHT.error],
    });
  }
  return out;
}

const right = (r: Rect): [number, number] => [r.x + r.w, r.y + Math.min(r.h / 2, 34)];
const left = (r: Rect): [number, number] => [r.x, r.y + Math.min(r.h / 2, 26)];
const bottom = (r: Rect): [number, number] => [r.x + r.w / 2, r.y + r.h];

function slotX(b: BlockLayout, offset: number): number {
  const o = Math.max(b.first, Math.min(b.first + b.slots - 1, offset));
  return b.cellX + (o - b.first) * b.grid.pitch + b.grid.cw / 2;
}

function rowOf(b: BlockLayout, actor: string): RowLayout | undefined {
  return b.rows.find((r) => String(r.card.broker) === actor);
}

function flightPath(
  kind: number,
  b: BlockLayout | undefined,
  from: string,
  to: string,
  offset: number,
  boxes: Boxes,
  frame: Frame,
): number[] | null {
  const a = boxes.actors.get(from);
  const z = boxes.actors.get(to);
  const leader = b && (rowOf(b, String(b.card.leader)) ?? b.rows[0]);
  const mid = (r: RowLayout): number => r.y + (b ? b.grid.ch / 2 : 0);
  switch (kind) {
    case FLIGHT_KIND.produce: {
      const row = b && (rowOf(b, to) ?? leader);
      if (!a || !b || !row) return straight(a, z);
      const [x, y] = right(a);
      const lane = row.y - 11;
      const land = slotX(b, offset < 0 ? b.card.leo : offset);
      const gap = Math.max(20, (b.x - x) * 0.5);
      return [x, y, ...bend(x, y, x + gap * 2, lane), b.x + 12, lane, land - 14, lane, land - 3, lane + 3, land, row.y + b.grid.ch / 2];
    }
    case FLIGHT_KIND.produceAnswer: {
      const row = b && (rowOf(b, from) ?? leader);
      if (!z || !b || !row) return straight(a, z);
      const [x, y0] = right(z);
      const y = Math.min(z.y + z.h - 12, Math.max(y0, mid(row)));
      return [b.x, mid(row), ...bend(b.x, mid(row), x, y)];
    }
    case FLIGHT_KIND.followerFetch:
    case FLIGHT_KIND.followerData: {
      const follower = b && rowOf(b, kind === FLIGHT_KIND.followerFetch ? from : to);
      const lead = b && rowOf(b, kind === FLIGHT_KIND.followerFetch ? to : from);
      if (!b || !follower || !lead) return straight(a, z);
      const x = slotX(b, offset < 0 ? follower.card.leo : offset);
      return kind === FLIGHT_KIND.followerFetch ? [x, mid(follower), x, mid(lead)] : [x, mid(lead), x, mid(follower)];
    }
    case FLIGHT_KIND.consumerFetch:
    case FLIGHT_KIND.consumerData: {
      const member = boxes.actors.get(kind === FLIGHT_KIND.consumerFetch ? from : to);
      const row = b && (rowOf(b, kind === FLIGHT_KIND.consumerFetch ? to : from) ?? leader);
      if (!member || !b || !row) return straight(a, z);
      const [mx, my] = left(member);
      const sx = b.cellX + b.slots * b.grid.pitch;
      const path = [sx, mid(row), b.x + b.w, mid(row), ...bend(b.x + b.w, mid(row), mx, my)];
      return kind === FLIGHT_KIND.consumerData ? path : reversed(path);
    }
    default: {
      if (!a || !z) return null;
      const strip = (name: string): boolean => frame.brokers.some((x) => String(x.id) === name) || frame.controllers.some((c) => String(c.id) === name);
      if (strip(from) && strip(to)) {
        // Between two cards of the strip: a shallow arc under them.
        const [x0, y0] = bottom(a);
        const [x1, y1] = bottom(z);
        const dip = 6 + Math.min(12, Math.abs(x1 - x0) / 40);
        return [x0, y0 - 4, (x0 * 3 + x1) / 4, y0 + dip, (x0 + x1) / 2, y0 + dip + 1, (x0 + x1 * 3) / 4, y1 + dip, x1, y1 - 4];
      }
      return strip(from) ? [...bottom(a), ...bend(...bottom(a), ...topOf(z))] : [...topOf(a), ...bend(...topOf(a), ...bottom(z))];
    }
  }
}

const topOf = (r: Rect): [number, number] => [r.x + r.w / 2, r.y + 4];

function straight(a: Rect | undefined, z: Rect | undefined): number[] | null {
  if (!a || !z) return null;
  return [a.x + a.w / 2, a.y + a.h / 2, z.x + z.w / 2, z.y + z.h / 2];
}

function reversed(path: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = path.length - 2; i >= 0; i -= 2) out.push(path[i], path[i + 1]);
  return out;
}

/** An S-curve from one point to the next, sampled; the first point is not repeated. */
function bend(x0: number, y0: number, x1: number, y1: number): number[] {
  const out: number[] = [];
  const steps = 8;
  for (let i = 1; i <= steps; i++) {
    const t = i / steps;
    const s = t * t * (3 - 2 * t);
    out.push(x0 + (x1 - x0) * t, y0 + (y1 - y0) * s);
  }
  return out;
}

/** The point at share `u` of a polyline's length. */
export function along(path: readonly number[], u: number): [number, number] {
  let total = 0;
  for (let i = 2; i < path.length; i += 2) total += Math.hypot(path[i] - path[i - 2], path[i + 1] - path[i - 1]);
  let want = total * u;
  for (let i = 2; i < path.length; i += 2) {
    const dx = path[i] - path[i - 2];
    const dy = path[i + 1] - path[i - 1];
    const d = Math.hypot(dx, dy);
    if (d >= want && d > 0) return [path[i - 2] + (dx * want) / d, path[i - 1] + (dy * want) / d];
    want -= d;
  }
  return [path[path.length - 2], path[path.length - 1]];
}
