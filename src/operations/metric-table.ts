/** Every metric of a server but those of its process: the one table from which metrics, their documentation and its checks are made. */

/** What a metric is. `labels` take values of short closed lists alone: never an ID, an address, a key or anything that was said. */
export interface MetricDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

const counter = (help: string, ...labels: string[]) => ({ type: "counter", help, labels }) as const;
const gauge = (help: string, ...labels: string[]) => ({ type: "gauge", help, labels }) as const;
const histogram = (help: string, ...labels: string[]) => ({ type: "histogram", help, labels }) as const;

/** The metrics by name. Times are seconds, sizes bytes. */
export const METRICS = {
  itera_http_requests_total: counter("Requests that were answered, by the pattern of their route.", "method", "route", "status"),
  itera_http_request_duration_seconds: histogram("From a request's headers to its answer.", "method", "route"),
  itera_http_requests_in_flight: gauge("Requests that are being answered now."),
  itera_http_requests_shed_total: counter("Requests refused because too many were being answered."),
  itera_http_requests_rate_limited_total: counter("Requests refused by a rate limit."),
  itera_rate_limiter_degraded_total: counter("Times that the shared rate limiter was found not to answer; at most one a minute."),
  itera_store_operation_duration_seconds: histogram("Calls of the stores' methods, failed ones included.", "port", "method"),
  itera_store_errors_total: counter("Calls of the stores' methods that failed, by the code of the error.", "port", "method", "code"),
  itera_conversations_live: gauge("Conversations that are active or completed, as the directory knows them."),
  itera_lifecycle_events_total: counter("What happened to conversations on this server.", "event"),
  itera_health_status: gauge("What health found: 0 ok, 1 degraded, 2 down.", "check"),
  itera_job_age_seconds: gauge("Since a job last ended well here, or since the start if it has not yet; for the backup, anywhere.", "task"),
  itera_job_failures_total: counter("Runs of jobs that failed.", "task"),
  itera_clock_paused: gauge("1 while a jump of the clock keeps this from being done.", "work"),
  itera_database_connections: gauge("Connections to PostgreSQL.", "pool", "state"),
  itera_database_waiting: gauge("Statements that wait for a connection to PostgreSQL.", "pool"),
  itera_sqlite_file_bytes: gauge("Size of a database's file, and of its write-ahead log.", "place", "file"),
  itera_sqlite_waiting: gauge("Operations that wait for a worker of SQLite.", "place", "queue"),
  itera_sqlite_oldest_write_seconds: gauge("For how long the oldest write has been waiting.", "place"),
  itera_disk_free_bytes: gauge("What is left where a database's file is.", "place"),
  itera_alerts_firing: gauge("1 while an alert lasts, as this server knows it.", "alert"),
  itera_webhook_attempts_total: counter("Attempts to deliver a webhook: delivered, failed, or given up after the last one.", "outcome"),
  itera_webhook_waiting: gauge("Webhooks that wait to be delivered."),
  itera_webhook_dead_letters: gauge("Webhooks that were given up and are still kept."),
  itera_build_info: gauge("Always 1; the version is in the label.", "version"),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;

/** The names of those of one type. */
export type NameOf<T extends MetricDefinition["type"]> = {
  [N in MetricName]: (typeof METRICS)[N]["type"] extends T ? N : never;
}[MetricName];

/** Upper bounds of the buckets of histograms: from a read on this machine to a request that gives up. */
export const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
