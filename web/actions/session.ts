/** Binds hands to an engine and a player: the one place where the page changes the world. */
import { batch } from "@preact/signals";
import { Broken, Engine, Refused } from "../engine/engine";
import { FLIGHT, type Command, type ProducerCard } from "../engine/generated";
import { lang } from "../i18n";
import type { MotionModel } from "../model/motion";
import * as store from "../model/store";
import type { Target } from "../model/target";
import { flightIndex } from "../model/tips";
import type { Hands } from "./hands";
import { Player } from "./player";

export class Session implements Hands {
  private readonly player: Player;
  private streams = new Map<string, Extract<Command, { do: "set_load" }>["load"]>();

  constructor(
    private engine: Engine,
    motion: MotionModel,
    loads: ReadonlyMap<string, Extract<Command, { do: "set_load" }>["load"]>,
  ) {
    this.player = new Player(engine, motion, (e) => this.failed(e));
    for (const [id, load] of loads) this.streams.set(id, load);
    this.player.reset(true);
  }

  /** A command at the cursor. False and a note with the reason if it was refused. */
  act(command: Command): boolean {
    try {
      this.engine.act(command);
    } catch (e) {
      this.failed(e);
      return false;
    }
    store.refusal.value = null;
    this.player.reset(false);
    return true;
  }

  private failed(e: unknown): void {
    if (e instanceof Refused) {
      store.refusal.value = { what: e.card.what, where: e.card.at, nearest: e.card.nearest };
      return;
    }
    store.panic.value = e instanceof Broken ? `${e.message}\n\n${this.lastJournal}` : String(e);
  }

  /** What was commanded up to the last call that worked; a broken engine can not be asked any more. */
  private lastJournal = "";

  private keepJournal(): void {
    try {
      this.lastJournal = this.engine.journal();
    } catch {
      // the report then ends with the journal before
    }
  }

  /** A new engine from the scenario and the journal; the moment before the break. */
  rebuild(): void {
    const at = store.nowUs.peek();
    try {
      this.engine = new Engine(this.engine.source, this.lastJournal);
      store.panic.value = null;
      this.player.use(this.engine);
      this.player.seekUs(Math.max(0, at - 1000));
    } catch (e) {
      store.panic.value = String(e);
    }
  }

  undo(): void {
    try {
      if (this.engine.undo()) this.player.reset(true);
    } catch (e) {
      this.failed(e);
    }
  }

  produce(producer: ProducerCard, key: string, value: string): void {
    const done = this.act({
      do: "produce",
      producer: producer.id,
      topic: producer.topic || (store.scene.peek()?.frame.topics[0]?.name ?? ""),
      record: { key: key === "" ? null : key, value, headers: [], partition: null, timestamp_ms: null },
      count: 1,
      every_ms: 0,
    });
    this.keepJournal();
    if (done && !store.playing.peek()) this.player.play();
  }

  toggleLoad(producer: ProducerCard): void {
    if (producer.every_us !== null) {
      this.act({ do: "set_load", producer: producer.id, load: null });
      return;
    }
    const load = this.streams.get(producer.id) ?? {
      topic: producer.topic || (store.scene.peek()?.frame.topics[0]?.name ?? ""),
      every_ms: 1000,
      keys: ["dia", "jin", "uma"],
      values: ["{n}"],
      from_ms: 0,
    };
    this.act({ do: "set_load", producer: producer.id, load });
  }

  addConsumer(group: string): void {
    const s = store.scene.peek();
    if (!s) return;
    const card = s.frame.groups.find((g) => g.id === group);
    const id = free("c", s.actors);
    this.act({
      do: "start_consumer",
      id,
      group,
      subscribe: s.frame.topics.map((x) => x.name),
      config: { "auto.offset.reset": "earliest", "auto.commit.interval.ms": 2000 },
      app: { processing_ms: Math.round((card?.members[0]?.process_us ?? 100_000) / 1000), poll_timeout_ms: 100, commit: "auto" },
      from_ms: 0,
    });
  }

