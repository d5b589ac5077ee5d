/** Signatures of webhooks, by Standard Webhooks 1.0.0. */
import { createHmac } from "node:crypto";

const PREFIX = "whsec_";

/** The headers of one attempt. `secret`: `whsec_` and base64. `at`: when it is sent, epoch milliseconds. `id`: the same at every attempt. */
export function webhookHeaders(secret: string, id: string, at: number, body: string): Readonly<Record<string, string>> {
  const key = Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, "base64");
  const seconds = String(Math.floor(at / 1000));
  const mac = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": `v1,${mac}` };
}
