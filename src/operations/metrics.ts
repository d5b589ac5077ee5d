/** The metrics of a server, kept with `prom-client` and shown as Prometheus text. */
import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import { BUCKETS, METRICS, type MetricName, type NameOf } from "./metric-table.ts";
import { processMetrics } from "./process-metrics.ts";

/** The labels of one value. */
export type Labels = Readonly<Record<string, string>>;

/** The value of a gauge. */
export interface Reading {
  readonly name: NameOf<"gauge">;
  readonly labels?: Labels;
  readonly value: number;
}

/** Answers readings when somebody looks. One that fails, or takes longer than a second, is left out that time. */
export type Source = () => Reading[] | Promise<Reading[]>;

/** Metrics. Counting is quick and never throws. */
export interface Metrics {
  count(name: NameOf<"counter">, labels?: Labels): void;
  observe(name: NameOf<"histogram">, labels: Labels, seconds: number): void;
  /** Gauges are read from here whenever the text is made. */
  addSource(source: Source): void;
  /** All metrics as Prometheus text, version 0.0.4. */
  text(): Promise<string>;
  /** Stops what is still to be loaded. Harmless when repeated. */
  close(): void;
}

/** The content type of the text. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Loading the client takes up to 0.3 s, which the first answer does not wait for; what is counted until then is kept. */
const LOAD_AFTER_MS = 2000;
const MOST_EARLY = 20_000;
const PATIENCE_MS = 1000;

type Note = (kept: Kept) => void;

/** The metrics once the client is there. */
interface Kept {
  readonly registry: Registry;
  readonly counters: ReadonlyMap<string, Counter>;
  readonly gauges: ReadonlyMap<string, Gauge>;
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** Histograms with their labels filled in, which is most of what an observation costs. Labels are closed lists, so these are few. */
  readonly filledIn: Map<string, Histogram.Internal<string>>;
}

function observeIn({ histograms, filledIn }: Kept, name: string, labels: Labels, seconds: number): void {
  let key = name;
  for (const label in labels) key += ` ${labels[label]}`;
  let one = filledIn.get(key);
  if (!one) filledIn.set(key, (one = histograms.get(name)!.labels(labels)));
  one.observe(seconds);
}

async function load(): Promise<Kept> {
  const { default: client } = await import("prom-client");
  const registry = new client.Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const { type, help, labels } = METRICS[name];
    const common = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === "counter") counters.set(name, new client.Counter(common));
    else if (type === "gauge") gauges.set(name, new client.Gauge(common));
    else histograms.set(name, new client.Histogram({ ...common, buckets: [...BUCKETS] }));
  }
  return { registry, counters, gauges, histograms, filledIn: new Map() };
}

/** What a source answers; nothing if it fails or is late. */
async function readingsOf(source: Source): Promise<Reading[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reading[]>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, [])));
  try {
    return await Promise.race([Promise.resolve(source()), late]);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}

/** Makes metrics. They keep no process alive. */
export function createMetrics(): Metrics {
  const sources: Source[] = [];
  let early: Note[] = [];
  let kept: Kept | null = null;
  let loading: Promise<Kept> | null = null;
  let showing: Promise<string> | null = null;

  function loaded(): Promise<Kept> {
    return (loading ??= load().then((there) => {
      kept = there;
      for (const note of early) note(there);
      early = [];
      return there;
    }));
  }
  /** Whoever looks is told if that fails; the server goes on without. */
  const loadSoon = (): void => void loaded().catch(() => (early = []));
  const timer = setTimeout(loadSoon, LOAD_AFTER_MS).unref();

  function note(work: Note): void {
    if (kept) return work(kept);
    if (early.length < MOST_EARLY) early.push(work);
    else loadSoon();
  }

  async function show(): Promise<string> {
    const { registry, gauges } = await loaded();
    const readings = await Promise.all(sources.map(readingsOf));
    for (const gauge of gauges.values()) gauge.reset();
    for (const { name, labels, value } of readings.flat()) gauges.get(name)!.set(labels ?? {}, value);
    return `${await registry.metrics()}\n${await processMetrics()}`;
  }

  return {
    count: (name, labels) => note(({ counters }) => counters.get(name)!.inc(labels ?? {})),
    observe: (name, labels, seconds) => note((there) => observeIn(there, name, labels, seconds)),
    addSource: (source) => void sources.push(source),
    text: () => (showing ??= show().finally(() => (showing = null))),
    close: () => clearTimeout(timer),
  };
}
