/** The alerts of a server: what it looks at, and how it is told. */
import { randomUUID } from "node:crypto";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryStores } from "../../adapters/memory/memory-stores.ts";
import { createAlerts, type AlertCheck, type AlertFacts, type AlertKind, type Alerts } from "../../operations/alerts.ts";
import { backupStatus } from "../../operations/backup/backup-status.ts";
import { clockMark } from "../../operations/clock-watch.ts";
import { postWebhook } from "../../operations/post-webhook.ts";
import { createWebhookOutbox, type WebhookOutbox } from "../../operations/webhook-outbox.ts";
import { webhookHeaders } from "../../operations/webhook-signature.ts";
import type { Config } from "./config.ts";
import { startJob } from "./job.ts";
import type { Log } from "./log.ts";
import type { Looked } from "./metric-sources.ts";
import type { Observation } from "./observe.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LOOK_MS = 30_000;
const FIRST_LOOK_MS = 5000;
const STOP_MS = 3000;
const DELIVER_MS = 5000;

const SWEEP_OLD_MS = 15 * MINUTE;
const OUTBOX_OLD_MS = 5 * MINUTE;
const DISK_LEFT = 1024 ** 3;
/** Beside the interval: a backup of much takes a while. */
const BACKUP_GRACE_MS = 2 * HOUR;

/** What is looked at, and told. */
export interface AlertingOptions extends Looked {
  readonly config: Config;
  readonly observed: Observation;
  readonly log: Log;
}

/** The alerts while they run. */
export interface Alerting {
  readonly alerts: Alerts;
  /** Tries now what is due. */
  deliver(): Promise<void>;
  /** Cuts off an attempt that is under way; it is made again by whoever runs next. */
  stop(): Promise<void>;
}

const olderThan = (ms: number, at: number): AlertFacts | null =>
  Date.now() - at > ms ? { minutes: Math.floor((Date.now() - at) / MINUTE) } : null;

function checksOf({ config, service, jobs, health, startedAt, observed }: AlertingOptions, kept: WebhookOutbox | null) {
  const { records } = service.manager.stores;
  const { recurring } = observed;
  const checks: Partial<Record<AlertKind, AlertCheck>> = {
    async store_down() {
      const stores = health.filter(({ name }) => name === "hot" || name === "archive");
      const found = await Promise.all(stores.map(async ({ name, run }) => ((await run().catch(() => "down")) === "down" ? [name] : [])));
      const down = found.flat();
      return down.length > 0 ? { stores: down.join(" ") } : null;
    },
    sweep_stalled: () => olderThan(SWEEP_OLD_MS, jobs.sweep.lastDone() ?? startedAt),
    outbox_stalled: () =>
      olderThan(OUTBOX_OLD_MS, jobs.outbox.lastDone() ?? startedAt) ?? olderThan(OUTBOX_OLD_MS, recurring.outbox.since() ?? Infinity),
    cleanup_stalled: () => olderThan((2 * config.cleanupIntervalHours + 1) * HOUR, jobs.cleanup.lastDone() ?? startedAt),
    encryption_key_missing: () => (recurring.decrypting.since() === null ? null : {}),
    rate_limiter_degraded: () => (recurring.limiter.since() === null ? null : {}),
  };
  if (service.files.length > 0) {
    checks.disk_low = async () => {
      const left = await Promise.all(service.files.map(async (path) => statfs(dirname(path))));
      const least = Math.min(...left.map(({ bavail, bsize }) => bavail * bsize));
      return least < DISK_LEFT ? { mebibytes: Math.floor(least / 1024 ** 2) } : null;
    };
  }
  if (records) {
    checks.clock_jump = async () => {
      const mark = await clockMark(records);
      return mark && { reason: mark.reason, seconds: Math.round(mark.byMs / 1000) };
    };
  }
  if (records && config.backups) {
    const allowed = Math.max(24, config.backupIntervalHours) * HOUR + BACKUP_GRACE_MS;
    checks.backup_overdue = async () => {
      const { good } = await backupStatus(records);
      return olderThan(allowed, good ? Date.parse(good.startedAt) : startedAt);
    };
  }
  if (kept) {
    checks.dead_letters = async () => {
      const { deadToday } = await kept.counts();
      return deadToday > 0 ? { letters: deadToday } : null;
    };
  }
  return checks;
}

/** Starts to look, every half minute, and to deliver. Without a webhook an alert is a line in the log. Nothing keeps the process alive. */
export function startAlerting(options: AlertingOptions): Alerting {
  const { config, service, observed, log } = options;
  const { alertWebhook, alertWebhookSecret, webhookAllowPrivate } = config;
  const { metrics } = observed;
  const stopping = new AbortController();

  async function send(id: string, body: string): Promise<void> {
    const headers = webhookHeaders(alertWebhookSecret!, id, Date.now(), body);
    await postWebhook(alertWebhook!, headers, body, { allowPrivate: webhookAllowPrivate, signal: stopping.signal });
  }
  const outbox = (records: Parameters<typeof createWebhookOutbox>[0]["records"]): WebhookOutbox =>
    createWebhookOutbox({
      records,
      send,
      onAttempt(outcome, webhook, error) {
        metrics?.count("itera_webhook_attempts_total", { outcome });
        const reason = error instanceof Error ? error.message : undefined;
        log[outcome === "delivered" ? "info" : outcome === "failed" ? "warn" : "error"]({ webhook, outcome, reason }, "webhook");
      },
    });
  const wanted = alertWebhook !== null && alertWebhookSecret !== null;
  const { records } = service.manager.stores;
  const kept = wanted && records ? outbox(records) : null;
  // What is told while the database is away has nowhere else to be.
  const held = wanted ? outbox(memoryStores().records) : null;

  const note = (body: string): void => {
    const { type, data } = JSON.parse(body) as { type: string; data: { alert: string; severity: string; summary: string } };
    log[type === "alert.fired" ? "error" : "info"]({ alert: data.alert, severity: data.severity }, `${type}: ${data.summary}`);
  };
  const alerts = createAlerts({
    records: kept ? records : null,
    server: randomUUID(),
    environment: config.environment,
    checks: checksOf(options, kept),
    async keep(id, body) {
      await kept!.add(id, body);
      note(body);
    },
    async tell(id, body) {
      note(body);
      await held?.add(id, body);
    },
    onError: (error) => log.warn({ err: error }, "an alert could not be kept"),
  });

  const onError = (job: string) => (error: unknown) => {
    log.warn({ err: error, job }, "a job failed");
    observed.jobFailed(job);
  };
  const looking = startJob({ everyMs: LOOK_MS, firstMs: FIRST_LOOK_MS, onError: onError("alerts"), run: () => alerts.look() });
  const deliver = async (): Promise<void> => {
    await held?.deliver();
    await kept?.deliver();
  };
  const delivering = startJob({ everyMs: DELIVER_MS, onError: onError("webhooks"), run: deliver });

  metrics?.addSource(() => alerts.seen().map((alert) => ({ name: "itera_alerts_firing", labels: { alert }, value: 1 })));
  if (kept) {
    metrics?.addSource(async () => {
      const { waiting, dead } = await kept.counts();
      return [
        { name: "itera_webhook_waiting", value: waiting },
        { name: "itera_webhook_dead_letters", value: dead },
      ];
    });
  }
  return {
    alerts,
    deliver,
    async stop() {
      stopping.abort();
      // A database that hangs does not keep the server from stopping.
      const late = new AbortController();
      const patience = sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => {});
      await Promise.race([Promise.all([looking.stop(), delivering.stop()]), patience]);
      late.abort();
    },
  };
}
