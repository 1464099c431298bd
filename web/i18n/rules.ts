/** Sentences of the rule catalogue, made from the crates' `rules.rs` by code generation; none crosses the boundary. */
import { RULES } from "./rules.generated";

export interface RuleText {
  readonly en: string;
  readonly ko: string;
  readonly kip: string;
  readonly source: string;
  readonly configs: readonly string[];
  readonly fidelity: "modelled" | "simplified" | "absent";
}

export const rule = (id: string): RuleText | null => (RULES as Record<string, RuleText>)[id] ?? null;
