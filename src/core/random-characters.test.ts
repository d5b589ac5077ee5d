import { describe, expect, it, vi } from "vitest";
import { InvalidInputError } from "./errors.ts";
import { randomCharacters } from "./random-characters.ts";
import type { RandomSource } from "./random-characters.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const fair: RandomSource = (bytes) => crypto.getRandomValues(bytes);

describe("random characters", () => {
  /** Pearson's statistic of how often each of the 36 characters occurs; 35 degrees of freedom, above 150 once in 10^15 for a fair source. */
  function chiSquared(text: string): number {
    const expected = text.length / 36;
    return ALPHABET.split("").reduce((sum, character) => sum + (text.split(character).length - 1 - expected) ** 2 / expected, 0);
  }
  const BOUND = 150;

  it("are A–Z and 0–9, every one equally often, at every place: 1.2 million characters", () => {
    const draw = randomCharacters(12, fair);
    const texts = Array.from({ length: 100_000 }, draw);
    expect(texts.join("")).toMatch(/^[A-Z0-9]{1200000}$/);
    expect(chiSquared(texts.join(""))).toBeLessThan(BOUND);
    for (let place = 0; place < 12; place++) {
      expect(chiSquared(texts.map((text) => text.charAt(place)).join(""))).toBeLessThan(BOUND);
    }
  });

  it("would be caught by that bound if they were a byte modulo 36 (the control)", () => {
    const bytes = Array.from({ length: 120 }, () => [...crypto.getRandomValues(new Uint8Array(10_000))]).flat();
    expect(chiSquared(bytes.map((byte) => ALPHABET.charAt(byte % 36)).join(""))).toBeGreaterThan(BOUND * 4);
  });

  it("give each character seven of the 256 bytes, and none to the four that are left", () => {
    const textOf = (byte: number): string => randomCharacters(12, (bytes) => bytes.fill(255).fill(byte, 0, 12))();
    const texts = Array.from({ length: 252 }, (_, byte) => textOf(byte));
    const sevenOfEach = ALPHABET.split("").flatMap((character) => Array.from({ length: 7 }, () => character.repeat(12)));
    expect(texts.sort()).toEqual(sevenOfEach.sort());
    for (const byte of [252, 253, 254, 255]) {
      expect(() => textOf(byte)).toThrow(InvalidInputError);
      expect(() => textOf(byte)).toThrow("random must fill the bytes");
    }
  });

  it("are never too few: a source that leaves one character less than a text needs is refused", () => {
    const draw = randomCharacters(12, (bytes) => bytes.fill(255).fill(0, 0, 11));
    expect(draw).toThrow(InvalidInputError);
  });

  it("take the usable bytes in their order, each once, across many fillings of the pool", () => {
    const given: string[] = [];
    const draw = randomCharacters(12, (bytes) => {
      crypto.getRandomValues(bytes);
      given.push([...bytes].map((byte) => (byte < 252 ? ALPHABET.charAt(byte % 36) : "")).join(""));
    });
    const taken = Array.from({ length: 3_000 }, draw);
    // What is left of a filling, less than one text needs, is thrown away.
    const whole = given.flatMap((text) => text.match(/.{12}/g) ?? []);
    expect(given.length).toBeGreaterThan(2);
    expect(taken).toEqual(whole.slice(0, 3_000));
  });

  it("come out once only when the source fails half way through a filling", () => {
    let failing = false;
    const draw = randomCharacters(12, (bytes) => {
      crypto.getRandomValues(failing ? bytes.subarray(0, bytes.length / 2) : bytes);
      if (failing) throw new Error("no entropy");
    });
    const texts: string[] = [];
    const failures: unknown[] = [];
    for (let i = 0; i < 20_000; i++) {
      failing = i % 3 !== 0;
      try {
        texts.push(draw());
      } catch (error) {
        failures.push(error);
      }
    }
    expect(failures.length).toBeGreaterThan(10);
    expect(failures).toEqual(failures.map(() => new Error("no entropy")));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("ask the source for the first text, not before, and then once for hundreds", () => {
    const random = vi.fn<RandomSource>(fair);
    const draw = randomCharacters(12, random);
    expect(random).not.toHaveBeenCalled();
    for (let i = 0; i < 300; i++) draw();
    expect(random).toHaveBeenCalledTimes(1);
  });
});
