/** The Worker with PostgreSQL behind Hyperdrive: `main` of `wrangler.jsonc` for those who bind `HYPERDRIVE`. Of D1 there is nothing in it. */
import "./postgres.ts";
import { createWorker } from "./create-worker.ts";

export { ConversationObject } from "./conversation-object.ts";

export default createWorker();
