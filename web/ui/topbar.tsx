/** Logo, scene, add, break, undo, language, theme. */
import type { VNode } from "preact";
import { t, lang } from "../i18n";
import { canUndo, inspectorOpen, menu, theme, title } from "../model/store";
import { Icon, Logo } from "./icons";
import type { Hands } from "../actions/hands";

const below = (e: MouseEvent): { x: number; y: number } => {
  const r = (e.currentTarget as HTMLElement).getBoundingClientRect();
  return { x: r.left, y: r.bottom + 6 };
};

export function TopBar({ hands }: { hands: Hands }): VNode {
  const w = t.value;
  const name = lang.value === "ko" ? title.value.ko : title.value.en;
  const themeIcon = theme.value === "system" ? "auto" : theme.value === "dark" ? "moon" : "sun";
  return (
    <header class="topbar">
      <h1 class="brand">
        <Logo />
        <span>{w.app.title}</span>
      </h1>
      <nav class="tabs" aria-label={w.app.title}>
        <span aria-current="page">{w.nav.log}</span>
      </nav>
      <div class="crumbs">
        <span>{w.nav.scene} /</span> <b>{name}</b>
      </div>
      <span class="spring" />
      <button type="button" class="btn" aria-haspopup="menu" onClick={(e) => (menu.value = { kind: "add", ...below(e) })}>
        <Icon name="plus" />
        <span>{w.nav.add}</span>
      </button>
      <button type="button" class="btn" aria-haspopup="menu" onClick={(e) => (menu.value = { kind: "break", ...below(e) })}>
        <Icon name="bolt" class="break" />
        <span>{w.nav.breaks}</span>
      </button>
      <button type="button" class="btn icon" title={w.nav.undo} aria-label={w.nav.undo} disabled={!canUndo.value} onClick={() => hands.undo()}>
        <Icon name="undo" />
      </button>
      <button type="button" class="btn icon wide" title={w.nav.shortcuts} aria-label={w.nav.shortcuts} onClick={(e) => (menu.value = { kind: "shortcuts", ...below(e) })}>
        <Icon name="keys" />
      </button>
      <button type="button" class="btn icon drawer-toggle wide" title={w.inspector.open} aria-label={w.inspector.open} aria-expanded={inspectorOpen.value} onClick={() => (inspectorOpen.value = !inspectorOpen.value)}>
        <Icon name="panel" />
      </button>
      <button type="button" class="lang" title={w.nav.language} onClick={() => hands.toggleLanguage()}>
        {lang.value === "ko" ? (
          <>
            <b>한</b> / EN
          </>
        ) : (
          <>
            <b>EN</b> / 한
          </>
        )}
      </button>
      <button type="button" class="btn icon ghost" title={w.nav.theme[theme.value]} aria-label={w.nav.theme[theme.value]} onClick={() => hands.toggleTheme()}>
        <Icon name={themeIcon} />
      </button>
    </header>
  );
}
