// One line of a benchmark, and how lines are printed. Every figure is a ratio to a yardstick measured in the same run.

/** What was measured, against what. Figures are rates per second, unless `unit` says otherwise. */
export interface Row {
  /** What ours does. */
  what: string;
  /** Our figure: the median of the rounds. */
  ours: number;
  /** What it is compared with. */
  yardstick: string;
  /** The yardstick's figure: the median of the rounds; the figure itself where the yardstick is a fixed one. */
  yardstickRate: number;
  /** Ours to the yardstick's: the median of the rounds' ratios. */
  ratio: number;
  /** What `ratio` shall be: `≥` or `≤`, a number, and `×`. */
  reach: string;
  /** The unit of both figures; nothing for rates. */
  unit?: string;
}

/** How a benchmark is run. */
export interface BenchOptions {
  /** Short rounds: figures that show whether it runs, not what it reaches. */
  quick: boolean;
  /** What takes ten minutes too. */
  long: boolean;
}

/** The options of a command line. */
export function optionsOf(args: readonly string[]): BenchOptions {
  return { quick: args.includes("--quick"), long: args.includes("--long") };
}

/** A row whose yardstick is a fixed figure, which ours must not exceed. */
export function within(what: string, ours: number, limit: number, unit: string): Row {
  return { what, ours, yardstick: `${limit} ${unit}`, yardstickRate: limit, ratio: ours / limit, reach: "≤ 1×", unit };
}

/** A number in three or four digits, with `k` for thousands and `M` for millions. */
function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  return value.toFixed(value >= 100 ? 0 : 2);
}

/** Whether a ratio is what it shall be. Throws for a reach in another form. */
export function isReached({ ratio, reach }: Pick<Row, "ratio" | "reach">): boolean {
  const [, relation, number] = /^([≥≤]) ([\d.]+)×$/.exec(reach) ?? [];
  if (number === undefined) throw new Error(`a reach must look like "≥ 1.2×", not ${JSON.stringify(reach)}`);
  return relation === "≥" ? ratio >= Number(number) : ratio <= Number(number);
}

/** Rows as a Markdown table, without a line break at its end. */
export function rowsAsMarkdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const unit = row.unit === undefined ? "" : ` ${row.unit}`;
    const figures = [`${short(row.ours)}${unit}`, row.yardstick, `${short(row.yardstickRate)}${unit}`, `${row.ratio.toFixed(2)}×`];
    return [row.what, ...figures, row.reach, isReached(row) ? "yes" : "**no**"].map((cell) => cell.replaceAll("|", "\\|"));
  });
  const head = ["what", "ours", "yardstick", "its figure", "ratio", "reach", "reached"];
  return [head, ["---", "---:", "---", "---:", "---:", "---", "---"], ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
