// Cases with what is expected and what was got, each a test of its own, and all of them printed as one table at the end.

import { afterAll, describe, expect, it } from "vitest";

/** One case: `expected` and what `got` answers are short texts, such as `401 unauthorized`. */
export interface Case {
  readonly name: string;
  readonly expected: string;
  readonly got: () => Promise<string>;
}

/** Declares the cases of a group, named as in the list of bad inputs that the project promises to refuse. `concurrent`: some of them wait. */
export function caseTable(group: string, cases: readonly Case[], { concurrent = false } = {}): void {
  const rows = new Map<string, string>();
  describe(group, { concurrent }, () => {
    it.each(cases.map((each) => [each.name, each] as const))("%s", async (_, { name, expected, got }) => {
      let answer = "no answer";
      try {
        answer = await got();
      } finally {
        rows.set(name, `| ${group} | ${name} | ${expected} | ${answer} |`);
      }
      expect(answer).toBe(expected);
    });
    afterAll(() => {
      const inOrder = cases.flatMap(({ name }) => rows.get(name) ?? []);
      console.info(["| group | case | expected | got |", "| --- | --- | --- | --- |", ...inOrder].join("\n"));
    });
  });
}
