// Cases with what is expected and what was got, each a test of its own, and all of them printed as one table at the end.

import { afterAll, describe, expect, it } from "vitest";

/** One case: `expected` and what `got` answers are short texts, such as `401 unauthorized`. */
export interface Case {
  readonly name: string;
  readonly expected: string;
  readonly got: () => Promise<string>;
}

/** Declares the cases of a group, named as in the list of bad inputs that the project promises to refuse. */
export function caseTable(group: string, cases: readonly Case[]): void {
  const rows: string[] = [];
  describe(group, () => {
    it.each(cases.map((each) => [each.name, each] as const))("%s", async (_, { name, expected, got }) => {
      let answer = "no answer";
      try {
        answer = await got();
      } finally {
        rows.push(`| ${group} | ${name} | ${expected} | ${answer} |`);
      }
      expect(answer).toBe(expected);
    });
    afterAll(() => {
      console.info(["| group | case | expected | got |", "| --- | --- | --- | --- |", ...rows].join("\n"));
    });
  });
}
