/**
 * One picture of the cluster as the page holds it: the engine's cards with its packed columns. Columns may be views over
 * the engine's memory, so a scene is read at once and never kept past the next call, unless it was detached.
 */
import type { Frame, PartitionCard } from "../engine/generated";

export interface Cells {
  readonly offset: Float64Array;
  readonly key: Uint32Array;
  readonly flags: Uint32Array;
  readonly epoch: Int32Array;
  readonly batch: Uint32Array;
}

export interface Scene {
  readonly frame: Frame;
  readonly cells: Cells;
  /** FLIGHT.stride numbers a message. */
  readonly flights: Float64Array;
  /** Names by actor index: `b1`, `p1`, `c1`, `101`. */
  readonly actors: readonly string[];
}

export const EMPTY_CELLS: Cells = {
  offset: new Float64Array(),
  key: new Uint32Array(),
  flags: new Uint32Array(),
  epoch: new Int32Array(),
  batch: new Uint32Array(),
};

export function partitionOf(frame: Frame, topic: string, partition: number): PartitionCard | undefined {
  return frame.partitions.find((p) => p.topic === topic && p.partition === partition);
}

/** Colour class of a key: its id runs 1, 2, 3 … in order of first append in the topic; 0 is the null key. */
export interface KeyStyle {
  /** 0 = null key, 1–7 = the palette. */
  readonly colour: number;
  /** Eighth key and on: the same colours, hatched. */
  readonly hatched: boolean;
}

const PALETTE = 7;

export function keyStyle(id: number): KeyStyle {
  if (id === 0) return { colour: 0, hatched: false };
  const i = id - 1;
  return { colour: (i % PALETTE) + 1, hatched: i >= PALETTE };
}
