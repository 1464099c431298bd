/** Everything a hand can do, by name. Buttons, keys and menus call these; each becomes a command or moves the view. */
import type { Command, ProducerCard } from "../engine/generated";
import type { Target } from "../model/target";

export interface Hands {
  act(command: Command): boolean;
  undo(): void;
  produce(producer: ProducerCard, key: string, value: string): void;
  toggleLoad(producer: ProducerCard): void;
  addConsumer(group: string): void;
  addProducer(): void;
  setProcessing(consumer: string, ms: number): void;
  toggleBroker(id: number): void;
  messageCommand(id: number, verb: "hold" | "release" | "delay" | "drop"): void;
  play(): void;
  pause(): void;
  step(): void;
  stepBack(): void;
  toStart(): void;
  toEnd(): void;
  scrub(us: number): void;
  skip(): void;
  goTo(event: number): void;
  switchBranch(id: number): void;
  scrollRows(cells: number): void;
  toggleLanguage(): void;
  toggleTheme(): void;
  why(target: Target): void;
  rebuild(): void;
}
