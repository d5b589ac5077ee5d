/** What a runtime is told of requests, for its metrics: patterns and numbers, never what was sent. */

/** An answered request. */
export interface AnsweredRequest {
  readonly method: string;
  /** The pattern of its route, with `{id}`; empty: no route took it. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** It was refused because too many were being answered. */
  readonly shed: boolean;
}

/** Told of every request. Must be quick and must not throw. */
export interface RequestWatch {
  begun(): void;
  /** Once for each that has begun. */
  answered(request: AnsweredRequest): void;
}

/** Nobody watches. */
export const UNWATCHED: RequestWatch = { begun() {}, answered() {} };
