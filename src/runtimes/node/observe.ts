/** What a server notices of itself while it runs: for its metrics, and for its alerts. */
import type { LifecycleEvent } from "../../core/head.ts";
import { ConversationError, StoredDataError } from "../../core/errors.ts";
import type { Stores } from "../../core/stores.ts";
import type { AnsweredRequest, RequestWatch } from "../../http/request-watch.ts";
import { createMetrics, type Metrics } from "../../operations/metrics.ts";
import { createRecurrence, type Recurrence } from "../../operations/recurrence.ts";
import { watchedStores } from "../../operations/watched-stores.ts";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";
import type { OpenOptions } from "./open-manager.ts";

/** What is noticed. Nothing here keeps the process alive. */
export interface Observation {
  /** Null: none are kept. */
  readonly metrics: Metrics | null;
  /** Told of every request. */
  readonly requests: RequestWatch;
  /** What should not keep happening. */
  readonly recurring: Readonly<Record<"outbox" | "decrypting" | "limiter", Recurrence>>;
  /** Wraps the engines' stores. */
  readonly wrap: (stores: Stores) => Stores;
  readonly event: (event: Pick<LifecycleEvent, "type">) => void;
  /** Something failed off the request path. */
  readonly failed: (error: unknown, during: string) => void;
  readonly jobFailed: (job: string) => void;
  /** The shared rate limiter did not answer. */
  readonly degraded: () => void;
  readonly close: () => void;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** What is leased and fails comes again after half a minute. */
const OUTBOX_QUIET_MS = 90_000;
const QUIET_MS = 5 * 60_000;

/** Whatever a caller calls his method, there is one label for it. */
const methodLabel = (method: string): string => (METHODS.has(method) ? method : "other");

function requestMetrics(metrics: Metrics): RequestWatch {
  let inFlight = 0;
  metrics.addSource(() => [{ name: "itera_http_requests_in_flight", value: inFlight }]);
  return {
    begun: () => void inFlight++,
    answered({ method, route, status, ms, shed }: AnsweredRequest) {
      inFlight--;
      const labels = { method: methodLabel(method), route: route === "" ? "none" : route };
      metrics.count("itera_http_requests_total", { ...labels, status: String(status) });
      if (shed) metrics.count("itera_http_requests_shed_total");
      if (status === 429) metrics.count("itera_http_requests_rate_limited_total");
      metrics.observe("itera_http_request_duration_seconds", labels, ms / 1000);
    },
  };
}

/** Begins to notice. With `metrics: false` only what alerts need. */
export function observe({ metrics: wanted, encryptionKeys }: Pick<Config, "metrics" | "encryptionKeys">): Observation {
  const encrypted = encryptionKeys !== null && encryptionKeys.length > 0;
  const metrics = wanted ? createMetrics() : null;
  const recurring = {
    outbox: createRecurrence(OUTBOX_QUIET_MS),
    decrypting: createRecurrence(QUIET_MS),
    limiter: createRecurrence(QUIET_MS),
  };
  return {
    metrics,
    requests: metrics ? requestMetrics(metrics) : { begun() {}, answered() {} },
    recurring,
    wrap(stores) {
      if (!metrics) return stores;
      return watchedStores(stores, (port, method, ms, error) => {
        metrics.observe("itera_store_operation_duration_seconds", { port, method }, ms / 1000);
        if (error === undefined) return;
        const code = error instanceof ConversationError ? error.code : "internal";
        metrics.count("itera_store_errors_total", { port, method, code });
      });
    },
    event: ({ type }) => metrics?.count("itera_lifecycle_events_total", { event: type }),
    failed(error, during) {
      if (during === "outbox") recurring.outbox.note();
      if (during === "decrypting" || (encrypted && error instanceof StoredDataError)) recurring.decrypting.note();
    },
    jobFailed(job) {
      metrics?.count("itera_job_failures_total", { task: job });
      if (job === "outbox") recurring.outbox.note();
    },
    degraded() {
      recurring.limiter.note();
      metrics?.count("itera_rate_limiter_degraded_total");
    },
    close: () => metrics?.close(),
  };
}

/** What an opened service tells: to the log, and to the observation. */
export function reporting(observed: Observation, log: Log): Pick<OpenOptions, "onWarning" | "onEvent" | "onError" | "wrap"> {
  return {
    onWarning: (sentence) => log.warn(sentence),
    onEvent(id, event) {
      const { type, details } = event;
      log[type === "updated" ? "debug" : "info"]({ conversation: id, event: type, details }, `[CONVERSATION] ${type.toUpperCase()}`);
      observed.event(event);
    },
    onError(error, during) {
      log.error({ err: error, during }, "failed off the request path");
      observed.failed(error, during);
    },
    wrap: observed.wrap,
  };
}
