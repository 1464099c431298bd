/** The page: shell, scene, narration, timeline, inspector; on a phone a sheet in place of the columns. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { t } from "../i18n";
import type { MotionModel } from "../model/motion";
import * as store from "../model/store";
import type { Hands } from "../actions/hands";
import { Groups } from "./groups";
import { Inspector, Ledger, Log, Selected, Why } from "./inspector";
import { Menus, Toasts } from "./menus";
import { Narration } from "./narration";
import { Producers } from "./producers";
import { Stage } from "./stage";
import { Timeline } from "./timeline";
import { TopBar } from "./topbar";

export function App({ hands, motion }: { hands: Hands; motion: MotionModel }): VNode {
  const s = store.scene.value;
  if (!s)
    return (
      <>
        <div class="loading" role="status">
          {t.value.loading}
        </div>
        <Toasts hands={hands} />
      </>
    );
  return (
    <div class={`page${store.inspectorOpen.value ? "" : " no-inspector"}`}>
      <TopBar hands={hands} />
      <main class="main">
        <Stage hands={hands} motion={motion} />
        <Narration />
        {store.narrow.value && <Sheet hands={hands} />}
        <Timeline hands={hands} />
      </main>
      {!store.narrow.value && <Inspector hands={hands} />}
      <Menus hands={hands} />
      <Toasts hands={hands} />
    </div>
  );
}

type Tab = "why" | "producers" | "groups" | "ledger" | "log";
const TABS: readonly Tab[] = ["why", "producers", "groups", "ledger", "log"];
const HEIGHTS = ["low", "mid", "tall"] as const;
const tab = signal<Tab>("why");
const height = signal(0);

function Sheet({ hands }: { hands: Hands }): VNode {
  const w = t.value;
  const frame = store.scene.value?.frame;
  return (
    <section class={`sheet ${HEIGHTS[height.value]}`}>
      <button type="button" class="grip" aria-label={w.sheet.height} onClick={() => (height.value = (height.value + 1) % HEIGHTS.length)} />
      <div class="tabsrow" role="tablist">
        {TABS.map((name) => (
          <button type="button" key={name} role="tab" aria-selected={tab.value === name} onClick={() => (tab.value = name)}>
            {w.sheet[name]}
          </button>
        ))}
      </div>
      <div class="body">
        {frame && tab.value === "why" && (
          <>
            <Selected frame={frame} hands={hands} />
            <Why hands={hands} />
          </>
        )}
        {frame && tab.value === "producers" && <Producers frame={frame} hands={hands} />}
        {frame && tab.value === "groups" && <Groups frame={frame} hands={hands} />}
        {frame && tab.value === "ledger" && <Ledger ledger={frame.ledger} />}
        {tab.value === "log" && <Log hands={hands} />}
      </div>
    </section>
  );
}
