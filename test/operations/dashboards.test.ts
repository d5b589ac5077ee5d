// What is shipped for Prometheus and Grafana, and what is written about metrics and alerts: no more and no less than there is.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ALERTS } from "../../src/operations/alerts.ts";
import { METRICS, type MetricDefinition } from "../../src/operations/metric-table.ts";
import { createMetrics } from "../../src/operations/metrics.ts";
import { WORKER_METRICS } from "../../src/runtimes/worker/metrics.ts";

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const RULES = file("operations/prometheus/alerts.yml");
const DASHBOARD = JSON.parse(file("operations/grafana/itera-conversations.json")) as {
  panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
};
const METRICS_PAGE = file("docs/metrics.md");
const ALERTS_PAGE = file("docs/alerts.md");

/** The names of alerts and their expressions. Folded ones (`>-`) go on over the lines that are indented further. */
const rules = [...RULES.matchAll(/- alert: (\w+)\n(?:\s+#.*\n)*\s+expr: (?:>-\n((?: {10,}.*\n)+)|(.*)\n)/g)].map((match) => ({
  name: match[1]!,
  expr: (match[2] ?? match[3]!).replaceAll(/\s+/g, " "),
}));
const expressions = [
  ...rules.map(({ name, expr }) => [name, expr] as const),
  ...DASHBOARD.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

const FUNCTIONS = new Set(["sum", "max", "min", "by", "rate", "increase", "histogram_quantile"]);
/** What Prometheus adds to every sample of a server, and to buckets. */
const ADDED = ["instance", "le"];

/** All names that a server's text has, with their labels. */
async function existing(): Promise<Map<string, ReadonlySet<string>>> {
  const names = new Map<string, ReadonlySet<string>>();
  for (const [name, { type, labels }] of Object.entries(METRICS) as [string, MetricDefinition][]) {
    const set = new Set([...labels, ...ADDED]);
    for (const suffix of type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]) names.set(name + suffix, set);
  }
  const metrics = createMetrics();
  const text = await metrics.text();
  metrics.close();
  for (const [, name] of text.matchAll(/^((?:process|nodejs)_\w+)/gm)) names.set(name!, new Set(ADDED));
  return names;
}

describe("dashboard and rules", () => {
  it("are read whole", () => {
    expect(rules).toHaveLength([...RULES.matchAll(/- alert:/g)].length);
    expect(rules.length).toBeGreaterThan(10);
    expect(DASHBOARD.panels.length).toBeGreaterThan(20);
  });

  it("name only metrics and labels that exist", async () => {
    const names = await existing();
    for (const [where, expr] of expressions) {
      for (const [, name, matchers] of expr.matchAll(/\b([a-z_]\w*)\{([^}]*)\}/g))
        for (const [, label] of matchers!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g))
          expect(names.get(name!), `${where}: ${name} ${label}`).toContain(label);
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(",").map((label) => label.trim()));
      const plain = expr
        .replaceAll(/\{[^}]*\}/g, "")
        .replaceAll(/\bby \([^)]*\)/g, "")
        .replaceAll(/\[\w+\]/g, "");
      const used = [...plain.matchAll(/\b[a-zA-Z_]\w*/g)].map(([word]) => word).filter((word) => !FUNCTIONS.has(word));
      expect(used, where).not.toEqual([]);
      for (const name of used) expect([...names.keys()], `${where}: ${expr}`).toContain(name);
      for (const label of grouped)
        expect(
          used.some((name) => names.get(name)!.has(label)),
          `${where}: ${label}`,
        ).toBe(true);
    }
  });

  it("together show every metric", () => {
    const all = expressions.map(([, expr]) => expr).join("\n");
    for (const name of Object.keys(METRICS)) expect(all).toContain(name);
  });

  it("show in legends only labels that they group by", () => {
    for (const { title, targets } of DASHBOARD.panels)
      for (const { expr, legendFormat } of targets)
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr, title).toMatch(new RegExp(`by \\([^)]*\\b${label}\\b`));
  });
});

describe("the documentation", () => {
  it("has every metric with its type, labels and meaning, and no other", () => {
    const rows = [...METRICS_PAGE.matchAll(/^\| `(itera_\w+)` \| (counter|gauge|histogram) \| (.*?) \| (.*) \|$/gm)];
    const written = rows.map(([, name, type, labels, help]) => [
      name,
      { type, labels: [...labels!.matchAll(/`(\w+)`/g)].map((match) => match[1]), help },
    ]);
    expect(written).toEqual(Object.entries(METRICS));
    const ofWorkers = [...METRICS_PAGE.matchAll(/^\| `(itera_\w+)` \| (?:–|`day`) \| (.*) \|$/gm)].map(([, name, help]) => [name, help]);
    expect(ofWorkers).toEqual(Object.entries(WORKER_METRICS));
  });

  it("says of every alert what to do, and of no other; Prometheus has those that a metric can show", () => {
    const sections = [...ALERTS_PAGE.matchAll(/^### `(\w+)`\n\n([\s\S]*?)(?=\n### |\n## |$(?![\s\S]))/gm)];
    const described = sections.map((match) => match[1]!);
    for (const [, name, text] of sections) expect(text!.length, name).toBeGreaterThan(80);
    const all = new Set([...Object.keys(ALERTS), ...rules.map(({ name }) => name)]);
    expect(described.toSorted()).toEqual([...all].toSorted());
    const unseen = Object.keys(ALERTS).filter((name) => !rules.some((rule) => rule.name === name));
    expect(unseen).toEqual(["encryption_key_missing"]);
    for (const [name, { severity, summary }] of Object.entries(ALERTS)) {
      const text = sections.find((match) => match[1] === name)![2]!;
      expect([name, text]).toEqual([name, expect.stringContaining(`*${severity}* · ${summary}`)]);
    }
  });
});
