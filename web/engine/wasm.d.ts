/** What wasm-bindgen makes of `crates/wasm`; declared here so that types are checked before the engine was ever built. */
declare module "*/offsetscope_wasm.js" {
  export class Engine {
    constructor(scenario: string, journal: string);
    free(): void;
    frame(slots: number, back: number): unknown;
    actors(): unknown;
    columns(): Uint32Array;
    now_us(): number;
    event(): number;
    run_us(): number;
    advance(untilUs: number, budget: number): string;
    seek_us(us: number): void;
    seek_event(event: number): void;
    step(stride: string): boolean;
    step_back(stride: string): boolean;
    look_ahead(budget: number): boolean;
    story(version: number, knots: number, marks: number): unknown;
    act(command: string): number;
    undo(): boolean;
    can_undo(): boolean;
    events(from: number, to: number, most: number): unknown;
    why(event: number): unknown;
    inspect(target: string): unknown;
    branches(): unknown;
    switch_to(branch: number): boolean;
    journal(): string;
  }
  export default function init(): Promise<{ memory: WebAssembly.Memory }>;
}
