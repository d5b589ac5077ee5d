/** The way of every request: who calls, which conversation, are its parts right, run, answer, log. */
import type { Context, Hono } from "hono";
import { isOpen, type Route } from "../contract/index.ts";
import { originOf } from "../core/conversation.ts";
import type { Conversations } from "../core/conversations.ts";
import { ConversationNotFoundError, InvalidConversationIdError, InvalidInputError } from "../core/errors.ts";
import type { Environment, IdGenerator } from "../core/id.ts";
import type { Limits } from "../core/limits.ts";
import type { Logger } from "./app-options.ts";
import type { AnswerHeaders, Authenticate, Caller } from "./caller.ts";
import { versionOf, versionsMatched } from "./etag.ts";
import { parseExactJson } from "./exact-json.ts";
import { failureReply, loggable } from "./failure.ts";
import { checkKey, createRequestKeys, type RequestKey } from "./idempotency.ts";
import { createInFlight, TOO_MANY_AT_ONCE } from "./in-flight.ts";
import { queryValues, targetOf } from "./query-values.ts";
import { toResponse, type Reply } from "./reply.ts";
import type { RequestWatch } from "./request-watch.ts";
import { decodeBody, readBody } from "./request-body.ts";
import { requestIdOf } from "./request-id.ts";
import { createShedLog } from "./shed-log.ts";

/** Levels that an envelope adds around a message or a state, each of which may have the full depth. */
const ENVELOPE_DEPTH = 2;

/** What a handler is asked, checked. */
export interface Asked<B, Q> {
  readonly c: Context;
  /** Who asks; undefined where anybody may. */
  readonly caller: Caller | undefined;
  /** The conversation; "" where the path names none. */
  readonly id: string;
  readonly body: B;
  readonly query: Q;
  /** What `If-Match` demands, in the form that the manager takes; nothing if it demands nothing. */
  readonly expected: { expectedVersion?: string };
  /** The `Idempotency-Key`, likewise. */
  readonly once: { idempotencyKey?: RequestKey };
}

/** Answers a request. */
export type Handler<B, Q> = (asked: Asked<B, Q>) => Promise<Reply>;

/** What the door needs. */
export interface DoorOptions {
  readonly manager: Conversations;
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly ids: IdGenerator;
  readonly acceptEnvironments: readonly Environment[];
  readonly limits: Limits;
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly bodyTimeoutMs: number;
  readonly maxInFlight: number;
  readonly watch: RequestWatch;
}

/** Puts routes into an application. */
export interface Door {
  on<B, Q>(route: Route<B, Q>, handler: Handler<B, Q>): void;
}

/** Logs a request that was answered: names and numbers, never what was sent or said. */
export function logRequest(
  logger: Logger,
  facts: { requestId: string; method: string; route: string; status: number; ms: number },
  error?: unknown,
): void {
  if (facts.status < 500) logger.info(facts, "request");
  else if (error === undefined) logger.warn(facts, "request");
  else if (facts.status === 500) logger.error({ ...facts, error: loggable(error) }, "request failed");
  else logger.warn({ ...facts, error: loggable(error) }, "request refused");
}

function queryOf<B, Q>(c: Context, { query }: Route<B, Q>): Q {
  return query ? query.read(queryValues(c.req.url, Object.keys(query.schema.shape))) : (undefined as Q);
}

/** The window of the transcript that a request asks for, as ETags name it. */
function windowOf<B, Q>(c: Context, route: Route<B, Q>): string | number {
  const query = queryOf(c, route) as Readonly<Record<string, string | number>> | undefined;
  return (route.etag && query?.[route.etag]) ?? "all";
}

/** A door into `app`. */
export function createDoor(app: Hono, options: DoorOptions): Door {
  const { manager, ids, acceptEnvironments, limits, watch } = options;
  const inFlight = createInFlight(options.maxInFlight);
  const logShed = createShedLog(options.logger);
  const requestKeys = createRequestKeys(options.secret);

  function idOf(c: Context): string {
    const id = c.req.param("id") ?? "";
    if (!ids.validate(id)) throw new InvalidConversationIdError();
    if (!acceptEnvironments.includes(id.slice(-1) as Environment)) throw new ConversationNotFoundError(id);
    return id;
  }

  async function bytesOf(c: Context, { body }: Pick<Route, "body">): Promise<Uint8Array<ArrayBuffer>> {
    return body ? readBody(c.req.raw, { bytes: body.bytes, timeoutMs: options.bodyTimeoutMs }) : new Uint8Array();
  }

  function bodyOf<B>(bytes: Uint8Array, { body }: Route<B, never>): B {
    if (!body) return undefined as B;
    if (bytes.length === 0) {
      if (body.required) throw new InvalidInputError("A body is needed here: a JSON object");
      return body.read({});
    }
    return body.read(parseExactJson(decodeBody(bytes), limits.jsonDepth + ENVELOPE_DEPTH));
  }

  /** Of several versions the stored one is taken; if none is, the first, so that the manager refuses, or finds a repeat. */
  async function expectedOf(versions: readonly string[] | null, id: string): Promise<{ expectedVersion?: string }> {
    if (versions === null) return {};
    const [first] = versions;
    if (versions.length === 1) return { expectedVersion: first! };
    const head = await manager.peekConversation(id, { messages: "none" });
    const stored = head && originOf(head) && versionOf(originOf(head)!.head);
    return { expectedVersion: versions.find((version) => version === stored) ?? first! };
  }

  async function answer<B, Q>(c: Context, route: Route<B, Q>, handler: Handler<B, Q>, headers: AnswerHeaders): Promise<Reply> {
    let caller: Caller | undefined;
    if (!isOpen(route)) {
      inFlight.check();
      caller = await options.authenticate(c, route as Route<never, never>, headers);
    }
    const id = route.path.includes("{id}") ? idOf(c) : "";
    const key = route.idempotencyKey ? c.req.header("idempotency-key") : undefined;
    if (key !== undefined) checkKey(key);
    const condition = route.ifMatch ? c.req.header("if-match") : undefined;
    const versions = condition === undefined ? null : versionsMatched(condition);
    const query = queryOf(c, route);
    const bytes = await bytesOf(c, route as Pick<Route, "body">);
    const body = bodyOf(bytes, route as Route<B, never>);
    const run = async (): Promise<Reply> => {
      const expected = await expectedOf(versions, id);
      const request = { client: caller?.client ?? "", method: route.method, target: targetOf(c.req.url), body: bytes };
      const once = key === undefined ? {} : { idempotencyKey: await requestKeys({ ...request, key }) };
      return handler({ c, caller, id, body, query, expected, once });
    };
    return caller ? inFlight.run(run) : run();
  }

  return {
    on(route, handler) {
      const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
      app.on(route.method, path, async (c) => {
        const started = performance.now();
        watch.begun();
        const requestId = requestIdOf(c.req.header("x-request-id"));
        let reply: Reply;
        let error: unknown;
        const headers: AnswerHeaders = {};
        try {
          reply = await answer(c, route, handler, headers);
        } catch (caught) {
          error = caught;
          reply = failureReply(error, { requestId, sentence: route.failure, window: () => windowOf(c, route) });
        }
        const ms = Math.round((performance.now() - started) * 10) / 10;
        const facts = { requestId, method: c.req.method, route: route.path, status: reply.status, ms };
        const shed = error === TOO_MANY_AT_ONCE;
        watch.answered({ method: facts.method, route: facts.route, status: facts.status, ms, shed });
        if (shed) logShed(facts);
        else logRequest(options.logger, facts, error);
        return toResponse(reply, requestId, headers);
      });
    },
  };
}
