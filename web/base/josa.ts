/**
 * Korean particles after a name that is only known at run time. Digits and Latin letters are judged by how they are
 * read aloud (`3` is 삼, `p1` ends in 일).
 */

/** Pairs of (after a final consonant, after a vowel). */
const PAIRS = {
  "은/는": ["은", "는"],
  "이/가": ["이", "가"],
  "을/를": ["을", "를"],
  "과/와": ["과", "와"],
  "으로/로": ["으로", "로"],
} as const;

export type Josa = keyof typeof PAIRS;

const DIGIT_FINAL = [true, true, false, true, false, false, true, true, true, false]; // 영 일 이 삼 사 오 육 칠 팔 구
const DIGIT_RIEUL = [false, true, false, false, false, false, false, true, true, false]; // 일 칠 팔
const LETTER_FINAL = new Set(["l", "m", "n", "r"]); // 엘 엠 엔 알

function ending(word: string): { final: boolean; rieul: boolean } {
  const ch = [...word].reverse().find((c) => /[\p{L}\p{N}]/u.test(c)) ?? "";
  const code = ch.codePointAt(0) ?? 0;
  if (code >= 0xac00 && code <= 0xd7a3) {
    const jong = (code - 0xac00) % 28;
    return { final: jong !== 0, rieul: jong === 8 };
  }
  if (ch >= "0" && ch <= "9") return { final: DIGIT_FINAL[Number(ch)], rieul: DIGIT_RIEUL[Number(ch)] };
  const low = ch.toLowerCase();
  return { final: LETTER_FINAL.has(low), rieul: low === "l" || low === "r" };
}

/** The particle alone: `josa("브로커 3", "이/가")` is `이`. */
export function josa(word: string | number, pair: Josa): string {
  const { final, rieul } = ending(String(word));
  const [closed, open] = PAIRS[pair];
  if (pair === "으로/로") return final && !rieul ? closed : open;
  return final ? closed : open;
}
