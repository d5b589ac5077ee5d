import { describe, expect, it } from "vitest";
import { fitting, snippetOf, wordsOf } from "./search-text.ts";

describe("wordsOf", () => {
  it("folds case and accents, and takes letters and digits of every script", () => {
    expect(wordsOf("Perché la CITTÀ, e\u0301 l'X-200? Città! Ёлка 日本")).toEqual(
      new Set(["perche", "la", "citta", "e", "l", "x", "200", "елка", "日本"]),
    );
    expect(wordsOf(" ,.-!\u0000 👩‍👩‍👧")).toEqual(new Set());
  });
});

describe("snippetOf", () => {
  it("is the text around the first of the words, marked where it was cut", () => {
    const filler = "x ".repeat(100);
    expect(snippetOf("la Città è bella", new Set(["citta"]))).toBe("la Città è bella");
    expect(snippetOf(`${filler}qui la Città!${filler}`, new Set(["citta", "altro"]))).toMatch(/^… ?(?:x )+qui la Città!(?:x )+x?…$/);
    expect(snippetOf("la città è bella", new Set(["cit"]))).toBeNull();
  });

  it("never begins or ends with half a character", () => {
    for (const before of ["", "x"]) {
      const snippet = snippetOf(`${"👩".repeat(80)}${before} parola x${before}${"👩".repeat(80)}`, new Set(["parola"]))!;
      expect(snippet.isWellFormed()).toBe(true);
      expect(snippet).not.toContain("\ufffd");
    }
  });
});

describe("fitting", () => {
  it("is as much as fits into so many bytes of UTF-8, whole characters only", () => {
    expect(fitting("città", 6)).toEqual({ text: "città", bytes: 6 });
    expect(fitting("città", 5)).toEqual({ text: "citt", bytes: 5 });
    expect(fitting("a👩b", 4)).toEqual({ text: "a", bytes: 4 });
    expect(fitting("abc", 0)).toEqual({ text: "", bytes: 0 });
    expect(fitting("", 0)).toEqual({ text: "", bytes: 0 });
  });
});
