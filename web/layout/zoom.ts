/** Sizes of the four zoom levels (views.md §1): what a cell is, and how much it carries. */

export type Zoom = "far" | "middle" | "near" | "closest";
export const ZOOMS: readonly Zoom[] = ["far", "middle", "near", "closest"];

export interface Grid {
  readonly cw: number;
  readonly ch: number;
  /** Distance between the left edges of neighbours. */
  readonly pitch: number;
  /** Distance between the tops of neighbouring rows. */
  readonly row: number;
  readonly radius: number;
  /** Offsets are written into cells. */
  readonly offsets: boolean;
  /** Key names are written under offsets. */
  readonly keys: boolean;
  /** Batch borders, leader epoch. */
  readonly batches: boolean;
}

const GRIDS: Record<Zoom, Grid> = {
  far: { cw: 4, ch: 10, pitch: 4, row: 20, radius: 0, offsets: false, keys: false, batches: false },
  middle: { cw: 30, ch: 24, pitch: 33, row: 28, radius: 4, offsets: true, keys: false, batches: false },
  near: { cw: 42, ch: 38, pitch: 45, row: 43, radius: 4, offsets: true, keys: true, batches: false },
  closest: { cw: 68, ch: 56, pitch: 73, row: 64, radius: 5, offsets: true, keys: true, batches: true },
};

export const gridOf = (zoom: Zoom): Grid => GRIDS[zoom];
