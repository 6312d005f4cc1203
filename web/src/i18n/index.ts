/** The language of the console: the browser's to begin with, then what was chosen. */

import { createStore, useStore } from "../store.ts";
import { en, type Texts } from "./en.ts";
import { zh } from "./zh.ts";

export type Lang = "en" | "zh";

const TEXTS: Record<Lang, Texts> = { en, zh };
const CHOICE = "reelgate.lang";

/** The first of the browser's languages that we have; English if none. */
export function preferredLang(languages: readonly string[]): Lang {
  for (const tag of languages) {
    const base = tag.toLowerCase().split("-")[0];
    if (base === "zh" || base === "en") return base;
  }
  return "en";
}

export const lang = createStore<Lang>("en");

export function restoreLang(): void {
  const chosen = localStorage.getItem(CHOICE);
  setLang(chosen === "en" || chosen === "zh" ? chosen : preferredLang(navigator.languages));
}

export function switchLang(): void {
  const next = lang.get() === "en" ? "zh" : "en";
  localStorage.setItem(CHOICE, next);
  setLang(next);
}

function setLang(next: Lang): void {
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  lang.set(next);
}

/** The texts of the language in use. */
export function useTexts(): Texts {
  return TEXTS[useStore(lang)];
}