  addProducer(): void {
    const s = store.scene.peek();
    if (s) this.act({ do: "start_producer", id: free("p", s.actors), config: { acks: "all" }, load: null });
  }

  setProcessing(consumer: string, ms: number): void {
    this.act({ do: "set_processing_time", consumer, processing_ms: ms });
  }

  toggleBroker(id: number): void {
    const b = store.scene.peek()?.frame.brokers.find((x) => x.id === id);
    if (!b) return;
    const off = b.state === "killed" || b.state === "stopped" || b.state === "powered_off";
    this.act(off ? { do: "restart_broker", broker: id } : { do: "kill_broker", broker: id });
  }

  messageCommand(id: number, verb: "hold" | "release" | "delay" | "drop"): void {
    const s = store.scene.peek();
    if (!s) return;
    const i = flightIndex(s, id);
    if (i < 0) return;
    const message = {
      connection: s.flights[i + FLIGHT.connection],
      forward: s.flights[i + FLIGHT.forward] === 1,
      number: s.flights[i + FLIGHT.number],
    };
    if (verb === "delay") this.act({ do: "delay_message", message, by_ms: 100 });
    else this.act({ do: `${verb}_message`, message } as Command);
  }

  play(): void {
    if (store.panic.peek() === null) this.player.play();
  }

  pause(): void {
    this.player.pause();
  }

  step(): void {
    this.player.step();
  }

  stepBack(): void {
    this.player.stepBack();
  }

  toStart(): void {
    this.player.pause();
    this.player.seekUs(0);
  }

  toEnd(): void {
    this.player.pause();
    this.player.seekUs(store.timeline.peek().runUs);
  }

  scrub(us: number): void {
    this.player.pause();
    this.player.seekUs(Math.max(0, us));
  }

  skip(): void {
    this.player.skip();
  }

  goTo(event: number): void {
    this.player.seekEvent(event);
  }

  switchBranch(id: number): void {
    try {
      if (this.engine.switchTo(id)) this.player.reset(true);
    } catch (e) {
      this.failed(e);
    }
  }

  scrollRows(cells: number): void {
    const n = Math.max(0, store.back.peek() + cells);
    store.back.value = n;
    this.player.pull(false, true);
  }

  zoomChanged(): void {
    this.player.pull(true, true);
  }

  toggleLanguage(): void {
    lang.value = lang.value === "ko" ? "en" : "ko";
  }

  toggleTheme(): void {
    const order: store.ThemeChoice[] = ["system", "dark", "light"];
    const now = store.effectiveTheme.peek();
    // The first press must be seen: go to the other one, then through all three.
    store.theme.value = store.theme.peek() === "system" ? (now === "dark" ? "light" : "dark") : order[(order.indexOf(store.theme.peek()) + 1) % 3];
  }

  why(target: Target): void {
    store.select(target);
  }

  /** Full description and causes of what is shown in the inspector. */
  inspect(target: Target | null): void {
    try {
      if (!target) return;
      if (target.kind === "event") {
        batch(() => {
          store.inspected.value = null;
          store.why.value = { causes: this.engine.why(target.id) };
        });
        return;
      }
      const card = this.engine.inspect(target);
      const causes = card?.set_by != null ? this.engine.why(card.set_by) : [];
      batch(() => {
        store.inspected.value = card
          ? { rows: card.rows, life: card.life.map((l) => ({ stage: l.stage, done: l.done, atUs: l.at_us, event: l.event, note: l.note })) }
          : null;
        store.why.value = { causes };
      });
      this.keepJournal();
    } catch (e) {
      this.failed(e);
    }
  }
}

/** The first free name: `c2` beside `c1`. */
function free(letter: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) if (!taken.includes(`${letter}${n}`)) return `${letter}${n}`;
}

