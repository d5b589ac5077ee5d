/** API keys: made, listed, rotated, revoked. */
import type { Contract } from "../../contract/index.ts";
import { NotSupportedError } from "../../core/errors.ts";
import type { ApiKey, ApiKeys } from "../../security/api-keys.ts";
import { KeyNotFoundError } from "../door-errors.ts";
import type { Door } from "../door.ts";
import { json } from "../reply.ts";

const HOUR = 3_600_000;

const iso = (time: number): string => new Date(time).toISOString();
const maybe = (time: number | null): string | null => (time === null ? null : iso(time));

/** A key as answers show it. */
function shown({ created, expiresAt, revokedAt, lastUsed, ...rest }: ApiKey): object {
  return {
    ...rest,
    created: iso(created),
    expiresAt: maybe(expiresAt),
    revokedAt: maybe(revokedAt),
    lastUsed: maybe(lastUsed),
  };
}

/** Puts the routes in. */
export function addKeyRoutes(door: Door, contract: Contract, given: ApiKeys | null): void {
  function keys(): ApiKeys {
    if (!given) throw new NotSupportedError("This service keeps no API keys");
    return given;
  }

  door.on(contract.createKey, async ({ body: { scope, name, origins, expiresAt } }) => {
    const { key, data } = await keys().create({
      scope,
      ...(name === undefined ? {} : { name }),
      ...(origins === undefined ? {} : { origins }),
      ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
    });
    return json({ success: true, key, data: shown(data) });
  });

  door.on(contract.listKeys, async () => json({ success: true, data: (await keys().list()).map(shown) }));

  door.on(contract.rotateKey, async ({ c, body: { overlapHours } }) => {
    const rotated = await keys().rotate(c.req.param("key") ?? "", overlapHours * HOUR);
    if (!rotated) throw new KeyNotFoundError();
    return json({ success: true, key: rotated.key, data: shown(rotated.data), replaced: shown(rotated.replaced) });
  });

  door.on(contract.revokeKey, async ({ c }) => {
    const revoked = await keys().revoke(c.req.param("key") ?? "");
    if (!revoked) throw new KeyNotFoundError();
    return json({ success: true, data: shown(revoked) });
  });
}
